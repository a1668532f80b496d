package dhcp4_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/option"
)

// renewal returns a server with one lease and the packet that renews it.
func renewal(t testing.TB) (*dhcp4.Server, dhcp4.Packet) {
	s := newServer(t, testConfig())
	ack, _, err := respond(t, s, message(dhcp4.TypeRequest, option.DHCPServerIdentifier.New(serverID),
		option.DHCPRequestedAddress.New(netip.MustParseAddr("192.168.1.150"))))
	if ack == nil {
		t.Fatal(err)
	}
	m := message(dhcp4.TypeRequest, option.DHCPParameterRequestList.New(1, 3, 6, 15, 119, 51))
	m.CIAddr = ack.YIAddr
	data, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return s, dhcp4.Packet{Data: data, Link: testLink, Peer: netip.AddrPortFrom(ack.YIAddr, 68), Local: netip.AddrPortFrom(serverID, 67)}
}

func BenchmarkRenew(b *testing.B) {
	s, in := renewal(b)
	reply := make([]byte, 0, 1500)
	b.ReportAllocs()
	for b.Loop() {
		out, err := s.Respond(context.Background(), in, reply)
		if len(out.Data) == 0 {
			b.Fatal(err)
		}
	}
}

// TestRenewAllocations keeps garbage off the packet path.
func TestRenewAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	s, in := renewal(t)
	reply := make([]byte, 0, 1500)
	n := testing.AllocsPerRun(100, func() {
		if out, err := s.Respond(context.Background(), in, reply); len(out.Data) == 0 {
			t.Fatal(err)
		}
	})
	if n > 0 {
		t.Errorf("a renewal makes %v allocations", n)
	}
}
