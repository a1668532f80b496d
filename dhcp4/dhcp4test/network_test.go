package dhcp4test_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/dhcp4test"
	"github.com/embedhcp/embedhcp/lease"
)

var (
	mac1 = lease.MustParseHardwareAddr("00:0c:29:00:00:01")
	mac2 = lease.MustParseHardwareAddr("00:0c:29:00:00:02")
	mac3 = lease.MustParseHardwareAddr("00:0c:29:00:00:03")

	allHosts = lease.MustParseHardwareAddr("ff:ff:ff:ff:ff:ff")
)

func link(name string, prefixes ...string) *dhcp4.Link {
	l := &dhcp4.Link{Name: name, HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:00:01")}
	for _, p := range prefixes {
		l.Addrs = append(l.Addrs, netip.MustParsePrefix(p))
	}
	return l
}

// read returns what waits at c now. It needs a bubble, where the deadline does
// not pass before it must.
func read(t *testing.T, c dhcp4.Conn) []dhcp4.Packet {
	t.Helper()
	ps := make([]dhcp4.Packet, 64)
	for i := range ps {
		ps[i].Data = make([]byte, 2048)
	}
	if err := c.SetReadDeadline(time.Now().Add(time.Microsecond)); err != nil {
		t.Fatal(err)
	}
	defer c.SetReadDeadline(time.Time{})
	n, err := c.ReadBatch(ps)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	return ps[:n]
}

func write(t *testing.T, c dhcp4.Conn, ps ...dhcp4.Packet) {
	t.Helper()
	if n, err := c.WriteBatch(ps); n != len(ps) || err != nil {
		t.Fatalf("WriteBatch = %d, %v; want %d", n, err, len(ps))
	}
}

// payloads shows the data of ps.
func payloads(ps []dhcp4.Packet) (s []string) {
	for _, p := range ps {
		s = append(s, string(p.Data))
	}
	return s
}

func TestPacketsReachWhomTheyAreFor(t *testing.T) {
	// s1 and s2 serve lan, s3 serves wan, s4 serves both. Relays are on
	// branch, where no server is.
	type arrivals map[string]string
	tests := []struct {
		name string
		from string
		p    dhcp4.Packet
		want arrivals // the host: link, source, destination
	}{
		{
			name: "broadcast of a client reaches every server of the link and no client",
			from: "c1",
			p:    dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:67")},
			want: arrivals{
				"s1": "lan 0.0.0.0:68 > 255.255.255.255:67",
				"s2": "lan 0.0.0.0:68 > 255.255.255.255:67",
				"s4": "lan 0.0.0.0:68 > 255.255.255.255:67",
			},
		},
		{
			name: "broadcast of a server reaches every client of the link and no server",
			from: "s4",
			p:    dhcp4.Packet{Link: link("lan"), Peer: netip.MustParseAddrPort("255.255.255.255:68")},
			want: arrivals{
				"c1": "lan 192.168.1.4:67 > 255.255.255.255:68",
				"c2": "lan 192.168.1.4:67 > 255.255.255.255:68",
			},
		},
		{
			name: "link-layer broadcast reaches every client of the link",
			from: "s1",
			p:    dhcp4.Packet{Peer: netip.MustParseAddrPort("192.168.1.255:68"), HardwareAddr: allHosts},
			want: arrivals{
				"c1": "lan 192.168.1.1:67 > 192.168.1.255:68",
				"c2": "lan 192.168.1.1:67 > 192.168.1.255:68",
			},
		},
		{
			name: "hardware address reaches that host before it has the IP address",
			from: "s1",
			p:    dhcp4.Packet{Peer: netip.MustParseAddrPort("192.168.1.99:68"), HardwareAddr: mac1},
			want: arrivals{"c1": "lan 192.168.1.1:67 > 192.168.1.99:68"},
		},
		{
			name: "hardware address reaches nobody on another link",
			from: "s1",
			p:    dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:68"), HardwareAddr: mac3},
		},
		{
			name: "hardware address with a port that the host does not listen on",
			from: "s1",
			p:    dhcp4.Packet{Peer: netip.MustParseAddrPort("192.168.1.99:67"), HardwareAddr: mac1},
		},
		{
			name: "IP address without hardware address reaches the host that has it",
			from: "s1",
			p:    dhcp4.Packet{Peer: netip.MustParseAddrPort("192.168.1.102:68")},
			want: arrivals{"c2": "lan 192.168.1.1:67 > 192.168.1.102:68"},
		},
		{
			name: "IP address that nobody has",
			from: "s1",
			p:    dhcp4.Packet{Peer: netip.MustParseAddrPort("192.168.1.99:68")},
		},
		{
			name: "IP address on the link comes before the same elsewhere",
			from: "s4",
			p:    dhcp4.Packet{Link: link("wan"), Peer: netip.MustParseAddrPort("192.168.1.102:68")},
			want: arrivals{"c3": "wan 10.0.0.4:67 > 192.168.1.102:68"},
		},
		{
			name: "relay far away gets the reply on port 67",
			from: "s1",
			p:    dhcp4.Packet{Peer: netip.MustParseAddrPort("172.16.0.1:67")},
			want: arrivals{"r": "branch 192.168.1.1:67 > 172.16.0.1:67"},
		},
		{
			name: "relay does not get what is for port 68",
			from: "s1",
			p:    dhcp4.Packet{Peer: netip.MustParseAddrPort("172.16.0.1:68")},
		},
		{
			name: "relay reaches a server by its address",
			from: "r",
			p:    dhcp4.Packet{Peer: netip.MustParseAddrPort("10.0.0.4:67"), Local: netip.MustParseAddrPort("172.16.0.1:67")},
			want: arrivals{"s4": "wan 172.16.0.1:67 > 10.0.0.4:67"},
		},
		{
			name: "renewal comes in on the link of the client",
			from: "c3",
			p:    dhcp4.Packet{Peer: netip.MustParseAddrPort("192.168.1.4:67"), Local: netip.MustParseAddrPort("10.0.0.9:68")},
			want: arrivals{"s4": "wan 10.0.0.9:68 > 192.168.1.4:67"},
		},
		{
			name: "broadcast on a link without servers reaches nobody",
			from: "r",
			p:    dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:67")},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := dhcp4test.NewNetwork(nil)
				defer n.Close()
				c2, c3, r := n.Client("lan", mac2), n.Client("wan", mac3), n.Client("branch", mac1)
				hosts := map[string]*dhcp4test.Host{
					"s1": n.Server(link("lan", "192.168.1.1/24")),
					"s2": n.Server(link("lan", "192.168.1.2/24")),
					"s3": n.Server(link("wan", "10.0.0.3/8")),
					"s4": n.Server(link("lan", "192.168.1.4/24"), link("wan", "10.0.0.4/8")),
					"c1": n.Client("lan", mac1),
					"c2": c2, "c3": c3, "r": r,
				}
				c2.AddAddr(netip.MustParseAddrPort("192.168.1.102:68"))
				c3.AddAddr(netip.MustParseAddrPort("192.168.1.102:68"))
				r.AddAddr(netip.MustParseAddrPort("172.16.0.1:67"))

				write(t, hosts[tt.from], tt.p)
				got := arrivals{}
				for name, h := range hosts {
					for _, p := range read(t, h) {
						got[name] += fmt.Sprintf("%s %v > %v", p.Link.Name, p.Peer, p.Local)
					}
				}
				if tt.want == nil {
					tt.want = arrivals{}
				}
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Errorf("arrivals (-want +got):\n%s", d)
				}
				wantStats := dhcp4test.Stats{Sent: 1, Delivered: uint64(len(tt.want))}
				if len(tt.want) == 0 {
					wantStats.Unreachable = 1
				}
				if d := cmp.Diff(wantStats, n.Stats()); d != "" {
					t.Errorf("Stats (-want +got):\n%s", d)
				}
			})
		})
	}
}

func TestServerSeesTheLinkPointerItWasGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := dhcp4test.NewNetwork(nil)
		defer n.Close()
		lan := link("lan", "192.168.1.1/24")
		s := n.Server(lan)
		write(t, n.Client("lan", mac1), dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:67")})
		ps := read(t, s)
		if len(ps) != 1 || ps[0].Link != lan {
			t.Fatalf("read %v, want one packet with the Link %p", ps, lan)
		}
		if !ps[0].HardwareAddr.IsZero() || !ps[0].Time.IsZero() {
			t.Errorf("HardwareAddr %v and Time %v, want neither", ps[0].HardwareAddr, ps[0].Time)
		}
	})
}

func TestRemovedAddressIsUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := dhcp4test.NewNetwork(nil)
		defer n.Close()
		s, c := n.Server(link("lan", "192.168.1.1/24")), n.Client("lan", mac1)
		to := netip.MustParseAddrPort("192.168.1.100:68")
		c.AddAddr(netip.AddrPortFrom(to.Addr(), 0))
		c.AddAddr(to) // the same: port 68 is a client's default
		write(t, s, dhcp4.Packet{Peer: to, Data: []byte("held")})
		c.RemoveAddr(to)
		write(t, s, dhcp4.Packet{Peer: to, Data: []byte("removed")})
		if d := cmp.Diff([]string{"held"}, payloads(read(t, c))); d != "" {
			t.Errorf("payloads (-want +got):\n%s", d)
		}
	})
}

func TestReadBatchReturnsAllThatArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := dhcp4test.NewNetwork(nil)
		defer n.Close()
		s, c := n.Server(link("lan", "192.168.1.1/24")), n.Client("lan", mac1)
		to := netip.MustParseAddrPort("255.255.255.255:67")
		buf := []byte("a")
		for _, b := range []byte("abcde") {
			buf[0] = b // WriteBatch must have copied the one before
			write(t, c, dhcp4.Packet{Peer: to, Data: buf})
		}
		ps := []dhcp4.Packet{{Data: make([]byte, 8)}, {Data: make([]byte, 0, 8)}, {Data: make([]byte, 8)}}
		k, err := s.ReadBatch(ps)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"a", "b", "c"}, payloads(ps[:k])); d != "" {
			t.Errorf("first batch (-want +got):\n%s", d)
		}
		if d := cmp.Diff([]string{"d", "e"}, payloads(read(t, s))); d != "" {
			t.Errorf("second batch (-want +got):\n%s", d)
		}
	})
}

func TestTooLongPacketIsDroppedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := dhcp4test.NewNetwork(nil)
		defer n.Close()
		s, c := n.Server(link("lan", "192.168.1.1/24")), n.Client("lan", mac1)
		to := netip.MustParseAddrPort("255.255.255.255:67")
		write(t, c, dhcp4.Packet{Peer: to, Data: make([]byte, 9)}, dhcp4.Packet{Peer: to, Data: []byte("fits")})
		ps := []dhcp4.Packet{{Data: make([]byte, 8)}}
		k, err := s.ReadBatch(ps)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"fits"}, payloads(ps[:k])); d != "" {
			t.Errorf("payloads (-want +got):\n%s", d)
		}
		if got := n.Stats().TooLong; got != 1 {
			t.Errorf("TooLong = %d, want 1", got)
		}
	})
}

func TestFullQueueOverflows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := dhcp4test.NewNetwork(&dhcp4test.NetworkOptions{QueueLen: 2})
		defer n.Close()
		s, c := n.Server(link("lan", "192.168.1.1/24")), n.Client("lan", mac1)
		to := netip.MustParseAddrPort("255.255.255.255:67")
		for _, data := range []string{"a", "b", "c"} {
			write(t, c, dhcp4.Packet{Peer: to, Data: []byte(data)})
		}
		if d := cmp.Diff([]string{"a", "b"}, payloads(read(t, s))); d != "" {
			t.Errorf("payloads (-want +got):\n%s", d)
		}
		if d := cmp.Diff(dhcp4test.Stats{Sent: 3, Delivered: 2, Overflowed: 1}, n.Stats()); d != "" {
			t.Errorf("Stats (-want +got):\n%s", d)
		}
	})
}

func TestWriteBatchRefusesWhatCannotBeSent(t *testing.T) {
	n := dhcp4test.NewNetwork(nil)
	defer n.Close()
	s := n.Server(link("lan", "192.168.1.1/24"))
	good := dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:68")}
	tests := map[string]dhcp4.Packet{
		"no destination":          {},
		"unspecified destination": {Peer: netip.MustParseAddrPort("0.0.0.0:68")},
		"no port":                 {Peer: netip.MustParseAddrPort("192.168.1.100:0")},
		"IPv6":                    {Peer: netip.MustParseAddrPort("[2001:db8::1]:68")},
		"foreign link":            {Peer: good.Peer, Link: link("wan")},
	}
	for name, bad := range tests {
		t.Run(name, func(t *testing.T) {
			if k, err := s.WriteBatch([]dhcp4.Packet{good, bad, good}); k != 1 || err == nil {
				t.Errorf("WriteBatch = %d, %v; want 1 and an error", k, err)
			}
		})
	}
	if k, err := n.Server().WriteBatch([]dhcp4.Packet{good}); k != 0 || err == nil {
		t.Errorf("WriteBatch of a Host without a link = %d, %v; want 0 and an error", k, err)
	}
}

func TestLatencyIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := dhcp4test.NewNetwork(&dhcp4test.NetworkOptions{Latency: 30 * time.Millisecond})
		defer n.Close()
		s, c := n.Server(link("lan", "192.168.1.1/24")), n.Client("lan", mac1)
		to := netip.MustParseAddrPort("255.255.255.255:67")
		began := time.Now()
		go func() {
			write(t, c, dhcp4.Packet{Peer: to, Data: []byte("a")})
			time.Sleep(10 * time.Millisecond)
			write(t, c, dhcp4.Packet{Peer: to, Data: []byte("b")})
		}()
		var got []time.Duration
		for range 2 {
			if k, err := s.ReadBatch([]dhcp4.Packet{{Data: make([]byte, 8)}, {Data: make([]byte, 8)}}); k != 1 || err != nil {
				t.Fatalf("ReadBatch = %d, %v; want 1", k, err)
			}
			got = append(got, time.Since(began))
		}
		if d := cmp.Diff([]time.Duration{30 * time.Millisecond, 40 * time.Millisecond}, got); d != "" {
			t.Errorf("arrivals (-want +got):\n%s", d)
		}
	})
}

func TestReadDeadlineWakesAndStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := dhcp4test.NewNetwork(nil)
		defer n.Close()
		s, c := n.Server(link("lan", "192.168.1.1/24")), n.Client("lan", mac1)
		began := time.Now()
		s.SetReadDeadline(began.Add(5 * time.Second))
		go func() {
			time.Sleep(time.Second)
			s.SetReadDeadline(began.Add(2 * time.Second)) // while the other side waits
		}()
		ps := []dhcp4.Packet{{Data: make([]byte, 8)}}
		if _, err := s.ReadBatch(ps); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ReadBatch: %v, want os.ErrDeadlineExceeded", err)
		}
		if got := time.Since(began); got != 2*time.Second {
			t.Errorf("woke after %v, want 2s", got)
		}
		write(t, c, dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:67")})
		if _, err := s.ReadBatch(ps); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ReadBatch after the deadline: %v, want os.ErrDeadlineExceeded", err)
		}
		s.SetReadDeadline(time.Time{})
		if k, err := s.ReadBatch(ps); k != 1 || err != nil {
			t.Errorf("ReadBatch without a deadline = %d, %v; want 1", k, err)
		}
	})
}

func TestCloseEndsReadsAndDetaches(t *testing.T) {
	for _, tt := range []struct {
		name  string
		close func(*dhcp4test.Network, *dhcp4test.Host) error
	}{
		{"of the Host", func(_ *dhcp4test.Network, h *dhcp4test.Host) error { return h.Close() }},
		{"of the Network", func(n *dhcp4test.Network, _ *dhcp4test.Host) error { return n.Close() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := dhcp4test.NewNetwork(nil)
				defer n.Close()
				h := n.Client("lan", mac1)
				h.SetReadDeadline(time.Now().Add(time.Hour))
				errs := make(chan error)
				for range 2 {
					go func() {
						_, err := h.ReadBatch(make([]dhcp4.Packet, 1))
						errs <- err
					}()
				}
				synctest.Wait()
				for range 2 {
					if err := tt.close(n, h); err != nil {
						t.Errorf("Close: %v", err)
					}
				}
				for range 2 {
					if err := <-errs; !errors.Is(err, net.ErrClosed) {
						t.Errorf("ReadBatch: %v, want net.ErrClosed", err)
					}
				}
				if _, err := h.WriteBatch([]dhcp4.Packet{{Peer: netip.MustParseAddrPort("255.255.255.255:67")}}); !errors.Is(err, net.ErrClosed) {
					t.Errorf("WriteBatch: %v, want net.ErrClosed", err)
				}
				if err := h.SetReadDeadline(time.Now()); !errors.Is(err, net.ErrClosed) {
					t.Errorf("SetReadDeadline: %v, want net.ErrClosed", err)
				}
				h.AddAddr(netip.MustParseAddrPort("192.168.1.100:68")) // has no effect
			})
		})
	}
}

func TestClosedNetworkMakesClosedHosts(t *testing.T) {
	n := dhcp4test.NewNetwork(nil)
	n.Close()
	if _, err := n.Client("lan", mac1).ReadBatch(make([]dhcp4.Packet, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("ReadBatch: %v, want net.ErrClosed", err)
	}
}

// TestNetworkInUseByMany is for the race detector.
func TestNetworkInUseByMany(t *testing.T) {
	f := dhcp4test.Faults{Loss: 0.1, Duplicate: 0.1, Delay: 0.5, Jitter: time.Millisecond}
	n := dhcp4test.NewNetwork(&dhcp4test.NetworkOptions{ToServer: f, ToClient: f})
	s := n.Server(link("lan", "192.168.1.1/24"))
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() { // an echo server
			ps := make([]dhcp4.Packet, 8)
			for i := range ps {
				ps[i].Data = make([]byte, 64)
			}
			for {
				k, err := s.ReadBatch(ps)
				if err != nil {
					return
				}
				for i := range ps[:k] {
					ps[i].Local = netip.AddrPort{}
				}
				s.WriteBatch(ps[:k])
			}
		})
	}
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 168, 1, byte(100 + i)}), 68)
			for range 50 {
				c := n.Client("lan", lease.HardwareAddr{})
				c.AddAddr(a)
				c.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
				c.WriteBatch([]dhcp4.Packet{{Peer: netip.MustParseAddrPort("255.255.255.255:67"), Local: a, Data: []byte("x")}})
				c.ReadBatch([]dhcp4.Packet{{Data: make([]byte, 64)}})
				c.RemoveAddr(a)
				c.Close()
			}
		})
	}
	clients.Wait()
	n.Close()
	all.Wait()
	if s := n.Stats(); s.Delivered == 0 || s.Lost == 0 || s.Duplicated == 0 {
		t.Errorf("%+v: too little happened", s)
	}
}

func BenchmarkNetwork(b *testing.B) {
	const batch = 32
	n := dhcp4test.NewNetwork(nil)
	defer n.Close()
	s, c := n.Server(link("lan", "192.168.1.1/24")), n.Client("lan", mac1)
	out, in := make([]dhcp4.Packet, batch), make([]dhcp4.Packet, batch)
	for i := range out {
		out[i] = dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:67"), Data: make([]byte, 300)}
		in[i].Data = make([]byte, 2048)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.WriteBatch(out); err != nil {
			b.Fatal(err)
		}
		if k, err := s.ReadBatch(in); k != batch || err != nil {
			b.Fatal(k, err)
		}
	}
	runtime.KeepAlive(in)
}
