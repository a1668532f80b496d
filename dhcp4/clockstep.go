package dhcp4

import (
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// stepSize is how many leases are rewritten at a time.
const stepSize = 64

// A step is what is left to do of the shift of all leases after the wall
// clock was set. The Server goes on serving meanwhile, by the earlier one of the
// two times, for by the later one some leases would look as if they had run out.
// After a step forward that is the old time: what is written is noted, since
// that has to be shifted too, and when nothing is left, the Server's clock moves
// in a moment without any batch. After a step back its clock moves first. As
// leases may look as if they lasted longer, none is confirmed as it is stored.
//
// A lease is rewritten only if it still has the revision that was seen or noted,
// so that none is shifted twice, whatever fails and is tried again.
type step struct {
	by    time.Duration // zero: there is none
	moved bool          // the Server's clock has followed
	rows  []unshifted

	on      atomic.Bool // some leases may have another time than the Server
	noting  atomic.Bool
	mu      sync.Mutex
	written []unshifted // by batches, since the step was noticed
}

// unshifted is a lease that has the old time.
type unshifted struct {
	addr     [4]byte
	revision uint64
}

// wrote notes a lease that was stored with a time of the old clock.
func (p *step) wrote(l *lease.Lease) {
	if !p.noting.Load() || l.Expires.IsZero() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written = append(p.written, unshifted{l.Addr.As4(), l.Revision})
}

// collect adds what has been written to the rows and returns how many are
// left.
func (p *step) collect() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows = append(p.rows, p.written...)
	p.written = nil
	return len(p.rows)
}

// followWall shifts all leases if the wall clock was set. After an error it
// goes on with the next call. Only the expiry calls it.
func (s *Server) followWall() error {
	p := &s.step
	if p.by == 0 {
		by := s.clock.ahead()
		if by == 0 {
			return nil
		}
		if err := s.beginStep(by); err != nil {
			return err
		}
	}
	var err error
	if p.by < 0 {
		if !p.moved {
			s.gate.closed(s.moveClock)
		}
		if err = s.shiftRows(); err == nil {
			err = s.syncRows()
		}
	} else {
		for round := 0; round < 8 && p.collect() > 0; round++ {
			if err := s.shiftRows(); err != nil {
				return err
			}
		}
		s.gate.closed(func() {
			p.collect()
			if err = s.shiftRows(); err != nil {
				return
			}
			if err = s.syncRows(); err == nil {
				s.moveClock()
			}
		})
	}
	if err == nil {
		// No batch has seen a lease before and goes on after.
		s.gate.closed(func() { p.on.Store(false) })
		p.by, p.rows, p.moved = 0, nil, false
	}
	return err
}

func (s *Server) syncRows() error {
	err := s.store.Sync(s.ctx)
	if err != nil {
		s.failed(s.ctx, callSync, err)
	}
	return err
}

// moveClock moves the Server's clock and all that goes by it. What is written
// from here on has the new time.
func (s *Server) moveClock() {
	p := &s.step
	p.collect()
	s.clock.shift(p.by)
	for n := range s.snapshot.Load().subnets.byID.all() {
		n.live.shift(p.by)
	}
	s.expiry.shift(p.by)
	s.budget.shift(p.by)
	p.noting.Store(false)
	p.moved = true
}

// beginStep lists what has to be shifted. What is written from here on is
// noted.
func (s *Server) beginStep(by time.Duration) error {
	p := &s.step
	p.on.Store(true)
	p.noting.Store(true)
	p.rows = nil
	for l, err := range s.store.Leases(s.ctx, lease.Filter{}) {
		if err != nil {
			s.failed(s.ctx, callLeases, err)
			p.on.Store(false)
			p.noting.Store(false)
			p.collect()
			p.rows = nil
			return err
		}
		if !l.Expires.IsZero() {
			p.rows = append(p.rows, unshifted{l.Addr.As4(), l.Revision})
		}
	}
	p.by = by
	s.logClock(by, len(p.rows))
	return nil
}

// shiftRows shifts the leases that are listed, in small steps.
func (s *Server) shiftRows() error {
	p := &s.step
	var addrs [stepSize]netip.Addr
	q := []lease.Query{{}}
	changes := make([]lease.Change, 0, stepSize)
	for len(p.rows) > 0 && !s.expiry.isStopped() {
		rows := p.rows[len(p.rows)-min(len(p.rows), stepSize):]
		for i, r := range rows {
			addrs[i] = netip.AddrFrom4(r.addr)
		}
		q[0].Addrs = addrs[:len(rows)]
		if err := s.store.Find(s.ctx, q); err != nil {
			s.failed(s.ctx, callFind, err)
			return err
		}
		changes = changes[:0]
		for i := range q[0].Leases {
			old := &q[0].Leases[i]
			if old.Expires.IsZero() || !hasRevision(rows, old) {
				continue
			}
			l := *old
			l.Expires = shifted(l.Expires, p.by)
			changes = append(changes, lease.Change{Old: old, New: &l})
		}
		if err := s.store.Update(s.ctx, changes); err != nil {
			s.failed(s.ctx, callUpdate, err)
			return err
		}
		// One that has changed meanwhile is noted, unless another program
		// changed it.
		p.rows = p.rows[:len(p.rows)-len(rows)]
		runtime.Gosched()
	}
	if len(p.rows) > 0 {
		return ErrServerClosed
	}
	return nil
}

// shift moves the time of the budget, with the clock.
func (b *writeBudget) shift(by time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.at.IsZero() {
		b.at = b.at.Add(by)
	}
}

// hasRevision reports whether l is one of rows.
func hasRevision(rows []unshifted, l *lease.Lease) bool {
	for i := range rows {
		if rows[i] == (unshifted{l.Addr.As4(), l.Revision}) {
			return true
		}
	}
	return false
}

// shifted returns t moved by d, but to no time that a lease file has no place
// for.
func shifted(t time.Time, d time.Duration) time.Time {
	t = t.Add(d)
	if first := time.Unix(1, 0).UTC(); t.Before(first) {
		return first
	}
	if t.After(lastExpiry) {
		return lastExpiry
	}
	return t
}

// lastExpiry is about the last moment that four digits of a year can show.
var lastExpiry = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
