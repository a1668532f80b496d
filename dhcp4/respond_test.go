package dhcp4_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// The tutorial network, as most tests use it.
var (
	testLink = &dhcp4.Link{
		Name: "ens33", Index: 2,
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:00:00:01"),
		Addrs:        []netip.Prefix{netip.MustParsePrefix("192.168.1.1/24")},
	}
	testMAC   = lease.MustParseHardwareAddr("00:0c:29:11:22:33")
	otherMAC  = lease.MustParseHardwareAddr("00:0c:29:11:22:44")
	serverID  = netip.MustParseAddr("192.168.1.1")
	broadcast = netip.MustParseAddrPort("255.255.255.255:67")
)

func testConfig() dhcp4.Config {
	return dhcp4.Config{
		Lifetime: 43200 * time.Second, T1: 21600 * time.Second, T2: 37800 * time.Second,
		Subnets: []dhcp4.Subnet{{
			ID: 1, Prefix: netip.MustParsePrefix("192.168.1.0/24"), Interface: "ens33",
			Pools: []dhcp4.Pool{{Range: pool.MustParseRange("192.168.1.100-192.168.1.200")}},
			Options: option.Options{
				option.Routers.New(serverID),
				option.DomainNameServers.New(netip.MustParseAddr("192.168.1.10"), netip.MustParseAddr("8.8.8.8")),
				option.DomainName.New("lab.example.com"),
				option.DomainSearch.New("lab.example.com"),
			},
			Reservations: []dhcp4.Reservation{
				{HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"), Addr: netip.MustParseAddr("192.168.1.20"), Hostname: "web-server"},
				{HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:dd:ee:ff"), Addr: netip.MustParseAddr("192.168.1.30"), Hostname: "db-server"},
			},
		}},
	}
}

func newServer(t testing.TB, c dhcp4.Config) *dhcp4.Server {
	t.Helper()
	s, err := dhcp4.NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		noteReasons(s)
	})
	return s
}

// message makes a request of the test client.
func message(t dhcp4.MessageType, opts ...option.Option) *dhcp4.Message {
	return &dhcp4.Message{
		Op: dhcp4.OpRequest, HType: dhcp4.HTypeEthernet, XID: 0x12345678, HardwareAddr: testMAC,
		Options: append(option.Options{option.DHCPMessageType.New(uint8(t))}, opts...),
	}
}

// respond hands m to the server and decodes the answer; nil is silence.
func respond(t testing.TB, s *dhcp4.Server, m *dhcp4.Message) (*dhcp4.Message, dhcp4.Packet, error) {
	t.Helper()
	data, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	in := dhcp4.Packet{Data: data, Link: testLink, Peer: netip.MustParseAddrPort("0.0.0.0:68"), Local: broadcast}
	if m.CIAddr.IsValid() && !m.CIAddr.IsUnspecified() {
		in.Peer = netip.AddrPortFrom(m.CIAddr, 68)
	}
	out, err := s.Respond(context.Background(), in, nil)
	if len(out.Data) == 0 {
		if err == nil {
			t.Fatal("silence without a reason")
		}
		return nil, out, err
	}
	var r dhcp4.Message
	if e := r.Unmarshal(out.Data); e != nil {
		t.Fatal(e)
	}
	return &r, out, err
}

func TestDORA(t *testing.T) {
	s := newServer(t, testConfig())
	offer, _, err := respond(t, s, message(dhcp4.TypeDiscover, option.DHCPParameterRequestList.New(1, 3, 6, 15, 119, 51)))
	if offer == nil {
		t.Fatal(err)
	}
	t.Log(offer)
	ack, out, err := respond(t, s, message(dhcp4.TypeRequest, option.DHCPServerIdentifier.New(serverID), option.DHCPRequestedAddress.New(offer.YIAddr)))
	if ack == nil {
		t.Fatal(err)
	}
	t.Log(ack)
	if ack.Type() != dhcp4.TypeACK || ack.YIAddr != offer.YIAddr {
		t.Errorf("got %v", ack)
	}
	if want := netip.AddrPortFrom(ack.YIAddr, 68); out.Peer != want || out.HardwareAddr != testMAC {
		t.Errorf("sent to %v %v, want %v %v", out.Peer, out.HardwareAddr, want, testMAC)
	}
}
