package dhcp4_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/dhcp4test"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/pool"
	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

var raw = &dhcp4.ListenConfig{Raw: true}

// dropInbound gives the server a firewall that lets nothing in.
func dropInbound(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		skip(t, "needs the program of nftables: %v", err)
	}
	run(t, "nft", "add table inet firewall; add chain inet firewall in { type filter hook input priority 0; policy drop; }")
}

// clientOn is a Conn of a client on the client's interface.
func (h *twoHosts) clientConn(t *testing.T, device string) (c dhcp4.Conn) {
	t.Helper()
	h.onClient(t, func() (err error) {
		c, err = (&dhcp4.ListenConfig{Port: 68, Raw: true}).Listen(device)
		return err
	})
	t.Cleanup(func() { c.Close() })
	return c
}

// subnetOn serves one address of 192.168.i.0/24.
func subnetOn(i int) dhcp4.Subnet {
	return dhcp4.Subnet{
		ID: uint32(i), Prefix: netip.MustParsePrefix(fmt.Sprintf("192.168.%d.0/24", i)),
		Pools: []dhcp4.Pool{{Range: pool.MustParseRange(fmt.Sprintf("192.168.%d.100", i))}},
	}
}

func TestListenRawServesBehindFirewallThatDropsAll(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	dropInbound(t)
	srv := newServer(t, dhcp4.Config{Subnets: []dhcp4.Subnet{subnetOn(1)}})
	go srv.Serve(t.Context(), listen(t, raw, "srv0"))
	client := &dhcp4test.Client{
		Conn: h.clientConn(t, "cli0"), HardwareAddr: lease.MustParseHardwareAddr(clientMAC), Broadcast: true, Timeout: 5 * time.Second,
	}
	if _, err := client.Acquire(t.Context()); err != nil {
		t.Fatalf("DISCOVER and REQUEST: %v", err)
	}
	run(t, "ip", "-n", h.client, "addr", "add", "192.168.1.100/24", "dev", "cli0")
	if _, err := client.Renew(t.Context()); err != nil {
		t.Fatalf("renewal by unicast: %v", err)
	}
	if client.Addr != netip.MustParseAddr("192.168.1.100") {
		t.Errorf("the client got %v", client.Addr)
	}
}

// What the test above shows is only worth something if the firewall works.
func TestListenHearsOnlyWhatTheFirewallLetsIn(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	dropInbound(t)
	c := listen(t, new(dhcp4.ListenConfig), "srv0")
	h.station(t).send(t, "0.0.0.0:68", "255.255.255.255:67", "discover")
	run(t, "nft", "add rule inet firewall in udp dport 67 accept")
	h.station(t).send(t, "0.0.0.0:68", "255.255.255.255:67", "discover again")
	if got := readOne(t, c); string(got.Data) != "discover again" {
		t.Errorf("the Conn heard %q through a firewall that drops all", got.Data)
	}
}

func TestListenRawHearsWhatIsForIt(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	run(t, "ip", "addr", "add", "192.0.2.1/32", "dev", "lo")
	run(t, "ip", "link", "set", "srv0", "promisc", "on")
	c, s := listen(t, raw, "srv0"), h.station(t)
	const everyone = "255.255.255.255:67"
	withOptions := ipOptions(s.frame(t, everyoneMAC, "0.0.0.0:68", everyone, "heard"))
	changed := func(at int, v byte) []byte {
		f := s.frame(t, everyoneMAC, "0.0.0.0:68", everyone, "not heard")
		f[at] = v
		return refreshIPv4Checksum(f)
	}
	short := s.frame(t, everyoneMAC, "0.0.0.0:68", everyone, "not heard")
	wrong := s.frame(t, everyoneMAC, "0.0.0.0:68", everyone, "not heard")
	wrong[len(wrong)-1]++
	for _, tc := range []struct {
		name  string
		frame []byte
		local string // where it was sent to; empty: not heard
	}{
		{"broadcast", s.frame(t, everyoneMAC, "0.0.0.0:68", everyone, "heard"), everyone},
		{"the subnet's broadcast", s.frame(t, everyoneMAC, "192.168.1.7:68", "192.168.1.255:67", "heard"), everyone},
		{"broadcast in a frame to the server alone", s.frame(t, serverMAC, "0.0.0.0:68", everyone, "heard"), everyone},
		{"unicast", s.frame(t, serverMAC, "192.168.1.7:68", "192.168.1.1:67", "heard"), "192.168.1.1:67"},
		{"priority tag", s.frame(t, everyoneMAC, "0.0.0.0:68", everyone, "heard", dhcp4.VLANTag{Priority: 5}), everyone},
		{"IPv4 options", withOptions, everyone},
		{"frame to another host", s.frame(t, "02:00:00:00:00:09", "192.168.1.7:68", "192.168.1.1:67", "not heard"), ""},
		{"broadcast in a frame to another host", s.frame(t, "02:00:00:00:00:09", "0.0.0.0:68", everyone, "not heard"), ""},
		{"to another address", s.frame(t, serverMAC, "192.168.1.7:68", "192.168.1.9:67", "not heard"), ""},
		{"to another subnet's broadcast", s.frame(t, everyoneMAC, "192.168.1.7:68", "192.168.2.255:67", "not heard"), ""},
		{"to an address of another interface", s.frame(t, serverMAC, "192.168.1.7:68", "192.0.2.1:67", "not heard"), ""},
		{"to a group", s.frame(t, "01:00:5e:00:00:01", "192.168.1.7:68", "224.0.0.1:67", "not heard"), ""},
		{"VLAN", s.frame(t, everyoneMAC, "0.0.0.0:68", everyone, "not heard", dhcp4.VLANTag{ID: 10}), ""},
		{"two tags", s.frame(t, everyoneMAC, "0.0.0.0:68", everyone, "not heard", dhcp4.VLANTag{Type: 0x88a8, ID: 10}, dhcp4.VLANTag{ID: 20}), ""},
		{"another port", s.frame(t, everyoneMAC, "0.0.0.0:68", "255.255.255.255:68", "not heard"), ""},
		{"TCP", changed(14+9, unix.IPPROTO_TCP), ""},
		{"first fragment", changed(14+6, 0x20), ""},
		{"later fragment", changed(14+7, 1), ""},
		{"wrong UDP checksum", wrong, ""},
		{"cut off", short[:len(short)-1], ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s.sendFrame(t, tc.frame)
			s.send(t, "0.0.0.0:68", everyone, "end")
			var got []dhcp4.Packet
			for {
				p := readOne(t, c)
				if string(p.Data) == "end" {
					break
				}
				got = append(got, p)
			}
			switch {
			case tc.local == "" && len(got) > 0:
				t.Errorf("heard: %+v", got)
			case tc.local == "":
			case len(got) != 1:
				t.Errorf("heard %d packets, want 1", len(got))
			default:
				if string(got[0].Data) != "heard" || got[0].Local != netip.MustParseAddrPort(tc.local) || got[0].Link.Name != "srv0" ||
					got[0].HardwareAddr != lease.MustParseHardwareAddr(clientMAC) {
					t.Errorf("heard %+v, want it sent to %s", got[0], tc.local)
				}
			}
		})
	}
}

// refreshIPv4Checksum makes the header's checksum right again.
func refreshIPv4Checksum(frame []byte) []byte {
	header := frame[14:][:int(frame[14]&15)*4]
	binary.BigEndian.PutUint16(header[10:], 0)
	binary.BigEndian.PutUint16(header[10:], ^onesSum(0, header))
	return frame
}

// ipOptions puts four octets of options that say nothing into the header.
func ipOptions(frame []byte) []byte {
	b := append(bytes.Clone(frame[:34]), 1, 1, 1, 1)
	b = append(b, frame[34:]...)
	b[14] = 4<<4 | 6
	binary.BigEndian.PutUint16(b[16:], uint16(len(b)-14))
	return refreshIPv4Checksum(b)
}

func TestListenRawTakesNoGroupForTheSender(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	c, s := listen(t, raw, "srv0"), h.station(t)
	f := s.frame(t, everyoneMAC, "0.0.0.0:68", "255.255.255.255:67", "discover")
	f[6] |= 1
	s.sendFrame(t, f)
	if got := readOne(t, c); !got.HardwareAddr.IsZero() {
		t.Errorf("the sender is %v", got.HardwareAddr)
	}
}

func TestListenRawAcceptsChecksumThatOffloadLeftUnfinished(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	run(t, "ip", "-n", h.client, "addr", "add", "192.168.1.7/24", "dev", "cli0")
	ifi, err := net.InterfaceByName("srv0")
	if err != nil {
		t.Fatal(err)
	}
	tap, err := packet.Listen(ifi, packet.Datagram, unix.ETH_P_IP, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tap.Close()
	c := listen(t, raw, "srv0")
	h.onClient(t, func() error {
		guest, err := net.Dial("udp4", "192.168.1.1:67")
		if err != nil {
			return err
		}
		defer guest.Close()
		_, err = guest.Write([]byte("discover"))
		return err
	})
	if got := readOne(t, c); string(got.Data) != "discover" {
		t.Errorf("heard %q", got.Data)
	}
	tap.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 2048)
	n, _, err := tap.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	udp := buf[20:n]
	if onesSum(unix.IPPROTO_UDP+uint32(len(udp))+uint32(onesSum(0, buf[12:20])), udp) == 0xffff {
		t.Error("the checksum was complete: nothing tested")
	}
}

func TestListenRawSendsRepliesBackToTheFramesSender(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	// Nobody answers ARP for the relay, and there is no route to it.
	c, s := listen(t, raw, "srv0"), h.station(t)
	s.send(t, "10.9.9.9:67", "192.168.1.1:67", "relayed")
	p := readOne(t, c)
	p.Peer, p.Local = p.Local, p.Peer
	writeOne(t, c, dhcp4.Packet{Data: []byte("reply"), Link: p.Link, Peer: p.Local, Local: p.Peer, HardwareAddr: p.HardwareAddr})
	s.want(t, frame{
		DstMAC: clientMAC, Src: netip.MustParseAddrPort("192.168.1.1:67"), Dst: netip.MustParseAddrPort("10.9.9.9:67"), Data: "reply",
	})
}

func TestListenRawLongReplyToRelayIsFragmentedNotBroadcast(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	run(t, "ip", "-n", h.client, "addr", "add", "192.168.1.2/24", "dev", "cli0")
	c, s := listen(t, raw, "srv0"), h.station(t)
	writeOne(t, c, dhcp4.Packet{
		Data: make([]byte, 2000), Peer: netip.MustParseAddrPort("192.168.1.2:67"), HardwareAddr: lease.MustParseHardwareAddr(clientMAC),
	})
	s.want(t, frame{
		DstMAC: clientMAC, Src: netip.MustParseAddrPort("192.168.1.1:67"), Dst: netip.MustParseAddrPort("192.168.1.2:67"), More: true,
	})
}

func TestListenRawHoldsThePort(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	run(t, "ip", "-n", h.client, "addr", "add", "192.168.1.7/24", "dev", "cli0")
	c := listen(t, raw, "srv0")
	for _, name := range []string{"srv0", "*"} {
		for _, lc := range []*dhcp4.ListenConfig{raw, new(dhcp4.ListenConfig)} {
			if _, err := lc.Listen(name); !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("second Listen on %s, Raw %v: %v, want EADDRINUSE", name, lc.Raw, err)
			}
		}
	}
	var guest net.Conn
	h.onClient(t, func() (err error) {
		guest, err = net.Dial("udp4", "192.168.1.1:67")
		return err
	})
	defer guest.Close()
	for range 100 {
		if _, err := guest.Write([]byte("discover")); err != nil {
			t.Fatalf("the server's host says that nobody listens: %v", err)
		}
		readOne(t, c)
	}
	if got := strings.Fields(run(t, "ss", "-H", "-u", "-l", "-n")); len(got) < 4 || got[1] != "0" || got[3] != "0.0.0.0%srv0:67" {
		t.Errorf("ss -uln shows %q, want an empty queue at 0.0.0.0%%srv0:67", got)
	}
	if got := run(t, "ss", "-H", "-0", "-n"); strings.Count(got, "\n") != 1 {
		t.Errorf("ss -0 shows\n%swant one packet socket", got)
	}
}

func TestListenRawSeesAnAddressThatComesLater(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	c, s := listen(t, raw, "srv0"), h.station(t)
	s.send(t, "0.0.0.0:68", "255.255.255.255:67", "before")
	before := readOne(t, c).Link
	run(t, "ip", "addr", "add", "192.168.7.1/24", "dev", "srv0")
	time.Sleep(20 * time.Millisecond) // so that an address which is missing in the Link is looked for
	s.send(t, "192.168.7.7:68", "192.168.7.1:67", "after")
	if got := readOne(t, c); string(got.Data) != "after" || got.Link == before || len(got.Link.Addrs) != 2 {
		t.Errorf("heard %+v on %+v", got, got.Link)
	}
}

func TestListenRawHearsALinkThatComesUpLater(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	run(t, "ip", "link", "set", "srv0", "down")
	c, s := listen(t, raw, "srv0"), h.station(t)
	// Twice, so that the packet socket's error comes to a reader that waits
	// and to a writer too.
	for i := range 2 {
		read := make(chan dhcp4.Packet)
		go func() { read <- readOne(t, c) }()
		time.Sleep(20 * time.Millisecond)
		run(t, "ip", "link", "set", "srv0", "up")
		waitForCarrier(t, h.client, "cli0")
		waitForCarrier(t, "", "srv0")
		s.send(t, "0.0.0.0:68", "255.255.255.255:67", "discover")
		if got := <-read; string(got.Data) != "discover" {
			t.Errorf("round %d: heard %q", i, got.Data)
		}
		run(t, "ip", "link", "set", "srv0", "down")
	}
	run(t, "ip", "link", "set", "srv0", "up")
	waitForCarrier(t, "", "srv0")
	writeOne(t, c, dhcp4.Packet{Data: []byte("offer"), Peer: netip.MustParseAddrPort("255.255.255.255:68")})
}

func TestListenRawWithoutCapabilitySaysWhichIsNeeded(t *testing.T) {
	if onTwoHosts(t) == nil {
		return
	}
	before := openFiles(t)
	onThread(t, func() error {
		if err := dropNetRaw(); err != nil {
			return err
		}
		_, err := raw.Listen("srv0")
		if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "CAP_NET_RAW") || !strings.Contains(err.Error(), "srv0") {
			return fmt.Errorf("Listen: %v, want EPERM with CAP_NET_RAW and srv0", err)
		}
		return nil
	})
	if diff := cmp.Diff(before, openFiles(t)); diff != "" {
		t.Errorf("open files after a failed Listen (-before +after):\n%s", diff)
	}
}

func TestListenRawTooLongDatagramFillsItsBuffer(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	c, s := listen(t, raw, "srv0"), h.station(t)
	for _, tc := range []struct{ size, want int }{{900, 900}, {1024 - 28, 1024 - 28}, {1024 - 27, 1024}, {1400, 1024}} {
		s.send(t, "0.0.0.0:68", "255.255.255.255:67", strings.Repeat("x", tc.size))
		ps := []dhcp4.Packet{{Data: make([]byte, 1024)}}
		if n, err := c.ReadBatch(ps); n != 1 || err != nil || len(ps[0].Data) != tc.want {
			t.Errorf("ReadBatch = %d, %v with %d octets, want %d", n, err, len(ps[0].Data), tc.want)
		}
	}
}

func TestListenRawDeadlineAndCloseWakeTheReader(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	for _, name := range []string{"srv0", "*"} {
		t.Run(name, func(t *testing.T) {
			before := openFiles(t)
			c, err := raw.Listen(name)
			if err != nil {
				t.Fatal(err)
			}
			testDeadlineAndClose(t, c, netip.MustParseAddrPort("192.168.1.1:68"))
			if diff := cmp.Diff(before, openFiles(t)); diff != "" {
				t.Errorf("open files after Close (-before +after):\n%s", diff)
			}
		})
	}
}

func TestListenRawReadAndWriteAllocateNothing(t *testing.T) {
	h := onTwoHosts(t)
	if h == nil {
		return
	}
	for _, tc := range []struct {
		name string
		lc   dhcp4.ListenConfig
	}{
		{"srv0", dhcp4.ListenConfig{Raw: true}},
		{"*", dhcp4.ListenConfig{Raw: true}},
		{"*", dhcp4.ListenConfig{}},
	} {
		t.Run(fmt.Sprintf("%s raw=%v", tc.name, tc.lc.Raw), func(t *testing.T) {
			c, s := listen(t, &tc.lc, tc.name), h.station(t)
			f := s.frame(t, serverMAC, "192.168.1.7:68", "192.168.1.1:67", strings.Repeat("x", 300))
			var out syscall.RawConn
			var err error
			if out, err = s.SyscallConn(); err != nil {
				t.Fatal(err)
			}
			to := &unix.SockaddrLinklayer{Ifindex: h.clientIndex(t, "cli0"), Halen: 6}
			send := func(fd uintptr) bool { err = unix.Sendto(int(fd), f, 0, to); return true }
			ps := make([]dhcp4.Packet, 8)
			reply := []dhcp4.Packet{{}}
			buf := make([]byte, 2048)
			if n := testing.AllocsPerRun(200, func() {
				if out.Write(send); err != nil {
					t.Fatal(err)
				}
				for i := range ps {
					ps[i] = dhcp4.Packet{Data: buf[:0:2048]}
				}
				n, err := c.ReadBatch(ps)
				if n != 1 || err != nil {
					t.Fatalf("ReadBatch = %d, %v", n, err)
				}
				reply[0] = dhcp4.Packet{Data: ps[0].Data, Link: ps[0].Link, Peer: ps[0].Peer, Local: ps[0].Local, HardwareAddr: lease.MustParseHardwareAddr(clientMAC)}
				if n, err := c.WriteBatch(reply); n != 1 || err != nil {
					t.Fatalf("WriteBatch = %d, %v", n, err)
				}
			}); n != 0 {
				t.Errorf("a packet and its reply cost %v allocations, want 0", n)
			}
			c.Close()
		})
	}
}

// clientIndex is the index of an interface of the client's.
func (h *twoHosts) clientIndex(t *testing.T, device string) (index int) {
	t.Helper()
	h.onClient(t, func() error {
		ifi, err := net.InterfaceByName(device)
		if err == nil {
			index = ifi.Index
		}
		return err
	})
	return index
}
