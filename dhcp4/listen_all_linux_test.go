package dhcp4_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/dhcp4test"
	"github.com/embedhcp/embedhcp/lease"
)

// inBothModes runs f with a Conn that receives by UDP and one that does by a
// packet socket.
func inBothModes(t *testing.T, f func(t *testing.T, lc *dhcp4.ListenConfig)) {
	for _, raw := range []bool{false, true} {
		t.Run(fmt.Sprintf("raw=%v", raw), func(t *testing.T) { f(t, &dhcp4.ListenConfig{Raw: raw}) })
	}
}

// discover sends a broadcast to a Conn that hears it.
func discover(t *testing.T, s station, c dhcp4.Conn, data string) dhcp4.Packet {
	t.Helper()
	s.send(t, "0.0.0.0:68", "255.255.255.255:67", data)
	p := readOne(t, c)
	if string(p.Data) != data {
		t.Fatalf("heard %q, want %q", p.Data, data)
	}
	return p
}

func TestListenOnAllLinksServesThoseThatComeAndGo(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	inBothModes(t, func(t *testing.T, lc *dhcp4.ListenConfig) {
		h.connect(t, 1)
		c := listen(t, lc, "*")
		defer c.Close()
		check := func(s station, name, addr string) *dhcp4.Link {
			t.Helper()
			p := discover(t, s, c, "discover on "+name)
			if p.Link.Name != name || p.Local != netip.MustParseAddrPort("255.255.255.255:67") {
				t.Errorf("heard on %+v, sent to %v, want %s", p.Link, p.Local, name)
			}
			for _, to := range []dhcp4.Packet{
				{Peer: netip.MustParseAddrPort("192.168.1.100:68"), HardwareAddr: lease.MustParseHardwareAddr(s.mac)},
				{Peer: netip.MustParseAddrPort("255.255.255.255:68")},
			} {
				to.Data, to.Link = []byte("offer on "+name), p.Link
				writeOne(t, c, to)
				want := frame{DstMAC: s.mac, Src: netip.MustParseAddrPort(addr + ":67"), Dst: to.Peer, Data: string(to.Data)}
				if to.HardwareAddr.IsZero() {
					want.DstMAC = everyoneMAC
				}
				s.want(t, want)
			}
			return p.Link
		}
		first, second := h.station(t), h.stationAt(t, 1)
		link := check(first, "srv0", "192.168.1.1")
		check(second, "srv1", "192.168.11.1")

		h.connect(t, 2)
		check(h.stationAt(t, 2), "srv2", "192.168.12.1")

		old := check(second, "srv1", "192.168.11.1")
		run(t, "ip", "link", "del", "srv1")
		if _, err := c.WriteBatch([]dhcp4.Packet{{Data: []byte("late"), Link: old, Peer: netip.MustParseAddrPort("255.255.255.255:68")}}); err == nil {
			t.Error("a reply on a deleted link was sent")
		}
		h.connect(t, 1)
		again := check(h.stationAt(t, 1), "srv1", "192.168.11.1")
		if again == old || again.Index == old.Index {
			t.Errorf("link %+v is the one from before it was deleted", again)
		}
		if check(first, "srv0", "192.168.1.1") != link {
			t.Error("another *Link although nothing changed")
		}
		run(t, "ip", "link", "del", "srv1")
		run(t, "ip", "link", "del", "srv2")
	})
}

func TestListenOnAllLinksLeavesOutLoopbackUnlessAccepted(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	inBothModes(t, func(t *testing.T, lc *dhcp4.ListenConfig) {
		s := h.station(t)
		local := loopbackSocket(t, "127.0.0.1:0")
		say := func() {
			if _, err := local.WriteToUDPAddrPort([]byte("local"), onLoopback(67)); err != nil {
				t.Fatal(err)
			}
		}
		c := listen(t, lc, "*")
		say()
		discover(t, s, c, "not local")
		c.Close()

		accepts := *lc
		accepts.Accept = func(l *dhcp4.Link) bool { return l.Name == "lo" }
		c = listen(t, &accepts, "*")
		defer c.Close()
		s.send(t, "0.0.0.0:68", "255.255.255.255:67", "refused")
		say()
		p := readOne(t, c)
		if string(p.Data) != "local" || p.Link.Name != "lo" || !p.Link.HardwareAddr.IsZero() || !p.HardwareAddr.IsZero() {
			t.Errorf("heard %+v on %+v", p, p.Link)
		}
		writeOne(t, c, dhcp4.Packet{Data: []byte("answer"), Peer: p.Peer, Link: p.Link})
		writeOne(t, c, dhcp4.Packet{Data: []byte("answer by the routes"), Peer: p.Peer})
		local.SetReadDeadline(time.Now().Add(10 * time.Second))
		for _, want := range []string{"answer", "answer by the routes"} {
			buf := make([]byte, 100)
			if n, err := local.Read(buf); err != nil || string(buf[:n]) != want {
				t.Errorf("read %q, %v, want %q", buf[:n], err, want)
			}
		}
	})
}

func TestListenOnAllLinksAsksAcceptAboutEachChange(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	inBothModes(t, func(t *testing.T, lc *dhcp4.ListenConfig) {
		h.connect(t, 1)
		var asked []string
		lc.Accept = func(l *dhcp4.Link) bool {
			asked = append(asked, fmt.Sprint(l.Name, len(l.Addrs)))
			l.Tag = len(asked)
			return l.Name != "srv1" || len(l.Addrs) > 1
		}
		c, first, second := listen(t, lc, "*"), h.station(t), h.stationAt(t, 1)
		defer c.Close()
		tell := func() {
			for range 3 {
				second.send(t, "0.0.0.0:68", "255.255.255.255:67", "refused")
				if p := discover(t, first, c, "accepted"); p.Link.Tag == nil {
					t.Error("the tag is lost")
				}
			}
		}
		tell()
		run(t, "ip", "addr", "add", "192.168.99.1/24", "dev", "srv1")
		time.Sleep(1100 * time.Millisecond) // until the reading is old
		if p := discover(t, second, c, "accepted now"); p.Link.Name != "srv1" || len(p.Link.Addrs) != 2 {
			t.Errorf("heard on %+v", p.Link)
		}
		if got, want := strings.Join(asked, " "), "srv11 srv01 srv12"; got != want {
			t.Errorf("asked about %s, want %s", got, want)
		}
		run(t, "ip", "link", "del", "srv1")
	})
}

// A batch has packets of links that are refused in between.
func TestListenOnAllLinksKeepsTheOrderOfABatch(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	h.connect(t, 1)
	inBothModes(t, func(t *testing.T, lc *dhcp4.ListenConfig) {
		lc.Accept = func(l *dhcp4.Link) bool { return l.Name == "srv0" }
		c, good, bad := listen(t, lc, "*"), h.station(t), h.stationAt(t, 1)
		defer c.Close()
		for i := range 20 {
			good.send(t, "0.0.0.0:68", "255.255.255.255:67", fmt.Sprint("good ", i))
			bad.send(t, "0.0.0.0:68", "255.255.255.255:67", fmt.Sprint("bad ", i))
		}
		ps := make([]dhcp4.Packet, 7)
		for i := range ps {
			ps[i].Data = make([]byte, 100)
		}
		for next := 0; next < 20; {
			n, err := c.ReadBatch(ps)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range ps[:n] {
				if want := fmt.Sprint("good ", next); string(p.Data) != want {
					t.Fatalf("read %q, want %q", p.Data, want)
				}
				next++
			}
		}
	})
}

func TestListenAndServeOnAllLinks(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	srv := newServer(t, dhcp4.Config{Subnets: []dhcp4.Subnet{subnetOn(1), subnetOn(11), subnetOn(12)}})
	served := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { served <- srv.ListenAndServe(ctx, "*") }()
	acquire := func(i int, mac, want string) {
		t.Helper()
		client := &dhcp4test.Client{
			Conn: h.clientConn(t, fmt.Sprint("cli", i)), HardwareAddr: lease.MustParseHardwareAddr(mac), Broadcast: true,
		}
		if _, err := client.Acquire(t.Context()); err != nil || client.Addr.String() != want {
			t.Errorf("client on cli%d got %v, %v, want %s", i, client.Addr, err, want)
		}
	}
	acquire(0, clientMAC, "192.168.1.100")
	for i, want := range map[int]string{1: "192.168.11.100", 2: "192.168.12.100"} {
		h.connect(t, i)
		acquire(i, fmt.Sprintf("02:00:00:00:%02x:02", i), want)
	}
	cancel()
	if err := <-served; !errors.Is(err, context.Canceled) {
		t.Errorf("ListenAndServe: %v", err)
	}
}

// goneSoon deletes the link while a reader waits, and wants it to be told.
func goneSoon(t *testing.T, c dhcp4.Conn, deleteIt func()) {
	t.Helper()
	read := make(chan error, 1)
	go func() {
		_, err := c.ReadBatch([]dhcp4.Packet{{Data: make([]byte, 2048)}})
		read <- err
	}()
	time.Sleep(20 * time.Millisecond)
	select {
	case err := <-read:
		t.Fatalf("before: ReadBatch: %v", err)
	default:
	}
	deleteIt()
	if err := <-read; !errors.Is(err, dhcp4.ErrLinkGone) {
		t.Errorf("ReadBatch: %v, want ErrLinkGone", err)
	}
	if _, err := c.ReadBatch([]dhcp4.Packet{{Data: make([]byte, 2048)}}); !errors.Is(err, dhcp4.ErrLinkGone) {
		t.Errorf("ReadBatch once more: %v, want ErrLinkGone", err)
	}
}

func TestListenTellsThatTheLinkIsGone(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	inBothModes(t, func(t *testing.T, lc *dhcp4.ListenConfig) {
		for _, tc := range []struct {
			name     string
			deleteIt []string // the last one does
		}{
			{"deleted", []string{"link del srv1"}},
			{"deleted after it was down", []string{"link set srv1 down", "link del srv1"}},
			{"deleted after it was down and up", []string{"link set srv1 down", "link set srv1 up", "link del srv1"}},
			{"deleted under another name", []string{"link set srv1 down", "link set srv1 name lan1", "link set lan1 up", "link del lan1"}},
			{"deleted with others around", []string{"link add other type veth peer name other2", "link del other", "link del srv1"}},
			{"moved to another network namespace", []string{"link set srv1 netns " + h.client}},
			{"other end deleted", []string{"-n " + h.client + " link del cli1"}},
		} {
			t.Run(tc.name, func(t *testing.T) {
				t.Cleanup(func() { _ = exec.Command("ip", "-n", h.client, "link", "del", "cli1").Run() })
				h.connect(t, 1)
				c := listen(t, lc, "srv1")
				defer c.Close()
				last := len(tc.deleteIt) - 1
				for _, args := range tc.deleteIt[:last] {
					run(t, "ip", strings.Fields(args)...)
				}
				goneSoon(t, c, func() { run(t, "ip", strings.Fields(tc.deleteIt[last])...) })
			})
		}
	})
}

func TestServeEndsWhenTheLinkIsGone(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	srv := newServer(t, dhcp4.Config{Subnets: []dhcp4.Subnet{subnetOn(1)}})
	served := make(chan error, 1)
	go func() { served <- srv.ListenAndServe(t.Context(), "srv0") }()
	client := &dhcp4test.Client{Conn: h.clientConn(t, "cli0"), HardwareAddr: lease.MustParseHardwareAddr(clientMAC), Broadcast: true}
	if _, err := client.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, "ip", "link", "del", "srv0")
	if err := <-served; !errors.Is(err, dhcp4.ErrLinkGone) {
		t.Errorf("ListenAndServe: %v, want ErrLinkGone", err)
	}
}

func TestListenThatALinkLeftItsBridgeIsNotGone(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	if out, err := exec.Command("ip", "link", "add", "br0", "type", "bridge").CombinedOutput(); err != nil {
		skip(t, "needs bridges: %v: %s", err, out)
	}
	inBothModes(t, func(t *testing.T, lc *dhcp4.ListenConfig) {
		c, s := listen(t, lc, "srv0"), h.station(t)
		defer c.Close()
		read := make(chan error, 1)
		go func() {
			_, err := c.ReadBatch([]dhcp4.Packet{{Data: make([]byte, 2048)}})
			read <- err
		}()
		run(t, "ip", "link", "set", "srv0", "master", "br0")
		run(t, "ip", "link", "set", "srv0", "nomaster")
		time.Sleep(20 * time.Millisecond)
		s.send(t, "0.0.0.0:68", "255.255.255.255:67", "discover")
		if err := <-read; err != nil {
			t.Errorf("ReadBatch: %v", err)
		}
	})
}

func TestListenReadsTheLinkInTheNamespaceItWasOpenedIn(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	// The client's cli0 has a number of its own; here another link has it.
	var c dhcp4.Conn
	h.onClient(t, func() (err error) {
		c, err = dhcp4.Listen("cli0")
		return err
	})
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	ifi, err := net.InterfaceByName("srv0")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		run(t, "ip", "-n", h.client, "addr", "add", "192.168.1.2/24", "dev", "cli0")
		time.Sleep(5 * time.Millisecond)
		writer := listen(t, new(dhcp4.ListenConfig), "srv0")
		writeOne(t, writer, dhcp4.Packet{Data: []byte("hello"), Peer: netip.MustParseAddrPort("255.255.255.255:67")})
		writer.Close()
		if got := readOne(t, c).Link; got.Name != "cli0" || got.HardwareAddr.String() != clientMAC || len(got.Addrs) != 1 {
			t.Errorf("link %+v; srv0 has the index %d", got, ifi.Index)
		}
		run(t, "ip", "-n", h.client, "addr", "del", "192.168.1.2/24", "dev", "cli0")
		time.Sleep(1100 * time.Millisecond) // until the reading is old
	}
}
