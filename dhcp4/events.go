package dhcp4

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// An Event is something that happened to a lease and is committed: the store
// has it, and has synced it. Or it tells how the store is.
type Event struct {
	// Seq counts the events of a Server without a gap. A jump in what a
	// listener gets tells how many it was too slow for.
	Seq  uint64
	Kind EventKind
	Time time.Time
	// Old and New are the lease before and after; the zero Lease if there is
	// none.
	Old, New lease.Lease
	Err      error // of EventStoreFailed
}

// An EventKind tells what happened to a lease.
type EventKind uint8

// The kinds of events.
const (
	EventAllocated      EventKind = iota + 1 // a client got an address that it did not have
	EventRenewed                             // a client extended its lease
	EventReleased                            // a client gave its lease back
	EventDeclined                            // a client found the address in use by somebody else
	EventExpired                             // a lease ran out; New is what is held for its client, if anything is
	EventReclaimed                           // an address is free again: its probation is over, or its client has another
	EventForgotten                           // an address is no longer held for the client that had it
	EventStoreFailed                         // the lease store failed, see Server.Health; the first time since it worked
	EventStoreRecovered                      // the lease store works again
)

// String returns the kind in lower case, as in "allocated".
func (k EventKind) String() string {
	switch k {
	case EventAllocated:
		return "allocated"
	case EventRenewed:
		return "renewed"
	case EventReleased:
		return "released"
	case EventDeclined:
		return "declined"
	case EventExpired:
		return "expired"
	case EventReclaimed:
		return "reclaimed"
	case EventForgotten:
		return "forgotten"
	case EventStoreFailed:
		return "store failed"
	case EventStoreRecovered:
		return "store recovered"
	}
	return "unknown"
}

// eventRing is how many events are kept for slow listeners.
const eventRing = 1024

// events hands events to any number of listeners through one ring. Nobody
// waits for a listener.
type events struct {
	mu        sync.Mutex
	changed   sync.Cond
	seq       uint64  // of the last event
	ring      []Event // the event with number n is at n % len; nil until somebody listens
	listeners int
	closed    bool
}

func newEvents() *events {
	e := new(events)
	e.changed.L = &e.mu
	return e
}

func (e *events) publish(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seq++
	if e.listeners == 0 {
		return
	}
	ev.Seq = e.seq
	e.ring[e.seq%eventRing] = ev
	e.changed.Broadcast()
}

func (e *events) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.changed.Broadcast()
}

// Events yields what happens to leases from this call on, until ctx ends, or
// until the Server is shut down or closed and what happened before is yielded.
// The last 1,024 events are kept for a listener that is slow; one
// that is slower finds a jump in Seq. There may be many listeners, and the
// Server never waits for one. Events of one address may come out of order
// when its packets come through two Conns; the leases' revisions chain them,
// but for the rewriting of all leases that follows a step of the wall clock.
// The sequence can be used once.
func (s *Server) Events(ctx context.Context) iter.Seq[Event] {
	e := s.events
	e.mu.Lock()
	next := e.seq + 1
	e.listeners++
	if e.ring == nil {
		e.ring = make([]Event, eventRing)
	}
	e.mu.Unlock()
	leave := sync.OnceFunc(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.listeners--; e.listeners == 0 {
			e.ring = nil
		}
	})
	stop := context.AfterFunc(ctx, func() {
		leave() // also when nobody ever ranges over the sequence
		e.mu.Lock()
		e.changed.Broadcast()
		e.mu.Unlock()
	})
	return func(yield func(Event) bool) {
		defer leave()
		defer stop()
		for {
			ev, ok := e.wait(ctx, &next)
			if !ok || !yield(ev) {
				return
			}
		}
	}
}

// wait returns the event with number *next, or the oldest one kept if that is
// lost, and advances *next.
func (e *events) wait(ctx context.Context, next *uint64) (Event, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for *next > e.seq {
		if e.closed || ctx.Err() != nil {
			return Event{}, false
		}
		e.changed.Wait()
	}
	if ctx.Err() != nil {
		return Event{}, false
	}
	if oldest := e.seq - min(e.seq, eventRing-1); *next < oldest {
		*next = oldest
	}
	ev := e.ring[*next%eventRing]
	*next++
	return ev, true
}

// eventsOf publishes what the exchange committed.
func (s *Server) eventsOf(x *Exchange) {
	ev := Event{Time: x.Time}
	if x.old != nil {
		ev.Old = *x.old
	}
	if x.Lease != nil {
		ev.New = *x.Lease
	}
	switch x.msgType {
	case TypeRelease:
		ev.Kind = EventReleased
	case TypeDecline:
		ev.Kind = EventDeclined
	default:
		ev.Kind = EventAllocated
		switch {
		case x.old == nil:
		case x.owns(x.old) && x.old.Active(x.Time):
			ev.Kind = EventRenewed
		case !x.owns(x.old):
			s.events.publish(Event{Kind: overKind(x.old), Time: x.Time, Old: ev.Old})
			ev.Old = lease.Lease{}
		}
	}
	s.events.publish(ev)
	for i := range x.superseded {
		if old := &x.superseded[i]; old.Addr.IsValid() {
			kind := EventReclaimed
			if isOver(old) {
				kind = EventForgotten
			}
			s.events.publish(Event{Kind: kind, Time: x.Time, Old: *old})
		}
	}
}

// overKind returns what it is called when somebody else gets the address of l.
func overKind(l *lease.Lease) EventKind {
	switch {
	case isOver(l):
		return EventForgotten
	case l.State == lease.StateDeclined:
		return EventReclaimed
	}
	return EventExpired
}

// statelessEvent tells of a RELEASE or DECLINE whose lease is kept elsewhere.
func (s *Server) statelessEvent(x *Exchange) {
	ev := Event{Kind: EventReleased, Time: x.Time, Old: lease.Lease{
		Addr:         x.host.conf.Addr,
		SubnetID:     x.sub.id,
		HardwareAddr: x.Request.HardwareAddr,
		ClientID:     lease.ClientIDFrom(x.clientID),
		Hostname:     x.hostname(),
	}}
	if x.msgType == TypeDecline {
		ev.Kind = EventDeclined
	}
	s.events.publish(ev)
}
