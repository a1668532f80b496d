package dhcp4

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// mayCache reports whether the client's lease old can be confirmed as it is
// stored, so that nothing is written, and how long it then still lasts, in
// whole seconds. next is the lease that would be written instead.
//
// As in Kea, nothing of the lease may change but when it ends, and its age must
// be within the threshold and the maximum age of the subnet; a lease that never
// ends needs no renewal at all.
func (s *Server) mayCache(x *Exchange, old, next *lease.Lease) (left time.Duration, ok bool) {
	if old == nil || len(x.superseded) > 0 || !old.Active(x.Time) || !x.owns(old) || !sameButTime(old, next) {
		return 0, false
	}
	if old.Expires.IsZero() {
		return lease.Infinite, true
	}
	if s.step.on.Load() {
		return 0, false
	}
	t := x.sub.terms
	threshold := s.budget.threshold(t.cacheThreshold, x.Time)
	left = old.Expires.Sub(x.Time).Truncate(time.Second)
	age := old.Lifetime - left
	switch {
	case threshold <= 0, left <= 0, age < 0:
		return 0, false
	case age.Seconds() > threshold*old.Lifetime.Seconds():
		return 0, false
	case t.cacheMaxAge > 0 && age > t.cacheMaxAge:
		return 0, false
	}
	return left, true
}

// sameButTime reports whether two leases of an address differ in no more than
// when they end.
func sameButTime(a, b *lease.Lease) bool {
	return a.Lifetime == b.Lifetime && a.State == b.State &&
		a.SubnetID == b.SubnetID && a.PoolID == b.PoolID &&
		a.HardwareAddr == b.HardwareAddr && a.ClientID == b.ClientID &&
		a.Hostname == b.Hostname && a.UserContext == b.UserContext
}

// maxThreshold is how far a write budget raises the threshold: clients keep a
// quarter of the lifetime.
const maxThreshold = 0.75

// A writeBudget limits what leases write in an hour. What is left of it fills
// up evenly; the less it is, the longer leases go unwritten.
type writeBudget struct {
	saved   atomic.Uint64
	limited atomic.Bool // so that without a limit nobody waits for mu

	mu      sync.Mutex
	perHour float64
	left    float64
	at      time.Time // when left was brought up to date
}

// limit sets how many octets an hour may be written. The budget starts full.
func (b *writeBudget) limit(perHour int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.perHour != float64(perHour) {
		b.perHour = float64(perHour)
		b.left = b.perHour
	}
	b.limited.Store(perHour > 0)
}

// threshold returns how old a lease may be, as a fraction of its lifetime, to
// be confirmed without writing it; configured is what the subnet allows anyway.
func (b *writeBudget) threshold(configured float64, now time.Time) float64 {
	if !b.limited.Load() {
		return configured
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.perHour == 0 {
		return configured // it has just been lifted
	}
	b.fill(now)
	return max(configured, maxThreshold*(1-max(b.left, 0)/b.perHour))
}

func (b *writeBudget) fill(now time.Time) {
	if passed := now.Sub(b.at).Hours(); passed > 0 {
		if !b.at.IsZero() {
			b.left = min(b.left+passed*b.perHour, b.perHour)
		}
		b.at = now
	}
}

// spend notes that l was written.
func (b *writeBudget) spend(l *lease.Lease, now time.Time) {
	if !b.limited.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(now)
	// It may be overdrawn by one hour: new leases are always written.
	b.left = max(b.left-rowSize(l), -b.perHour)
}

// rowSize estimates how many octets l takes in a lease file.
func rowSize(l *lease.Lease) float64 {
	const numbersAndCommas = 60
	return float64(numbersAndCommas + 3*l.HardwareAddr.Len() + 3*len(l.ClientID.Octets()) + len(l.Hostname) + len(l.UserContext))
}

// CachedRenewals returns how many renewals were confirmed without a write,
// by CacheThreshold or WriteBudget.
func (s *Server) CachedRenewals() uint64 { return s.budget.saved.Load() }
