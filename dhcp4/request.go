package dhcp4

import "net/netip"

// request answers a REQUEST with an ACK or a NAK, or with silence where
// another server may know better (RFC 2131, section 4.3.2).
func (s *Server) request(x *Exchange) {
	want, ok := x.wanted()
	if !ok || isAddr(x.Request.CIAddr) && !isUnicast(x.Request.CIAddr) {
		x.drop(ReasonMalformed)
		return
	}
	if !want.IsValid() {
		s.requestAny(x)
		return
	}
	x.move(x.memberOf(want))
	if x.state() == initReboot && !s.reboots(x, want) {
		return
	}
	row := x.leaseAt(want)
	switch {
	case x.mustMove(want), x.reservedForOther(want):
		s.nak(x, ReasonReserved)
	case !x.free(row):
		s.nak(x, ReasonTaken)
	case x.allowed(want):
		s.grant(x, want)
	case row != nil && x.owns(row) && !row.Expired(x.Time) && !x.isElsewhere(row):
		// The configuration has changed: the client learns it at once.
		s.nak(x, ReasonWrongAddress)
	case x.sub.terms.authoritative && x.state() != renewing:
		s.nak(x, ReasonWrongAddress)
	default:
		x.drop(ReasonUnknownAddress)
	}
}

// requestAny serves a REQUEST that names no address, as Kea does: with the
// client's reserved address, that of its lease, or any free one. It gets a NAK
// if another client has the reserved one, or if none is free.
func (s *Server) requestAny(x *Exchange) {
	if a := x.reserved(); a.IsValid() {
		if x.free(x.leaseAt(a)) {
			s.grant(x, a)
		} else {
			s.nak(x, ReasonTaken)
		}
		return
	}
	if c := x.Current; c != nil && x.allowed(c.Addr) {
		s.grant(x, c.Addr)
		return
	}
	if a, ok := s.propose(x, netip.Addr{}); ok {
		s.grant(x, a)
	} else if x.verdict == dropped && x.reason == ReasonNoAddress {
		s.nak(x, ReasonTaken)
	}
}

// reboots checks the address of a client in INIT-REBOOT: it must be the one
// that the Server knows. About a client that it does not know it keeps
// silent, unless it is authoritative. It reports whether to go on.
func (s *Server) reboots(x *Exchange, want netip.Addr) bool {
	reserved := x.reserved()
	switch {
	case reserved == want:
		return true
	case x.Current != nil && x.Current.Addr == want:
		return true
	case reserved.IsValid(), x.Current != nil, x.sub.terms.authoritative:
		s.nak(x, ReasonWrongAddress)
	default:
		x.drop(ReasonUnknownClient)
	}
	return false
}

// mustMove reports whether another address than want is reserved for the
// client and it can have that: a NAK then makes it ask again and get it.
func (x *Exchange) mustMove(want netip.Addr) bool {
	a := x.reserved()
	return a.IsValid() && a != want && x.free(x.leaseAt(a))
}
