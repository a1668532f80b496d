package dhcp4

import (
	"context"
	"sync"
	"sync/atomic"
)

// A storeCall is a call of the lease store.
type storeCall uint8

const (
	callFind storeCall = iota
	callUpdate
	callSync
	callLeases
	storeCalls
)

func (c storeCall) String() string {
	return [storeCalls]string{"Find", "Update", "Sync", "Leases"}[c]
}

// health is what is known about the lease store: the calls that failed when
// they were last made. Nothing asks the store how it is; the next exchange or
// expiry shows it.
type health struct {
	bad  atomic.Bool // some error below is not nil
	mu   sync.Mutex
	errs [storeCalls]error
	last storeCall // that failed
}

// Health returns nil while the lease store works, or its last failure: no
// lease is confirmed then. It is nil again after the first success of the call
// that failed, which the next client, or the next lease that is due, brings
// about. It costs next to nothing, and does not ask the store.
func (s *Server) Health() error {
	h := &s.health
	if !h.bad.Load() {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.errs[h.last]; err != nil {
		return err
	}
	for _, err := range h.errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// failed notes that a call of the store failed; not, if it was given up by
// whoever made it.
func (s *Server) failed(ctx context.Context, c storeCall, err error) {
	s.logStore(c, err)
	if ctx.Err() != nil {
		return
	}
	h := &s.health
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errs[c], h.last = err, c
	if !h.bad.Swap(true) {
		s.events.publish(Event{Kind: EventStoreFailed, Time: s.now(), Err: err})
	}
}

// worked notes that a call of the store succeeded.
func (s *Server) worked(c storeCall) {
	h := &s.health
	if !h.bad.Load() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errs[c] = nil
	for _, err := range h.errs {
		if err != nil {
			return
		}
	}
	if h.bad.Swap(false) {
		s.events.publish(Event{Kind: EventStoreRecovered, Time: s.now()})
		s.logRecovered()
		s.expiry.note(s.now()) // what failed is done now
	}
}
