package dhcp4

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"

	"github.com/embedhcp/embedhcp/lease"
)

// A network is a compiled SharedNetwork.
type network struct {
	conf    SharedNetwork
	options optionSet
	subnets []*subnet // in the order of the Config
	ids     []uint32  // of the subnets

	// recent is the subnet that had a free address last: where the client's
	// own is full it comes next, so that full ones are not tried each time.
	recent atomic.Pointer[subnet]
}

// with returns w with other members.
func (w *network) with(subnets []*subnet, ids []uint32) *network {
	m := &network{conf: w.conf, options: w.options, subnets: subnets, ids: ids}
	m.recent.Store(w.recent.Load())
	return m
}

// checkMember checks a subnet that is to be added to its shared network.
func (s *snapshot) checkMember(k *configChecker, n *Subnet) {
	w := s.networkNamed(n.SharedNetwork)
	if w == nil {
		k.member("Subnet", n, nil, nil)
		return
	}
	var other *Subnet
	for _, m := range w.subnets {
		if m.conf.Interface != "" {
			other = &m.conf
			break
		}
	}
	k.member("Subnet", n, &w.conf, other)
}

// members yields the subnets that the client of x may have its address in: the
// selected one, and then the others of its shared network in the order of the
// Config.
func (x *Exchange) members(yield func(*subnet) bool) {
	if !yield(x.selected) || x.network == nil {
		return
	}
	for _, n := range x.network.subnets {
		if n != x.selected && !yield(n) {
			return
		}
	}
}

// choose makes n the subnet that the client was found in.
func (x *Exchange) choose(n *subnet) {
	x.selected, x.sub, x.Subnet = n, n, &n.conf
	// What is needed later and is far away is on its way from here on: a tenth
	// less for a request among a million (internal/scale).
	n.live.count.Load()
	if len(n.options.sorted) > 0 {
		x.touched += int(n.options.sorted[0].Code)
	}
	x.network = x.snap.network(n)
	x.setServerID()
}

// settle makes the subnet of the address a, as far as it is one that the
// client may be in, that of the exchange: the server identifier, the options,
// the lifetime and the reservation are taken from there.
func (x *Exchange) settle(a netip.Addr) {
	if x.network == nil {
		return
	}
	x.move(x.memberOf(a))
	if x.asked || x.host != nil && x.host.conf.Addr == a {
		return
	}
	if r := x.snap.hostFor(x, x.sub); r != nil {
		x.useRecord(r, x.sub)
	}
}

// move makes n the subnet of the exchange.
func (x *Exchange) move(n *subnet) {
	if n != x.sub {
		x.sub, x.Subnet = n, &n.conf
		x.setServerID()
	}
}

// memberOf returns the subnet that a belongs to among those that the client
// may be in, the selected one if a is in none of them.
func (x *Exchange) memberOf(a netip.Addr) *subnet {
	if x.network != nil {
		if n := x.snap.subnets.prefix(a); n != nil && x.isMember(n) {
			return n
		}
	}
	return x.selected
}

// isMember reports whether n is one of the subnets that the client may be in.
func (x *Exchange) isMember(n *subnet) bool {
	return n == x.selected || x.network != nil && n.conf.SharedNetwork == x.network.conf.Name
}

// isMemberID is isMember for what a lease says; the subnet may be gone.
func (x *Exchange) isMemberID(id uint32) bool {
	n := x.subnetWith(id)
	return n != nil && x.isMember(n)
}

// subnetWith returns the subnet with the given ID, or nil.
func (x *Exchange) subnetWith(id uint32) *subnet {
	if x.sub.id == id {
		return x.sub
	}
	return x.snap.subnets.id(id)
}

// isElsewhere reports whether the lease l is of a subnet that the client may
// not be in now.
func (x *Exchange) isElsewhere(l *lease.Lease) bool {
	n := x.snap.subnets.id(l.SubnetID)
	return n != nil && !x.isMember(n)
}

// knowsReserved reports whether the store has been asked about the client's
// reserved address; if not, it will be.
func (x *Exchange) knowsReserved() bool {
	if x.host == nil || !isAddr(x.host.conf.Addr) || x.lookedFor(x.host.conf.Addr) {
		return true
	}
	x.lookFor(x.host.conf.Addr)
	return false
}

// namedHost returns the reservation made for exactly this client in any of the
// subnets that it may be in, and the subnet; nil: none. One with an address
// comes before one without.
func (x *Exchange) namedHost() (found *hostRecord, in *subnet) {
	for n := range x.members {
		r := x.snap.hostFor(x, n)
		if r != nil && n.addrOf(r).IsValid() {
			return r, n
		}
		if found == nil {
			found, in = r, n
		}
	}
	return found, in
}

// anyHost returns the reservation for whoever is on the link, and the subnet;
// nil: none.
func (x *Exchange) anyHost() (*hostRecord, *subnet) {
	for n := range x.members {
		if r := x.snap.anyHost(n); r != nil {
			return r, n
		}
	}
	return nil, x.selected
}

// preferHost makes the client's reservation of the address a, which it has, the
// one that counts, if there is one: as in Kea, a client that has reservations in
// several subnets of a network keeps the address that it got.
func (x *Exchange) preferHost(a netip.Addr) {
	if x.network == nil || x.asked || !isAddr(a) {
		return
	}
	n := x.memberOf(a)
	if r := x.snap.hostFor(x, n); r != nil && n.addrOf(r) == a {
		x.useRecord(r, n)
	}
}

// reservedForOther reports whether a is reserved for another client than x's.
// As in Kea, one that has several reservations may have the address of any.
func (x *Exchange) reservedForOther(a netip.Addr) bool {
	h, n := x.host, x.memberOf(a)
	if h != nil && h.record != nil && h.conf.Addr == a {
		return false
	}
	r := x.snap.reservedAt(n, a)
	return r != nil && (h == nil || r != h.record) && !x.isKnownBy(r)
}

// isUnwanted reports whether the client has no reservation, and all subnets
// that it may be in are for those that have one. It may give back what it has.
func (x *Exchange) isUnwanted() bool {
	if x.msgType == TypeDecline || x.msgType == TypeRelease {
		return false
	}
	for n := range x.members {
		if !x.barred(n) {
			return false
		}
	}
	return true
}

// barred reports whether n is not for the client, which has no reservation.
func (x *Exchange) barred(n *subnet) bool { return n.knownOnly && x.host == nil }

// offered returns the address that the client has on offer, if any.
func (x *Exchange) offered() (netip.Addr, bool) {
	for n := range x.members {
		if a, ok := n.live.offered(x.key); ok {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// withdraw ends the client's offer, if there is one.
func (x *Exchange) withdraw() {
	for n := range x.members {
		n.live.withdraw(x.key)
	}
}

// takeOffer returns the address on offer for the client, or puts one on offer
// for it, and tells in which subnet it is: the one that has the wished address
// in a pool, the selected one, the one that had a free address last, or any of
// the network. The result is nil if none has a free address; if the store has
// been searched for expired leases, the oldest offer then gives way.
func (s *Server) takeOffer(x *Exchange, wish netip.Addr) (*subnet, netip.Addr) {
	seed, avoid := maphash.Bytes(s.seed, x.key), x.override()
	if x.network == nil {
		if a, ok := x.selected.live.offer(x.key, wish, avoid, seed, x.Time, x.reclaimed); ok {
			return x.selected, a
		}
		return nil, netip.Addr{}
	}
	if a, ok := x.offered(); ok {
		wish = a
	}
	wished := x.memberOf(wish)
	if wished.poolOf(wish) == nil {
		wished = x.selected
	}
	for _, n := range [...]*subnet{wished, x.selected, x.network.recent.Load()} {
		if n == nil || x.barred(n) {
			continue
		}
		if a, ok := n.live.offer(x.key, wish, avoid, seed, x.Time, false); ok {
			return n, a
		}
	}
	for n := range x.members {
		if x.barred(n) {
			continue
		}
		if a, ok := n.live.offer(x.key, wish, avoid, seed, x.Time, false); ok {
			x.network.recent.Store(n)
			return n, a
		}
	}
	if x.reclaimed {
		for n := range x.members {
			if x.barred(n) {
				continue
			}
			if a, ok := n.live.offer(x.key, wish, avoid, seed, x.Time, true); ok {
				return n, a
			}
		}
	}
	return nil, netip.Addr{}
}
