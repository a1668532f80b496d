package main

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	laptop    = "02:00:00:00:10:01" // a client that nobody knows
	webServer = "00:0c:29:aa:bb:cc" // a client with a reservation
)

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests with real clients do little but wait, so that more of them
	// than processors may run at once, unless -parallel says how many.
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == "test.parallel" })
	if !set {
		if err := flag.Set("test.parallel", "12"); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// built is the program under test; it is built once.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func quickstart(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "quickstart"); built.err != nil {
			return
		}
		out, err := exec.Command("go", "build", "-o", built.dir, ".").CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "quickstart")
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
	for _, program := range append([]string{"go", "ip", "ss", "mount", "sh"}, programs...) {
		if _, err := exec.LookPath(program); err != nil {
			skip("needs the program %s: %v", program, err)
		}
	}
	child := exec.Command("true")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if err := child.Run(); err != nil {
		skip("needs root to make network namespaces (%v): sudo go test ./examples/quickstart", err)
	}
}

// keepsResolvConf checks in the end that no client has changed the machine's
// resolv.conf.
func keepsResolvConf(t *testing.T) {
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

// tutorial is what a client is to report about the tutorial network.
func tutorial(addr, hostname string) report {
	return report{
		Addr: addr + "/24", Router: "192.168.1.1", DNS: "192.168.1.10 8.8.8.8",
		Domain: "lab.example.com", Search: "lab.example.com",
		Lease: "43200", T1: "21600", T2: "37800", Hostname: hostname, ServerID: "192.168.1.1",
	}
}

// inPool returns the address of a report, which must be in the pool.
func (r report) inPool(t *testing.T) netip.Prefix {
	t.Helper()
	p, err := netip.ParsePrefix(r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	first, last := netip.MustParseAddr("192.168.1.100"), netip.MustParseAddr("192.168.1.200")
	if p.Addr().Less(first) || last.Less(p.Addr()) {
		t.Fatalf("the client has %v, which is not in the pool", p)
	}
	return p
}

func mustEqual(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// forEachClient runs f beside others for every client, or those named.
func forEachClient(t *testing.T, f func(t *testing.T, c client), names ...string) {
	keepsResolvConf(t)
	for name, c := range clients {
		if len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			needs(t, name)
			t.Parallel()
			f(t, c)
		})
	}
}

func TestEndToEndClientGetsRenewsAndReleasesALease(t *testing.T) {
	t.Parallel()
	forEachClient(t, func(t *testing.T, c client) {
		l := newLab(t, laptop)
		server := l.serve()
		s := newStation(l)

		p := c.start(s)
		got := c.bound(s, p)
		addr := got.inPool(t)
		mustEqual(t, "the client's report", tutorial(addr.Addr().String(), "laptop"), got)
		l.mustHave(addr)
		held := strings.Join([]string{addr.Addr().String(), laptop, c.id(laptop), "43200", "1", "0", "0", "laptop", "0", ""}, ",")
		mustEqual(t, "the lease's row", held, l.row())

		server.shutDown()
		kept := l.rows()
		server = l.serve()
		p = c.renew(s, p)
		renewed := c.renewed(s, p)
		if !strings.HasPrefix(l.rows(), kept) {
			t.Errorf("the server has not kept its lease file:\n%s", cmp.Diff(kept, l.rows()))
		}
		if _, ok := c.(dhclient); ok {
			got.T1 = "1" // as it was told, so that it renews at all
		}
		mustEqual(t, "the client's report after its renewal", got, renewed)
		l.mustHave(addr)
		mustEqual(t, "the renewed lease's row", held, l.row())

		c.release(s, p)
		released := strings.Replace(held, ",43200,", ",0,", 1)
		await(t, "the row of a deleted lease", func() bool { return l.row() == released })
		l.mustHave(netip.Prefix{})
		server.shutDown()

		a := addr.Addr().String()
		l.mustSee("Discover to 255.255.255.255", "Offer of "+a+" to "+a,
			"Request for "+a+" to 255.255.255.255", "ACK of "+a+" to "+a,
			"Request by "+a+" to 192.168.1.1", "ACK of "+a+" to "+a,
			"Release by "+a+" to 192.168.1.1")
	})
}

func TestEndToEndReservedClientGetsItsAddressAndHostName(t *testing.T) {
	t.Parallel()
	forEachClient(t, func(t *testing.T, c client) {
		l := newLab(t, webServer)
		l.serve()
		s := newStation(l)
		p := c.start(s)
		mustEqual(t, "the client's report", tutorial("192.168.1.20", "web-server"), c.bound(s, p))
		l.mustHave(netip.MustParsePrefix("192.168.1.20/24"))
		mustEqual(t, "the lease's row",
			"192.168.1.20,"+webServer+","+c.id(webServer)+",43200,1,0,0,web-server,0,", l.row())
	})
}

// What a client and a server say when the client begins without a lease, and
// in INIT-REBOOT (RFC 2131, section 4.3.2).
func dora(a string) []string {
	return []string{"Discover to 255.255.255.255", "Offer of " + a + " to " + a,
		"Request for " + a + " to 255.255.255.255", "ACK of " + a + " to " + a}
}

const (
	wrongAddr  = "192.168.1.150" // free, in the pool, and not the client's
	asksWrong  = "Request for " + wrongAddr + " to 255.255.255.255"
	nackForAll = "NACK to 255.255.255.255"
	silenceFor = 3 // seconds until a client gives up on its old address
)

func TestEndToEndInitRebootOfAKnownClient(t *testing.T) {
	t.Parallel()
	forEachClient(t, func(t *testing.T, c client) {
		l := newLab(t, laptop)
		l.serve()
		s := newStation(l)
		p := c.start(s)
		first := c.bound(s, p)
		addr := first.inPool(t).Addr().String()

		c.stop(p)
		p = c.start(s)
		mustEqual(t, "the client's report after INIT-REBOOT", first, c.rebooted(s, p))

		c.stop(p)
		c.remember(s, netip.MustParseAddr(wrongAddr))
		p = c.start(s)
		mustEqual(t, "the client's report after a NAK", first, c.bound(s, p))

		want := slices.Concat(dora(addr),
			[]string{"Request for " + addr + " to 255.255.255.255", "ACK of " + addr + " to " + addr},
			[]string{asksWrong, nackForAll}, dora(addr))
		l.mustHaveSeen(want)
	}, "dhclient", "dhcpcd")
}

func TestEndToEndInitRebootOfAnUnknownClientGetsSilence(t *testing.T) {
	t.Parallel()
	forEachClient(t, func(t *testing.T, c client) {
		l := newLab(t, laptop)
		l.serve()
		s := newStation(l)
		s.reboot = silenceFor
		c.remember(s, netip.MustParseAddr(wrongAddr))
		p := c.start(s)
		addr := c.bound(s, p).inPool(t).Addr().String()
		l.mustHaveSeen(append([]string{asksWrong}, dora(addr)...))
	}, "dhclient", "dhcpcd")
}

func TestEndToEndInitRebootOfAnUnknownClientGetsNakFromAuthoritativeServer(t *testing.T) {
	t.Parallel()
	forEachClient(t, func(t *testing.T, c client) {
		l := newLab(t, laptop)
		l.serve("-authoritative")
		s := newStation(l)
		c.remember(s, netip.MustParseAddr(wrongAddr))
		p := c.start(s)
		addr := c.bound(s, p).inPool(t).Addr().String()
		l.mustHaveSeen(append([]string{asksWrong, nackForAll}, dora(addr)...))
	}, "dhclient", "dhcpcd")
}
