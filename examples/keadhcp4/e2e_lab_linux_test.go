package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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
)

const (
	serverPort = "ens33" // the server's interface
	clientPort = "eth0"  // the client's
	patience   = 30 * time.Second
)

// inHost runs a command with files and folders of its own in place of the
// system's: pairs of one and where to mount it, "--", and the command.
const inHost = `set -e
while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done
shift
exec "$@"`

var labs atomic.Int32

// A lab is two hosts on one Ethernet: the server with 192.168.1.1/24 on ens33,
// and the client with the given MAC address on eth0, without an address. Both
// have files of their own where the system has Kea's and the clients'.
type lab struct {
	t              *testing.T
	server, client string // network namespaces
	etc, lib, run  string // on the server: /etc/kea, /var/lib and /run

	mu      sync.Mutex
	replies []dhcp4.Message // that the client got
}

func newLab(t *testing.T, mac string) *lab {
	t.Helper()
	name := fmt.Sprintf("keadhcp4-%d-%d", os.Getpid(), labs.Add(1))
	l := &lab{t: t, server: name + "-server", client: name + "-client", etc: t.TempDir(), lib: t.TempDir(), run: t.TempDir()}
	for _, dir := range []string{l.etc, l.lib, l.run, l.lib + "/kea", l.run + "/kea", l.run + "/lock/kea"} {
		// Servers without root are to write here too.
		if err := errors.Join(os.MkdirAll(dir, 0o777), os.Chmod(dir, 0o777)); err != nil {
			t.Fatal(err)
		}
	}
	l.configure()
	for _, ns := range []string{l.server, l.client} {
		command(t, "ip", "netns", "add", ns)
		t.Cleanup(func() { l.remove(ns) })
		command(t, "ip", "-n", ns, "link", "set", "lo", "up")
	}
	command(t, "ip", "-n", l.server, "link", "add", serverPort, "type", "veth",
		"peer", "name", clientPort, "address", mac, "netns", l.client)
	command(t, "ip", "-n", l.server, "addr", "add", "192.168.1.1/24", "dev", serverPort)
	command(t, "ip", "-n", l.server, "link", "set", serverPort, "up")
	command(t, "ip", "-n", l.client, "link", "set", clientPort, "up")
	l.watch()
	return l
}

// remove ends what still runs in a namespace, which can only be what the
// programs of this test have started, and deletes it.
func (l *lab) remove(ns string) {
	out, _ := exec.Command("ip", "netns", "pids", ns).Output()
	for _, field := range strings.Fields(string(out)) {
		if pid, err := strconv.Atoi(field); err == nil && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	command(l.t, "ip", "netns", "del", ns)
}

// configure writes the configuration of the tutorial with parts replaced:
// pairs of old and new text.
func (l *lab) configure(changes ...string) {
	l.t.Helper()
	text, err := os.ReadFile("testdata/kea-dhcp4.conf")
	if err != nil {
		l.t.Fatal(err)
	}
	s := string(text)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(s, changes[i]) {
			l.t.Fatalf("the configuration has no %q", changes[i])
		}
		s = strings.Replace(s, changes[i], changes[i+1], 1)
	}
	if err := os.WriteFile(filepath.Join(l.etc, "kea-dhcp4.conf"), []byte(s), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// on starts a program on a host.
func (l *lab) on(ns string, mounts []string, args ...string) *process {
	l.t.Helper()
	host := []string{"ip", "netns", "exec", ns, "sh", "-c", inHost, "sh"}
	return start(l.t, append(append(append(host, mounts...), "--"), args...)...)
}

// onServer starts a program on the server.
func (l *lab) onServer(args ...string) *process {
	l.t.Helper()
	return l.on(l.server, []string{l.etc, "/etc/kea", l.lib, "/var/lib", l.run, "/run"}, args...)
}

// serve starts a server with the tutorial's file and waits until it serves.
func (l *lab) serve(server ...string) *process {
	l.t.Helper()
	p := l.onServer(append(server, "-c", "/etc/kea/kea-dhcp4.conf")...)
	p.awaits("DHCP4_STARTED")
	return p
}

// leaseRows returns the rows of the server's lease file without the header.
func (l *lab) leaseRows() []string {
	l.t.Helper()
	text, err := os.ReadFile(filepath.Join(l.lib, "kea/kea-leases4.csv"))
	if err != nil {
		l.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")[1:]
}

// inClient calls f on a thread that is in the client's network namespace.
func (l *lab) inClient(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		ns, err := os.Open("/run/netns/" + l.client)
		if err == nil {
			defer ns.Close()
			err = os.NewSyscallError("setns", unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET))
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// watch notes the replies that reach the client's interface.
func (l *lab) watch() {
	l.t.Helper()
	var c *packet.Conn
	err := l.inClient(func() error {
		ifi, err := net.InterfaceByName(clientPort)
		if err == nil {
			c, err = packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil)
		}
		return err
	})
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
			var m dhcp4.Message
			if p, ok := dhcp4.ParseFrame(append([]byte(nil), frame[:n]...)); ok && m.Unmarshal(p.Data) == nil && m.Op == dhcp4.OpReply {
				l.mu.Lock()
				l.replies = append(l.replies, m)
				l.mu.Unlock()
			}
		}
	}()
}

// A process is a program that the test has started.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  string        // file with what it prints
	done chan struct{} // closed when it has ended
}

// start starts a program that ends with the test at the latest.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	out, err := os.CreateTemp(t.TempDir(), "*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p := &process{t: t, cmd: exec.Command(args[0], args[1:]...), log: out.Name(), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "KEA_LOCKFILE_DIR=/run/lock/kea", "KEA_PIDFILE_DIR=/run/kea"}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.end()
		if t.Failed() {
			t.Logf("%q printed:\n%s", args, p.printed())
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

// awaits waits until the process has printed the text.
func (p *process) awaits(text string) { p.t.Helper(); p.awaitsN(text, 1) }

// awaitsN waits until the process has printed the text n times.
func (p *process) awaitsN(text string, n int) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); strings.Count(p.printed(), text) < n; time.Sleep(10 * time.Millisecond) {
		select {
		case <-p.done:
			if strings.Count(p.printed(), text) < n {
				p.t.Fatalf("%v, and it has not printed %s\n%s", p.cmd.ProcessState, text, p.printed())
			}
		default:
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("waited in vain for %s:\n%s", text, p.printed())
		}
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("%v: %v\n%s", s, err, p.printed())
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

// status waits until the process ends and returns its exit status.
func (p *process) status() int {
	p.t.Helper()
	if !p.endsWithin(patience) {
		p.t.Fatalf("it does not end:\n%s", p.printed())
	}
	return p.cmd.ProcessState.ExitCode()
}

// shutDown stops a server, which it must do well, and in two seconds.
func (p *process) shutDown(s syscall.Signal) {
	p.t.Helper()
	p.signal(s)
	if !p.endsWithin(2 * time.Second) {
		p.t.Fatalf("it still runs two seconds after %v\n%s", s, p.printed())
	}
	if code := p.status(); code != 0 {
		p.t.Fatalf("exit status %d\n%s", code, p.printed())
	}
}

// end makes the process end, if it has not.
func (p *process) end() {
	for range 3 {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		if p.endsWithin(time.Second) {
			return
		}
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

func command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// needs skips the test if this machine cannot run it; in CI that is a failure.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	skip := t.Skipf
	if os.Getenv("CI") == "true" {
		skip = t.Fatalf
	}
	for _, program := range append([]string{"go", "ip", "mount", "sh"}, programs...) {
		if _, err := exec.LookPath(program); err != nil {
			skip("needs the program %s: %v", program, err)
		}
	}
	child := exec.Command("true")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if err := child.Run(); err != nil {
		skip("needs root to make network namespaces (%v)", err)
	}
}

// built is the program under test; it is built once.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "keadhcp4"); built.err != nil {
			return
		}
		if built.err = os.Chmod(built.dir, 0o755); built.err != nil {
			return
		}
		if out, err := exec.Command("go", "build", "-o", built.dir, ".").CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "keadhcp4")
}
