package dhcp4

import (
	"context"
	"errors"
	"math/bits"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

const (
	// expireStep is how many leases are taken back at a time. It bounds how
	// long a store is busy with them while clients wait.
	expireStep = 32
	// After a failure of the store the next attempt is made this much later,
	// twice as much each time.
	firstRetry, lastRetry = 10 * time.Second, 10 * time.Minute
)

// expiry takes leases back when they have run out, and deletes them when they
// have been held for their clients long enough. It is one timer, armed for the
// next lease that is due.
type expiry struct {
	server *Server

	mu      sync.Mutex
	timer   *time.Timer // nil until there is something to wait for
	due     time.Time   // what the timer is armed for; zero: it is not
	running chan struct{}
	again   bool // the timer fired while running
	stopped bool
	retry   time.Duration // after the last failure

	// All that expires before since has been taken back. So nobody has to go
	// through the leases that are held to find the next one that is due.
	since time.Time
	// minute has leases that expire in these of its seconds, or had them.
	minute  time.Time
	seconds uint64
}

// note makes sure that the timer fires at t.
func (e *expiry) note(t time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.arm(t)
}

// noteLease makes sure that l is dealt with when it is due.
func (e *expiry) noteLease(l *lease.Lease, hold time.Duration) {
	due := l.Expires
	if due.IsZero() {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if isOver(l) {
		e.arm(forgetTime(due, hold))
		return
	}
	if due.Before(e.since) {
		e.since = due
	}
	if i := due.Sub(e.minute); i >= 0 && i < time.Minute {
		e.seconds |= 1 << (i / time.Second)
	}
	e.arm(due)
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

// clockChanged has everything looked at by the new time.
func (e *expiry) clockChanged() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.server.clock.changed.Swap(false) {
		e.due = time.Time{} // the timer was set by the old time
		e.arm(e.server.now())
	}
}

// shift moves what is known by the clock.
func (e *expiry) shift(by time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.since.IsZero() {
		e.since = e.since.Add(by)
	}
	e.minute, e.due = time.Time{}, time.Time{}
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
		next, err := e.server.expire()
		e.mu.Lock()
		if err != nil {
			e.retry = min(max(2*e.retry, firstRetry), lastRetry)
			e.arm(e.server.now().Add(e.retry))
			continue
		}
		e.retry = 0
		if !next.IsZero() {
			e.arm(next)
		}
	}
	close(e.running)
	e.running = nil
}

func (e *expiry) isStopped() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stopped
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

// expire does what is due and returns when something is due next; zero if
// nothing is.
func (s *Server) expire() (next time.Time, err error) {
	e := &s.expiry
	s.now() // notices a change of the clock
	s.clock.changed.Store(false)
	if err := s.followWall(); err != nil {
		return time.Time{}, err
	}
	now := s.now()
	hold := s.snapshot.Load().hold
	if err := s.endDoubts(now); err != nil {
		return time.Time{}, err
	}

	e.mu.Lock()
	since := e.since
	e.since = now.Truncate(time.Second).Add(time.Second)
	e.mu.Unlock()
	done := 0
	for _, f := range []lease.Filter{
		{ExpiredBefore: justAfter(now.Add(-hold))},
		{ExpiredBefore: justAfter(now), ExpiredSince: since},
	} {
		n, err := s.sweep(f, now)
		done += n
		if err != nil {
			e.mu.Lock()
			if since.Before(e.since) {
				e.since = since
			}
			e.mu.Unlock()
			return time.Time{}, err
		}
	}
	if next, err = s.nextDue(now, hold, done > 0); err == nil {
		s.worked(callLeases)
	}
	return next, err
}

// justAfter returns the bound that includes leases which expire at now.
func justAfter(now time.Time) time.Time { return now.Add(1) }

// isOver reports whether l has been taken back or given back and is held for
// its client only.
func isOver(l *lease.Lease) bool {
	return l.State == lease.StateExpiredReclaimed || l.State == lease.StateReleased
}

// forgetTime returns when a lease is deleted that expired at t. It is the end
// of a minute, so that at most one deletion a minute wakes the Server.
func forgetTime(t time.Time, hold time.Duration) time.Time {
	return t.Truncate(time.Minute).Add(time.Minute + hold)
}

// sweep does what is due among the leases that f selects and returns how many
// they were. Between two steps it lets others have the processor.
func (s *Server) sweep(f lease.Filter, now time.Time) (int, error) {
	done := 0
	var due []lease.Lease
	for l, err := range s.store.Leases(s.ctx, f) {
		if err != nil {
			s.failed(s.ctx, callLeases, err)
			return done, err
		}
		if isOver(&l) && l.Expires.Add(s.snapshot.Load().hold).After(now) {
			continue
		}
		if due = append(due, l); len(due) < expireStep {
			continue
		}
		n, err := s.takeBack(s.ctx, due, now)
		if done += n; err != nil {
			return done, err
		}
		due = due[:0]
		if runtime.Gosched(); s.expiry.isStopped() {
			return done, ErrServerClosed
		}
	}
	n, err := s.takeBack(s.ctx, due, now)
	return done + n, err
}

// nextDue returns when something is due next, zero if nothing is.
func (s *Server) nextDue(now time.Time, hold time.Duration, minuteIsKnown bool) (time.Time, error) {
	due, err := s.expiry.nextExpiry(now, minuteIsKnown)
	if err != nil {
		return time.Time{}, err
	}
	for l, err := range s.store.Leases(s.ctx, lease.Filter{ExpiredBefore: justAfter(now), Limit: 1}) {
		if err != nil {
			s.failed(s.ctx, callLeases, err)
			return time.Time{}, err
		}
		// If it is over already, another server is busy with it.
		t := max(forgetTime(l.Expires, hold).Sub(now), time.Second)
		if forget := now.Add(t); due.IsZero() || forget.Before(due) {
			due = forget
		}
	}
	return due, nil
}

var farFuture = time.Unix(1<<40, 0)

// nextExpiry returns when the next lease expires after now, zero if none does.
// The store orders them by the minute; it goes through one minute once, and
// once more when a lease of it turns out to be renewed.
func (e *expiry) nextExpiry(now time.Time, minuteIsKnown bool) (time.Time, error) {
	known := e.inMinute(now)
	if !minuteIsKnown {
		known = time.Time{}
	}
	if !known.IsZero() && !now.Before(e.minute) {
		return known, nil
	}
	s := e.server
	seconds := uint64(0)
	var minute time.Time
	for l, err := range s.store.Leases(s.ctx, lease.Filter{ExpiredSince: justAfter(now), ExpiredBefore: farFuture}) {
		if err != nil {
			s.failed(s.ctx, callLeases, err)
			return time.Time{}, err
		}
		m := l.Expires.Truncate(time.Minute)
		if minute.IsZero() {
			if minute = m; !known.IsZero() && m.Equal(e.minute) {
				return known, nil
			}
			e.mu.Lock()
			e.minute, e.seconds = m, 0 // what is stored from here on is noted
			e.mu.Unlock()
		}
		if !m.Equal(minute) || bits.OnesCount64(seconds) == 60 {
			break
		}
		seconds |= 1 << (l.Expires.Sub(m) / time.Second)
	}
	if minute.IsZero() {
		return time.Time{}, nil
	}
	e.mu.Lock()
	e.seconds |= seconds
	e.mu.Unlock()
	return e.inMinute(now), nil
}

// inMinute returns the first moment after now for which minute has a lease.
func (e *expiry) inMinute(now time.Time) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.minute.IsZero() {
		return time.Time{}
	}
	rest := e.seconds
	if passed := now.Sub(e.minute); passed >= time.Minute {
		return time.Time{}
	} else if passed >= 0 {
		rest &^= 1<<(passed/time.Second+1) - 1
	}
	if rest == 0 {
		return time.Time{}
	}
	return e.minute.Add(time.Duration(bits.TrailingZeros64(rest)) * time.Second)
}

// afterwards returns what becomes of a lease that is due: it is held for its
// client, or nothing is left of it; and what that is called.
func (s *Server) afterwards(l *lease.Lease, now time.Time) (*lease.Lease, EventKind) {
	switch {
	case isOver(l):
		return nil, EventForgotten
	case l.State == lease.StateDeclined:
		return nil, EventReclaimed
	case !l.Expires.Add(s.snapshot.Load().hold).After(now):
		return nil, EventExpired
	}
	held := *l
	held.State = lease.StateExpiredReclaimed
	return &held, EventExpired
}

// takeBack does what is due with the leases in old and returns with how many
// it did. What somebody else has changed meanwhile is left alone.
func (s *Server) takeBack(ctx context.Context, old []lease.Lease, now time.Time) (int, error) {
	if len(old) == 0 {
		return 0, nil
	}
	changes := make([]lease.Change, len(old))
	kinds := make([]EventKind, len(old))
	for i := range old {
		changes[i].Old = &old[i]
		changes[i].New, kinds[i] = s.afterwards(&old[i], now)
	}
	if err := s.store.Update(ctx, changes); err != nil {
		s.failed(ctx, callUpdate, err)
		s.inDoubt(changes)
		return 0, err
	}
	s.worked(callUpdate)
	var conflicts []netip.Addr
	var failed error
	done := 0
	for i := range changes {
		switch c := &changes[i]; {
		case c.Err == nil:
			done++
			if !isOver(c.Old) {
				s.tookBack(c)
			}
		case errors.Is(c.Err, lease.ErrConflict):
			conflicts = append(conflicts, c.Old.Addr)
		default:
			s.logStore(callUpdate, c.Err)
			failed = c.Err
		}
	}
	if done > 0 {
		if err := s.store.Sync(ctx); err != nil {
			s.failed(ctx, callSync, err)
			return done, err
		}
		s.worked(callSync)
	}
	for i := range changes {
		if c := &changes[i]; c.Err == nil {
			ev := Event{Kind: kinds[i], Time: now, Old: *c.Old}
			if c.New != nil {
				ev.New = *c.New
			}
			s.events.publish(ev)
		}
	}
	if err := s.releaseGone(ctx, conflicts, old); err != nil {
		return done, err
	}
	return done, failed
}

// tookBack frees the address of a lease that is over.
func (s *Server) tookBack(c *lease.Change) {
	s.released(c.Old)
	if c.New != nil {
		s.step.wrote(c.New)
		s.expiry.noteLease(c.New, s.snapshot.Load().hold)
	}
	s.logExpired(c.Old)
}

// releaseGone frees those of the addresses whose leases another server on the
// same store has taken back.
func (s *Server) releaseGone(ctx context.Context, addrs []netip.Addr, old []lease.Lease) error {
	if len(addrs) == 0 {
		return nil
	}
	q := []lease.Query{{Addrs: addrs}}
	if err := s.store.Find(ctx, q); err != nil {
		s.failed(ctx, callFind, err)
		return err
	}
	there := make(map[netip.Addr]bool)
	for i := range q[0].Leases {
		there[q[0].Leases[i].Addr] = !isOver(&q[0].Leases[i])
	}
	for _, a := range addrs {
		for i := range old {
			if old[i].Addr == a && !there[a] {
				s.released(&old[i])
			}
		}
	}
	return nil
}

// makeRoom looks for addresses when the pools of n have none: leases that have
// expired, or else, now and then, what other servers on the same store have
// taken back.
func (s *Server) makeRoom(ctx context.Context, n *subnet, now time.Time) {
	var due []lease.Lease
	for l, err := range s.store.Leases(ctx, lease.Filter{Subnet: n.id, ExpiredBefore: justAfter(now)}) {
		if err != nil {
			s.failed(ctx, callLeases, err)
			return
		}
		if isOver(&l) {
			continue
		}
		if due = append(due, l); len(due) == expireStep {
			break
		}
	}
	s.worked(callLeases)
	unread := n.live.unread.Load()
	if found, err := s.takeBack(ctx, due, now); err != nil || !unread && (found > 0 || !n.live.resyncDue(now)) {
		return
	}
	n.live.beginRead()
	defer n.live.endRead()
	o, err := s.occupied(ctx, lease.Filter{Subnet: n.id})
	if err != nil {
		return
	}
	// What n has been replaced by since the exchange began counts: its pools
	// may be others, in the same liveSubnet.
	s.changing.Lock()
	defer s.changing.Unlock()
	snap := s.snapshot.Load()
	if m := snap.subnets.id(n.id); m != nil && m.live == n.live {
		n.live.resync(snap.allocator(m), o[n.id])
		n.live.unread.Store(false)
	}
}
