package dhcp4_test

import (
	"context"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// packetOf returns the packet that brings r to the Server of l.
func packetOf(t testing.TB, l *lab, r request) dhcp4.Packet {
	t.Helper()
	data, err := r.message().AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return dhcp4.Packet{Data: data, Link: l.link}
}

// TestRequestsThatMakeNoGarbage lists what does not allocate, with the leases
// in memory, when it comes for the second time.
func TestRequestsThatMakeNoGarbage(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	named := option.Options{option.HostName.New("My-Host"), askFor(1, 3, 6, 12, 15, 42, 119), agentInfo()}
	reserved := sender{"02:00:00:00:09:01", "01:02:00:00:00:09:01"}
	stateless := sender{"02:00:00:00:09:02", ""}
	found := sender{"02:00:00:00:09:03", ""}
	tests := []struct {
		name string
		r    request
	}{
		{"renewal", request{from: client1, typ: dhcp4.TypeRequest, ciaddr: ".120", options: named}},
		{"reboot", request{from: client1, typ: dhcp4.TypeRequest, asks: ".120", options: named}},
		{"DISCOVER with a lease", request{from: client1, typ: dhcp4.TypeDiscover, options: named}},
		{"DISCOVER with an offer", request{from: client2, typ: dhcp4.TypeDiscover}},
		{"INFORM", request{from: client1, typ: dhcp4.TypeInform, ciaddr: ".60"}},
		{"NAK", request{from: client2, typ: dhcp4.TypeRequest, server: "us", asks: ".120"}},
		{"reserved", request{from: reserved, typ: dhcp4.TypeRequest, server: "us", asks: ".20"}},
		{"stateless", request{from: stateless, typ: dhcp4.TypeRequest, server: "us", asks: ".21"}},
		{"for another server", request{from: client1, typ: dhcp4.TypeRequest, server: ".2", asks: ".120"}},
		{"no message type", request{from: client1}},
	}
	c := labConfig()
	c.Options = option.Options{option.DomainSearch.New("example.com"), option.NTPServers.New(fullAddr(".5"))}
	c.Subnets[0].Reservations = []dhcp4.Reservation{
		{ClientID: lease.MustParseClientID(reserved.id), Addr: fullAddr(".20"), Hostname: "web"},
		{HardwareAddr: lease.MustParseHardwareAddr(stateless.mac), Addr: fullAddr(".21"), Stateless: true},
	}
	l := newLab(t, c)
	l.expect("lease", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".120", options: named[:1]}, ackOf(".120"))
	measure := func(t *testing.T, l *lab, r request) {
		in, reply := packetOf(t, l, r), make([]byte, 0, 1500)
		ask := func() { l.srv.Respond(context.Background(), in, reply) }
		if n := testing.AllocsPerRun(100, ask); n > 0 {
			t.Errorf("%v allocations", n)
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { measure(t, l, tt.r) })
	}
	t.Run("found before", func(t *testing.T) {
		c.Hosts = dhcp4.HostFinderFunc(func(context.Context, *dhcp4.Exchange) (*dhcp4.Reservation, error) {
			return &dhcp4.Reservation{Addr: fullAddr(".22"), Reuse: time.Hour}, nil
		})
		measure(t, newLab(t, c), request{from: found, typ: dhcp4.TypeRequest, server: "us", asks: ".22"})
	})
}

// BenchmarkDORA has ever new clients: DISCOVER, REQUEST and, so that the pool
// suffices, RELEASE.
func BenchmarkDORA(b *testing.B) {
	l := newLab(b, labConfig())
	from := sender{client1.mac, ""}
	discover := packetOf(b, l, request{from: from, typ: dhcp4.TypeDiscover, options: option.Options{askFor(1, 3, 6, 15)}})
	ask := packetOf(b, l, request{from: from, typ: dhcp4.TypeRequest, server: "us", asks: ".0"})
	release := packetOf(b, l, request{from: from, typ: dhcp4.TypeRelease, ciaddr: ".1"})
	reply := make([]byte, 0, 1500)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		for _, p := range []dhcp4.Packet{discover, ask, release} {
			p.Data[32], p.Data[33] = byte(n>>8), byte(n) // the end of chaddr
		}
		out, err := l.srv.Respond(context.Background(), discover, reply)
		if len(out.Data) == 0 {
			b.Fatal(err)
		}
		copy(ask.Data[245:249], out.Data[16:20]) // yiaddr into option 50
		if out, err = l.srv.Respond(context.Background(), ask, reply); len(out.Data) == 0 {
			b.Fatal(err)
		}
		copy(release.Data[12:16], out.Data[16:20]) // yiaddr into ciaddr
		l.srv.Respond(context.Background(), release, reply)
	}
}
