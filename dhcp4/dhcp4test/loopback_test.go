package dhcp4test_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/dhcp4test"
)

func loopback(t *testing.T, l *dhcp4.Link) (server, client dhcp4.Conn) {
	t.Helper()
	var err error
	if l == nil {
		server, client, err = dhcp4test.Loopback()
	} else {
		server, client, err = dhcp4test.LoopbackLink(l)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close(); client.Close() })
	return server, client
}

// next returns the next packet, within a buffer of size octets.
func next(t *testing.T, c dhcp4.Conn, size int) dhcp4.Packet {
	t.Helper()
	ps := []dhcp4.Packet{{Data: make([]byte, size)}}
	if n, err := c.ReadBatch(ps); n != 1 || err != nil {
		t.Fatalf("ReadBatch = %d, %v; want 1", n, err)
	}
	return ps[0]
}

func TestLoopbackShowsAddressesOfARealLink(t *testing.T) {
	tests := []struct {
		name       string
		link       *dhcp4.Link
		fromServer bool
		p          dhcp4.Packet
		want       string
	}{
		{"broadcast of a client", nil, false,
			dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:67")},
			"loopback: 0.0.0.0:68 > 255.255.255.255:67"},
		{"renewal", nil, false,
			dhcp4.Packet{Peer: netip.MustParseAddrPort("192.0.2.1:67"), Local: netip.MustParseAddrPort("192.0.2.9:68")},
			"loopback: 192.0.2.9:68 > 192.0.2.1:67"},
		{"source without a port", nil, false,
			dhcp4.Packet{Peer: netip.MustParseAddrPort("192.0.2.1:67"), Local: netip.MustParseAddrPort("192.0.2.9:0")},
			"loopback: 192.0.2.9:68 > 192.0.2.1:67"},
		{"reply to a hardware address", nil, true,
			dhcp4.Packet{Peer: netip.MustParseAddrPort("192.0.2.9:68"), HardwareAddr: mac1},
			"loopback: 192.0.2.1:67 > 192.0.2.9:68"},
		{"reply on a link of one's own", link("lan", "192.168.1.1/24"), true,
			dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:68")},
			"lan: 192.168.1.1:67 > 255.255.255.255:68"},
		{"reply on a link without addresses", link("lan"), true,
			dhcp4.Packet{Peer: netip.MustParseAddrPort("10.0.0.1:67")},
			"lan: 0.0.0.0:67 > 10.0.0.1:67"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server, client := loopback(t, tt.link)
			from, to := client, server
			if tt.fromServer {
				from, to = server, client
			}
			tt.p.Data = []byte(tt.name)
			write(t, from, tt.p)
			p := next(t, to, 64)
			if string(p.Data) != tt.name {
				t.Errorf("Data = %q, want %q", p.Data, tt.name)
			}
			if got := fmt.Sprintf("%s: %v > %v", p.Link.Name, p.Peer, p.Local); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestLoopbackServerSeesItsLink(t *testing.T) {
	l := link("lan", "192.168.1.1/24")
	server, client := loopback(t, l)
	write(t, client, dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:67")})
	if p := next(t, server, 8); p.Link != l {
		t.Errorf("Link = %+v, want the pointer given to LoopbackLink", p.Link)
	}
	if _, _, err := dhcp4test.LoopbackLink(nil); err == nil {
		t.Error("LoopbackLink(nil): no error")
	}
}

func TestLoopbackDropsTooLongPackets(t *testing.T) {
	server, client := loopback(t, nil)
	to := netip.MustParseAddrPort("255.255.255.255:67")
	write(t, client, dhcp4.Packet{Peer: to, Data: make([]byte, 9)}, dhcp4.Packet{Peer: to, Data: []byte("fits")})
	if p := next(t, server, 8); string(p.Data) != "fits" {
		t.Errorf("Data = %q, want %q", p.Data, "fits")
	}
}

func TestLoopbackRefusesAddressesThatAreNotIPv4(t *testing.T) {
	server, _ := loopback(t, nil)
	good := dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:68")}
	for _, bad := range []dhcp4.Packet{
		{},
		{Peer: netip.MustParseAddrPort("[2001:db8::1]:68")},
		{Peer: good.Peer, Local: netip.MustParseAddrPort("[2001:db8::1]:67")},
	} {
		if n, err := server.WriteBatch([]dhcp4.Packet{good, bad}); n != 1 || err == nil {
			t.Errorf("WriteBatch of %v = %d, %v; want 1 and an error", bad, n, err)
		}
	}
}

func TestLoopbackReadsEndWithDeadlineAndClose(t *testing.T) {
	server, client := loopback(t, nil)
	ps := []dhcp4.Packet{{Data: make([]byte, 8)}}
	if err := server.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := server.ReadBatch(ps); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("ReadBatch: %v, want os.ErrDeadlineExceeded", err)
	}
	errs := make(chan error)
	go func() {
		_, err := client.ReadBatch([]dhcp4.Packet{{Data: make([]byte, 8)}})
		errs <- err
	}()
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; !errors.Is(err, net.ErrClosed) {
		t.Errorf("ReadBatch: %v, want net.ErrClosed", err)
	}
}

func TestClientOnALoopback(t *testing.T) {
	server, client := loopback(t, link("lan", "192.168.1.1/24"))
	r := &responder{conn: server}
	done := make(chan struct{})
	go func() { defer close(done); r.run() }()
	c := &dhcp4test.Client{Conn: client, HardwareAddr: mac1}
	for _, step := range []func() error{
		func() error { _, err := c.Acquire(t.Context()); return err },
		func() error { _, err := c.Renew(t.Context()); return err },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(bound, stateOf(c), cmpopts.EquateComparable(netip.Addr{})); d != "" {
			t.Errorf("state (-want +got):\n%s", d)
		}
	}
	server.Close()
	<-done

	// A new server needs a new pair; the client goes on with its lease.
	server, c.Conn = loopback(t, link("lan", "192.168.1.1/24"))
	go (&responder{conn: server}).run()
	if _, err := c.Renew(t.Context()); err != nil {
		t.Errorf("Renew after the restart: %v", err)
	}
	if err := c.Release(); err != nil {
		t.Errorf("Release: %v", err)
	}
}

// roundTrip makes a function that sends one packet to the server and reads it.
func roundTrip(server, client dhcp4.Conn) func() error {
	out := []dhcp4.Packet{{Peer: netip.MustParseAddrPort("255.255.255.255:67"), Data: make([]byte, 300)}}
	in := []dhcp4.Packet{{Data: make([]byte, 2048)}}
	return func() error {
		if _, err := client.WriteBatch(out); err != nil {
			return err
		}
		_, err := server.ReadBatch(in)
		return err
	}
}

func TestLoopbackDoesNotAllocate(t *testing.T) {
	trip := roundTrip(loopback(t, nil))
	if n := testing.AllocsPerRun(100, func() {
		if err := trip(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a packet, want 0", n)
	}
}

func BenchmarkLoopback(b *testing.B) {
	server, client, err := dhcp4test.Loopback()
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	defer client.Close()
	trip := roundTrip(server, client)
	b.ReportAllocs()
	for b.Loop() {
		if err := trip(); err != nil {
			b.Fatal(err)
		}
	}
}
