package dhcp4

import (
	"cmp"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// termFields are the fields about times that Config and Subnet have in common.
type termFields struct {
	lifetime, minLifetime, maxLifetime, t1, t2, cacheMaxAge time.Duration
	t1Percent, t2Percent, cacheThreshold                    float64
}

func (c *Config) termFields() termFields {
	return termFields{
		c.Lifetime, c.MinLifetime, c.MaxLifetime, c.T1, c.T2, c.CacheMaxAge,
		c.T1Percent, c.T2Percent, c.CacheThreshold,
	}
}

func (n *Subnet) termFields() termFields {
	return termFields{
		n.Lifetime, n.MinLifetime, n.MaxLifetime, n.T1, n.T2, n.CacheMaxAge,
		n.T1Percent, n.T2Percent, max(n.CacheThreshold, 0),
	}
}

// terms checks the fields themselves and, in t, what comes of them with those
// of the wider scope.
func (k *configChecker) terms(prefix string, f termFields, t terms) {
	before := len(k.problems)
	k.lifetime(prefix+"Lifetime", f.lifetime)
	k.lifetime(prefix+"MinLifetime", f.minLifetime)
	k.lifetime(prefix+"MaxLifetime", f.maxLifetime)
	k.wholeSeconds(prefix+"T1", f.t1)
	k.wholeSeconds(prefix+"T2", f.t2)
	for _, p := range []struct {
		name string
		v    float64
	}{{"T1Percent", f.t1Percent}, {"T2Percent", f.t2Percent}, {"CacheThreshold", f.cacheThreshold}} {
		if !(p.v >= 0 && p.v < 1) { // NaN is neither
			k.add(prefix+p.name, "%v is not a fraction between 0 and 1", p.v)
		}
	}
	if f.cacheMaxAge < 0 {
		k.add(prefix+"CacheMaxAge", "is negative")
	}
	if len(k.problems) > before {
		return
	}
	if t.minLifetime > t.lifetime && cmp.Or(f.minLifetime, f.lifetime) != 0 {
		k.add(prefix+"MinLifetime", "%v is more than the lifetime, %v", t.minLifetime, t.lifetime)
	}
	if t.maxLifetime < t.lifetime && cmp.Or(f.maxLifetime, f.lifetime) != 0 {
		k.add(prefix+"MaxLifetime", "%v is less than the lifetime, %v", t.maxLifetime, t.lifetime)
	}
	if f.t1Percent != 0 && t.t1Percent >= t.t2Percent {
		k.add(prefix+"T1Percent", "%v is not less than T2Percent, %v", t.t1Percent, t.t2Percent)
	}
}

func (k *configChecker) lifetime(path string, d time.Duration) {
	if d < 0 || d > lease.Infinite {
		k.add(path, "%v is not between 0 and lease.Infinite", d)
	}
	k.wholeSeconds(path, d)
}

func (k *configChecker) wholeSeconds(path string, d time.Duration) {
	if d > 0 && d%time.Second != 0 {
		k.add(path, "%v is not a whole number of seconds", d)
	}
}

// A namedChoice is a field of type Choice.
type namedChoice struct {
	name string
	c    Choice
}

func (k *configChecker) choices(prefix string, fields []namedChoice) {
	for _, f := range fields {
		if f.c > No {
			k.add(prefix+f.name, "%d is not a Choice", f.c)
		}
	}
}
