package dhcp4

// discover answers a DISCOVER with an OFFER (RFC 2131, section 4.3.1). It
// stores nothing. The address is, in this order, the client's reserved one,
// the one of its lease, the one on offer for it, the one that it asks for if
// that is free, and any free one.
func (s *Server) discover(x *Exchange) {
	hint, ok := x.requestedAddr()
	if !ok {
		x.drop(ReasonMalformed)
		return
	}
	if a := x.reserved(); a.IsValid() && x.free(x.leaseAt(a)) {
		s.answer(x, TypeOffer, a)
		return
	}
	if c := x.Current; c != nil && isOver(c) {
		hint = c.Addr // it is held for the client, but free
	} else if c != nil && x.allowed(c.Addr) {
		s.offerLease(x)
		return
	}
	if a, ok := s.propose(x, hint); ok {
		s.answer(x, TypeOffer, a)
	}
}
