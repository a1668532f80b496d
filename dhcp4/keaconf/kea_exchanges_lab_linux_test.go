package keaconf_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	dhcp "github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// exchangePatience is how long the real Kea may take for anything.
const exchangePatience = 30 * time.Second

// exchangeLinks are the server's interfaces: name, address and prefix length,
// and hardware address.
var exchangeLinks = []*dhcp.Link{
	{Name: "ens33", Index: 2, HardwareAddr: lease.MustParseHardwareAddr("02:ee:00:00:00:33"), Addrs: []netip.Prefix{netip.MustParsePrefix("10.1.0.1/16")}},
	{Name: "ens34", Index: 3, HardwareAddr: lease.MustParseHardwareAddr("02:ee:00:00:00:34"), Addrs: []netip.Prefix{netip.MustParsePrefix("10.4.0.1/24")}},
}

// fenceClient is the client that asks behind each request, to know that the
// request has had its answer.
var fenceClient = lease.MustParseHardwareAddr("02:ee:00:00:00:fe")

// An exchangeLab is a network namespace with the real Kea and one with its
// clients.
type exchangeLab struct {
	t         *testing.T
	leaseFile *os.File                // read up to what has been seen
	conns     map[string]*packet.Conn // by the server's interface
	fences    uint32
}

// needExchangeLab skips the test where it cannot run; in CI that is a failure.
func needExchangeLab(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	skip := t.Skipf
	if os.Getenv("CI") == "true" {
		skip = t.Fatalf
	}
	for _, name := range []string{"kea-dhcp4", "ip"} {
		if _, err := exec.LookPath(name); err != nil {
			skip("to compare with the real Kea, install kea-dhcp4-server and iproute2: %v", err)
		}
	}
	if out, err := exec.Command("kea-dhcp4", "-v").Output(); err != nil || !bytes.HasPrefix(out, []byte("2.2.")) {
		skip("needs kea-dhcp4 2.2, this is %q (%v)", out, err)
	}
	child := exec.Command("true")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := child.Run(); err != nil {
		skip("needs root to make network namespaces: %v", err)
	}
}

// newExchangeLab starts the real Kea with the configuration, in which DIR
// stands for a directory that has the leases in leases.csv.
func newExchangeLab(t *testing.T, config, leases string) *exchangeLab {
	t.Helper()
	dir := t.TempDir()
	l := &exchangeLab{t: t, conns: make(map[string]*packet.Conn)}
	err := errors.Join(
		os.WriteFile(filepath.Join(dir, "leases.csv"), []byte(leases), 0o644),
		os.WriteFile(filepath.Join(dir, "kea.conf"), []byte(strings.ReplaceAll(config, "DIR", dir)), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("keaconf-%d-%x-", os.Getpid(), maphash.String(maphash.MakeSeed(), dir))
	server, client := name+"server", name+"client"
	for _, ns := range []string{server, client} {
		l.ip("netns", "add", ns)
		t.Cleanup(func() { l.ip("netns", "del", ns) })
	}
	for _, link := range exchangeLinks {
		peer := "c-" + link.Name
		l.ip("-n", server, "link", "add", link.Name, "address", link.HardwareAddr.String(), "type", "veth", "peer", "name", peer, "netns", client)
		l.ip("-n", server, "addr", "add", link.Addrs[0].String(), "dev", link.Name)
		l.ip("-n", server, "link", "set", link.Name, "up")
		l.ip("-n", client, "link", "set", peer, "up")
		c, err := listenIn("/run/netns/"+client, peer)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		l.conns[link.Name] = c
	}
	l.start(dir, server)
	if l.leaseFile, err = os.Open(filepath.Join(dir, "leases.csv")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.leaseFile.Close() })
	if _, err := l.leaseFile.Seek(int64(len(leases)), io.SeekStart); err != nil {
		t.Fatal(err)
	}
	return l
}

// start starts Kea and waits until it serves.
func (l *exchangeLab) start(dir, namespace string) {
	l.t.Helper()
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		l.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("ip", "netns", "exec", namespace, "kea-dhcp4", "-c", filepath.Join(dir, "kea.conf"))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "KEA_LOCKFILE_DIR=" + dir, "KEA_PIDFILE_DIR=" + dir}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	l.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for deadline := time.Now().Add(exchangePatience); ; time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(log.Name())
		if err != nil {
			l.t.Fatal(err)
		}
		if bytes.Contains(text, []byte(" DHCP4_STARTED ")) {
			return
		}
		select {
		case <-ended:
			l.t.Fatalf("Kea does not start:\n%s", text)
		default:
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("Kea has not started in time:\n%s", text)
		}
	}
}

func (l *exchangeLab) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// listenIn opens an interface of another network namespace.
func listenIn(namespace, name string) (c *packet.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		var ns *os.File
		if ns, err = os.Open(namespace); err != nil {
			return
		}
		defer ns.Close()
		if err = unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return
		}
		var ifi *net.Interface
		if ifi, err = net.InterfaceByName(name); err != nil {
			return
		}
		c, err = packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil)
	}()
	<-done
	return c, err
}

// ask sends a frame to Kea and returns the frames that it sends before it
// answers the fence that follows.
func (l *exchangeLab) ask(link *dhcp.Link, frame []byte) (answers [][]byte) {
	l.t.Helper()
	l.fences++
	fence := fenceFrame(link, l.fences)
	c := l.conns[link.Name]
	for _, f := range [][]byte{frame, fence} {
		if _, err := c.WriteTo(f, &packet.Addr{HardwareAddr: net.HardwareAddr(f[:6])}); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := c.SetReadDeadline(time.Now().Add(exchangePatience)); err != nil {
		l.t.Fatal(err)
	}
	buf := make([]byte, 2048)
	for {
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			l.t.Fatal("Kea does not answer the fence: ", err)
		}
		got := bytes.Clone(buf[:n])
		p, ok := dhcp.ParseFrame(got)
		var m dhcp.Message
		if !ok || p.Peer.Port() != 67 || m.Unmarshal(p.Data) != nil || m.Op != dhcp.OpReply {
			continue
		}
		if m.HardwareAddr == fenceClient {
			if m.XID == l.fences {
				return answers
			}
			continue
		}
		answers = append(answers, got)
	}
}

func fenceFrame(link *dhcp.Link, xid uint32) []byte {
	addr := link.Addrs[0].Masked().Addr().As4()
	addr[3] = 250
	m := dhcp.Message{
		Op: dhcp.OpRequest, HType: dhcp.HTypeEthernet, XID: xid, CIAddr: netip.AddrFrom4(addr), HardwareAddr: fenceClient,
		Options: option.Options{option.DHCPMessageType.New(uint8(dhcp.TypeInform))},
	}
	data, err := m.AppendBinary(nil)
	if err != nil {
		panic(err)
	}
	f, err := dhcp.AppendFrame(nil, dhcp.Packet{
		Data: data, Link: &dhcp.Link{HardwareAddr: fenceClient}, HardwareAddr: link.HardwareAddr,
		Peer: netip.AddrPortFrom(link.Addrs[0].Addr(), 67), Local: netip.AddrPortFrom(m.CIAddr, 68),
	})
	if err != nil {
		panic(err)
	}
	return f
}
