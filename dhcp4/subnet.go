package dhcp4

import "net/netip"

// selectSubnet finds the subnet of a request, in Kea's order: by the link that
// the relay agent or the client names and by nothing else if there is one
// (RFC 3527, RFC 3011); by giaddr and nothing else if a relay agent forwarded
// it, first among the Relays; else by ciaddr, by the source address, by the
// link's name and by the link's own addresses. ciaddr and source of a
// broadcast tell nothing: the client may have come from elsewhere, and its link
// is where the packet came in.
func (s *snapshot) selectSubnet(x *Exchange) *subnet {
	if a, ok := s.linkAddr(x.Request); ok {
		return s.subnets.prefix(a)
	}
	if gi := x.Request.GIAddr; isAddr(gi) {
		if on := s.subnets.relaySubnets(gi); len(on) > 0 {
			return on[0]
		}
		return s.subnets.prefix(gi)
	}
	if x.Link == nil || !x.toBroadcast() {
		if n := s.subnets.prefix(x.Request.CIAddr); n != nil {
			return n
		}
		if n := s.subnets.prefix(x.Peer.Addr().Unmap()); n != nil {
			return n
		}
	}
	if x.Link == nil {
		return nil
	}
	if on := s.subnets.interfaceSubnets(x.Link.Name); len(on) > 0 {
		return on[0]
	}
	for _, p := range x.Link.Addrs {
		// A subnet that is bound to another link by name is not on this one.
		if n := s.subnets.prefix(p.Addr().Unmap()); n != nil {
			if name := interfaceOf(&n.conf, s.network(n)); name == "" || name == x.Link.Name {
				return n
			}
		}
	}
	return nil
}

// interfaceOf returns the name of the link that a subnet is on, its own or
// that of its shared network w, if it has one.
func interfaceOf(n *Subnet, w *network) string {
	if w != nil && n.Interface == "" {
		return w.conf.Interface
	}
	return n.Interface
}

// relaysOf returns the relay agents that speak for a subnet, its own or those
// of its shared network w, if it has one.
func relaysOf(n *Subnet, w *network) []netip.Addr {
	if w != nil && len(n.Relays) == 0 {
		return w.conf.Relays
	}
	return n.Relays
}

// setServerID sets what the Server calls itself towards the client: what the
// relay agent wants to be taken for the server (RFC 5107), or else its own
// identifier. Where the new subnet of an exchange has none, that of the subnet
// before stays.
func (x *Exchange) setServerID() {
	if id := serverIdentifier(x); id.IsValid() {
		x.ownID = id
	}
	x.serverID = x.ownID
	// Also without giaddr: relay agents may listen to renewals and add options
	// to them (RFC 3046, section 2.2).
	if id, ok := agentAddr(x.Request, subServerIDOverride); ok && !x.stashed && isUnicast(id) {
		x.serverID = id
	}
}

// override returns what the relay agent wants to be taken for the server if
// that is no address of ours. The client does not get it, but others may: a
// packet can name any address.
func (x *Exchange) override() netip.Addr {
	if x.serverID == x.ownID || x.Link.holds(x.serverID) || x.snap.isConfigured(x.serverID) {
		return netip.Addr{}
	}
	return x.serverID
}

// serverIdentifier returns the Server's own identifier for the client of x:
// the subnet's ServerID, else the link's address inside the
// subnet, else the unicast address that the request was sent to, else the
// link's first address. The result is invalid if there is none.
func serverIdentifier(x *Exchange) netip.Addr {
	if x.sub.hasServerID {
		return x.sub.conf.ServerID
	}
	return x.ownAddr()
}

// ownAddr returns the host's own address towards the client of x; invalid if
// there is none.
func (x *Exchange) ownAddr() netip.Addr {
	if x.Link != nil {
		for _, p := range x.Link.Addrs {
			if a := p.Addr().Unmap(); x.sub.contains(a) {
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
// that it would use itself, any configured one, any address of the link, and
// the one that the relay agent is known by (RFC 5107).
func (x *Exchange) isUs(id netip.Addr) bool {
	return id == x.serverID || id == x.ownID || x.snap.isConfigured(id) || x.Link.holds(id) ||
		isUnicast(id) && x.Local.Addr().Unmap() == id
}

// isBroadcast reports whether a is the broadcast address of a subnet: no relay
// agent and no client has it, and a reply there would reach everybody.
func (x *Exchange) isBroadcast(a netip.Addr) bool {
	n := x.sub
	if !n.contains(a) {
		n = x.snap.subnets.prefix(a)
	}
	return n != nil && n.isBroadcast(a)
}
