package dhcp4

import (
	"cmp"
	"math"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

const (
	defaultLifetime  = 7200 * time.Second
	defaultT1Percent = 0.5
	defaultT2Percent = 0.875
)

// terms are the conditions on which a subnet gives leases, compiled from the
// Subnet and the Config.
type terms struct {
	lifetime, minLifetime, maxLifetime time.Duration

	t1, t2               time.Duration // as in Config: zero is derived, negative is not sent
	t1Percent, t2Percent float64
	teeConfigured        bool // T1 or T2 is in the configuration

	cacheThreshold float64 // zero: no caching
	cacheMaxAge    time.Duration

	authoritative  bool
	matchClientID  bool
	storeAgentInfo bool
}

func compileTerms(n *Subnet, c *Config) terms {
	t := terms{
		lifetime:       cmp.Or(n.Lifetime, c.Lifetime, defaultLifetime),
		minLifetime:    n.MinLifetime,
		maxLifetime:    n.MaxLifetime,
		t1:             cmp.Or(n.T1, c.T1),
		t2:             cmp.Or(n.T2, c.T2),
		t1Percent:      cmp.Or(n.T1Percent, c.T1Percent, defaultT1Percent),
		t2Percent:      cmp.Or(n.T2Percent, c.T2Percent, defaultT2Percent),
		cacheThreshold: max(cmp.Or(n.CacheThreshold, c.CacheThreshold), 0),
		cacheMaxAge:    cmp.Or(n.CacheMaxAge, c.CacheMaxAge),
		authoritative:  n.Authoritative.or(c.Authoritative),
		matchClientID:  n.MatchClientID.or(c.MatchClientID.or(true)),
		storeAgentInfo: n.StoreExtendedInfo.or(c.StoreExtendedInfo.or(false)),
	}
	t.teeConfigured = t.t1 != 0 || t.t2 != 0 || cmp.Or(n.T1Percent, c.T1Percent, n.T2Percent, c.T2Percent) != 0
	if n.Lifetime == 0 {
		t.minLifetime = cmp.Or(t.minLifetime, c.MinLifetime)
		t.maxLifetime = cmp.Or(t.maxLifetime, c.MaxLifetime)
	}
	t.minLifetime = cmp.Or(t.minLifetime, t.lifetime)
	t.maxLifetime = cmp.Or(t.maxLifetime, t.lifetime)
	return t
}

// or returns what c says, or else what the wider scope does.
func (c Choice) or(wider bool) bool {
	if c == Inherit {
		return wider
	}
	return c == Yes
}

// lifetime returns how long a new lease of the client lasts: as long as it
// wishes (option 51), within the bounds of the subnet. A reservation's own
// lifetime leaves no choice. A malformed wish is none.
func (x *Exchange) lifetime() time.Duration {
	if x.host != nil && x.host.conf.Lifetime != 0 {
		return x.host.conf.Lifetime
	}
	n := x.sub.terms
	if n.minLifetime == n.maxLifetime {
		return n.lifetime
	}
	wish, ok, err := option.DHCPLeaseTime.Get(x.Request.Options)
	if err != nil || !ok {
		return n.lifetime
	}
	return min(max(wish, n.minLifetime), n.maxLifetime)
}

// promise returns how long the reply says that the lease lasts.
func (x *Exchange) promise() time.Duration { return cmp.Or(x.term, x.lifetime()) }

// renewalTimes returns T1 and T2 for a lease of the given lifetime; zero: not
// to be sent (RFC 2131, section 4.4.5).
//
// Of a lease that is confirmed when only a part of its lifetime is left, T1 and
// T2 are the same part.
func (t *terms) renewalTimes(lifetime, left time.Duration) (t1, t2 time.Duration) {
	if lifetime >= lease.Infinite {
		return 0, 0
	}
	t1, t2 = t.t1, t.t2
	if t1 == 0 {
		t1 = fractionOf(lifetime, t.t1Percent)
	}
	if t2 == 0 {
		t2 = fractionOf(lifetime, t.t2Percent)
	}
	if left < lifetime {
		part := left.Seconds() / lifetime.Seconds()
		t1, t2 = fractionOf(t1, part), fractionOf(t2, part)
	}
	limit := left
	if t2 <= 0 || t2 >= limit {
		t2 = 0
	} else {
		limit = t2
	}
	if t1 <= 0 || t1 >= limit {
		t1 = 0
	}
	return t1, t2
}

// fractionOf returns a part of d in whole seconds.
func fractionOf(d time.Duration, fraction float64) time.Duration {
	return time.Duration(math.Round(d.Seconds()*fraction)) * time.Second
}
