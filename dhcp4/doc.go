// Package dhcp4 is a DHCPv4 server to embed (RFC 2131), and the codec and the
// sockets that it is made of.
//
//	srv, err := dhcp4.NewServer(dhcp4.Config{
//		Leases: leases, // a lease.Store, such as memfile's; nil: in memory
//		Subnets: []dhcp4.Subnet{{
//			ID: 1, Prefix: netip.MustParsePrefix("192.168.1.0/24"), Interface: "eth1",
//			Pools:   []dhcp4.Pool{{Range: pool.MustParseRange("192.168.1.100-192.168.1.200")}},
//			Options: option.Options{option.Routers.New(router), option.DomainName.New("lab.example.com")},
//		}},
//	})
//	go srv.ListenAndServe(ctx, "eth1")
//	err = srv.Shutdown(ctx)
//
// A network is plugged in at one of three levels: [Server.Respond] answers one
// packet and has no socket; [Server.Serve] takes any [Conn], which
// [NewPacketConn] makes of a net.PacketConn; [Server.ListenAndServe] and
// [Listen] open Linux sockets; who asks when Listen has returned is heard.
//
// A [Message] is decoded without copying and without allocating, and can be
// used without the Server, as can [ParseFrame] and [AppendFrame]. Real clients
// send damaged packets. Unmarshal
//
//	rejects                                tolerates
//	a packet shorter than 240 octets       no End, or garbage behind it
//	another magic cookie                   a last option that is cut off: it is dropped
//	hlen above 16                          an option without payload; a client id of one octet
//	an option that overruns file or sname  a string with NUL at its end, or without
//	                                       unknown op, htype, flags; no message type
//	                                       a malformed option 52: it is ignored
//
// Where RFC 2131 leaves room the Server does what ISC Kea does; it broadcasts
// NAKs, pads replies to 300 octets and holds offers in memory, as the RFC has
// it. It does not speak DHCPv6, and it does not configure interfaces: their
// addresses are the host's business.
package dhcp4
