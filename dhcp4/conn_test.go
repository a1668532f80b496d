package dhcp4_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var comparePackets = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{})

// loopbackSocket is a socket on a port of the kernel's choice.
func loopbackSocket(t testing.TB, address string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenPacket("udp4", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.UDPConn)
}

func portOf(c net.PacketConn) uint16 { return c.LocalAddr().(*net.UDPAddr).AddrPort().Port() }

func onLoopback(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

// readOne reads a Packet into a buffer of 2,048 octets.
func readOne(t testing.TB, c dhcp4.Conn) dhcp4.Packet {
	t.Helper()
	ps := []dhcp4.Packet{{Data: make([]byte, 0, 2048)}}
	n, err := c.ReadBatch(ps)
	if n != 1 || err != nil {
		t.Fatalf("ReadBatch = %d, %v, want one packet", n, err)
	}
	return ps[0]
}

func TestPacketConnTellsWhereAPacketCameFrom(t *testing.T) {
	for _, tc := range []struct {
		name, listen string
		local        netip.Addr
	}{
		{"bound to an address", "127.0.0.1:0", netip.MustParseAddr("127.0.0.1")},
		{"bound to none", "0.0.0.0:0", netip.IPv4Unspecified()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			socket, client := loopbackSocket(t, tc.listen), loopbackSocket(t, "127.0.0.1:0")
			link := &dhcp4.Link{Name: "lab"}
			c := dhcp4.NewPacketConn(socket, link)
			if _, err := client.WriteToUDPAddrPort([]byte("hello"), onLoopback(portOf(socket))); err != nil {
				t.Fatal(err)
			}
			got := readOne(t, c)
			want := dhcp4.Packet{
				Data:  []byte("hello"),
				Link:  link,
				Peer:  onLoopback(portOf(client)),
				Local: netip.AddrPortFrom(tc.local, portOf(socket)),
			}
			if diff := cmp.Diff(want, got, comparePackets); diff != "" {
				t.Errorf("packet (-want +got):\n%s", diff)
			}
			if got.Link != link {
				t.Error("the Link is another pointer than the one given")
			}
		})
	}
}

func TestPacketConnReadOverwritesTheLastPacket(t *testing.T) {
	socket, client := loopbackSocket(t, "127.0.0.1:0"), loopbackSocket(t, "127.0.0.1:0")
	c := dhcp4.NewPacketConn(socket, nil)
	ps := []dhcp4.Packet{{
		Data:         make([]byte, 7, 2048),
		HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:00:01"),
		Time:         time.Unix(1, 0),
	}}
	if _, err := client.WriteToUDPAddrPort([]byte("longer than before"), onLoopback(portOf(socket))); err != nil {
		t.Fatal(err)
	}
	if n, err := c.ReadBatch(ps); n != 1 || err != nil {
		t.Fatalf("ReadBatch = %d, %v", n, err)
	}
	if got := ps[0]; string(got.Data) != "longer than before" || !got.HardwareAddr.IsZero() || !got.Time.IsZero() || got.Link == nil {
		t.Errorf("packet %+v has something left from before, or no Link", got)
	}
}

func TestPacketConnLongDatagramFillsItsBuffer(t *testing.T) {
	socket, client := loopbackSocket(t, "127.0.0.1:0"), loopbackSocket(t, "127.0.0.1:0")
	c := dhcp4.NewPacketConn(socket, nil)
	if _, err := client.WriteToUDPAddrPort(make([]byte, 3000), onLoopback(portOf(socket))); err != nil {
		t.Fatal(err)
	}
	if got := readOne(t, c); len(got.Data) != cap(got.Data) {
		t.Errorf("a datagram of 3,000 octets gave %d octets in a buffer of %d", len(got.Data), cap(got.Data))
	}
}

// A strangeConn is a net.PacketConn as some network stack may have it: its
// WriteTo takes only *net.UDPAddr, its errors are its own.
type strangeConn struct {
	net.PacketConn // nil
	local, from    net.Addr
	err            error
	writeErr       error
	written        []netip.AddrPort
}

func (c *strangeConn) LocalAddr() net.Addr                    { return c.local }
func (c *strangeConn) Close() error                           { return nil }
func (c *strangeConn) ReadFrom([]byte) (int, net.Addr, error) { return 0, c.from, c.err }
func (c *strangeConn) WriteTo(p []byte, a net.Addr) (int, error) {
	if c.writeErr != nil && len(c.written) == 1 {
		return 0, c.writeErr
	}
	c.written = append(c.written, a.(*net.UDPAddr).AddrPort())
	return len(p), nil
}

type strangeAddr string

func (a strangeAddr) Network() string { return "strange" }
func (a strangeAddr) String() string  { return string(a) }

type strangeError struct{ timeout bool }

func (strangeError) Error() string   { return "strange" }
func (e strangeError) Timeout() bool { return e.timeout }
func (strangeError) Temporary() bool { return false }

func TestPacketConnReadsForeignAddresses(t *testing.T) {
	for _, tc := range []struct {
		name        string
		local, from net.Addr
		wantLocal   string
		wantPeer    netip.AddrPort
	}{
		{
			"IPv4 mapped into IPv6", &net.UDPAddr{IP: net.ParseIP("192.0.2.1"), Port: 67}, &net.UDPAddr{IP: net.ParseIP("192.0.2.9"), Port: 68},
			"192.0.2.1:67", netip.MustParseAddrPort("192.0.2.9:68"),
		},
		{
			"an address type of its own", strangeAddr("192.0.2.1:67"), strangeAddr("192.0.2.9:68"),
			"192.0.2.1:67", netip.MustParseAddrPort("192.0.2.9:68"),
		},
		{"IPv6 wildcard", &net.UDPAddr{IP: net.IPv6zero, Port: 67}, nil, "0.0.0.0:67", netip.AddrPort{}},
		{"no addresses", nil, nil, "0.0.0.0:0", netip.AddrPort{}},
		{"unreadable", strangeAddr("pipe"), strangeAddr("pipe"), "0.0.0.0:0", netip.AddrPort{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := readOne(t, dhcp4.NewPacketConn(&strangeConn{local: tc.local, from: tc.from}, nil))
			if got.Local != netip.MustParseAddrPort(tc.wantLocal) || got.Peer != tc.wantPeer {
				t.Errorf("Local %v, Peer %v, want %v, %v", got.Local, got.Peer, tc.wantLocal, tc.wantPeer)
			}
		})
	}
}

func TestPacketConnBroadcastsToClientWithoutAddress(t *testing.T) {
	socket := &strangeConn{}
	c := dhcp4.NewPacketConn(socket, nil)
	n, err := c.WriteBatch([]dhcp4.Packet{
		{Peer: netip.MustParseAddrPort("192.0.2.9:68"), HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:00:01")},
		{Peer: netip.MustParseAddrPort("192.0.2.9:68")},
		{Peer: netip.MustParseAddrPort("[::ffff:192.0.2.7]:67")},
	})
	if n != 3 || err != nil {
		t.Fatalf("WriteBatch = %d, %v", n, err)
	}
	want := []netip.AddrPort{
		netip.MustParseAddrPort("255.255.255.255:68"),
		netip.MustParseAddrPort("192.0.2.9:68"),
		netip.MustParseAddrPort("192.0.2.7:67"),
	}
	if diff := cmp.Diff(want, socket.written, comparePackets); diff != "" {
		t.Errorf("written to (-want +got):\n%s", diff)
	}
}

func TestPacketConnWriteBatchStopsAtWhatCannotBeSent(t *testing.T) {
	good := dhcp4.Packet{Peer: netip.MustParseAddrPort("192.0.2.9:68")}
	for _, bad := range []dhcp4.Packet{
		{},
		{Peer: netip.MustParseAddrPort("0.0.0.0:68")},
		{Peer: netip.MustParseAddrPort("192.0.2.9:0")},
		{Peer: netip.MustParseAddrPort("[2001:db8::1]:68")},
	} {
		if n, err := dhcp4.NewPacketConn(&strangeConn{}, nil).WriteBatch([]dhcp4.Packet{good, bad, good}); n != 1 || err == nil {
			t.Errorf("WriteBatch with a packet to %v = %d, %v, want 1 and an error", bad.Peer, n, err)
		}
	}
	refused := errors.New("refused")
	if n, err := dhcp4.NewPacketConn(&strangeConn{writeErr: refused}, nil).WriteBatch([]dhcp4.Packet{good, good}); n != 1 || !errors.Is(err, refused) {
		t.Errorf("WriteBatch = %d, %v, want 1 and what WriteTo said", n, err)
	}
}

func TestPacketConnErrorsAreThoseOfConn(t *testing.T) {
	ps := []dhcp4.Packet{{Data: make([]byte, 10)}}

	c := dhcp4.NewPacketConn(&strangeConn{err: strangeError{timeout: true}}, nil)
	if _, err := c.ReadBatch(ps); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after a timeout: %v, want os.ErrDeadlineExceeded", err)
	}
	c = dhcp4.NewPacketConn(&strangeConn{err: strangeError{}}, nil)
	if _, err := c.ReadBatch(ps); !errors.Is(err, strangeError{}) || errors.Is(err, net.ErrClosed) {
		t.Errorf("error of an open conn: %v, want it as it is", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadBatch(ps); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v, want net.ErrClosed", err)
	}
	if n, err := c.ReadBatch(nil); n != 0 || err != nil {
		t.Errorf("ReadBatch(nil) = %d, %v, want nothing", n, err)
	}
}

// testDeadlineAndClose is for every Conn: a reader in its goroutine is woken by
// a deadline, later reads too, writes go on; then by Close.
func testDeadlineAndClose(t *testing.T, c dhcp4.Conn, peer netip.AddrPort) {
	t.Helper()
	read := func() <-chan error {
		done := make(chan error, 1)
		go func() {
			_, err := c.ReadBatch([]dhcp4.Packet{{Data: make([]byte, 2048)}})
			done <- err
		}()
		return done
	}
	waiting := read()
	if err := c.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-waiting; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ReadBatch after its deadline: %v, want os.ErrDeadlineExceeded", err)
		}
		waiting = read()
	}
	<-waiting
	if n, err := c.WriteBatch([]dhcp4.Packet{{Data: []byte("late"), Peer: peer}}); n != 1 || err != nil {
		t.Errorf("WriteBatch after the read deadline = %d, %v", n, err)
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	waiting = read()
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-waiting; !errors.Is(err, net.ErrClosed) {
		t.Errorf("ReadBatch after Close: %v, want net.ErrClosed", err)
	}
	if n, err := c.WriteBatch([]dhcp4.Packet{{Data: []byte("late"), Peer: peer}}); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("WriteBatch after Close = %d, %v, want net.ErrClosed", n, err)
	}
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close: %v, want net.ErrClosed", err)
	}
}

func TestPacketConnDeadlineAndCloseWakeTheReader(t *testing.T) {
	client := loopbackSocket(t, "127.0.0.1:0")
	testDeadlineAndClose(t, dhcp4.NewPacketConn(loopbackSocket(t, "127.0.0.1:0"), nil), onLoopback(portOf(client)))
}
