package dhcp4_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// listen is Listen with a Conn that ends with the test, and a reader that does
// not wait for ever.
func listen(t testing.TB, lc *dhcp4.ListenConfig, name string) dhcp4.Conn {
	t.Helper()
	c, err := lc.Listen(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// freePort is a port that was free a moment ago.
func freePort(t testing.TB) uint16 {
	c := loopbackSocket(t, "127.0.0.1:0")
	defer c.Close()
	return portOf(c)
}

func writeOne(t *testing.T, c dhcp4.Conn, p dhcp4.Packet) {
	t.Helper()
	if n, err := c.WriteBatch([]dhcp4.Packet{p}); n != 1 || err != nil {
		t.Errorf("WriteBatch = %d, %v", n, err)
	}
}

func TestListenTellsWhereAPacketWasSentTo(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	c, client := listen(t, new(dhcp4.ListenConfig), "srv0"), h.station(t)
	ifi, err := net.InterfaceByName("srv0")
	if err != nil {
		t.Fatal(err)
	}
	run(t, "ip", "addr", "add", "192.0.2.1/32", "dev", "lo")
	time.Sleep(20 * time.Millisecond) // so that an address which is missing in the Link is looked for
	var link *dhcp4.Link
	for _, tc := range []struct{ name, from, to, local string }{
		{"a client without an address", "0.0.0.0:68", "255.255.255.255:67", "255.255.255.255:67"},
		{"a client that rebinds", "192.168.1.7:68", "255.255.255.255:67", "255.255.255.255:67"},
		{"the subnet's broadcast", "192.168.1.7:68", "192.168.1.255:67", "255.255.255.255:67"},
		{"a client that renews", "192.168.1.7:68", "192.168.1.1:67", "192.168.1.1:67"},
		{"a relay that knows an address of another interface", "192.168.1.2:67", "192.0.2.1:67", "192.0.2.1:67"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			client.send(t, tc.from, tc.to, tc.name)
			got := readOne(t, c)
			want := dhcp4.Packet{
				Data: []byte(tc.name),
				Link: &dhcp4.Link{
					Name:         "srv0",
					Index:        ifi.Index,
					HardwareAddr: lease.MustParseHardwareAddr(serverMAC),
					Addrs:        []netip.Prefix{netip.MustParsePrefix("192.168.1.1/24")},
				},
				Peer:  netip.MustParseAddrPort(tc.from),
				Local: netip.MustParseAddrPort(tc.local),
			}
			if diff := cmp.Diff(want, got, comparePackets); diff != "" {
				t.Errorf("packet (-want +got):\n%s", diff)
			}
			if link != nil && got.Link != link {
				t.Error("another *Link although nothing changed")
			}
			link = got.Link
		})
	}
}

func TestListenRepliesReachClientsWithoutAddress(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	c, client := listen(t, new(dhcp4.ListenConfig), "srv0"), h.station(t)
	addrPort := netip.MustParseAddrPort
	var ps []dhcp4.Packet
	var want []frame
	for _, tc := range []struct {
		name string
		p    dhcp4.Packet
		want frame
	}{
		{
			"unicast", dhcp4.Packet{Peer: addrPort("192.168.1.100:68"), HardwareAddr: lease.MustParseHardwareAddr(clientMAC)},
			frame{DstMAC: clientMAC, Src: addrPort("192.168.1.1:67"), Dst: addrPort("192.168.1.100:68")},
		},
		{
			"broadcast", dhcp4.Packet{Peer: addrPort("255.255.255.255:68")},
			frame{DstMAC: everyoneMAC, Src: addrPort("192.168.1.1:67"), Dst: addrPort("255.255.255.255:68")},
		},
		{
			"from another address", dhcp4.Packet{
				Peer: addrPort("192.168.1.100:68"), Local: addrPort("192.0.2.7:67"), HardwareAddr: lease.MustParseHardwareAddr(clientMAC),
			},
			frame{DstMAC: clientMAC, Src: addrPort("192.0.2.7:67"), Dst: addrPort("192.168.1.100:68")},
		},
		{
			"an answer from where a broadcast went", dhcp4.Packet{Peer: addrPort("255.255.255.255:68"), Local: addrPort("255.255.255.255:67")},
			frame{DstMAC: everyoneMAC, Src: addrPort("192.168.1.1:67"), Dst: addrPort("255.255.255.255:68")},
		},
		{
			"no Ethernet address", dhcp4.Packet{Peer: addrPort("192.168.1.100:68"), HardwareAddr: lease.MustParseHardwareAddr("01:02:03:04:05:06:07:08")},
			frame{DstMAC: everyoneMAC, Src: addrPort("192.168.1.1:67"), Dst: addrPort("255.255.255.255:68")},
		},
	} {
		tc.p.Data, tc.want.Data = []byte(tc.name), tc.name
		ps, want = append(ps, tc.p), append(want, tc.want)
		t.Run(tc.name, func(t *testing.T) {
			writeOne(t, c, tc.p)
			client.want(t, tc.want)
		})
	}
	t.Run("all in one batch", func(t *testing.T) {
		if n, err := c.WriteBatch(ps); n != len(ps) || err != nil {
			t.Errorf("WriteBatch = %d, %v, want %d", n, err, len(ps))
		}
		for _, w := range want {
			client.want(t, w)
		}
	})
}

func TestListenFragmentsReplyLongerThanTheMTU(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	c, client := listen(t, new(dhcp4.ListenConfig), "srv0"), h.station(t)
	to := dhcp4.Packet{Peer: netip.MustParseAddrPort("192.168.1.100:68"), HardwareAddr: lease.MustParseHardwareAddr(clientMAC)}
	short, long := to, to
	short.Data, long.Data = []byte("short"), make([]byte, 2000)
	if n, err := c.WriteBatch([]dhcp4.Packet{short, long, short}); n != 3 || err != nil {
		t.Fatalf("WriteBatch = %d, %v", n, err)
	}
	unicast := frame{DstMAC: clientMAC, Src: netip.MustParseAddrPort("192.168.1.1:67"), Dst: to.Peer, Data: "short"}
	client.want(t, unicast)
	client.want(t, frame{
		DstMAC: everyoneMAC, Src: netip.MustParseAddrPort("192.168.1.1:67"), Dst: netip.MustParseAddrPort("255.255.255.255:68"), More: true,
	})
	client.want(t, unicast)
}

func TestListenRepliesToRelay(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	run(t, "ip", "-n", h.client, "addr", "add", "192.168.1.2/24", "dev", "cli0")
	run(t, "ip", "addr", "add", "192.168.1.3/24", "dev", "srv0")
	run(t, "ip", "addr", "add", "192.0.2.1/32", "dev", "lo")
	run(t, "ip", "-n", h.client, "route", "add", "192.0.2.1", "via", "192.168.1.1")
	var relay *net.UDPConn
	h.onClient(t, func() (err error) {
		relay, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(192, 168, 1, 2), Port: 67})
		return err
	})
	defer relay.Close()
	if err := relay.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	c := listen(t, new(dhcp4.ListenConfig), "srv0")
	for _, tc := range []struct {
		name          string
		local, source string
	}{
		{"the Conn chooses", "0.0.0.0:67", "192.168.1.1:67"},
		{"the link's second address", "192.168.1.3:67", "192.168.1.3:67"},
		{"an address of another interface", "192.0.2.1:67", "192.0.2.1:67"},
		{"an address that the host does not have", "198.51.100.1:67", "192.168.1.1:67"},
		{"where a broadcast went", "255.255.255.255:67", "192.168.1.1:67"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := dhcp4.Packet{Data: []byte(tc.name), Peer: netip.MustParseAddrPort("192.168.1.2:67"), Local: netip.MustParseAddrPort(tc.local)}
			if n, err := c.WriteBatch([]dhcp4.Packet{p, p}); n != 2 || err != nil {
				t.Fatalf("WriteBatch = %d, %v", n, err)
			}
			for range 2 {
				buf := make([]byte, 100)
				n, from, err := relay.ReadFromUDPAddrPort(buf)
				if err != nil {
					t.Fatal(err)
				}
				if string(buf[:n]) != tc.name || from != netip.MustParseAddrPort(tc.source) {
					t.Errorf("the relay got %q from %v, want %q from %v", buf[:n], from, tc.name, tc.source)
				}
			}
		})
	}
}

func TestListenWithoutPacketSocketBroadcastsAndSaysSo(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	var log bytes.Buffer
	lc := &dhcp4.ListenConfig{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	var c dhcp4.Conn
	onThread(t, func() (err error) {
		if err := dropNetRaw(); err != nil {
			return err
		}
		c, err = lc.Listen("srv0")
		return err
	})
	defer c.Close()
	client := h.station(t)
	for range 2 {
		writeOne(t, c, dhcp4.Packet{
			Data: []byte("offer"), Peer: netip.MustParseAddrPort("192.168.1.100:68"), HardwareAddr: lease.MustParseHardwareAddr(clientMAC),
		})
		got := client.next(t)
		// The checksum is left to hardware that there is not.
		got.BadChecksum = ""
		want := frame{
			SrcMAC: serverMAC, DstMAC: everyoneMAC, Src: netip.MustParseAddrPort("192.168.1.1:67"),
			Dst: netip.MustParseAddrPort("255.255.255.255:68"), Data: "offer",
		}
		if diff := cmp.Diff(want, got, comparePackets); diff != "" {
			t.Errorf("frame at the client (-want +got):\n%s", diff)
		}
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "CAP_NET_RAW") || !strings.Contains(got, "srv0") {
		t.Errorf("log %q, want one line with srv0 and CAP_NET_RAW", got)
	}
}

// dropNetRaw takes CAP_NET_RAW from the calling thread.
func dropNetRaw() error {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return os.NewSyscallError("capget", err)
	}
	data[0].Effective &^= 1 << unix.CAP_NET_RAW
	return os.NewSyscallError("capset", unix.Capset(&hdr, &data[0]))
}

func TestListenSeesTheLinkChange(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	run(t, "ip", "addr", "flush", "dev", "srv0")
	c, client := listen(t, new(dhcp4.ListenConfig), "srv0"), h.station(t)
	discover := func() *dhcp4.Link {
		client.send(t, "0.0.0.0:68", "255.255.255.255:67", "discover")
		return readOne(t, c).Link
	}
	if got := discover(); len(got.Addrs) != 0 {
		t.Fatalf("link %+v, want no addresses", got)
	}
	writeOne(t, c, dhcp4.Packet{Data: []byte("offer"), Peer: netip.MustParseAddrPort("255.255.255.255:68")})
	client.want(t, frame{
		DstMAC: everyoneMAC, Src: netip.MustParseAddrPort("0.0.0.0:67"), Dst: netip.MustParseAddrPort("255.255.255.255:68"), Data: "offer",
	})

	run(t, "ip", "addr", "add", "192.168.1.1/24", "dev", "srv0")
	first := discover()
	if diff := cmp.Diff([]netip.Prefix{netip.MustParsePrefix("192.168.1.1/24")}, first.Addrs, comparePackets); diff != "" {
		t.Fatalf("first packet after an address came: addresses (-want +got):\n%s", diff)
	}
	if discover() != first {
		t.Error("another *Link although nothing changed")
	}

	run(t, "ip", "addr", "add", "192.168.1.3/24", "dev", "srv0")
	time.Sleep(20 * time.Millisecond)
	client.send(t, "192.168.1.7:68", "192.168.1.3:67", "to an address that came later")
	two := []netip.Prefix{netip.MustParsePrefix("192.168.1.1/24"), netip.MustParsePrefix("192.168.1.3/24")}
	if diff := cmp.Diff(two, readOne(t, c).Link.Addrs, comparePackets); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}

	run(t, "ip", "link", "set", "srv0", "down")
	run(t, "ip", "link", "set", "srv0", "name", "lan0")
	run(t, "ip", "link", "set", "lan0", "up")
	renamed := first
	for deadline := time.Now().Add(10 * time.Second); renamed.Name == first.Name && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		renamed = discover()
	}
	if renamed.Name != "lan0" || renamed.Index != first.Index || first.Name != "srv0" {
		t.Errorf("after the interface was renamed: link %+v, before %+v", renamed, first)
	}
}

func TestListenShowsInSocketStatistics(t *testing.T) {
	if onTwoHosts(t) == nil {
		return
	}
	listen(t, new(dhcp4.ListenConfig), "srv0")
	if got := run(t, "ss", "-H", "-u", "-l", "-n"); !strings.Contains(got, "0.0.0.0%srv0:67 ") || strings.Count(got, "\n") != 1 {
		t.Errorf("ss -uln shows\n%swant 0.0.0.0%%srv0:67 alone", got)
	}
	if got := run(t, "ss", "-H", "-0", "-n"); strings.Count(got, "\n") != 1 || !strings.Contains(got, "p_dgr") {
		t.Errorf("ss -0 shows\n%swant one packet socket", got)
	}
}

func TestListenOnAnotherInterfaceMayUseThePort(t *testing.T) {
	if onTwoHosts(t) == nil {
		return
	}
	listen(t, new(dhcp4.ListenConfig), "srv0")
	listen(t, new(dhcp4.ListenConfig), "lo")
}

func TestListenWriteByPacketSocketAllocatesNothing(t *testing.T) {
	if onTwoHosts(t) == nil {
		return
	}
	c := listen(t, new(dhcp4.ListenConfig), "srv0")
	ps := make([]dhcp4.Packet, 8)
	for i := range ps {
		ps[i] = dhcp4.Packet{
			Data: make([]byte, 300), Peer: netip.MustParseAddrPort("192.168.1.100:68"), HardwareAddr: lease.MustParseHardwareAddr(clientMAC),
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		if n, err := c.WriteBatch(ps); n != len(ps) || err != nil {
			t.Fatalf("WriteBatch = %d, %v", n, err)
		}
	}); n != 0 {
		t.Errorf("a batch of %d replies costs %v allocations, want 0", len(ps), n)
	}
}

func TestListenFullSendBufferDoesNotStopTheServer(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	// As behind a guest that is paused: nothing gets out any more.
	run(t, "ip", "neigh", "add", "192.168.1.2", "lladdr", clientMAC, "dev", "srv0")
	if out, err := exec.Command("tc", "qdisc", "add", "dev", "srv0", "root", "tbf", "rate", "8bit", "burst", "2000", "limit", "100000000").CombinedOutput(); err != nil {
		skip(t, "needs the queueing discipline tbf: %v: %s", err, out)
	}
	for _, tc := range []struct {
		name string
		to   dhcp4.Packet
	}{
		{"packet socket", dhcp4.Packet{Peer: netip.MustParseAddrPort("192.168.1.100:68"), HardwareAddr: lease.MustParseHardwareAddr(clientMAC)}},
		{"UDP socket", dhcp4.Packet{Peer: netip.MustParseAddrPort("192.168.1.2:67")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := listen(t, new(dhcp4.ListenConfig), "srv0")
			defer c.Close()
			tc.to.Data = make([]byte, 300)
			for range 100_000 {
				if _, err := c.WriteBatch([]dhcp4.Packet{tc.to}); errors.Is(err, unix.EAGAIN) {
					return
				} else if err != nil {
					t.Fatal(err)
				}
			}
			t.Error("the send buffer never filled")
		})
	}
}

func TestListenOnTakenPortSaysWhichAndHowToFindOut(t *testing.T) {
	lc := &dhcp4.ListenConfig{Port: freePort(t)}
	listen(t, lc, "lo")
	_, err := lc.Listen("lo")
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("second Listen: %v, want EADDRINUSE", err)
	}
	for _, want := range []string{fmt.Sprintf("port %d on lo", lc.Port), fmt.Sprintf("ss -ulpn sport = :%d", lc.Port)} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
}

func TestListenOnMissingInterfaceNamesTheOthers(t *testing.T) {
	_, err := dhcp4.Listen("nosuch0")
	if err == nil || !strings.Contains(err.Error(), `"nosuch0"`) || !strings.Contains(err.Error(), "lo") {
		t.Errorf("error %v, want one that names nosuch0 and lo", err)
	}
}

func TestListenControlMayRefuse(t *testing.T) {
	refused := errors.New("refused")
	before := openFiles(t)
	lc := &dhcp4.ListenConfig{Port: freePort(t), Control: func(network, address string, c syscall.RawConn) error { return refused }}
	if _, err := lc.Listen("lo"); !errors.Is(err, refused) {
		t.Errorf("Listen: %v, want what Control said", err)
	}
	if diff := cmp.Diff(before, openFiles(t)); diff != "" {
		t.Errorf("open files after a failed Listen (-before +after):\n%s", diff)
	}
}

// openFiles counts what this process has open, by kind. A socket is made and
// closed before, so that the runtime's own are among them.
func openFiles(t *testing.T) map[string]int {
	t.Helper()
	loopbackSocket(t, "127.0.0.1:0").Close()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, fd := range fds {
		target, err := os.Readlink("/proc/self/fd/" + fd.Name())
		if err != nil {
			continue // the folder that was just read
		}
		kind, _, _ := strings.Cut(target, ":")
		kinds[kind]++
	}
	return kinds
}

func TestListenDeadlineAndCloseWakeTheReader(t *testing.T) {
	before := openFiles(t)
	c, err := (&dhcp4.ListenConfig{Port: freePort(t)}).Listen("lo")
	if err != nil {
		t.Fatal(err)
	}
	client := loopbackSocket(t, "127.0.0.1:0")
	testDeadlineAndClose(t, c, onLoopback(portOf(client)))
	client.Close()
	if diff := cmp.Diff(before, openFiles(t)); diff != "" {
		t.Errorf("open files after Close (-before +after):\n%s", diff)
	}
}

func TestListenLongDatagramFillsItsBuffer(t *testing.T) {
	lc := &dhcp4.ListenConfig{Port: freePort(t)}
	c, client := listen(t, lc, "lo"), loopbackSocket(t, "127.0.0.1:0")
	for _, size := range []int{3000, 2049, 2047, 0} {
		if _, err := client.WriteToUDPAddrPort(make([]byte, size), onLoopback(lc.Port)); err != nil {
			t.Fatal(err)
		}
		if got := readOne(t, c); len(got.Data) != min(size, 2048) {
			t.Errorf("a datagram of %d octets gave %d in a buffer of 2,048", size, len(got.Data))
		}
	}
}

func TestListenWriteBatchStopsAtWhatCannotBeSent(t *testing.T) {
	lc := &dhcp4.ListenConfig{Port: freePort(t)}
	c, client := listen(t, lc, "lo"), loopbackSocket(t, "127.0.0.1:0")
	good := dhcp4.Packet{Data: []byte("good"), Peer: onLoopback(portOf(client))}
	long := good
	long.Data = make([]byte, 70_000)
	for _, tc := range []struct {
		name string
		bad  dhcp4.Packet
	}{
		{"no destination", dhcp4.Packet{}},
		{"IPv6", dhcp4.Packet{Peer: netip.MustParseAddrPort("[2001:db8::1]:68")}},
		{"longer than UDP can be", long},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if n, err := c.WriteBatch([]dhcp4.Packet{good, good, tc.bad, good}); n != 2 || err == nil {
				t.Errorf("WriteBatch = %d, %v, want 2 and an error", n, err)
			}
		})
	}
}

// A loopPair is two Conns of Listen on lo that send each other batches.
type loopPair struct {
	from, to dhcp4.Conn
	out, in  []dhcp4.Packet
}

func newLoopPair(t testing.TB, batch int) *loopPair {
	t.Helper()
	to := &dhcp4.ListenConfig{Port: freePort(t)}
	p := &loopPair{to: listen(t, to, "lo")}
	p.from = listen(t, &dhcp4.ListenConfig{Port: freePort(t)}, "lo")
	for range batch {
		p.out = append(p.out, dhcp4.Packet{Data: make([]byte, 300), Peer: onLoopback(to.Port), Local: onLoopback(0)})
		p.in = append(p.in, dhcp4.Packet{Data: make([]byte, 0, 2048)})
	}
	return p
}

// exchange sends a batch and reads it.
func (p *loopPair) exchange(t testing.TB) {
	if n, err := p.from.WriteBatch(p.out); n != len(p.out) || err != nil {
		t.Fatalf("WriteBatch = %d, %v, want %d", n, err, len(p.out))
	}
	for got := 0; got < len(p.in); {
		n, err := p.to.ReadBatch(p.in[got:])
		if err != nil {
			t.Fatal(err)
		}
		got += n
	}
}

func TestListenReadAndWriteAllocateNothing(t *testing.T) {
	for _, batch := range []int{1, 32} {
		p := newLoopPair(t, batch)
		if n := testing.AllocsPerRun(200, func() { p.exchange(t) }); n != 0 {
			t.Errorf("writing and reading %d packets costs %v allocations, want 0", batch, n)
		}
	}
}

func TestListenKeepsABatchInOrder(t *testing.T) {
	p := newLoopPair(t, 100) // more than one system call takes
	for i := range p.out {
		p.out[i].Data = []byte{byte(i)}
	}
	p.exchange(t)
	for i := range p.in {
		if got := p.in[i].Data; len(got) != 1 || got[0] != byte(i) {
			t.Fatalf("packet %d is %v", i, got)
		}
	}
}

func BenchmarkListen(b *testing.B) {
	for _, batch := range []int{1, 32} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			p := newLoopPair(b, batch)
			b.ReportAllocs()
			for b.Loop() {
				p.exchange(b)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/packet")
		})
	}
}
