package netlab

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Patience is how long Await waits: long, since a test only ever waits that
// long when it fails, and the machine may be busy.
const Patience = 2 * time.Minute

// Needs skips the test if this machine cannot run it; in CI that is a failure.
func Needs(t *testing.T, programs ...string) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	skip := t.Skipf
	if os.Getenv("CI") == "true" {
		skip = t.Fatalf
	}
	for _, program := range append([]string{"cat", "go", "ip", "mount", "sh"}, programs...) {
		if _, err := exec.LookPath(program); err != nil {
			skip("needs the program %s: %v", program, err)
		}
	}
	child := exec.Command("true")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if err := child.Run(); err != nil {
		skip("needs root to make network namespaces: %v", err)
	}
}

// Await waits until something has come about, and ends the test if it does not.
func Await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain for %s", Patience, what)
		}
	}
}

// Command runs a command that must succeed, and returns what it prints.
func Command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

var hosts atomic.Int32

// A Host is a network namespace whose programs have files of their own in
// place of the system's.
type Host struct {
	t         *testing.T
	Namespace string
	Mounts    map[string]string // where: what, for every program
	Env       []string          // for every program, beside PATH
	dir       string
}

// NewHost makes a host without interfaces but lo.
func NewHost(t *testing.T, name string) *Host {
	t.Helper()
	h := &Host{
		t: t, Namespace: fmt.Sprintf("netlab-%d-%d-%s", os.Getpid(), hosts.Add(1), name),
		Mounts: map[string]string{}, dir: t.TempDir(),
	}
	Command(t, "ip", "netns", "add", h.Namespace)
	t.Cleanup(h.remove)
	h.IP("link", "set", "lo", "up")
	// No client may change the resolv.conf of the machine.
	if at, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil {
		h.Mounts[at] = h.File("resolv.conf", "", 0o644)
	}
	return h
}

// remove ends what still runs in the namespace, which can only be what the
// programs of this test have started, and deletes it.
func (h *Host) remove() {
	out, _ := exec.Command("ip", "netns", "pids", h.Namespace).Output()
	for _, field := range strings.Fields(string(out)) {
		if pid, err := strconv.Atoi(field); err == nil && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if out, err := exec.Command("ip", "netns", "del", h.Namespace).CombinedOutput(); err != nil {
		h.t.Errorf("ip netns del: %v\n%s", err, out)
	}
}

// Path returns where a file of the host lies outside of it.
func (h *Host) Path(name string) string { return filepath.Join(h.dir, name) }

// File writes a file of the host and returns its path.
func (h *Host) File(name, text string, mode os.FileMode) string {
	h.t.Helper()
	path := h.Path(name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode)); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// Folder makes a folder of the host and returns its path.
func (h *Host) Folder(name string) string {
	h.t.Helper()
	if err := os.MkdirAll(h.Path(name), 0o755); err != nil {
		h.t.Fatal(err)
	}
	return h.Path(name)
}

// inHost mounts pairs of what and where, and runs the command behind "--". ip
// netns exec has made a mount namespace that the system does not see.
const inHost = `set -e
while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done
shift
exec "$@"`

func (h *Host) command(args []string) []string {
	command := []string{"ip", "netns", "exec", h.Namespace, "sh", "-c", inHost, "sh"}
	for _, at := range slices.Sorted(maps.Keys(h.Mounts)) {
		command = append(command, h.Mounts[at], at)
	}
	return append(append(command, "--"), args...)
}

// Run runs a command on the host that must succeed.
func (h *Host) Run(args ...string) string {
	h.t.Helper()
	return Command(h.t, h.command(args)...)
}

// IP configures the host by ip(8).
func (h *Host) IP(args ...string) string {
	h.t.Helper()
	return Command(h.t, append([]string{"ip", "-n", h.Namespace}, args...)...)
}

// Start starts a program on the host that ends with the test at the latest.
// What it printed is logged if the test fails.
func (h *Host) Start(args ...string) *Process {
	h.t.Helper()
	out, err := os.CreateTemp(h.t.TempDir(), "*.log")
	if err != nil {
		h.t.Fatal(err)
	}
	defer out.Close()
	command := h.command(args)
	p := &Process{
		t: h.t, Name: filepath.Base(args[0]), cmd: exec.Command(command[0], command[1:]...),
		log: out.Name(), done: make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	// The scripts of the clients write down all of their environment.
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, h.Env...)
	if err := p.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	h.t.Cleanup(func() {
		p.Kill()
		if h.t.Failed() {
			h.t.Logf("%q printed:\n%s", args, p.Printed())
		}
	})
	return p
}

// Within calls f on a thread that is in the network namespace of the host.
func (h *Host) Within(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		ns, err := os.Open("/run/netns/" + h.Namespace)
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

// AwaitServer waits until a program listens on the port of DHCP servers.
func (h *Host) AwaitServer(p *Process) {
	h.t.Helper()
	Await(h.t, p.Name+" to listen on port 67", func() bool {
		if p.ended() {
			h.t.Fatalf("%s has ended: %v", p.Name, p.cmd.ProcessState)
		}
		return strings.Contains(Command(h.t, "ip", "netns", "exec", h.Namespace, "cat", "/proc/net/udp"), ":0043 ")
	})
}

// KeepsResolvConf checks in the end that no client has changed the machine's
// resolv.conf.
func KeepsResolvConf(t *testing.T) {
	t.Helper()
	before, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		after, err := os.ReadFile("/etc/resolv.conf")
		if err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
		if !bytes.Equal(before, after) {
			t.Errorf("/etc/resolv.conf of this machine is another one now:\n%s", after)
		}
	})
}

// Parallel makes up to n tests run at once, more than there are processors,
// unless -test.parallel says how many: tests with real clients do little but
// wait. It is for TestMain.
func Parallel(n int) {
	flag.Parse()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if set {
		return
	}
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(err)
	}
}

// Addresses returns the IPv4 addresses of an interface, with their lengths.
func (h *Host) Addresses(ifi string) (addrs []string) {
	h.t.Helper()
	for line := range strings.Lines(h.IP("-4", "-o", "addr", "show", "dev", ifi)) {
		if fields := strings.Fields(line); len(fields) > 3 {
			addrs = append(addrs, fields[3])
		}
	}
	return addrs
}

// A Process is a program that a test has started.
type Process struct {
	t    *testing.T
	Name string
	cmd  *exec.Cmd
	log  string        // file with what it prints
	done chan struct{} // closed when it has ended
}

// Printed returns what the program has printed so far.
func (p *Process) Printed() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		p.t.Error(err)
	}
	return string(text)
}

// Awaits waits until the program has printed the text.
func (p *Process) Awaits(text string) { p.t.Helper(); p.AwaitsN(text, 1) }

// AwaitsN waits until the program has printed the text n times.
func (p *Process) AwaitsN(text string, n int) {
	p.t.Helper()
	Await(p.t, fmt.Sprintf("%s to print %q %d times", p.Name, text, n), func() bool {
		ended := p.ended()
		printed := strings.Count(p.Printed(), text) >= n
		if ended && !printed {
			p.t.Fatalf("%s has ended and has not printed %q: %v", p.Name, text, p.cmd.ProcessState)
		}
		return printed
	})
}

func (p *Process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Status waits until the program ends and returns its exit status.
func (p *Process) Status() int {
	p.t.Helper()
	Await(p.t, p.Name+" to end", p.ended)
	return p.cmd.ProcessState.ExitCode()
}

// Signal sends the program a signal.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("%v to %s: %v", s, p.Name, err)
	}
}

// signalUntil sends the program a signal every other second until that had its
// effect, or the program has ended: dhcpcd misses signals while its script
// runs.
func (p *Process) signalUntil(sig syscall.Signal, what string, effect func() bool) {
	p.t.Helper()
	var sent time.Time
	Await(p.t, what, func() bool {
		if effect() || p.ended() {
			return true
		}
		if time.Since(sent) > 2*time.Second {
			_ = p.cmd.Process.Signal(sig)
			sent = time.Now()
		}
		return false
	})
}

// End asks the program to end, and waits until it has.
func (p *Process) End() {
	p.t.Helper()
	p.signalUntil(syscall.SIGTERM, p.Name+" to end", p.ended)
}

// MustExit sends the program a signal by which it must end in time, and well.
func (p *Process) MustExit(sig syscall.Signal, within time.Duration) {
	p.t.Helper()
	p.Signal(sig)
	select {
	case <-p.done:
	case <-time.After(within):
		p.t.Fatalf("%s still runs %v after %v", p.Name, within, sig)
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Fatalf("%s: exit status %d", p.Name, code)
	}
}

// Kill ends the program by SIGKILL.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}
