package dhcp4_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

// childEnv has the name of the client's network namespace in the process that
// runs a test in the server's.
const childEnv = "DHCP4_TEST_CLIENT_NETNS"

const (
	serverMAC = "02:00:00:00:00:01"
	clientMAC = "02:00:00:00:00:02"
)

var everyoneMAC = strings.Repeat(":ff", 6)[1:]

// A twoHosts is a server, where the test runs, and a client on one Ethernet:
// srv0 with 192.168.1.1/24, and cli0 without an address.
type twoHosts struct{ client string }

// onTwoHosts runs the calling test once more in a process of its own on the
// server, beside others. There it returns the hosts; here it returns nil, and
// all is done.
func onTwoHosts(t *testing.T) *twoHosts {
	t.Helper()
	if client := os.Getenv(childEnv); client != "" {
		return &twoHosts{client}
	}
	if os.Getuid() != 0 {
		skip(t, "needs root to make network namespaces: go test -c ./dhcp4 && sudo ./dhcp4.test")
	}
	for _, program := range []string{"ip", "ss", "tc"} {
		if _, err := exec.LookPath(program); err != nil {
			skip(t, "needs the programs of iproute2: %v", err)
		}
	}
	t.Parallel()
	prefix := fmt.Sprintf("embedhcp-%d-%x-", os.Getpid(), time.Now().UnixNano())
	server, client := prefix+"srv", prefix+"cli"
	for _, ns := range []string{server, client} {
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
		run(t, "ip", "netns", "add", ns)
		run(t, "ip", "-n", ns, "link", "set", "lo", "up")
	}
	run(t, "ip", "-n", server, "link", "add", "srv0", "address", serverMAC, "type", "veth",
		"peer", "name", "cli0", "address", clientMAC, "netns", client)
	run(t, "ip", "-n", server, "addr", "add", "192.168.1.1/24", "dev", "srv0")
	run(t, "ip", "-n", server, "link", "set", "srv0", "up")
	run(t, "ip", "-n", client, "link", "set", "cli0", "up")
	waitForCarrier(t, server, "srv0")
	waitForCarrier(t, client, "cli0")

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", server, self, "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=120s")
	// A race detector need not wait for others at the end.
	cmd.Env = append(os.Environ(), childEnv+"="+client, "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("in the namespace: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: "+t.Name()+" ") {
		t.Fatalf("the test did not run in the namespace:\n%s", out)
	}
	return nil
}

// skip ends a test that this machine cannot run; in CI that is a failure.
func skip(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// waitForCarrier waits, in a network namespace or in this one, for the kernel to notice that the other end is up; until
// then it discards what is sent, and says nothing.
func waitForCarrier(t *testing.T, ns, device string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		args := []string{"link", "show", "dev", device}
		if ns != "" {
			args = append([]string{"-n", ns}, args...)
		}
		show := run(t, "ip", args...)
		if strings.Contains(show, " state UP ") && !strings.Contains(show, " qdisc noop ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come up: %s", device, show)
		}
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// onClient runs f with the client's network. Sockets that it opens stay there.
func (h *twoHosts) onClient(t *testing.T, f func() error) {
	t.Helper()
	onThread(t, func() error {
		ns, err := os.Open("/run/netns/" + h.client)
		if err != nil {
			return err
		}
		defer ns.Close()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("setns", err)
		}
		return f()
	})
}

// onThread runs f on a thread that ends with it, so that f may spoil it.
func onThread(t *testing.T, f func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// connect adds one more Ethernet between the hosts: srv1 with 192.168.11.1/24
// and the link address 02:00:00:00:01:01, cli1 with 02:00:00:00:01:02, and so on.
func (h *twoHosts) connect(t *testing.T, i int) {
	t.Helper()
	srv, cli := fmt.Sprintf("srv%d", i), fmt.Sprintf("cli%d", i)
	run(t, "ip", "link", "add", srv, "address", fmt.Sprintf("02:00:00:00:%02x:01", i), "type", "veth",
		"peer", "name", cli, "address", fmt.Sprintf("02:00:00:00:%02x:02", i), "netns", h.client)
	run(t, "ip", "addr", "add", fmt.Sprintf("192.168.%d.1/24", 10+i), "dev", srv)
	run(t, "ip", "link", "set", srv, "up")
	run(t, "ip", "-n", h.client, "link", "set", cli, "up")
	waitForCarrier(t, "", srv)
	waitForCarrier(t, h.client, cli)
}

// A station sends and sees Ethernet frames on an interface of the client's.
type station struct {
	*packet.Conn
	mac, serverMAC string
}

func (h *twoHosts) station(t *testing.T) station {
	t.Helper()
	return h.stationOn(t, "cli0", clientMAC, serverMAC)
}

// stationAt is a station on an Ethernet that connect made.
func (h *twoHosts) stationAt(t *testing.T, i int) station {
	t.Helper()
	return h.stationOn(t, fmt.Sprintf("cli%d", i), fmt.Sprintf("02:00:00:00:%02x:02", i), fmt.Sprintf("02:00:00:00:%02x:01", i))
}

func (h *twoHosts) stationOn(t *testing.T, device, mac, serverMAC string) station {
	t.Helper()
	s := station{mac: mac, serverMAC: serverMAC}
	h.onClient(t, func() error {
		ifi, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		s.Conn, err = packet.Listen(ifi, packet.Raw, unix.ETH_P_IP, nil)
		return err
	})
	t.Cleanup(func() { s.Close() })
	if err := s.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return s
}

// send sends a datagram to the server, or to everyone if to is a broadcast.
func (s station) send(t *testing.T, from, to, data string) {
	t.Helper()
	mac := s.serverMAC
	if netip.MustParseAddrPort(to).Addr().As4()[3] == 255 {
		mac = everyoneMAC
	}
	s.sendFrame(t, s.frame(t, mac, from, to, data))
}

// frame makes a frame from the station to the link address mac.
func (s station) frame(t *testing.T, mac, from, to, data string, tags ...dhcp4.VLANTag) []byte {
	t.Helper()
	frame, err := dhcp4.AppendFrame(nil, dhcp4.Packet{
		Data:         []byte(data),
		Link:         &dhcp4.Link{HardwareAddr: lease.MustParseHardwareAddr(s.mac)},
		HardwareAddr: lease.MustParseHardwareAddr(mac),
		Local:        netip.MustParseAddrPort(from),
		Peer:         netip.MustParseAddrPort(to),
	}, tags...)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func (s station) sendFrame(t *testing.T, frame []byte) {
	t.Helper()
	hw := net.HardwareAddr(frame[:6])
	if _, err := s.WriteTo(frame, &packet.Addr{HardwareAddr: hw}); err != nil {
		t.Fatal(err)
	}
}

// A frame is what a station saw, with what is wrong in it.
type frame struct {
	SrcMAC, DstMAC string
	Src, Dst       netip.AddrPort
	Data           string
	More           bool // more fragments follow
	BadChecksum    string
}

// next returns the next frame with UDP from port 67.
func (s station) next(t *testing.T) frame {
	t.Helper()
	buf := make([]byte, 4096)
	for {
		n, _, err := s.ReadFrom(buf)
		if err != nil {
			t.Fatalf("waiting for a frame from the server: %v", err)
		}
		eth, ip := buf[:14], buf[14:n]
		udp := ip[20:]
		if ip[0] != 0x45 || ip[9] != unix.IPPROTO_UDP || binary.BigEndian.Uint16(udp) != 67 {
			continue
		}
		f := frame{
			DstMAC: net.HardwareAddr(eth[:6]).String(),
			SrcMAC: net.HardwareAddr(eth[6:12]).String(),
			Src:    netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[12:16])), 67),
			Dst:    netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[16:20])), binary.BigEndian.Uint16(udp[2:])),
			More:   ip[6]&0x20 != 0,
		}
		if onesSum(0, ip[:20]) != 0xffff {
			f.BadChecksum = "IPv4"
		}
		if f.More {
			return f
		}
		udp = udp[:binary.BigEndian.Uint16(udp[4:])]
		f.Data = string(udp[8:])
		if onesSum(unix.IPPROTO_UDP+uint32(len(udp))+uint32(onesSum(0, ip[12:20])), udp) != 0xffff {
			f.BadChecksum += "UDP"
		}
		return f
	}
}

// onesSum is the sum of RFC 1071, one word at a time.
func onesSum(s uint32, b []byte) uint16 {
	for i, v := range b {
		if i%2 == 0 {
			s += uint32(v) << 8
		} else {
			s += uint32(v)
		}
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

func (s station) want(t *testing.T, want frame) {
	t.Helper()
	want.SrcMAC = s.serverMAC
	if diff := cmp.Diff(want, s.next(t), comparePackets); diff != "" {
		t.Errorf("frame at the client (-want +got):\n%s", diff)
	}
}
