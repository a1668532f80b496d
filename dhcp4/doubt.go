package dhcp4

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// doubts are the addresses of changes whose outcome is unknown since Update
// failed: some may have been made. They are looked at when the store works
// again, so that no address stays taken that has no lease, and no lease without
// somebody who waits for its end.
type doubts struct {
	mu      sync.Mutex
	subnets map[netip.Addr]uint32 // by address: the subnet's ID; nil: none
}

// inDoubt notes changes whose outcome is unknown. The expiry looks at them when
// it is next due.
func (s *Server) inDoubt(cs []lease.Change) {
	s.doubts.mu.Lock()
	if s.doubts.subnets == nil {
		s.doubts.subnets = make(map[netip.Addr]uint32)
	}
	for i := range cs {
		l := cs[i].New
		if l == nil {
			l = cs[i].Old
		}
		s.doubts.subnets[l.Addr] = l.SubnetID
	}
	s.doubts.mu.Unlock()
}

// endDoubts asks the store what became of those changes. The expiry calls it
// before it looks for what is due.
func (s *Server) endDoubts(now time.Time) error {
	d := &s.doubts
	d.mu.Lock()
	subnets := d.subnets
	d.subnets = nil
	d.mu.Unlock()
	hold := s.snapshot.Load().hold
	// In order, so that the same happens when a simulation is repeated.
	all := slices.SortedFunc(maps.Keys(subnets), netip.Addr.Compare)
	for addrs := range slices.Chunk(all, expireStep) {
		q := []lease.Query{{Addrs: addrs}}
		if err := s.store.Find(s.ctx, q); err != nil {
			s.failed(s.ctx, callFind, err)
			d.mu.Lock()
			defer d.mu.Unlock()
			maps.Copy(subnets, d.subnets)
			d.subnets = subnets
			return err
		}
		leased := make(map[netip.Addr]bool)
		for i := range q[0].Leases {
			l := &q[0].Leases[i]
			leased[l.Addr] = !isOver(l)
			s.expiry.overlooked(l, now, hold)
		}
		for _, a := range addrs {
			if !leased[a] {
				s.released(&lease.Lease{Addr: a, SubnetID: subnets[a]})
			}
		}
	}
	return nil
}

// overlooked is noteLease for the expiry itself: what is due is dealt with in
// this run, or tried again when its time has come.
func (e *expiry) overlooked(l *lease.Lease, now time.Time, hold time.Duration) {
	if !l.Expired(now) {
		e.noteLease(l, hold)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if l.Expires.Before(e.since) {
		e.since = l.Expires
	}
}
