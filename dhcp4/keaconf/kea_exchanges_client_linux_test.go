package keaconf_test

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	dhcp "github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// relayAgent sends what is relayed, and what comes from other networks.
var relayAgent = lease.MustParseHardwareAddr("02:ee:00:00:00:99")

// A dhcpClient is who sends the requests, or who has a lease.
type dhcpClient struct {
	hardwareAddr lease.HardwareAddr
	id           []byte // client identifier; nil: none
}

// An exchangeCase is a client in a situation of its own: its leases,
// reservations and addresses are in no other case.
type exchangeCase struct {
	name   string
	link   *dhcp.Link
	subnet uint32
	giaddr netip.Addr // of the relay agent; if zero, there is none
	agent  bool       // it adds its information
	port   string     // the circuit id there; if empty, "port7"

	me, other   dhcpClient
	want        netip.Addr // the address that the requests are about
	second      netip.Addr // another one
	outside     netip.Addr // one that is in no pool
	elsewhere   netip.Addr // one in a pool of another subnet
	elsewhereID uint32     // that subnet
	rows, hosts []string   // of the lease file and of the configuration
	steps       []exchangeStep
}

// An exchangeStep is one request.
type exchangeStep struct {
	name      string
	kind      dhcp.MessageType
	ciaddr    bool // it has the address as ciaddr
	requested bool // as option 50
	offered   bool // it is about the address of the answer before, not the wanted one
	server    string
	unicast   bool   // from the client's own address to the server's, through no relay agent
	relayPort uint16 // the relay agent sends from; if zero, 67
	flags     uint16
	noList    bool            // it has no parameter request list
	options   []option.Option // besides
	htype     uint8           // if zero, 1
	noAddress bool            // chaddr is empty
}

// serverIDs are the values of exchangeStep.server.
var serverIDs = map[string]netip.Addr{"other": netip.MustParseAddr("10.9.9.9")}

// sender is the hardware address that the requests come from.
func (c *exchangeCase) sender() lease.HardwareAddr {
	if c.giaddr.IsValid() {
		return relayAgent
	}
	return c.me.hardwareAddr
}

// frame makes the request of a step.
func (c *exchangeCase) frame(t *testing.T, s exchangeStep, xid uint32, offered netip.Addr) []byte {
	t.Helper()
	addr := c.want
	if s.offered {
		addr = offered
	}
	m := dhcp.Message{Op: dhcp.OpRequest, HType: max(s.htype, 1), XID: xid, Flags: s.flags, HardwareAddr: c.me.hardwareAddr}
	if s.noAddress {
		m.HardwareAddr = lease.HardwareAddr{}
	}
	if s.ciaddr {
		m.CIAddr = addr
	}
	m.Options = append(m.Options, option.DHCPMessageType.New(uint8(s.kind)))
	if s.requested {
		m.Options = append(m.Options, option.DHCPRequestedAddress.New(addr))
	}
	serverAddr := c.link.Addrs[0].Addr()
	switch s.server {
	case "ours":
		m.Options = append(m.Options, option.DHCPServerIdentifier.New(serverAddr))
	case "other":
		m.Options = append(m.Options, option.DHCPServerIdentifier.New(serverIDs["other"]))
	}
	if !s.noList {
		m.Options = append(m.Options, option.DHCPParameterRequestList.New(1, 2, 3, 6, 12, 15, 42, 51, 54, 58, 59, 66, 67, 119))
	}
	if c.me.id != nil {
		m.Options = append(m.Options, option.Option{Code: 61, Data: c.me.id})
	}
	m.Options = append(m.Options, s.options...)
	to := dhcp.Packet{
		Link: &dhcp.Link{HardwareAddr: c.sender()}, HardwareAddr: hardwareAddr([]byte{255, 255, 255, 255, 255, 255}),
		Peer: netip.MustParseAddrPort("255.255.255.255:67"), Local: netip.MustParseAddrPort("0.0.0.0:68"),
	}
	switch {
	case s.unicast:
		to.HardwareAddr, to.Peer = c.link.HardwareAddr, netip.AddrPortFrom(serverAddr, 67)
		to.Local = netip.AddrPortFrom(addr, 68)
	case c.giaddr.IsValid():
		m.GIAddr, m.Hops = c.giaddr, 1
		to.HardwareAddr, to.Peer = c.link.HardwareAddr, netip.AddrPortFrom(serverAddr, 67)
		to.Local = netip.AddrPortFrom(c.giaddr, cmp.Or(s.relayPort, 67))
		if c.agent {
			port := cmp.Or(c.port, "port7")
			info := append([]byte{1, byte(len(port))}, port...)
			m.Options = append(m.Options, option.Option{Code: 82, Data: append(info, "\x02\x03abc"...)})
		}
	}
	var err error
	if to.Data, err = m.AppendBinary(nil); err != nil {
		t.Fatal(c.name, ": ", err)
	}
	f, err := dhcp.AppendFrame(nil, to)
	if err != nil {
		t.Fatal(c.name, ": ", err)
	}
	return f
}

// hold adds a lease to the file, of which there is half an hour left, or, if it
// is over, which ended ten minutes ago.
func (c *exchangeCase) hold(addr netip.Addr, who dhcpClient, state lease.State, over bool) {
	const lifetime = 3000
	expires := time.Now().Add(30 * time.Minute).Unix()
	if over {
		expires = time.Now().Add(-10 * time.Minute).Unix()
	}
	mac, id := who.hardwareAddr.String(), hexText(string(who.id))
	if state == lease.StateDeclined {
		mac, id = "", ""
	}
	subnet := c.subnet
	if addr == c.elsewhere {
		subnet = c.elsewhereID
	}
	c.rows = append(c.rows, fmt.Sprintf("%v,%s,%s,%d,%d,%d,0,0,,%d,", addr, mac, id, lifetime, expires, subnet, state))
}

// reserve adds a reservation to the configuration.
func (c *exchangeCase) reserve(addr netip.Addr, who dhcpClient, more ...string) {
	members := append([]string{fmt.Sprintf("%q: %q", "hw-address", who.hardwareAddr)}, more...)
	if addr.IsValid() {
		members = append(members, fmt.Sprintf("%q: %q", "ip-address", addr))
	}
	c.hosts = append(c.hosts, "{ "+strings.Join(members, ", ")+" }")
}
