package dhcp4

import "net/netip"

// selectSubnet finds the subnet of a request, in Kea's order: by giaddr and
// nothing else if a relay forwarded it; else by ciaddr, by the source
// address, by the link's name and by the link's own addresses.
func (s *snapshot) selectSubnet(x *Exchange) *subnet {
	if gi := x.Request.GIAddr; isAddr(gi) {
		return s.byPrefix.lookup(gi)
	}
	if n := s.byPrefix.lookup(x.Request.CIAddr); n != nil {
		return n
	}
	if n := s.byPrefix.lookup(x.Peer.Addr().Unmap()); n != nil {
		return n
	}
	if x.Link == nil {
		return nil
	}
	if n := s.byInterface[x.Link.Name]; n != nil {
		return n
	}
	for _, p := range x.Link.Addrs {
		// A subnet that is bound to another link by name is not on this one.
		if n := s.byPrefix.lookup(p.Addr().Unmap()); n != nil && (n.conf.Interface == "" || n.conf.Interface == x.Link.Name) {
			return n
		}
	}
	return nil
}

// serverIdentifier returns what the Server calls itself towards the client
// of x (option 54): the subnet's ServerID, else the link's address inside the
// subnet, else the unicast address that the request was sent to, else the
// link's first address. The result is invalid if there is none.
func serverIdentifier(x *Exchange) netip.Addr {
	if id := x.sub.conf.ServerID; id.IsValid() {
		return id
	}
	if x.Link != nil {
		for _, p := range x.Link.Addrs {
			if a := p.Addr().Unmap(); x.sub.conf.Prefix.Contains(a) {
				return a
			}
		}
	}
	if a := x.Local.Addr().Unmap(); isUnicast(a) {
		return a
	}
	if x.Link != nil {
		for _, p := range x.Link.Addrs {
			if a := p.Addr().Unmap(); isUnicast(a) {
				return a
			}
		}
	}
	return netip.Addr{}
}

// isUs reports whether the server identifier id means this Server: the one
// that it would use itself, any configured one, and any address of the link.
func (x *Exchange) isUs(id netip.Addr) bool {
	return id == x.serverID || x.snap.serverIDs[id] || x.Link.holds(id) ||
		isUnicast(id) && x.Local.Addr().Unmap() == id
}
