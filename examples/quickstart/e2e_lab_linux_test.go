package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/option"
)

const (
	serverPort = "ens33" // the server's interface
	clientPort = "eth0"  // the client's
	patience   = 30 * time.Second
)

// inHost runs a program with folders of its own in place of the system's:
// pairs of a folder and where to mount it, "--", and the command. ip netns
// exec has made a mount namespace that the rest of the system does not see.
const inHost = `set -e
while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done
shift
exec "$@"`

var labs atomic.Int32

// A lab is two hosts on one Ethernet: the server with 192.168.1.1/24 on ens33,
// and the client with the given MAC address on eth0, without an address.
type lab struct {
	t              *testing.T
	dir            string // of the server, with its lease file
	server, client string // network namespaces
	mac            string

	mu   sync.Mutex
	seen []string
}

func newLab(t *testing.T, mac string) *lab {
	t.Helper()
	name := fmt.Sprintf("quickstart-%d-%d", os.Getpid(), labs.Add(1))
	l := &lab{t: t, dir: t.TempDir(), server: name + "-server", client: name + "-client", mac: mac}
	for _, ns := range []string{l.server, l.client} {
		t.Cleanup(func() { l.removeNamespace(ns) })
		run(t, "ip", "netns", "add", ns)
		run(t, "ip", "-n", ns, "link", "set", "lo", "up")
	}
	run(t, "ip", "-n", l.server, "link", "add", serverPort, "type", "veth",
		"peer", "name", clientPort, "address", mac, "netns", l.client)
	run(t, "ip", "-n", l.server, "addr", "add", "192.168.1.1/24", "dev", serverPort)
	run(t, "ip", "-n", l.server, "link", "set", serverPort, "up")
	run(t, "ip", "-n", l.client, "link", "set", clientPort, "up")
	l.watch()
	return l
}

// removeNamespace ends what still runs in a namespace, which can only be what
// the programs of this test have started, and deletes it.
func (l *lab) removeNamespace(ns string) {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		out, err := exec.Command("ip", "netns", "pids", ns).Output()
		if err != nil || len(out) == 0 {
			break
		}
		if time.Now().After(deadline) {
			for _, field := range strings.Fields(string(out)) {
				if pid, err := strconv.Atoi(field); err == nil && pid != os.Getpid() {
					l.t.Logf("process %d is left in %s", pid, ns)
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
			break
		}
	}
	if out, err := exec.Command("ip", "netns", "del", ns).CombinedOutput(); err != nil && !l.t.Failed() {
		l.t.Errorf("ip netns del %s: %v\n%s", ns, err, out)
	}
}

// leaseFile is where the server of the lab keeps its leases.
func (l *lab) leaseFile() string { return filepath.Join(l.dir, "leases4.csv") }

func (l *lab) rows() string {
	l.t.Helper()
	text, err := os.ReadFile(l.leaseFile())
	if err != nil {
		l.t.Fatal(err)
	}
	return string(text)
}

// row returns the last row of the lease file without the time of expiry.
func (l *lab) row() string {
	l.t.Helper()
	rows := strings.Split(strings.TrimSuffix(l.rows(), "\n"), "\n")
	fields := strings.Split(rows[len(rows)-1], ",")
	if len(fields) < 5 {
		return rows[len(rows)-1]
	}
	return strings.Join(slices.Delete(fields, 4, 5), ",")
}

// serve starts the quickstart on the server and waits until it listens.
func (l *lab) serve(args ...string) *process {
	l.t.Helper()
	if listens := run(l.t, "ip", "netns", "exec", l.server, "ss", "-Huln"); strings.Contains(listens, ":67 ") {
		l.t.Fatalf("port 67 is taken before the server starts:\n%s", listens)
	}
	args = append([]string{"ip", "netns", "exec", l.server, quickstart(l.t),
		"-interface", serverPort, "-leases", l.leaseFile()}, args...)
	p := start(l.t, "quickstart", args...)
	await(l.t, "the server to listen on port 67", func() bool {
		p.mustRun()
		return strings.Contains(run(l.t, "ip", "netns", "exec", l.server, "ss", "-Huln"), ":67 ")
	})
	return p
}

// onClient starts a program on the client with the given folders (and files)
// of its own, each where another one is.
func (l *lab) onClient(mounts map[string]string, args ...string) *process {
	l.t.Helper()
	return l.on(l.client, mounts, args...)
}

func (l *lab) on(ns string, mounts map[string]string, args ...string) *process {
	l.t.Helper()
	command := []string{"ip", "netns", "exec", ns, "sh", "-c", inHost, "sh"}
	if at, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil {
		own := filepath.Join(l.dir, "resolv.conf")
		if err := os.WriteFile(own, nil, 0o644); err != nil {
			l.t.Fatal(err)
		}
		command = append(command, own, at)
	}
	for at, own := range mounts {
		command = append(command, own, at)
	}
	p := start(l.t, filepath.Base(args[0]), append(append(command, "--"), args...)...)
	return p
}

// watch notes the DHCP messages that the client's interface sends and gets.
func (l *lab) watch() {
	l.t.Helper()
	c, err := l.capture()
	if err != nil {
		l.t.Fatal(err)
	}
	stopped := make(chan struct{})
	l.t.Cleanup(func() {
		c.Close()
		<-stopped
	})
	go func() {
		defer close(stopped)
		frame := make([]byte, 4096)
		for {
			n, _, err := c.ReadFrom(frame)
			if err != nil {
				return
			}
			if line := describe(frame[:n]); line != "" {
				l.mu.Lock()
				l.seen = append(l.seen, line)
				l.mu.Unlock()
			}
		}
	}()
}

// capture opens a packet socket on the client's interface.
func (l *lab) capture() (c *packet.Conn, err error) {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	defer home.Close()
	ns, err := os.Open("/run/netns/" + l.client)
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, os.NewSyscallError("setns", err)
	}
	defer func() {
		if e := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); e == nil {
			runtime.UnlockOSThread()
		} else if err == nil {
			c.Close()
			err = os.NewSyscallError("setns", e)
		}
	}()
	ifi, err := net.InterfaceByName(clientPort)
	if err != nil {
		return nil, err
	}
	return packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil)
}

// describe says in one line what of a DHCP message matters here.
func describe(frame []byte) string {
	p, ok := dhcp4.ParseFrame(frame)
	if !ok || p.Local.Port() != 67 && p.Local.Port() != 68 {
		return ""
	}
	var m dhcp4.Message
	if err := m.Unmarshal(p.Data); err != nil {
		return err.Error()
	}
	s := m.Type().String()
	if m.CIAddr.IsValid() && !m.CIAddr.IsUnspecified() && m.Op == dhcp4.OpRequest {
		s += " by " + m.CIAddr.String()
	}
	if asked, ok, _ := option.DHCPRequestedAddress.Get(m.Options); ok && m.Type() == dhcp4.TypeRequest {
		s += " for " + asked.String()
	}
	if m.YIAddr.IsValid() && !m.YIAddr.IsUnspecified() {
		s += " of " + m.YIAddr.String()
	}
	return s + " to " + p.Local.Addr().String()
}

// messages returns what watch has noted, repetitions left out.
func (l *lab) messages() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Compact(slices.Clone(l.seen))
}

// mustSee waits until the messages have been seen in this order, whatever
// else there was in between.
func (l *lab) mustSee(want ...string) {
	l.t.Helper()
	await(l.t, fmt.Sprintf("the messages %q", want), func() bool {
		left := want
		for _, line := range l.messages() {
			if len(left) > 0 && line == left[0] {
				left = left[1:]
			}
		}
		return len(left) == 0
	})
}

// mustHaveSeen compares all messages with want. The capture may lag behind the
// client's own report.
func (l *lab) mustHaveSeen(want []string) {
	l.t.Helper()
	for wait := time.Millisecond; wait < 2*time.Second && len(l.messages()) < len(want); wait *= 2 {
		time.Sleep(wait)
	}
	mustEqual(l.t, "the messages", want, l.messages())
}

// A process is a program that the test has started.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	log  string        // file with what it prints
	done chan struct{} // closed when it has ended
}

// start starts a program that ends with the test at the latest. What it
// printed is logged if the test fails.
func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	out, err := os.CreateTemp(t.TempDir(), name+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p := &process{t: t, name: name, cmd: exec.Command(args[0], args[1:]...), log: out.Name(), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	// The scripts of the clients write down all of their environment.
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.end(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("%s printed:\n%s", p.name, p.printed())
		}
	})
	return p
}

func (p *process) printed() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		p.t.Error(err)
	}
	return string(text)
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("%v to %s: %v\n%s", s, p.name, err, p.printed())
	}
}

// mustRun fails the test if the process has ended.
func (p *process) mustRun() {
	p.t.Helper()
	select {
	case <-p.done:
		p.t.Fatalf("%s has ended: %v\n%s", p.name, p.cmd.ProcessState, p.printed())
	default:
	}
}

// endsWithin reports whether the process ends by itself in time.
func (p *process) endsWithin(d time.Duration) bool {
	select {
	case <-p.done:
		return true
	case <-time.After(d):
		return false
	}
}

// end makes the process end, if it has not. A client that is busy with its
// script can miss a signal.
func (p *process) end(s syscall.Signal) {
	for range 10 {
		if err := p.cmd.Process.Signal(s); errors.Is(err, os.ErrProcessDone) || p.endsWithin(time.Second) {
			break
		}
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

// shutDown stops a server, which it must do well, and in two seconds.
func (p *process) shutDown() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if !p.endsWithin(2 * time.Second) {
		p.t.Fatalf("%s still runs two seconds after SIGTERM\n%s", p.name, p.printed())
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Fatalf("%s: exit status %d\n%s", p.name, code, p.printed())
	}
}

func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// await waits until something has come about.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain for %s", patience, what)
		}
	}
}

var placeholder = regexp.MustCompile(`@[A-Z]+@`)

// install writes a file of testdata elsewhere, with its @NAME@s replaced.
func install(t *testing.T, from, to string, values map[string]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", from))
	if err != nil {
		t.Fatal(err)
	}
	text = placeholder.ReplaceAllFunc(text, func(name []byte) []byte {
		value, ok := values[string(bytes.Trim(name, "@"))]
		if !ok {
			t.Fatalf("%s: no value for %s", from, name)
		}
		return []byte(value)
	})
	if err := os.WriteFile(to, text, 0o755); err != nil {
		t.Fatal(err)
	}
}

// mustHave fails the test if an interface of a namespace has not exactly the
// address, or none if it is invalid.
func (l *lab) mustHave(p netip.Prefix) {
	l.t.Helper()
	want := []string{}
	if p.IsValid() {
		want = append(want, p.String())
	}
	var got []string
	await(l.t, fmt.Sprintf("%s to have the addresses %v", clientPort, want), func() bool {
		got = nil
		for line := range strings.Lines(run(l.t, "ip", "-n", l.client, "-4", "-o", "addr", "show", "dev", clientPort)) {
			if fields := strings.Fields(line); len(fields) > 3 {
				got = append(got, fields[3])
			}
		}
		return slices.Equal(got, want)
	})
}
