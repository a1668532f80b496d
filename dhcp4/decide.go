package dhcp4

import (
	"net/netip"

	"github.com/embedhcp/embedhcp/lease"
)

// decide comes to a verdict about x from what prepare, the HostFinder and the
// store have found. It does not wait and does not touch the store; it may run
// again when a conflict shows that the store has changed. The one thing that
// it changes is the subnet's offer table.
func (s *Server) decide(x *Exchange) {
	x.undo()
	if x.refused {
		s.refuse(x, ReasonRefused)
		return
	}
	if !s.unstash(x) {
		if x.verdict != dropped {
			x.verdict = lookAgain
		}
		return
	}
	if x.host != nil && x.host.conf.Stateless {
		s.decideStateless(x)
		return
	}
	if x.isUnwanted() {
		x.drop(ReasonNoReservation)
		return
	}
	x.findCurrent()
	if x.Current != nil {
		x.preferHost(x.Current.Addr)
	}
	switch x.msgType {
	case TypeDiscover:
		s.discover(x)
	case TypeRequest:
		s.request(x)
	case TypeDecline:
		s.decline(x)
	case TypeRelease:
		s.release(x)
	case TypeInform:
		s.inform(x)
	}
}

// decideStateless answers a client whose truth is kept elsewhere: its
// address is that of the Reservation, and no lease plays a part.
func (s *Server) decideStateless(x *Exchange) {
	addr := x.host.conf.Addr
	x.stateless = true
	x.move(x.memberOf(addr))
	switch x.msgType {
	case TypeDiscover:
		s.answer(x, TypeOffer, addr)
	case TypeRequest:
		want, ok := x.wanted()
		switch {
		case !ok:
			x.drop(ReasonMalformed)
		case !want.IsValid() || want == addr:
			s.answer(x, TypeACK, addr)
		default:
			s.nak(x, ReasonWrongAddress)
		}
	case TypeInform:
		s.inform(x)
	default:
		x.verdict = served
	}
}

// refuse answers a client that the HostFinder refuses: a REQUEST gets a NAK,
// anything else silence.
func (s *Server) refuse(x *Exchange, r Reason) {
	if x.msgType != TypeRequest {
		x.drop(r)
		return
	}
	s.nak(x, r)
}

// wanted returns the address that a REQUEST is about: ciaddr when the client
// renews or rebinds, else option 50; invalid if it names none. ok is false
// if option 50 is malformed.
func (x *Exchange) wanted() (a netip.Addr, ok bool) {
	if a, ok = x.requestedAddr(); !ok {
		return netip.Addr{}, false
	}
	if ci := x.Request.CIAddr; isAddr(ci) && (!a.IsValid() || x.state() != selecting) {
		a = ci
	}
	return a, true
}

// A clientState is the state that a REQUEST is sent in (RFC 2131, section
// 4.3.2, table 4).
type clientState uint8

const (
	selecting  clientState = iota // answers an OFFER
	initReboot                    // wants to verify an address that it remembers
	renewing                      // extends its lease, by unicast or, rebinding, by broadcast
	asking                        // names no address at all
)

func (x *Exchange) state() clientState {
	if _, ok := x.Request.Options.Lookup(codeServerID); ok {
		return selecting
	}
	if isAddr(x.Request.CIAddr) {
		return renewing
	}
	if a, ok := x.requestedAddr(); ok && a.IsValid() {
		return initReboot
	}
	return asking
}

// allowed reports whether the client may have the address a as far as the
// configuration goes: it is reserved for the client, or it is in a pool and
// reserved for nobody.
func (x *Exchange) allowed(a netip.Addr) bool {
	if x.isOwn(a) {
		return false
	}
	if a == x.reserved() {
		return true
	}
	n := x.memberOf(a)
	return n.mayGive(a) && n.live.contains(a) && !x.reservedForOther(a) && !x.barred(n)
}

// reserved returns the address that is reserved for the client, invalid if
// there is none or it turns out to be the Server's own.
func (x *Exchange) reserved() netip.Addr {
	if x.host == nil || x.isOwn(x.host.conf.Addr) {
		return netip.Addr{}
	}
	return x.host.conf.Addr
}

// isOwn reports whether a is the Server's own address, which no client gets:
// the link's, a configured one, or the one that a relay agent has for it.
func (x *Exchange) isOwn(a netip.Addr) bool {
	return a == x.serverID || a == x.ownID || x.Link.holds(a) || x.snap.isConfigured(a)
}

// propose returns an address for a client that has none: the one on offer
// for it, or a new one, taken from the pool and put on offer. It reports
// false when x has a verdict instead: decide again after a look at the store,
// or nothing is free.
func (s *Server) propose(x *Exchange, hint netip.Addr) (netip.Addr, bool) {
	for range maxAttempts {
		n, a := s.takeOffer(x, hint)
		switch {
		case n == nil && !x.reclaimed:
			x.verdict = noneFree
			return netip.Addr{}, false
		case n == nil:
			x.drop(ReasonNoAddress)
			return netip.Addr{}, false
		case !n.mayGive(a):
			x.drop(ReasonNoAddress) // the client asks again, and is offered it
			return netip.Addr{}, false
		case x.isOwn(a) || x.reservedForOther(a):
			s.withhold(x, n, a)
		case !x.lookedFor(a):
			x.lookFor(a)
			x.verdict = lookAgain
			return netip.Addr{}, false
		case x.free(x.leaseAt(a)):
			return a, true
		default:
			// Somebody else, perhaps another server on the same store,
			// has leased it.
			n.live.conflict(a)
			if n.live.unread.Load() && !x.reclaimed {
				x.verdict = noneFree // as far as anybody knows
				return netip.Addr{}, false
			}
		}
	}
	x.drop(ReasonNoAddress)
	return netip.Addr{}, false
}

// withhold takes the address a, which is on offer in n, out of the pool: it is
// the Server's own or reserved. A reservation may have been deleted since the
// exchange began; whoever does so frees the address, but perhaps before this.
func (s *Server) withhold(x *Exchange, n *subnet, a netip.Addr) {
	n.live.leased(a)
	if !x.isOwn(a) {
		s.released(&lease.Lease{Addr: a, SubnetID: n.id})
	}
}

// grant makes the client's lease of the address a and the ACK for it. If the
// lease that is stored will do, it is confirmed and nothing is written.
func (s *Server) grant(x *Exchange, a netip.Addr) {
	x.makeLease(a)
	row := x.leaseAt(a)
	if left, ok := s.mayCache(x, row, &x.newLease); ok {
		x.term, x.cached = left, true
	} else {
		x.old, x.Lease = row, &x.newLease
	}
	s.answer(x, TypeACK, a)
}

// offerLease offers the client the address of its lease, for as long as a
// REQUEST would get it.
func (s *Server) offerLease(x *Exchange) {
	c := x.Current
	x.makeLease(c.Addr)
	if left, ok := s.mayCache(x, c, &x.newLease); ok {
		x.term = left
	}
	s.answer(x, TypeOffer, c.Addr)
}

// makeLease sets newLease to the client's lease of the address a, and
// superseded to the leases that it gives up with it.
func (x *Exchange) makeLease(a netip.Addr) {
	x.settle(a)
	l := &x.newLease
	*l = lease.Lease{
		Addr:         a,
		SubnetID:     x.sub.id,
		HardwareAddr: x.Request.HardwareAddr,
		Hostname:     x.hostname(),
	}
	if p := x.sub.poolOf(a); p != nil {
		l.PoolID = p.id
	}
	l.SetLifetime(x.Time, x.lifetime())
	// The strings of the client's lease serve again, so that a renewal
	// allocates none.
	if c := x.Current; c != nil && c.ClientID.Octets() == string(x.clientID) {
		l.ClientID = c.ClientID
	} else {
		l.ClientID = lease.ClientIDFrom(x.clientID)
	}
	if row := x.leaseAt(a); row != nil && x.owns(row) {
		l.UserContext = row.UserContext
	}
	l.UserContext = x.contextWithAgentInfo(l.UserContext)
	for i := range x.Leases {
		if other := &x.Leases[i]; other.Addr != a && x.isMemberID(other.SubnetID) && x.owns(other) {
			x.superseded = append(x.superseded, *other)
		}
	}
}
