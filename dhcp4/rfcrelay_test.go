package dhcp4_test

import (
	"net/netip"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/option"
)

// RFC 3527 3 MUST: of link selection and the client's subnet selection (RFC 3011) the former counts
// RFC 3527 3 MUST NOT: no address is offered that is not on the selected link
// RFC 3527 3 MUST: the reply goes where it would go without link selection
func TestLinkSelectionIsAboutTheAddressAlone(t *testing.T) {
	w := newWire(t, relayConfig())
	m := via("10.2.0.1", discoverOf(1), subOption(5, octets("10.6.0.0")))
	m.Options = append(m.Options, option.SubnetSelection.New(netip.MustParseAddr("10.3.0.0")))
	reply, out, reason := w.send(m)
	if reply == nil {
		t.Fatal(reason)
	}
	if reply.YIAddr.String() != "10.6.0.100" || out.Peer.String() != "10.2.0.1:67" {
		t.Errorf("%v is offered, to %v", reply.YIAddr, out.Peer)
	}
	w.expect("the one address of that link is offered", via("10.2.0.1", discoverOf(2), subOption(5, octets("10.6.0.0"))), "OFFER 10.6.0.100")
	w.expect("no such link", via("10.2.0.1", discoverOf(3), subOption(5, octets("10.99.0.0"))), "no subnet for this relay agent")
}

// RFC 3046 2.2 SHOULD: relay agent information in unicast messages is taken
// RFC 3046 2.2 MUST NOT: it is not expected to be in them
func TestRenewalWithAndWithoutAgentOptions(t *testing.T) {
	l := newLab(t, labConfig())
	relayed := request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".100", giaddr: ".2", source: ".2", options: option.Options{agentInfo()}}
	l.expect("lease", relayed, ackOf(".100").relayed(".2", 0))
	renewal := request{from: client1, typ: dhcp4.TypeRequest, ciaddr: ".100", source: ".100", unicast: true}
	l.expect("without it", renewal, ackTo(".100"))
	renewal.options = option.Options{agentInfo()}
	a, m := l.send(renewal)
	if a != ackTo(".100") {
		t.Fatalf("with it: %v", a)
	}
	if info, ok := m.Options.Lookup(82); !ok || string(info) != string(agentInfo().Data) {
		t.Errorf("% x is echoed", info)
	}
}

// RFC 6842 3 MUST NOT: a client that sends no client identifier gets none
func TestNoClientIDIsMadeUp(t *testing.T) {
	c := labConfig()
	c.Authoritative = true
	nameless := sender{client1.mac, ""}
	for _, r := range []request{
		{from: nameless, typ: dhcp4.TypeDiscover},
		{from: nameless, typ: dhcp4.TypeRequest, server: "us", asks: ".100"},
		{from: nameless, typ: dhcp4.TypeRequest, asks: "10.9.9.9"},
		{from: nameless, typ: dhcp4.TypeInform, ciaddr: ".100"},
	} {
		if id, ok := replyTo(t, c, r).Options.Lookup(61); ok {
			t.Errorf("%v: client identifier % x", r.typ, id)
		}
	}
}

// RFC 3046 4.0 SHOULD: (not yet) the number of addresses for one remote id is restricted
func TestOneRemoteIDMayHaveManyAddresses(t *testing.T) {
	l := newLab(t, labConfig())
	for i, from := range []sender{client1, client2, stranger("01")} {
		a := []string{".100", ".101", ".102"}[i]
		l.expect("client", request{from: from, typ: dhcp4.TypeRequest, server: "us", asks: a, giaddr: ".2", source: ".2",
			options: option.Options{{Code: 82, Data: []byte(subOption(2, "host"))}}}, ackOf(a).relayed(".2", 0))
	}
}
