package dhcp4

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

const (
	expireStep  = 100              // leases taken back at a time
	expireRetry = 10 * time.Second // after a failure of the store
)

// expiry takes leases back when they have run out. It is one timer, armed for
// the next lease that is due.
type expiry struct {
	server *Server

	mu      sync.Mutex
	timer   *time.Timer // nil until there is something to wait for
	due     time.Time   // what the timer is armed for; zero: it is not
	running chan struct{}
	again   bool // the timer fired while running
	stopped bool
}

// note makes sure that the timer fires at t, if t is not zero.
func (e *expiry) note(t time.Time) {
	if t.IsZero() {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.arm(t)
}

func (e *expiry) arm(t time.Time) {
	if e.stopped || !e.due.IsZero() && !t.Before(e.due) {
		return
	}
	e.due = t
	wait := max(t.Sub(e.server.now()), 0)
	if e.timer == nil {
		e.timer = time.AfterFunc(wait, e.fire)
		return
	}
	e.timer.Reset(wait)
}

func (e *expiry) fire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped {
		return
	}
	if e.running != nil {
		e.again = true
		return
	}
	e.running = make(chan struct{})
	for again := true; again && !e.stopped; again = e.again {
		e.again, e.due = false, time.Time{}
		e.mu.Unlock()
		next := e.server.expire()
		e.mu.Lock()
		if !next.IsZero() {
			e.arm(next)
		}
	}
	close(e.running)
	e.running = nil
}

// stop ends the timer for good and waits for what it has begun.
func (e *expiry) stop() {
	e.mu.Lock()
	e.stopped = true
	if e.timer != nil {
		e.timer.Stop()
	}
	running := e.running
	e.mu.Unlock()
	if running != nil {
		<-running
	}
}

// expire takes back what is due and returns when something is due next; zero
// if nothing is.
func (s *Server) expire() time.Time {
	now := s.now()
	retry := now.Add(expireRetry)
	for {
		n, err := s.takeBack(s.ctx, lease.Filter{ExpiredBefore: justAfter(now), Limit: expireStep}, now)
		if err != nil {
			s.logStore("expiry", err)
			return retry
		}
		if n < expireStep {
			break
		}
	}
	next, err := s.nextDue()
	if err != nil {
		s.logStore("Leases", err)
		return retry
	}
	if !next.IsZero() && !next.After(now) {
		next = now.Add(time.Second) // what another server holds just now
	}
	return next
}

// justAfter returns the bound that includes leases which expire at now.
func justAfter(now time.Time) time.Time { return now.Add(1) }

// nextDue returns when the next lease expires, zero if none does. The store
// orders them by the minute, so it looks at all of the first minute.
func (s *Server) nextDue() (time.Time, error) {
	var due, minute time.Time
	for l, err := range s.store.Leases(s.ctx, lease.Filter{ExpiredBefore: farFuture}) {
		if err != nil {
			return time.Time{}, err
		}
		if due.IsZero() {
			due, minute = l.Expires, l.Expires.Truncate(time.Minute)
		}
		if l.Expires.Truncate(time.Minute).After(minute) {
			break
		}
		if l.Expires.Before(due) {
			due = l.Expires
		}
	}
	return due, nil
}

var farFuture = time.Unix(1<<40, 0)

// takeBack deletes the leases that f selects, at most f.Limit, and returns how
// many it deleted. What somebody else has changed meanwhile is left alone.
func (s *Server) takeBack(ctx context.Context, f lease.Filter, now time.Time) (int, error) {
	var old []lease.Lease
	for l, err := range s.store.Leases(ctx, f) {
		if err != nil {
			return 0, err
		}
		old = append(old, l)
	}
	if len(old) == 0 {
		return 0, nil
	}
	changes := make([]lease.Change, len(old))
	for i := range old {
		changes[i].Old = &old[i]
	}
	if err := s.store.Update(ctx, changes); err != nil {
		return 0, err
	}
	var deleted []*lease.Lease
	var conflicts []netip.Addr
	var failed error
	for i := range changes {
		switch err := changes[i].Err; {
		case err == nil:
			deleted = append(deleted, &old[i])
		case errors.Is(err, lease.ErrConflict):
			conflicts = append(conflicts, old[i].Addr)
		default:
			failed = err
		}
	}
	if err := s.tookBack(ctx, deleted, now); err != nil {
		return len(deleted), err
	}
	if err := s.releaseGone(ctx, conflicts, old); err != nil {
		return len(deleted), err
	}
	return len(deleted), failed
}

// tookBack frees the addresses of deleted leases and, when that is durable,
// tells so.
func (s *Server) tookBack(ctx context.Context, deleted []*lease.Lease, now time.Time) error {
	if len(deleted) == 0 {
		return nil
	}
	for _, l := range deleted {
		if sub := s.subnetOf(l); sub != nil {
			sub.released(l.Addr)
		}
		s.logExpired(l)
	}
	if err := s.store.Sync(ctx); err != nil {
		return err
	}
	for _, l := range deleted {
		s.events.publish(Event{Kind: overKind(l), Time: now, Old: *l})
	}
	return nil
}

// releaseGone frees those of the addresses whose leases another server on the
// same store has deleted.
func (s *Server) releaseGone(ctx context.Context, addrs []netip.Addr, old []lease.Lease) error {
	if len(addrs) == 0 {
		return nil
	}
	q := []lease.Query{{Addrs: addrs}}
	if err := s.store.Find(ctx, q); err != nil {
		return err
	}
	there := make(map[netip.Addr]bool)
	for i := range q[0].Leases {
		there[q[0].Leases[i].Addr] = true
	}
	for i := range old {
		if sub := s.subnetOf(&old[i]); sub != nil && !there[old[i].Addr] {
			sub.released(old[i].Addr)
		}
	}
	return nil
}

// makeRoom looks for addresses when the pools of n have none: leases that have
// expired, or else, now and then, what other servers on the same store have
// deleted.
func (s *Server) makeRoom(ctx context.Context, n *subnet, now time.Time) {
	found, err := s.takeBack(ctx, lease.Filter{Subnet: n.conf.ID, ExpiredBefore: justAfter(now), Limit: expireStep}, now)
	if err != nil {
		s.logStore("expiry", err)
		return
	}
	if found > 0 || !n.live.resyncDue(now) {
		return
	}
	var taken []netip.Addr
	for l, err := range s.store.Leases(ctx, lease.Filter{Subnet: n.conf.ID}) {
		if err != nil {
			s.logStore("Leases", err)
			return
		}
		taken = append(taken, l.Addr)
	}
	n.live.resync(newAllocator(&n.conf), taken)
}
