package main

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/examples/internal/netlab"
)

// A scene is something that happens between a client and the server.
type scene struct {
	name string
	play func(t *testing.T, s *site, c netlab.Client)
	// relayed: it is played behind relay agents always.
	relayed bool
	// programs that it needs beside the client's.
	programs []string
	// unable are the clients that cannot play it, and why.
	unable map[string]string
}

var scenes = []scene{
	{name: "lease, renewal and a killed server", play: playLease, relayed: true},
	{name: "reservation and rebinding", play: playRebinding, programs: []string{"nft"}},
	{name: "wrong address", play: playWrongAddress, relayed: true},
	{name: "squatted address", play: playDecline, unable: map[string]string{
		"networkd": "systemd 252 sends its DECLINE by an ordinary socket, for which it has no address and no route",
	}},
	{name: "full pool", play: playFullPool, programs: []string{"udhcpc"}},
}

// TestEndToEndScenes plays the scenes with every client. With EMBEDHCP_E2E=all
// it plays all of them behind relay agents too.
func TestEndToEndScenes(t *testing.T) {
	all := os.Getenv("EMBEDHCP_E2E") == "all"
	netlab.KeepsResolvConf(t)
	for _, sc := range scenes {
		for _, p := range paths {
			for name, c := range netlab.Clients() {
				t.Run(sc.name+"/"+p.name+"/"+name, func(t *testing.T) {
					if why := sc.unable[name]; why != "" {
						t.Skip(why)
					}
					if !all && p.relay != nil && !sc.relayed {
						t.Skip("set EMBEDHCP_E2E=all")
					}
					programs := slices.Concat(c.Programs(), sc.programs)
					if p.relay != nil {
						programs = append(programs, p.relay[0])
					}
					netlab.Needs(t, programs...)
					t.Parallel()
					sc.play(t, newSite(t, p), c)
				})
			}
		}
	}
}

const (
	first  = "192.168.2.100"
	second = "192.168.2.101"
)

// What a client and a server say.
func dora(a string) []string {
	return []string{"Discover to 255.255.255.255", "Offer of " + a, "Request for " + a + " to 255.255.255.255", "ACK of " + a}
}

func renewal(a, server string) []string {
	return []string{"Request by " + a + " to " + server, "ACK of " + a}
}

func mustEqual(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// begins lets the client begin, and checks what it reports.
func begins(t *testing.T, s *site, st *netlab.Station, addr, hostname string, c terms) {
	t.Helper()
	st.Start()
	mustEqual(t, "the client's report", s.report(addr, hostname, c), st.Next())
	st.MustHave(addr + "/24")
}

func playLease(t *testing.T, s *site, c netlab.Client) {
	want := terms{Pool: first + " - " + second, Lifetime: 600, T1: 300, T2: 500}
	s.configure(want)
	s.serve()
	st := s.station(laptop, c)
	begins(t, s, st, first, "laptop", want)
	st.MustSee(0, dora(first)...)
	held := s.rows()[0]
	if !strings.HasPrefix(held, first+","+laptop+",") || !strings.HasSuffix(held, ",600,7,0,0,laptop,0,") {
		t.Errorf("the row of the lease is %q", held)
	}

	renews := func() {
		t.Helper()
		mark := st.Mark()
		st.Skip()
		st.Renew()
		st.MustSee(mark, renewal(first, s.path.serverID)...)
		got := st.Next()
		if got.T1 == "1" {
			got.T1 = "300" // dhclient was told so, for it to renew at all
		}
		mustEqual(t, "the client's report of its renewal", s.report(first, "laptop", want), got)
		if rows := s.rows(); slices.ContainsFunc(rows, func(row string) bool { return row != held }) {
			t.Errorf("the rows of the renewed lease are %q", rows)
		}
	}
	renews()
	s.process.Kill()
	if rows := s.rows(); len(rows) < 2 {
		t.Errorf("the killed server has kept %q", rows)
	}
	s.serve()
	renews()
	st.MustHave(first + "/24")
}

// playRebinding keeps the client's messages to the server's own address from
// arriving.
func playRebinding(t *testing.T, s *site, c netlab.Client) {
	const reserved = "192.168.2.20"
	want := terms{
		Pool: first + " - " + second, Lifetime: 60, T1: 2, T2: 5,
		Reservations: `{ "hw-address": "` + webServer + `", "ip-address": "` + reserved + `", "hostname": "web-server" }`,
	}
	s.configure(want)
	s.serve()
	s.hub.Run("nft", "add table bridge lab; add chain bridge lab input { type filter hook input priority 0; }; "+
		"add rule bridge lab input ip daddr "+s.path.serverID+" udp dport 67 drop")
	st := s.station(webServer, c)
	begins(t, s, st, reserved, "web-server", want)
	if c == netlab.Clients()["udhcpc"] {
		st.Renew() // it takes no T1 and T2
	}
	st.MustSee(0, append(dora(reserved), "Request by "+reserved+" to "+s.path.serverID,
		"Request by "+reserved+" to 255.255.255.255", "ACK of "+reserved)...)
	mustEqual(t, "the client's report of its rebinding", s.report(reserved, "web-server", want), st.Next())
	st.MustHave(reserved + "/24")
}

// playWrongAddress gives the client a NAK: in INIT-REBOOT on another network
// or, if it has none, when it renews an address that is another's by now.
func playWrongAddress(t *testing.T, s *site, c netlab.Client) {
	const foreign, reserved = "10.9.9.9", "192.168.2.20"
	want := terms{Pool: first + " - " + second, Lifetime: 600, T1: 300, T2: 500}
	s.configure(want)
	s.serve()
	st := s.station(laptop, c)
	nak := dhcp4.TypeNAK.String() + " to "
	if c.Remember(st, netip.MustParseAddr(foreign)) {
		begins(t, s, st, first, "laptop", want)
		st.MustSee(0, append([]string{"Request for " + foreign + " to 255.255.255.255", nak + "255.255.255.255"}, dora(first)...)...)
		return
	}
	begins(t, s, st, first, "laptop", want)
	want.Reservations = `{ "hw-address": "` + laptop + `", "ip-address": "` + reserved + `", "hostname": "new" }`
	s.configure(want)
	s.reload()
	mark := st.Mark()
	st.Renew()
	st.MustSee(mark, append([]string{"Request by " + first + " to " + s.path.serverID, nak + "255.255.255.255"}, dora(reserved)...)...)
	mustEqual(t, "the client's report after a NAK", s.report(reserved, "new", want), st.Next())
	st.MustHave(reserved + "/24")
}

// playDecline gives the first address of the pool to the router as well.
func playDecline(t *testing.T, s *site, c netlab.Client) {
	want := terms{Pool: first + " - " + second, Lifetime: 600, T1: 300, T2: 500}
	s.configure(want)
	s.serve()
	s.hub.IP("addr", "add", first+"/32", "dev", "lo")
	st := s.station(laptop, c)
	st.Probe = true
	begins(t, s, st, second, "laptop", want)
	st.MustSee(0, slices.Concat(dora(first), []string{"Decline for " + first + " to 255.255.255.255"}, dora(second))...)
	s.process.Awaits(" DHCP4_DECLINE_LEASE ")
	if rows := s.rows(); !slices.Contains(rows, first+",,,86400,7,0,0,,1,") {
		t.Errorf("no row of a declined lease: %q", rows)
	}
}

// playFullPool lets another client have the only address for a while.
func playFullPool(t *testing.T, s *site, c netlab.Client) {
	want := terms{Pool: first + " - " + first, Lifetime: 600, T1: 300, T2: 500}
	s.configure(want)
	s.serve()
	holder := s.station("02:00:00:00:10:02", netlab.Clients()["udhcpc"])
	begins(t, s, holder, first, "laptop", want)

	st := s.station(laptop, c)
	st.Start()
	s.process.Awaits(" ALLOC_ENGINE_V4_ALLOC_FAIL ")
	discover := dora(first)[:1]
	st.MustSee(0, discover...) // the capture may lag behind the server
	mustEqual(t, "the messages while the pool is full", discover, st.Since(0))
	holder.Release()
	mustEqual(t, "the client's report", s.report(first, "laptop", want), st.Next())
	st.MustHave(first + "/24")
	st.MustSee(0, dora(first)...)
}
