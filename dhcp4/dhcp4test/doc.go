// Package dhcp4test tests DHCPv4 servers and whatever embeds one: an
// in-memory [Network] with loss, duplication and reordering, a scripted
// [Client] that works there and on real sockets alike, and [Loopback], a pair
// of Conns that needs neither root nor a network.
//
//	n := dhcp4test.NewNetwork(nil)
//	defer n.Close()
//	lan := &dhcp4.Link{Name: "lan", Addrs: []netip.Prefix{netip.MustParsePrefix("192.168.1.1/24")}}
//	go srv.Serve(ctx, n.Server(lan))
//
//	mac := lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc")
//	c := &dhcp4test.Client{Conn: n.Client("lan", mac), HardwareAddr: mac}
//	ack, err := c.Acquire(ctx) // DISCOVER, OFFER, REQUEST, ACK
//	ack, err = c.Renew(ctx)
//
// A Network and its Clients wait on time and on locks of package sync only, so
// they run in a testing/synctest bubble, where timeouts and latencies take no
// time; the Network must be made inside the bubble. A Loopback is for real
// time.
//
// It is not a DHCP client for production: a Client does what it is told and
// no more. It configures no interface, runs no timers of its own, does not
// probe addresses and does not store what it got. The Network carries UDP
// payloads between hosts; it has no ARP, no fragments and no firewall.
package dhcp4test
