package main

import (
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
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/examples/internal/netlab"
)

const (
	laptop    = "02:00:00:00:10:01" // a client that nobody knows
	webServer = "00:0c:29:aa:bb:cc" // a client with a reservation
)

func TestMain(m *testing.M) {
	netlab.Parallel(12)
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

// tutorial is what a client is to report about the tutorial network.
func tutorial(addr, hostname string) netlab.Report {
	return netlab.Report{
		Addr: addr + "/24", Router: "192.168.1.1", DNS: "192.168.1.10 8.8.8.8",
		Domain: "lab.example.com", Search: "lab.example.com",
		Lease: "43200", T1: "21600", T2: "37800", Hostname: hostname, ServerID: "192.168.1.1",
	}
}

// inPool returns the address of a report, which must be in the pool.
func inPool(t *testing.T, r netlab.Report) string {
	t.Helper()
	p, err := netip.ParsePrefix(r.Addr)
	if err != nil {
		t.Fatal(err)
	}
	first, last := netip.MustParseAddr("192.168.1.100"), netip.MustParseAddr("192.168.1.200")
	if p.Addr().Less(first) || last.Less(p.Addr()) {
		t.Fatalf("the client has %v, which is not in the pool", p)
	}
	return p.Addr().String()
}

func mustEqual(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// forEachClient runs f beside others for every client that is named.
func forEachClient(t *testing.T, f func(t *testing.T, c netlab.Client), names ...string) {
	netlab.KeepsResolvConf(t)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			c := netlab.Clients()[name]
			netlab.Needs(t, c.Programs()...)
			t.Parallel()
			f(t, c)
		})
	}
}

func TestEndToEndClientGetsRenewsAndReleasesALease(t *testing.T) {
	t.Parallel()
	forEachClient(t, func(t *testing.T, c netlab.Client) {
		l := newLab(t)
		server := l.serve()
		s := l.station(laptop, c)

		s.Start()
		got := s.Next()
		addr := inPool(t, got)
		mustEqual(t, "the client's report", tutorial(addr, "laptop"), got)
		s.MustHave(got.Addr)
		held := strings.Join([]string{addr, laptop, c.ID(laptop), "43200", "1", "0", "0", "laptop", "0", ""}, ",")
		mustEqual(t, "the lease's row", held, l.row())

		server.MustExit(syscall.SIGTERM, 2*time.Second)
		kept := l.rows()
		server = l.serve()
		mark := s.Mark()
		s.Renew()
		s.MustSee(mark, "Request by "+addr+" to 192.168.1.1", "ACK of "+addr)
		renewed := s.Next()
		if !strings.HasPrefix(l.rows(), kept) {
			t.Errorf("the server has not kept its lease file:\n%s", cmp.Diff(kept, l.rows()))
		}
		if renewed.T1 == "1" {
			renewed.T1 = got.T1 // dhclient was told so, so that it renews at all
		}
		mustEqual(t, "the client's report after its renewal", got, renewed)
		s.MustHave(got.Addr)
		mustEqual(t, "the renewed lease's row", held, l.row())

		s.Release()
		released := strings.Replace(held, ",43200,1,0,0,laptop,0,", ",1,1,0,0,laptop,3,", 1)
		netlab.Await(t, "the row of a released lease", func() bool { return l.row() == released })
		s.MustHave()
		server.MustExit(syscall.SIGTERM, 2*time.Second)
		s.MustSee(0, append(dora(addr), "Request by "+addr+" to 192.168.1.1", "ACK of "+addr,
			"Release by "+addr+" to 192.168.1.1")...)
	}, "dhclient", "udhcpc", "dhcpcd")
}

func TestEndToEndReservedClientGetsItsAddressAndHostName(t *testing.T) {
	t.Parallel()
	forEachClient(t, func(t *testing.T, c netlab.Client) {
		l := newLab(t)
		l.serve()
		s := l.station(webServer, c)
		s.Start()
		mustEqual(t, "the client's report", tutorial("192.168.1.20", "web-server"), s.Next())
		s.MustHave("192.168.1.20/24")
		mustEqual(t, "the lease's row",
			"192.168.1.20,"+webServer+","+c.ID(webServer)+",43200,1,0,0,web-server,0,", l.row())
	}, "dhclient", "udhcpc", "dhcpcd", "networkd")
}

// What a client and a server say when the client begins without a lease, and
// in INIT-REBOOT (RFC 2131, section 4.3.2).
func dora(a string) []string {
	return []string{"Discover to 255.255.255.255", "Offer of " + a, "Request for " + a + " to 255.255.255.255", "ACK of " + a}
}

const (
	wrongAddr  = "192.168.1.150" // free, in the pool, and not the client's
	asksWrong  = "Request for " + wrongAddr + " to 255.255.255.255"
	nackForAll = "NACK to 255.255.255.255"
	silenceFor = 3 // seconds until a client gives up on its old address
)

// mustHaveSeen waits until the messages have passed in this order. A busy
// client or server may repeat some, but nothing else may have passed.
func mustHaveSeen(t *testing.T, s *netlab.Station, want []string) {
	t.Helper()
	s.MustSee(0, want...)
	for _, line := range s.Since(0) {
		if !slices.Contains(want, line) {
			t.Errorf("%q among the messages", line)
		}
	}
}

func TestEndToEndInitRebootOfAKnownClient(t *testing.T) {
	t.Parallel()
	forEachClient(t, func(t *testing.T, c netlab.Client) {
		l := newLab(t)
		l.serve()
		s := l.station(laptop, c)
		s.Start()
		first := s.Next()
		addr := inPool(t, first)

		s.Stop()
		s.Start()
		mustEqual(t, "the client's report after INIT-REBOOT", first, s.Next())

		s.Stop()
		c.Remember(s, netip.MustParseAddr(wrongAddr))
		s.Start()
		mustEqual(t, "the client's report after a NAK", first, s.Next())

		mustHaveSeen(t, s, slices.Concat(dora(addr),
			[]string{"Request for " + addr + " to 255.255.255.255", "ACK of " + addr},
			[]string{asksWrong, nackForAll}, dora(addr)))
	}, "dhclient", "dhcpcd")
}

func TestEndToEndInitRebootOfAnUnknownClientGetsSilence(t *testing.T) {
	t.Parallel()
	forEachClient(t, func(t *testing.T, c netlab.Client) {
		l := newLab(t)
		l.serve()
		s := l.station(laptop, c)
		s.Reboot = silenceFor
		c.Remember(s, netip.MustParseAddr(wrongAddr))
		s.Start()
		mustHaveSeen(t, s, append([]string{asksWrong}, dora(inPool(t, s.Next()))...))
	}, "dhclient", "dhcpcd")
}

func TestEndToEndInitRebootOfAnUnknownClientGetsNakFromAuthoritativeServer(t *testing.T) {
	t.Parallel()
	forEachClient(t, func(t *testing.T, c netlab.Client) {
		l := newLab(t)
		l.serve("-authoritative")
		s := l.station(laptop, c)
		c.Remember(s, netip.MustParseAddr(wrongAddr))
		s.Start()
		mustHaveSeen(t, s, append([]string{asksWrong, nackForAll}, dora(inPool(t, s.Next()))...))
	}, "dhclient", "dhcpcd", "networkd")
}
