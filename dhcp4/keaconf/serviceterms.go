package keaconf

import (
	"math"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
)

// seconds returns the duration of n seconds, of which Kea keeps 32 bits.
func seconds(n int64) time.Duration { return time.Duration(uint32(n)) * time.Second }

// lifetimes are how long leases of a scope last: what a client gets that has
// no wish, and the bounds of those that have one.
type lifetimes struct{ value, low, high time.Duration }

// lifetimes returns those of a scope. Each of the three keys is inherited by
// itself.
func (s *service) lifetimes(in scopes) lifetimes {
	l := lifetimes{value: 7200 * time.Second}
	if n := in.get("valid-lifetime"); n != nil {
		if l.value = seconds(n.num); l.value == 0 {
			s.refuse(n, "leases that end at once are not served", "give 1 or more seconds")
		}
	}
	l.low, l.high = l.value, l.value
	if n := in.get("min-valid-lifetime"); n != nil {
		if l.low = seconds(n.num); l.low == 0 {
			l.low = time.Second
			s.without(n, "a client gets one second at least", "")
		}
	}
	if n := in.get("max-valid-lifetime"); n != nil {
		l.high = seconds(n.num)
	}
	return l
}

// bounds returns the bounds as a Config has them: zero is the value itself.
func (l lifetimes) bounds() (low, high time.Duration) {
	if l.low != l.value {
		low = l.low
	}
	if l.high != l.value {
		high = l.high
	}
	return low, high
}

// notSent is a T1 or T2 that clients are not told.
const notSent = -1 * time.Second

// What t1-percent and t2-percent are unless the file says it.
const (
	defaultT1Percent = 0.5
	defaultT2Percent = 0.875
)

// teeTimes are T1 and T2 of a scope; zero is a fraction of the lifetime.
type teeTimes struct {
	t1, t2               time.Duration
	t1Percent, t2Percent float64
}

// teeTimes returns those of a scope whose leases have the lifetime. An option
// 58 or 59 counts if no timer does.
func (s *service) teeTimes(in scopes, lifetime time.Duration, opts *optionSet) teeTimes {
	one := func(timer string, own ownOption[time.Duration]) time.Duration {
		n, calculated := in.get(timer), false
		d := notSent
		switch {
		case n != nil:
			d = seconds(n.num)
		case in.bool("calculate-tee-times"):
			n, calculated = in.get("calculate-tee-times"), true
		case own.node != nil:
			n, d = own.node, own.value
		}
		if own.node != nil && n != own.node {
			s.without(own.node, "the option has no effect, for "+n.key+" is set", "")
		}
		if n != nil && (d > 0 || calculated) && isInfinite(lifetime) {
			s.without(n, "clients with an infinite lease are told neither T1 nor T2", "")
		}
		switch {
		case calculated:
			return 0
		case d <= 0:
			return notSent
		}
		return d
	}
	t := teeTimes{one("renew-timer", opts.t1), one("rebind-timer", opts.t2), defaultT1Percent, defaultT2Percent}
	if t.isCalculated() {
		if n := in.get("t1-percent"); n != nil {
			t.t1Percent = n.flt
		}
		if n := in.get("t2-percent"); n != nil {
			t.t2Percent = n.flt
		}
	}
	return t
}

func (t *teeTimes) isCalculated() bool { return t.t1 == 0 || t.t2 == 0 }

// placeTeeTimes puts T1 and T2 into the Config and its Subnets. A Subnet cannot
// say that one is a fraction where the Config has a duration: if any wants to,
// the Config has a fraction, and the others have their own durations.
func (s *service) placeTeeTimes(global teeTimes, subnets []teeTimes) {
	c := &s.server.Config
	for i := range subnets {
		if subnets[i].t1 == 0 {
			global.t1 = 0
		}
		if subnets[i].t2 == 0 {
			global.t2 = 0
		}
	}
	c.T1, c.T2 = global.t1, global.t2
	if global.t1Percent != defaultT1Percent {
		c.T1Percent = global.t1Percent
	}
	if global.t2Percent != defaultT2Percent {
		c.T2Percent = global.t2Percent
	}
	for i := range subnets {
		t, to := &subnets[i], &c.Subnets[i]
		if t.t1 != global.t1 {
			to.T1 = t.t1
		}
		if t.t2 != global.t2 {
			to.T2 = t.t2
		}
		if t.isCalculated() && t.t1Percent != global.t1Percent {
			to.T1Percent = t.t1Percent
		}
		if t.isCalculated() && t.t2Percent != global.t2Percent {
			to.T2Percent = t.t2Percent
		}
	}
}

// caching is when a renewal is answered with what is left of the lease, and
// nothing is stored. Without a threshold it never is.
type caching struct {
	threshold float64
	maxAge    time.Duration // zero: any
}

// threshold30 is the cache-threshold of 3.0 if the file has none.
const threshold30 = 0.25

// caching returns that of a scope. Each of the two keys is inherited by itself,
// and each limits the age of the lease, alone or together.
func (s *service) caching(in scopes) (c caching) {
	threshold, age := in.get("cache-threshold"), in.get("cache-max-age")
	switch {
	case threshold != nil:
		c.threshold = threshold.flt
	case s.is30():
		c.threshold = threshold30
	case age != nil && age.num != 0:
		c.threshold = math.Nextafter(1, 0) // so that only the age counts
		if !s.is22() {
			s.without(age, "the age alone counts, as in Kea 2.2; in Kea 3.0 cache-threshold is 0.25 unless the file has it", "give cache-threshold as well")
		}
	}
	if age != nil {
		c.maxAge = seconds(age.num)
	}
	if c.threshold == 0 || age != nil && c.maxAge == 0 { // Kea, too, then stores each renewal
		return caching{}
	}
	return c
}

// cacheSubnet tells a Subnet what it has other than the Config.
func cacheSubnet(to *dhcp4.Subnet, own, global caching) {
	if own.threshold != global.threshold {
		to.CacheThreshold = own.threshold
		if own.threshold == 0 {
			to.CacheThreshold = -1
		}
	}
	if own.maxAge != global.maxAge {
		to.CacheMaxAge = own.maxAge
	}
}

// choice returns what the innermost scope with the key says.
func (s scopes) choice(key string) dhcp4.Choice { return choiceOf(s.get(key)) }

func choiceOf(n *node) dhcp4.Choice {
	switch {
	case n == nil:
		return dhcp4.Inherit
	case n.b:
		return dhcp4.Yes
	}
	return dhcp4.No
}

// inner returns the scopes but Dhcp4, which is for the Config.
func (s scopes) inner() scopes { return s[:len(s)-1] }

// reservationChoices are which reservations count.
type reservationChoices struct{ global, inSubnet, outOfPool dhcp4.Choice }

// reservationChoices returns what the innermost scopes say: by the three keys,
// or by the older reservation-mode, which is one for all of them.
func (s scopes) reservationChoices() (c reservationChoices) {
	for _, m := range s {
		one := reservationChoices{
			choiceOf(m.get("reservations-global")), choiceOf(m.get("reservations-in-subnet")), choiceOf(m.get("reservations-out-of-pool")),
		}
		if mode := m.get("reservation-mode"); mode != nil {
			one = reservationChoices{dhcp4.No, dhcp4.No, dhcp4.No}
			switch mode.str {
			case "global":
				one.global = dhcp4.Yes
			case "all":
				one.inSubnet = dhcp4.Yes
			case "out-of-pool":
				one.inSubnet, one.outOfPool = dhcp4.Yes, dhcp4.Yes
			}
		}
		for _, f := range []struct{ to, from *dhcp4.Choice }{
			{&c.global, &one.global}, {&c.inSubnet, &one.inSubnet}, {&c.outOfPool, &one.outOfPool},
		} {
			if *f.to == dhcp4.Inherit {
				*f.to = *f.from
			}
		}
	}
	return c
}
