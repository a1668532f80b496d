package dhcp4

// release deletes the client's lease of ciaddr (RFC 2131, section 4.3.4). It
// is never answered.
func (s *Server) release(x *Exchange) {
	l := x.leaseAt(x.Request.CIAddr)
	if l == nil || !x.owns(l) {
		x.drop(ReasonNotOwner)
		return
	}
	x.old, x.verdict = l, served
}
