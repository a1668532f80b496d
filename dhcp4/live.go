package dhcp4

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/embedhcp/embedhcp/lease"
)

// PutReservation adds r to the subnet with the given ID while the Server goes
// on, or, for 0, to the Reservations of the Config, and replaces what is there
// for the same client. It counts from the next packet on. It is kept when
// Reconfigure replaces those of the Config, as long as there is the subnet.
//
// If the address is leased to another client, that client gets a NAK when it
// renews. Until its lease is gone (it took another, it expired, or you deleted
// it in the store), r's client gets another address, if there is one, and a NAK
// when it renews that one afterwards, so that it comes and gets its own.
//
// If r has a mistake, there is no such subnet, or the address is reserved for
// another client, nothing changes and the error is a *ConfigError. After
// Shutdown or Close it is ErrServerClosed.
func (s *Server) PutReservation(subnetID uint32, r Reservation) error {
	return s.change(func(snap *snapshot) (after func(), err error) {
		var k configChecker
		n := snap.subnets.id(subnetID)
		if n == nil && subnetID != 0 {
			k.add(".Subnet", "there is none with the ID %d", subnetID)
		}
		k.identity(&r)
		k.reservation("", &r)
		if n != nil && isUnicast(r.Addr) && !n.conf.Prefix.Contains(r.Addr) {
			k.add(".Addr", "%v is not inside the subnet %v", r.Addr, n.conf.Prefix)
		}
		if n != nil && n.conf.isEdge(r.Addr) {
			k.add(".Addr", noHost, r.Addr, n.conf.Prefix)
		}
		if len(k.problems) > 0 {
			return nil, k.under("Reservation")
		}
		h, id := snap.compiler.hosts.single(&r, n == nil)
		if err := snap.conflict("Reservation", n, h); err != nil {
			return nil, err
		}
		old := snap.putHost(n, h, &id)
		return func() {
			if n := snap.subnetAt(n, h.address()); n != nil && snap.reservedAt(n, h.address()) == h {
				n.live.leased(h.address())
			}
			s.unreserve(snap, n, old)
		}, nil
	})
}

// DeleteReservation deletes the reservation for the client that r names, as
// PutReservation adds one; nothing but the identifier of r counts. One of the
// Config comes back with Reconfigure. It reports whether there was one.
func (s *Server) DeleteReservation(subnetID uint32, r Reservation) bool {
	err := s.change(func(snap *snapshot) (after func(), err error) {
		n := snap.subnets.id(subnetID)
		if n == nil && subnetID != 0 {
			return nil, errNothingThere
		}
		id := snap.compiler.hosts.identifier(&r, nil)
		if id.kind == byAnyClient && !r.AnyClient {
			return nil, errNothingThere
		}
		old := snap.deleteHost(n, &id)
		if old == nil {
			return nil, errNothingThere
		}
		return func() { s.unreserve(snap, n, old) }, nil
	})
	return err == nil
}

// AddSubnet adds a subnet behind those that there are, while the Server goes
// on. Reconfigure replaces it as all others. If n has a mistake, or has an ID
// or addresses in common with another subnet, nothing changes and the error is
// a *ConfigError. After Shutdown or Close it is ErrServerClosed.
//
// It does not read the lease store, which may take long. The leases of n are
// read when the first of them is in the way.
func (s *Server) AddSubnet(n Subnet) error {
	return s.change(func(snap *snapshot) (after func(), err error) {
		var k configChecker
		k.seed = s.seed
		k.subnet("Subnet", &n, &snap.compiler.conf, &hostTable{})
		if snap.subnets.id(n.ID) != nil {
			k.add("Subnet.ID", "%d is that of another subnet too", n.ID)
		}
		if n.SharedNetwork != "" {
			snap.checkMember(&k, &n)
		}
		if n.Prefix.IsValid() && n.Prefix.Addr().Is4() {
			if o := snap.subnets.overlapping(&n); o != nil {
				k.add("Subnet.Prefix", "%v overlaps with the subnet %d, %v", n.Prefix.Masked(), o.id, o.conf.Prefix)
			}
		}
		if len(k.problems) > 0 {
			return nil, &ConfigError{Problems: k.problems}
		}
		fresh := snap.compiler.subnet(&n, snap.networkNamed(n.SharedNetwork))
		for i := range fresh.hosts.records {
			if err := snap.conflict(fmt.Sprintf("Subnet.Reservations[%d]", i), fresh, &fresh.hosts.records[i]); err != nil {
				return nil, err
			}
		}
		snap.addSubnet(fresh)
		fresh.live = snap.newLive(fresh)
		fresh.live.unread.Store(true)
		return nil, nil
	})
}

// RemoveSubnet removes the subnet with the given ID, and what PutReservation
// added to it, while the Server goes on. Its leases stay in the store until
// they expire: if their addresses shall be for others before, in a subnet that
// is added, delete them there (lease.CompareAndSwap). It reports whether there
// was such a subnet.
func (s *Server) RemoveSubnet(id uint32) bool {
	err := s.change(func(snap *snapshot) (after func(), err error) {
		n := snap.subnets.id(id)
		if n == nil {
			return nil, errNothingThere
		}
		snap.removeSubnet(n)
		return nil, nil
	})
	return err == nil
}

var errNothingThere = errors.New("dhcp4: there is nothing to remove")

// change replaces the snapshot by what edit makes of a copy. after is called
// when the new one is in use, and before the next change; nil: nothing to do.
func (s *Server) change(edit func(*snapshot) (after func(), err error)) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.isClosed() {
		return ErrServerClosed
	}
	next := *s.snapshot.Load()
	after, err := edit(&next)
	if err != nil {
		return err
	}
	s.snapshot.Store(&next)
	if after != nil {
		after()
	}
	return nil
}

// set returns all reservations of n, or, for nil, of the Config.
func (s *snapshot) set(n *subnet) (hostSet, uint32) {
	if n == nil {
		return s.globalSet(), 0
	}
	return s.ownSet(n), n.id
}

// putHost adds r, whose identifier is id, and returns what was there for the
// same client, or nil.
func (s *snapshot) putHost(n *subnet, r *hostRecord, id *hostID) (old *hostRecord) {
	set, subnetID := s.set(n)
	old = set.find(id)
	live := set.live
	if live == nil {
		live = &hostOverlay{subnet: subnetID}
	}
	s.setOverlay(live.with(r, id, old))
	return old
}

// deleteHost deletes the reservation for id and returns it, or nil.
func (s *snapshot) deleteHost(n *subnet, id *hostID) (old *hostRecord) {
	set, subnetID := s.set(n)
	if old = set.find(id); old == nil {
		return nil
	}
	live := set.live
	if live == nil {
		live = &hostOverlay{subnet: subnetID}
	}
	if set.table.find(id) == nil {
		s.setOverlay(live.without(id, old))
		return old
	}
	tombstone := &hostRecord{kind: old.kind, id: old.id, global: old.global, deleted: true}
	s.setOverlay(live.with(tombstone, id, old))
	return old
}

// subnetAt returns the subnet where the address a of a reservation of n, or,
// for nil, of the Config, is reserved; nil: nowhere.
func (s *snapshot) subnetAt(n *subnet, a netip.Addr) *subnet {
	if n == nil && a.IsValid() {
		return s.subnets.prefix(a)
	}
	return n
}

// conflict returns a *ConfigError if r, a reservation of n or, for nil, of the
// Config, has an address that is reserved for another client. The error names
// that one; path is the place of r.
func (s *snapshot) conflict(path string, n *subnet, r *hostRecord) error {
	if !r.hasAddr {
		return nil
	}
	hash := s.compiler.hosts.hostHasher
	at := s.subnetAt(n, r.address())
	var other *hostRecord
	if n == nil {
		other = s.globalSet().other(hash, r)
	}
	if at != nil && (n != nil || at.globalHosts && at.ownHosts) && other == nil {
		other = s.ownSet(at).other(hash, r)
	}
	if n != nil && n.globalHosts && n.ownHosts && other == nil {
		other = s.globalSet().other(hash, r)
	}
	if other == nil {
		return nil
	}
	where := "the Config"
	if !other.global {
		where = fmt.Sprintf("the subnet %d", at.id)
	}
	var k configChecker
	k.add(path+".Addr", "%v is reserved for %v in %s", r.address(), other, where)
	return &ConfigError{Problems: k.problems}
}

// put returns what PutReservation added, without what DeleteReservation hides.
func (s *snapshot) put() trie[*hostOverlay] {
	var kept snapshot
	for o := range s.live.all() {
		for r := range o.byID.all() {
			if r.deleted {
				id := s.compiler.hosts.id(r.kind, []byte(r.id))
				o = o.without(&id, nil)
			}
		}
		kept.setOverlay(o)
	}
	return kept.live
}

// keptConflict returns a *ConfigError if something that PutReservation added
// does not go with the reservations of a new Config.
func (s *snapshot) keptConflict() error {
	for o := range s.live.all() {
		n := s.subnets.id(o.subnet)
		for r := range o.byID.all() {
			path := fmt.Sprintf("PutReservation[%d, %v]", o.subnet, r)
			if n != nil && r.hasAddr && !n.conf.Prefix.Contains(r.address()) {
				var k configChecker
				k.add(path+".Addr", "%v is not inside the subnet %v", r.address(), n.conf.Prefix)
				return &ConfigError{Problems: k.problems}
			}
			if n != nil && n.conf.isEdge(r.address()) {
				var k configChecker
				k.add(path+".Addr", noHost, r.address(), n.conf.Prefix)
				return &ConfigError{Problems: k.problems}
			}
			if err := s.conflict(path, n, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// unreserve gives the address of old, which is no longer a reservation of n
// or, for nil, of the Config, to its lease, if there is one, or else back to
// the pool. If the store does not tell, the address counts as leased.
func (s *Server) unreserve(snap *snapshot, n *subnet, old *hostRecord) {
	if old == nil || !old.hasAddr {
		return
	}
	a := old.address()
	n = snap.subnetAt(n, a)
	if n == nil || snap.reservedAt(n, a) != nil || !n.live.contains(a) || s.mayBeLeased(a) {
		return
	}
	n.live.released(a)
	// It may have been leased meanwhile, by the reservation's client.
	if s.mayBeLeased(a) {
		n.live.leased(a)
	}
}

func (s *Server) mayBeLeased(a netip.Addr) bool {
	q := []lease.Query{{Addrs: []netip.Addr{a}}}
	if err := s.store.Find(s.ctx, q); err != nil {
		s.failed(s.ctx, callFind, err)
		return true
	}
	return len(q[0].Leases) > 0 && !isOver(&q[0].Leases[0])
}
