package dhcp4_test

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// subOption is one sub-option of the relay agent information.
func subOption(code byte, data string) string { return string([]byte{code, byte(len(data))}) + data }

// via makes m one that the relay agent at giaddr has forwarded, with the given
// sub-options.
func via(giaddr string, m *dhcp4.Message, sub ...string) *dhcp4.Message {
	m.GIAddr, m.Hops = netip.MustParseAddr(giaddr), 1
	if info := strings.Join(sub, ""); info != "" {
		m.Options = append(m.Options, option.Option{Code: 82, Data: []byte(info)})
	}
	return m
}

// octets returns an address as it is on the wire.
func octets(a string) string { return string(netip.MustParseAddr(a).AsSlice()) }

// relayConfig has one subnet for each way to find it.
func relayConfig() dhcp4.Config {
	pools := func(first string) []dhcp4.Pool {
		return []dhcp4.Pool{{Range: pool.Range{First: netip.MustParseAddr(first), Last: netip.MustParseAddr(first)}}}
	}
	return dhcp4.Config{
		Subnets: []dhcp4.Subnet{
			{ID: 1, Prefix: netip.MustParsePrefix("10.1.0.0/24"), Pools: pools("10.1.0.100"), Interface: "eth0"},
			{ID: 2, Prefix: netip.MustParsePrefix("10.2.0.0/24"), Pools: pools("10.2.0.100")},
			{ID: 3, Prefix: netip.MustParsePrefix("10.3.0.0/24"), Pools: pools("10.3.0.100"), Relays: []netip.Addr{netip.MustParseAddr("172.16.0.3"), netip.MustParseAddr("10.2.0.3")}},
			{ID: 4, Prefix: netip.MustParsePrefix("10.4.0.0/24"), Pools: pools("10.4.0.100"), SharedNetwork: "w"},
			{ID: 5, Prefix: netip.MustParsePrefix("10.5.0.0/24"), Pools: pools("10.5.0.100"), SharedNetwork: "w", Relays: []netip.Addr{netip.MustParseAddr("172.16.0.5")}},
			{ID: 6, Prefix: netip.MustParsePrefix("10.6.0.0/24"), Pools: pools("10.6.0.100")},
		},
		SharedNetworks: []dhcp4.SharedNetwork{{Name: "w", Relays: []netip.Addr{netip.MustParseAddr("172.16.0.4")}}},
	}
}

// TestRelayedRequestsFindTheirSubnet goes through Kea's order with what a
// relay agent may say, each against what is weaker.
func TestRelayedRequestsFindTheirSubnet(t *testing.T) {
	link := func(a string) string { return subOption(5, octets(a)) }
	choice := func(m *dhcp4.Message, a string) *dhcp4.Message {
		m.Options = append(m.Options, option.SubnetSelection.New(netip.MustParseAddr(a)))
		return m
	}
	tests := []struct {
		name    string
		message *dhcp4.Message
		ignore  bool // IgnoreLinkSelection
		want    string
	}{
		// RFC 3527 3 MUST: the address comes from the subnet that the link-selection sub-option names
		{"link selection before giaddr", via("10.2.0.1", discoverOf(1), link("10.6.0.0")), false, "10.6.0.100"},
		// RFC 3527 3 MUST: it may come from another subnet of that link, and from no other link
		{"link selection of a network", via("10.2.0.1", discoverOf(1, option.DHCPRequestedAddress.New(netip.MustParseAddr("10.4.0.100"))), link("10.5.0.0")), false, "10.4.0.100"},
		{"link selection before subnet selection", choice(via("10.2.0.1", discoverOf(1), link("10.6.0.0")), "10.3.0.0"), false, "10.6.0.100"},
		{"link selection before relay addresses", via("172.16.0.3", discoverOf(1), link("10.6.0.0")), false, "10.6.0.100"},
		{"link selection that nobody knows", via("10.2.0.1", discoverOf(1), link("192.0.2.0")), false, "no subnet for this relay agent"},
		{"link selection is ignored", via("10.2.0.1", discoverOf(1), link("10.6.0.0")), true, "10.2.0.100"},
		{"link selection is ignored, subnet selection is not", choice(via("10.2.0.1", discoverOf(1), link("10.6.0.0")), "10.3.0.0"), true, "10.3.0.100"},
		{"link selection of no use", via("10.2.0.1", discoverOf(1), subOption(5, "abc")), false, "10.2.0.100"},
		{"link selection 0.0.0.0", via("10.2.0.1", discoverOf(1), link("0.0.0.0")), false, "10.2.0.100"},
		{"subnet selection before giaddr", choice(via("10.2.0.1", discoverOf(1)), "10.6.0.0"), false, "10.6.0.100"},
		{"subnet selection of no use", via("10.2.0.1", discoverOf(1, option.Option{Code: 118, Data: []byte("abc")})), false, "10.2.0.100"},
		{"subnet selection without relay", choice(discoverOf(1), "10.6.0.0"), false, "10.6.0.100"},
		{"subnet selection that nobody knows", choice(discoverOf(1), "192.0.2.0"), false, "no subnet for this link and these addresses"},
		{"relay addresses before giaddr in a prefix", via("10.2.0.3", discoverOf(1)), false, "10.3.0.100"},
		{"a relay address outside of all prefixes", via("172.16.0.3", discoverOf(1)), false, "10.3.0.100"},
		{"the relay address of a network: who has none", via("172.16.0.4", discoverOf(1)), false, "10.4.0.100"},
		{"the relay address of a member", via("172.16.0.5", discoverOf(1)), false, "10.5.0.100"},
		{"giaddr in a prefix, relay addresses or not", via("10.3.0.1", discoverOf(1)), false, "10.3.0.100"},
		{"giaddr before the link", via("10.2.0.1", discoverOf(1)), false, "10.2.0.100"},
		{"giaddr that nobody knows", via("192.0.2.1", discoverOf(1)), false, "no subnet for this relay agent"},
		{"no relay", discoverOf(1), false, "10.1.0.100"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := relayConfig()
			c.IgnoreLinkSelection = tt.ignore
			want := tt.want
			if netip.MustParsePrefix("10.0.0.0/8").Contains(addrOr(want)) {
				want = "OFFER " + want
			}
			newWire(t, c).expect("selection", tt.message, want)
		})
	}
}

func addrOr(s string) netip.Addr {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.IPv4Unspecified()
	}
	return a
}

// A relay agent that no subnet knows gets no answer, whatever it forwards.
func TestUnknownRelayIsRefused(t *testing.T) {
	w := newWire(t, relayConfig())
	release := releaseOf(1, "10.1.0.100")
	for _, m := range []*dhcp4.Message{discoverOf(1), selectOf(1, "10.1.0.1", "10.1.0.100"), rebootOf(1, "10.1.0.100"), renewOf(1, "10.1.0.100"), release, fromClient(1, dhcp4.TypeInform)} {
		w.expect(m.Type().String(), via("192.0.2.1", m), "no subnet for this relay agent")
	}
	if n := w.srv.Count(dhcp4.ReasonUnknownRelay); n != 6 {
		t.Errorf("%d were counted, want 6", n)
	}
}

// RFC 3011: a server that goes by the subnet-selection option returns it as it
// came.
func TestSubnetSelectionIsEchoed(t *testing.T) {
	w := newWire(t, relayConfig())
	for _, m := range []*dhcp4.Message{
		discoverOf(1), selectOf(1, "10.1.0.1", "10.6.0.100"), selectOf(2, "10.1.0.1", "10.6.0.100"), fromClient(1, dhcp4.TypeInform),
	} {
		m.Options = append(m.Options, option.SubnetSelection.New(netip.MustParseAddr("10.6.0.0")))
		w.peer = "10.6.0.100:68"
		reply, _, reason := w.send(m)
		if reply == nil {
			t.Fatalf("%v: %v", m.Type(), reason)
		}
		if a, ok, err := option.SubnetSelection.Get(reply.Options); !ok || err != nil || a.String() != "10.6.0.0" {
			t.Errorf("%v: option 118 is %v, %v, %v", m.Type(), a, ok, err)
		}
	}
}

func TestAgentOptionsAreEchoed(t *testing.T) {
	info := subOption(1, "port 7") + subOption(2, "modem") + subOption(151, "\x00red") + subOption(9, "")
	for _, tt := range []struct {
		name    string
		message *dhcp4.Message
	}{
		{"OFFER", discoverOf(1)},
		{"ACK", selectOf(1, "10.1.0.1", "10.2.0.100")},
		{"NAK", selectOf(2, "10.1.0.1", "10.2.0.100")},
		{"ACK to INFORM", fromClient(3, dhcp4.TypeInform)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWire(t, relayConfig())
			w.outcome(via("10.2.0.1", selectOf(1, "10.1.0.1", "10.2.0.100")))
			m := tt.message
			// In the middle of the request's options.
			m.Options = append(m.Options[:1:1], append(option.Options{{Code: 82, Data: []byte(info)}}, m.Options[1:]...)...)
			reply, _, reason := w.send(via("10.2.0.1", m))
			if reply == nil {
				t.Fatal(reason)
			}
			last := reply.Options[len(reply.Options)-1]
			// RFC 3046 2.2 MUST: all replies carry the entire relay agent information as it came
			if string(last.Data) != info {
				t.Errorf("% x, want % x", last.Data, info)
			}
			// RFC 3046 2.2 SHOULD: the relay agent information is the last option of the reply
			if last.Code != 82 {
				t.Errorf("the last option is %v", last.Code)
			}
		})
	}
	t.Run("without giaddr", func(t *testing.T) {
		m := discoverOf(1)
		m.Options = append(m.Options, option.Option{Code: 82, Data: []byte(info)})
		reply, _, _ := newWire(t, relayConfig()).send(m)
		if data, _ := reply.Options.Lookup(82); string(data) != info {
			t.Errorf("% x, want % x", data, info)
		}
	})
	t.Run("an empty one", func(t *testing.T) {
		m := discoverOf(1)
		m.Options = append(m.Options, option.Option{Code: 82})
		reply, _, _ := newWire(t, relayConfig()).send(m)
		if _, ok := reply.Options.Lookup(82); ok {
			t.Error("it is in the reply")
		}
	})
}

// The reply that is sent where the relay agent is not on the way carries
// nothing of it.
func TestInformReplyThatPassesNoRelayHasNoAgentOptions(t *testing.T) {
	w := newWire(t, relayConfig())
	m := via("10.2.0.1", fromClient(1, dhcp4.TypeInform), subOption(1, "port"))
	m.CIAddr = netip.MustParseAddr("10.2.0.50")
	reply, out, _ := w.send(m)
	if _, ok := reply.Options.Lookup(82); ok || isSet(reply.GIAddr) || reply.Hops != 0 {
		t.Errorf("option 82: %v, giaddr %v, hops %d", ok, reply.GIAddr, reply.Hops)
	}
	if out.Peer.String() != "10.2.0.50:68" {
		t.Errorf("sent to %v", out.Peer)
	}
}

func isSet(a netip.Addr) bool { return a.IsValid() && !a.IsUnspecified() }

// RFC 3046 2.2 MUST NOT: the relay agent information is never in the sname or file field
func TestAgentOptionsAreNeverInAnOverloadedField(t *testing.T) {
	c := relayConfig()
	c.Subnets[1].Options = option.Options{option.Always(option.RootPath.New(strings.Repeat("r", 110))), option.Always(option.ExtensionsPath.New(strings.Repeat("e", 100)))}
	w := newWire(t, c)
	info := strings.Repeat(subOption(2, strings.Repeat("x", 50)), 3)
	reply, out, _ := w.send(via("10.2.0.1", discoverOf(1), info))
	if reply == nil {
		t.Fatal("no reply")
	}
	if _, ok := reply.Options.Lookup(17); !ok {
		t.Error("option 17 is missing, so nothing was overloaded")
	}
	if fields := string(out.Data[44:236]); strings.Contains(fields, "xxxx") {
		t.Error("it is in sname or file")
	}
	if data, _ := reply.Options.Lookup(82); string(data) != info {
		t.Errorf("%d octets of it are in the options, want %d", len(data), len(info))
	}
}

// RFC 3046 2.2 MUST: a reply that has no room for the whole relay agent
// information goes without it
func TestReplyWithoutRoomForAgentOptionsGoesWithout(t *testing.T) {
	w := newWire(t, relayConfig())
	info := strings.Repeat(subOption(2, strings.Repeat("x", 100)), 5)
	reply, out, reason := w.send(via("10.2.0.1", discoverOf(1), info))
	if reply == nil {
		t.Fatal(reason)
	}
	if _, ok := reply.Options.Lookup(82); ok || len(out.Data) > 548 {
		t.Errorf("option 82: %v, %d octets", ok, len(out.Data))
	}
	// RFC 3046 2.2 SHOULD: such replies are counted
	if reason != dhcp4.ReasonAgentInfoOmitted {
		t.Errorf("%v was counted", reason)
	}
	m := via("10.2.0.1", discoverOf(1), info)
	m.Options = append(m.Options, option.DHCPMaxMessageSize.New(1400))
	reply, _, _ = w.send(m)
	if data, _ := reply.Options.Lookup(82); string(data) != info {
		t.Errorf("%d octets of it where there is room, want %d", len(data), len(info))
	}
}

// RFC 3046 3.1 SHOULD NOT: the server does not look into a circuit id
// RFC 3046 3.2 SHOULD NOT: the server does not look into a remote id
func TestCircuitIDIsOpaque(t *testing.T) {
	w := newWire(t, relayConfig())
	for _, id := range []string{"", "\x00", "\xff\xff\xff", "\x05\x04" + octets("10.6.0.0")} {
		w.expect("whatever it is", via("10.2.0.1", discoverOf(1), subOption(1, id)), "OFFER 10.2.0.100")
		w.expect("whatever it is", via("10.2.0.1", discoverOf(1), subOption(2, id)), "OFFER 10.2.0.100")
	}
}

// RFC 3046 3.1 SHOULD: the circuit id is in the log, with giaddr that qualifies it
// RFC 3046 3.2 SHOULD: the remote id is in the log
func TestLogTellsTheCircuit(t *testing.T) {
	var text strings.Builder
	c := relayConfig()
	c.Logger = slog.New(slog.NewTextHandler(&text, nil))
	w := newWire(t, c)
	w.expect("bound", via("10.2.0.1", selectOf(1, "10.1.0.1", "10.2.0.100"), subOption(1, "\xaa\xbb"), subOption(2, "\xcc")), "ACK 10.2.0.100")
	if got := text.String(); !strings.Contains(got, "giaddr=10.2.0.1 circuit-id=0xAABB remote-id=0xCC") {
		t.Errorf("the log says %s", got)
	}
}

// A renewal that changes nothing about the relay agent costs no memory.
func TestStoredAgentOptionsAllocateNothingAgain(t *testing.T) {
	for _, form := range []string{"", `{"ISC":{"relay-agent-info":{"remote-id":"0x01","sub-options":"0x0104aabbccdd"}}}`} {
		var st lease.Memory
		c := relayConfig()
		c.Leases, c.StoreExtendedInfo = &st, dhcp4.Yes
		w := newWire(t, c)
		info := subOption(1, "\xaa\xbb\xcc\xdd")
		w.expect("bound", via("10.2.0.1", selectOf(1, "10.1.0.1", "10.2.0.100"), info), "ACK 10.2.0.100")
		if form != "" {
			setContext(t, &st, form)
		}
		before := contextOf(t, &st)
		data, err := via("10.2.0.1", renewOf(1, "10.2.0.100"), info).AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		in := dhcp4.Packet{Data: data, Link: w.link, Local: netip.MustParseAddrPort("10.1.0.1:67")}
		reply := make([]byte, 0, 1024)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := w.srv.Respond(context.Background(), in, reply); err != nil {
				t.Fatal(err)
			}
		}); n > 0 && !raceEnabled {
			t.Errorf("%v allocations", n)
		}
		if got := contextOf(t, &st); got != before {
			t.Errorf("%s became %s", before, got)
		}
	}
}

func TestServerIdentifierOverride(t *testing.T) {
	override := func(a string) string { return subOption(11, octets(a)) }
	newRelay := func() *wire { return newWire(t, relayConfig()) }
	serverIDOf := func(m *dhcp4.Message) string {
		id, _, _ := option.DHCPServerIdentifier.Get(m.Options)
		return id.String()
	}
	// RFC 5107 4 MUST: the address in the server identifier override is the server identifier of the reply
	t.Run("all replies name it", func(t *testing.T) {
		w := newRelay()
		for _, m := range []*dhcp4.Message{
			discoverOf(1), selectOf(1, "10.2.0.1", "10.2.0.100"), selectOf(2, "10.2.0.1", "10.2.0.100"), fromClient(1, dhcp4.TypeInform),
		} {
			reply, out, reason := w.send(via("10.2.0.1", m, override("10.2.0.1")))
			if reply == nil {
				t.Fatal(reason)
			}
			if id := serverIDOf(reply); id != "10.2.0.1" {
				t.Errorf("%v: server identifier %s", reply.Type(), id)
			}
			if out.Local.Addr().String() == "10.2.0.1" {
				t.Errorf("%v: sent from the relay agent's address", reply.Type())
			}
		}
	})
	// RFC 5107 4 MUST: a request that names the address in the server identifier override is for this server
	t.Run("it is us", func(t *testing.T) {
		w := newRelay()
		w.expect("with it", via("10.2.0.1", selectOf(1, "10.2.0.1", "10.2.0.100"), override("10.2.0.1")), "ACK 10.2.0.100")
		w.expect("without it", via("10.2.0.1", selectOf(1, "10.2.0.1", "10.2.0.100")), "meant for another server")
		w.expect("another one", via("10.2.0.1", selectOf(1, "10.2.0.9", "10.2.0.100"), override("10.2.0.1")), "meant for another server")
		w.expect("our own still is", via("10.2.0.1", selectOf(1, "10.1.0.1", "10.2.0.100"), override("10.2.0.1")), "ACK 10.2.0.100")
	})
	t.Run("what is no address is none", func(t *testing.T) {
		w := newRelay()
		for _, sub := range []string{subOption(11, "abc"), override("0.0.0.0"), override("255.255.255.255"), override("224.0.0.1"), "\x0b\x04\x0a"} {
			reply, _, reason := w.send(via("10.2.0.1", discoverOf(1), sub))
			if reply == nil {
				t.Fatal(reason)
			}
			if id := serverIDOf(reply); id != "10.1.0.1" {
				t.Errorf("% x: server identifier %s", sub, id)
			}
		}
	})
	t.Run("the relay agent's address is given to nobody", func(t *testing.T) {
		w := newRelay()
		w.expect("offered", via("10.2.0.1", discoverOf(1), override("10.2.0.100")), "no free address")
	})
	t.Run("a server without an address of its own", func(t *testing.T) {
		w := newRelay()
		w.link = &dhcp4.Link{Name: "bare"}
		reply, out, reason := w.send(via("10.2.0.1", discoverOf(1), override("10.2.0.1")))
		if reply == nil {
			t.Fatal(reason)
		}
		if out.Local.IsValid() {
			t.Errorf("sent from %v, want the Conn's choice", out.Local)
		}
	})
}

func TestReplyGoesToThePortOfTheRelay(t *testing.T) {
	tests := []struct {
		name, peer string
		message    *dhcp4.Message
		want       string
	}{
		{"as ever", "10.2.0.1:5000", via("10.2.0.1", discoverOf(1), subOption(1, "p")), "10.2.0.1:67"},
		// RFC 8357 5.1 MUST: with the relay source port sub-option, the reply goes to the port that the relay agent sent from
		{"with the sub-option", "10.2.0.1:5000", via("10.2.0.1", discoverOf(1), subOption(1, "p"), subOption(19, "")), "10.2.0.1:5000"},
		// The address is giaddr all the same.
		{"another source", "172.16.0.9:5000", via("10.2.0.1", discoverOf(1), subOption(19, "")), "10.2.0.1:5000"},
		{"NAK", "10.2.0.1:5000", via("10.2.0.1", selectOf(1, "10.1.0.1", "10.2.0.101"), subOption(19, "")), "10.2.0.1:5000"},
		{"INFORM", "10.2.0.1:5000", via("10.2.0.1", fromClient(1, dhcp4.TypeInform), subOption(19, "")), "10.2.0.1:5000"},
		{"with a sub-option that is not empty", "10.2.0.1:5000", via("10.2.0.1", discoverOf(1), subOption(19, "x")), "10.2.0.1:5000"},
		{"no port", "0.0.0.0:0", via("10.2.0.1", discoverOf(1), subOption(19, "")), "10.2.0.1:67"},
		{"without relay agent", "0.0.0.0:5000", func() *dhcp4.Message {
			m := discoverOf(1)
			m.Options = append(m.Options, option.Option{Code: 82, Data: []byte(subOption(19, ""))})
			return m
		}(), "10.1.0.100:68"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := relayConfig()
			c.Authoritative = true
			w := newWire(t, c)
			w.peer = tt.peer
			reply, out, reason := w.send(tt.message)
			if reply == nil {
				t.Fatal(reason)
			}
			if out.Peer.String() != tt.want {
				t.Errorf("sent to %v, want %s", out.Peer, tt.want)
			}
			// RFC 3046 2.2 MUST: the relay source port sub-option (RFC 8357) is in the reply as it was in the request
			asked, _ := tt.message.Options.Lookup(82)
			if got, _ := reply.Options.Lookup(82); string(got) != string(asked) {
				t.Errorf("relay agent information % x, want % x", got, asked)
			}
		})
	}
}

// Of several relay agents in a row giaddr is the first one, and it gets the reply.
func TestRelaysInAChain(t *testing.T) {
	w := newWire(t, relayConfig())
	w.peer = "10.6.0.1:67" // the last one
	m := via("10.2.0.1", discoverOf(1), subOption(1, "first"))
	m.Hops = 3
	reply, out, reason := w.send(m)
	if reply == nil {
		t.Fatal(reason)
	}
	if reply.YIAddr.String() != "10.2.0.100" || out.Peer.String() != "10.2.0.1:67" || reply.Hops != 3 || reply.GIAddr != m.GIAddr {
		t.Errorf("%v to %v, hops %d, giaddr %v", reply.YIAddr, out.Peer, reply.Hops, reply.GIAddr)
	}
}

// As in Kea, hops tells nothing, and a relay agent on the Server's own host is
// one like any other.
func TestRelayOnTheServersHostAndHopsWithoutRelay(t *testing.T) {
	w := newWire(t, relayConfig())
	m := discoverOf(1)
	m.Hops = 1
	reply, out, reason := w.send(m)
	if reply == nil {
		t.Fatal(reason)
	}
	if out.Peer.String() != "10.1.0.100:68" || reply.Hops != 1 {
		t.Errorf("hops without giaddr: sent to %v with hops %d", out.Peer, reply.Hops)
	}
	m = via("10.1.0.1", discoverOf(1))
	m.Hops = 0
	if reply, out, reason = w.send(m); reply == nil {
		t.Fatal(reason)
	}
	if out.Peer.String() != "10.1.0.1:67" {
		t.Errorf("giaddr is the Server's: sent to %v", out.Peer)
	}
}

// contextOf returns the user context of the lease of 10.2.0.100.
func contextOf(t *testing.T, st *lease.Memory) string {
	t.Helper()
	l, ok, err := lease.Get(context.Background(), st, netip.MustParseAddr("10.2.0.100"))
	if err != nil || !ok {
		t.Fatal("no lease", err)
	}
	return l.UserContext
}

// setContext writes the user context of the lease of 10.2.0.100.
func setContext(t *testing.T, st *lease.Memory, text string) {
	t.Helper()
	old, _, err := lease.Get(context.Background(), st, netip.MustParseAddr("10.2.0.100"))
	if err != nil {
		t.Fatal(err)
	}
	next := old
	next.UserContext = text
	cs := []lease.Change{{Old: &old, New: &next}}
	if err := st.Update(context.Background(), cs); err != nil || cs[0].Err != nil {
		t.Fatal(err, cs[0].Err)
	}
}

func TestAgentOptionsAreStoredIfAsked(t *testing.T) {
	const stored = `{ "ISC": { "relay-agent-info": "0x0104AABBCCDD" } }`
	info := subOption(1, "\xaa\xbb\xcc\xdd")
	take := func(sub ...string) *dhcp4.Message {
		return via("10.2.0.1", selectOf(1, "10.1.0.1", "10.2.0.100"), sub...)
	}
	tests := []struct {
		name           string
		config, subnet dhcp4.Choice
		want           string
	}{
		{"never by itself", dhcp4.Inherit, dhcp4.Inherit, ""},
		{"by the Config", dhcp4.Yes, dhcp4.Inherit, stored},
		{"not in this subnet", dhcp4.Yes, dhcp4.No, ""},
		{"only in this subnet", dhcp4.No, dhcp4.Yes, stored},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var st lease.Memory
			c := relayConfig()
			c.Leases, c.StoreExtendedInfo, c.Subnets[1].StoreExtendedInfo = &st, tt.config, tt.subnet
			newWire(t, c).expect("stored", take(info), "ACK 10.2.0.100")
			if diff := cmp.Diff(tt.want, contextOf(t, &st)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	t.Run("beside what is there", func(t *testing.T) {
		var st lease.Memory
		c := relayConfig()
		c.Leases, c.StoreExtendedInfo = &st, dhcp4.Yes
		w := newWire(t, c)
		w.expect("first", take(), "ACK 10.2.0.100")
		setContext(t, &st, `{ "floor": 3 }`)
		w.expect("renewed", take(info), "ACK 10.2.0.100")
		w.expect("by another way", take(subOption(1, "\x01")), "ACK 10.2.0.100")
		w.local = "10.1.0.1:67"
		w.expect("without a relay agent it stays", renewOf(1, "10.2.0.100"), "ACK 10.2.0.100")
		w.expect("without information it stays", take(), "ACK 10.2.0.100")
		want := `{ "ISC": { "relay-agent-info": "0x010101" }, "floor": 3 }`
		if diff := cmp.Diff(want, contextOf(t, &st)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestEveryConfiguredServerIDAndSourceIsUs(t *testing.T) {
	c := relayConfig()
	c.Subnets[1].ServerID = netip.MustParseAddr("192.0.2.2") // outside of every prefix
	c.Subnets[2].ServerID = netip.MustParseAddr("192.0.2.3")
	c.Subnets[3].Source = netip.MustParseAddr("192.0.2.4")
	w := newWire(t, c)
	for _, id := range []string{"192.0.2.2", "192.0.2.3", "192.0.2.4", "10.1.0.1"} {
		w.expect(id, via("10.2.0.1", selectOf(1, id, "10.2.0.100")), "ACK 10.2.0.100")
	}
	w.expect("another one", via("10.2.0.1", selectOf(1, "192.0.2.5", "10.2.0.100")), "meant for another server")
	reply, out, _ := w.send(via("10.4.0.1", discoverOf(1)))
	if reply == nil || out.Local.String() != "192.0.2.4:67" {
		t.Errorf("sent from %v, want the Source", out.Local)
	}
}

func TestConfiguredServerIDAndSourceAreGivenToNobody(t *testing.T) {
	c := relayConfig()
	c.Subnets[1].Source = netip.MustParseAddr("10.2.0.100")
	c.Subnets[2].ServerID = netip.MustParseAddr("10.4.0.100") // in another subnet's pool
	w := newWire(t, c)
	for giaddr, a := range map[string]string{"10.2.0.1": "10.2.0.100", "10.4.0.1": "10.4.0.100"} {
		w.expect("selected", via(giaddr, selectOf(1, "10.1.0.1", a)), "requested address is in no pool")
	}
	w.expect("offered", via("10.2.0.1", discoverOf(1)), "no free address")
	w.expect("offered", via("10.4.0.1", discoverOf(1)), "OFFER 10.5.0.100") // in the same network
}

func TestForeignServerIDCanBeIgnored(t *testing.T) {
	c := relayConfig()
	c.IgnoreServerID = true
	w := newWire(t, c)
	w.expect("REQUEST", selectOf(1, "192.0.2.9", "10.1.0.100"), "ACK 10.1.0.100")
	m := releaseOf(1, "10.1.0.100")
	m.Options = append(m.Options, option.DHCPServerIdentifier.New(netip.MustParseAddr("192.0.2.9")))
	w.expect("RELEASE", m, "served, never answered")
	w.expect("DISCOVER", discoverOf(1, option.DHCPServerIdentifier.New(netip.MustParseAddr("192.0.2.9"))), "DISCOVER with a server identifier")
}

// A client that has moved rebinds by broadcast on its new link: its old
// address is not extended there, though the Server knows its subnet. As in Kea
// it gets no NAK either: a relay agent may have forwarded the message twice.
func TestRebindingOnAnotherLinkIsNotThatOfTheLease(t *testing.T) {
	w := newWire(t, relayConfig())
	w.expect("bound", via("10.6.0.1", selectOf(1, "10.1.0.1", "10.6.0.100")), "ACK 10.6.0.100")
	w.peer = "10.6.0.100:68"
	w.expect("by broadcast, elsewhere", renewOf(1, "10.6.0.100"), "requested address is in no pool")
	w.local = "10.1.0.1:67"
	w.expect("by unicast", renewOf(1, "10.6.0.100"), "ACK 10.6.0.100")
}
