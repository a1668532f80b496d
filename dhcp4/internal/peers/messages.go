package main

import (
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// discover is what a Windows client sends first.
func discover() *dhcp4.Message {
	return &dhcp4.Message{
		Op: dhcp4.OpRequest, HType: dhcp4.HTypeEthernet, XID: 0x3903f326,
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"),
		Options: option.Options{
			option.DHCPMessageType.New(uint8(dhcp4.TypeDiscover)),
			option.DHCPClientIdentifier.New([]byte{1, 0x00, 0x0c, 0x29, 0xaa, 0xbb, 0xcc}),
			option.DHCPRequestedAddress.New(netip.MustParseAddr("192.168.1.20")),
			option.HostName.New("DESKTOP-7QK2M9A"),
			option.VendorClassIdentifier.New("MSFT 5.0"),
			option.DHCPParameterRequestList.New(1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252),
		},
	}
}

// relayed is discover as a relay passes it on.
func relayed() *dhcp4.Message {
	m := discover()
	m.Hops = 1
	m.GIAddr = netip.MustParseAddr("10.20.0.1")
	m.Options = append(m.Options, option.DHCPAgentOptions.New(
		option.AgentCircuitID.New([]byte("ge-0/0/7")),
		option.AgentRemoteID.New([]byte{0x00, 0x0c, 0x29, 0xaa, 0xbb, 0xcc}),
		option.AgentLinkSelection.New(netip.MustParseAddr("192.168.1.0")),
	))
	return m
}

// terms are the typed values of an ACK with 12 options.
type terms struct {
	addr, server, broadcast, mask netip.Addr
	lifetime, t1, t2              time.Duration
	routers, nameServers          []netip.Addr
	domain                        string
	search                        []string
	routes                        []option.Route
}

func typicalTerms() terms {
	router := netip.MustParseAddr("192.168.1.1")
	return terms{
		addr: netip.MustParseAddr("192.168.1.20"), server: router,
		broadcast: netip.MustParseAddr("192.168.1.255"), mask: netip.MustParseAddr("255.255.255.0"),
		lifetime: 12 * time.Hour, t1: 6 * time.Hour, t2: 10*time.Hour + 30*time.Minute,
		routers:     []netip.Addr{router},
		nameServers: []netip.Addr{netip.MustParseAddr("192.168.1.10"), netip.MustParseAddr("8.8.8.8")},
		domain:      "lab.example.com",
		search:      []string{"lab.example.com", "corp.example.com", "example.com"},
		routes: []option.Route{
			{Destination: netip.MustParsePrefix("0.0.0.0/0"), Router: router},
			{Destination: netip.MustParsePrefix("10.0.0.0/8"), Router: netip.MustParseAddr("192.168.1.2")},
			{Destination: netip.MustParsePrefix("172.16.5.0/24"), Router: netip.MustParseAddr("192.168.1.3")},
		},
	}
}

// A replier answers a packet with an ACK and does not allocate.
type replier struct {
	terms          terms
	request, reply dhcp4.Message
	arena          option.Arena
}

func (r *replier) appendReply(dst, packet []byte) ([]byte, error) {
	if err := r.request.Unmarshal(packet); err != nil {
		return dst, err
	}
	r.buildACK()
	return r.reply.AppendBinary(dst)
}

func (r *replier) buildACK() {
	in, out, t, a := &r.request, &r.reply, &r.terms, &r.arena
	a.Reset()
	out.Op, out.HType, out.XID, out.Flags = dhcp4.OpReply, in.HType, in.XID, in.Flags
	out.YIAddr, out.GIAddr, out.HardwareAddr = t.addr, in.GIAddr, in.HardwareAddr
	out.Options = append(out.Options[:0],
		option.DHCPMessageType.NewIn(a, uint8(dhcp4.TypeACK)),
		option.DHCPServerIdentifier.NewIn(a, t.server),
		option.DHCPLeaseTime.NewIn(a, t.lifetime),
		option.DHCPRenewalTime.NewIn(a, t.t1),
		option.DHCPRebindingTime.NewIn(a, t.t2),
		option.SubnetMask.NewIn(a, t.mask),
		option.BroadcastAddress.NewIn(a, t.broadcast),
		option.Routers.NewIn(a, t.routers...),
		option.DomainNameServers.NewIn(a, t.nameServers...),
		option.DomainName.NewIn(a, t.domain),
		option.DomainSearch.NewIn(a, t.search...),
		option.ClasslessStaticRoute.NewIn(a, t.routes...),
	)
	if id, ok, _ := option.DHCPClientIdentifier.Get(in.Options); ok {
		out.Options = append(out.Options, option.DHCPClientIdentifier.NewIn(a, id))
	}
}
