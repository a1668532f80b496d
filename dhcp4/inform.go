package dhcp4

import "net/netip"

// inform answers an INFORM with the configuration but no address and no
// times (RFC 2131, section 4.3.5).
func (s *Server) inform(x *Exchange) {
	x.settle(x.Request.CIAddr)
	s.answer(x, TypeACK, netip.Addr{})
}
