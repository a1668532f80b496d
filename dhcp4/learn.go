package dhcp4

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// learn reads the store: which addresses are taken, what is due next, and
// what expires later than it can. Nothing else uses the Server yet.
func (s *Server) learn(snap *snapshot) error {
	now := s.now()
	var due time.Time
	anyOver := false
	c := cutter{s: s, now: now}
	for l, err := range s.store.Leases(s.ctx, lease.Filter{}) {
		if err != nil {
			return fmt.Errorf("dhcp4: reading the leases: %w", err)
		}
		longest := snap.longest(l.SubnetID)
		if l.State == lease.StateDeclined {
			longest = snap.declineProbation
		}
		if err := c.add(&l, longest); err != nil {
			return err
		}
		t := l.Expires
		if isOver(&l) {
			t, anyOver = forgetTime(t, snap.hold), true
		} else if n := snap.subnets.id(l.SubnetID); n != nil {
			n.live.leased(l.Addr)
		}
		if !t.IsZero() && (due.IsZero() || t.Before(due)) {
			due = t
		}
	}
	if err := c.flush(); err != nil {
		return err
	}
	if anyOver {
		for l, err := range s.store.Leases(s.ctx, lease.Filter{ExpiredBefore: justAfter(now)}) {
			if err != nil {
				return fmt.Errorf("dhcp4: reading the leases: %w", err)
			}
			if n := snap.subnets.id(l.SubnetID); n != nil && isOver(&l) {
				n.live.wasUsed(l.Addr)
			}
		}
	}
	if !due.IsZero() {
		s.expiry.note(due)
	}
	return nil
}

// An occupancy is what the store says about the addresses of a subnet.
type occupancy struct {
	taken []netip.Addr // leased or declined
	over  []netip.Addr // held for clients that had them, but free; those of old before
}

// occupied reads the occupancy of all subnets that f selects.
func (s *Server) occupied(ctx context.Context, f lease.Filter) (map[uint32]*occupancy, error) {
	all := make(map[uint32]*occupancy)
	of := func(id uint32) *occupancy {
		if all[id] == nil {
			all[id] = new(occupancy)
		}
		return all[id]
	}
	anyOver := false
	for l, err := range s.store.Leases(ctx, f) {
		if err != nil {
			s.failed(ctx, callLeases, err)
			return nil, err
		}
		if isOver(&l) {
			anyOver = true
			continue
		}
		o := of(l.SubnetID)
		o.taken = append(o.taken, l.Addr)
	}
	if !anyOver {
		return all, nil
	}
	f.ExpiredBefore = justAfter(s.now())
	for l, err := range s.store.Leases(ctx, f) {
		if err != nil {
			s.failed(ctx, callLeases, err)
			return nil, err
		}
		if isOver(&l) {
			o := of(l.SubnetID)
			o.over = append(o.over, l.Addr)
		}
	}
	return all, nil
}

// A cutter corrects leases that were stored by a clock ahead of the Server's:
// see clock.
type cutter struct {
	s       *Server
	now     time.Time
	changes []lease.Change
	cut     int
}

const cutStep = 256

// add looks at one lease. longest is the longest lifetime that one of its
// subnet may have now; a lease that was promised for longer may last that long.
func (c *cutter) add(l *lease.Lease, longest time.Duration) error {
	if l.Expires.IsZero() {
		return nil
	}
	var latest time.Time
	if isOver(l) {
		latest = c.now.Truncate(time.Second)
	} else {
		var bound lease.Lease
		bound.SetLifetime(c.now, max(l.Lifetime, longest))
		latest = bound.Expires
	}
	if !l.Expires.After(latest) {
		return nil
	}
	old, shorter := *l, *l
	shorter.Expires = latest.UTC()
	l.Expires = shorter.Expires
	c.changes = append(c.changes, lease.Change{Old: &old, New: &shorter})
	if len(c.changes) < cutStep {
		return nil
	}
	return c.update()
}

func (c *cutter) update() error {
	if err := c.s.store.Update(c.s.ctx, c.changes); err != nil {
		return fmt.Errorf("dhcp4: correcting leases that expire too late: %w", err)
	}
	c.cut += len(c.changes)
	c.changes = c.changes[:0]
	return nil
}

// flush makes the corrections durable, so that the next start finds them.
func (c *cutter) flush() error {
	if len(c.changes) > 0 {
		if err := c.update(); err != nil {
			return err
		}
	}
	if c.cut == 0 {
		return nil
	}
	if err := c.s.store.Sync(c.s.ctx); err != nil {
		return fmt.Errorf("dhcp4: correcting leases that expire too late: %w", err)
	}
	c.s.logCut(c.cut)
	return nil
}

// longest returns the longest lifetime that a lease of the subnet with the
// given ID may be given, infinite ones apart.
func (s *snapshot) longest(subnetID uint32) time.Duration {
	if d, ok := s.longestLifetime[subnetID]; ok {
		return d
	}
	return s.longestLifetime[0]
}

// longestLifetimes returns the longest lifetime in each subnet by its ID,
// under 0 that of a subnet that is no longer there.
func longestLifetimes(c *Config) map[uint32]time.Duration {
	longest := func(all ...time.Duration) (d time.Duration) {
		for _, m := range all {
			if m < lease.Infinite {
				d = max(d, m)
			}
		}
		return d
	}
	general := longest(cmp.Or(c.Lifetime, defaultLifetime), c.MaxLifetime)
	var reserved time.Duration
	for i := range c.Reservations {
		reserved = longest(reserved, c.Reservations[i].Lifetime)
	}
	all := map[uint32]time.Duration{0: cmp.Or(longest(general, reserved), defaultLifetime)}
	for i := range c.Subnets {
		n := &c.Subnets[i]
		d := longest(n.Lifetime, n.MaxLifetime, reserved)
		if n.Lifetime == 0 {
			d = longest(d, general)
		}
		for j := range n.Reservations {
			d = longest(d, n.Reservations[j].Lifetime)
		}
		all[n.ID] = cmp.Or(d, defaultLifetime) // all are infinite
	}
	return all
}
