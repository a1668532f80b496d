package dhcp4_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"

	"github.com/google/go-cmp/cmp"
)

// A sender is a client as the Server sees it.
type sender struct {
	mac string
	id  string // option 61, hexadecimal; empty: none
}

// A request is one message of a sender. Addresses that begin with a dot are in
// 192.0.2.0/24.
type request struct {
	from    sender
	typ     dhcp4.MessageType
	server  string // option 54; "us" is the Server
	asks    string // option 50
	ciaddr  string
	giaddr  string
	flags   uint16
	unicast bool // sent to the Server's own address
	source  string
	options option.Options
}

// An answer is what a request comes to. An empty To is silence.
type answer struct {
	Type   dhcp4.MessageType
	Addr   string // yiaddr
	To     string
	Direct bool // to the client's hardware address, without ARP
	Flags  uint16
	Reason dhcp4.Reason // of silence or of a NAK
}

// The answers that there are.
func silence(r dhcp4.Reason) answer { return answer{Reason: r} }

func offerOf(addr string) answer {
	return answer{Type: dhcp4.TypeOffer, Addr: addr, To: addr + ":68", Direct: true}
}

// ackOf is the ACK to a client that cannot answer ARP yet.
func ackOf(addr string) answer {
	return answer{Type: dhcp4.TypeACK, Addr: addr, To: addr + ":68", Direct: true}
}

// ackTo is the ACK to a client that uses its address.
func ackTo(addr string) answer {
	return answer{Type: dhcp4.TypeACK, Addr: addr, To: addr + ":68"}
}

func nakFor(r dhcp4.Reason) answer {
	return answer{Type: dhcp4.TypeNAK, To: "255.255.255.255:68", Reason: r}
}

func (a answer) broadcast() answer {
	a.To, a.Direct, a.Flags = "255.255.255.255:68", false, dhcp4.FlagBroadcast
	return a
}

func (a answer) relayed(relay string, flags uint16) answer {
	a.To, a.Direct, a.Flags = relay+":67", false, flags
	return a
}

func fullAddr(s string) netip.Addr {
	switch {
	case s == "":
		return netip.Addr{}
	case s[0] == '.':
		s = "192.0.2" + s
	}
	return netip.MustParseAddr(s)
}

func shortAddr(a netip.Addr) string {
	if !a.IsValid() || a.IsUnspecified() {
		return ""
	}
	return strings.TrimPrefix(a.String(), "192.0.2")
}

// message returns the DHCP message of r.
func (r *request) message() *dhcp4.Message {
	m := message(r.typ)
	m.HardwareAddr = lease.MustParseHardwareAddr(r.from.mac)
	m.CIAddr, m.GIAddr, m.Flags = fullAddr(r.ciaddr), fullAddr(r.giaddr), r.flags
	if r.asks != "" {
		m.Options = append(m.Options, option.DHCPRequestedAddress.New(fullAddr(r.asks)))
	}
	switch r.server {
	case "":
	case "us":
		m.Options = append(m.Options, option.DHCPServerIdentifier.New(fullAddr(".1")))
	default:
		m.Options = append(m.Options, option.DHCPServerIdentifier.New(fullAddr(r.server)))
	}
	m.Options = append(m.Options, r.options...)
	if r.from.id != "" {
		m.Options = append(m.Options, option.Option{Code: 61, Data: []byte(lease.MustParseClientID(r.from.id).Octets())})
	}
	return m
}

// A lab is a Server on 192.0.2.0/24 and its link.
type lab struct {
	t    testing.TB
	srv  *dhcp4.Server
	link *dhcp4.Link
	now  time.Time // of every request; zero: the real time
}

func newLab(t testing.TB, c dhcp4.Config) *lab {
	return &lab{t: t, srv: newServer(t, c), link: &dhcp4.Link{
		Name: "eth0", Index: 3, Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")},
	}}
}

func labConfig() dhcp4.Config {
	return dhcp4.Config{Subnets: []dhcp4.Subnet{{
		ID: 1, Prefix: netip.MustParsePrefix("192.0.2.0/24"),
		Pools: []dhcp4.Pool{{Range: pool.MustParseRange("192.0.2.100-192.0.2.200")}},
	}}}
}

// send gives r to the Server and returns the reply, nil if there is none.
func (l *lab) send(r request) (answer, *dhcp4.Message) {
	l.t.Helper()
	m := r.message()
	data, err := m.AppendBinary(nil)
	if err != nil {
		l.t.Fatal(err)
	}
	in := dhcp4.Packet{
		Data: data, Link: l.link, Time: l.now,
		Peer:  netip.MustParseAddrPort("0.0.0.0:68"),
		Local: netip.MustParseAddrPort("255.255.255.255:67"),
	}
	if r.unicast {
		in.Local = netip.MustParseAddrPort("192.0.2.1:67")
	}
	if r.source != "" {
		in.Peer = netip.AddrPortFrom(fullAddr(r.source), 68)
	}
	before := reasonCounts(l.srv)
	out, err := l.srv.Respond(context.Background(), in, nil)
	reason := newReason(l.t, before, reasonCounts(l.srv))
	if len(out.Data) == 0 {
		if err != reason {
			l.t.Errorf("silence for %v, but %v was counted", err, reason)
		}
		return answer{Reason: reason}, nil
	}
	if err != nil {
		l.t.Errorf("a reply and the error %v", err)
	}
	var reply dhcp4.Message
	if err := reply.Unmarshal(out.Data); err != nil {
		l.t.Fatal(err)
	}
	if out.Link != l.link {
		l.t.Errorf("the reply leaves by link %v", out.Link)
	}
	a := answer{
		Type: reply.Type(), Addr: shortAddr(reply.YIAddr), Flags: reply.Flags, Reason: reason,
		To:     strings.TrimPrefix(out.Peer.String(), "192.0.2"),
		Direct: out.HardwareAddr == m.HardwareAddr,
	}
	if !a.Direct && !out.HardwareAddr.IsZero() {
		l.t.Errorf("the reply goes to hardware address %v", out.HardwareAddr)
	}
	return a, &reply
}

func (l *lab) expect(name string, r request, want answer) {
	l.t.Helper()
	if got, _ := l.send(r); got != want {
		l.t.Errorf("%s (-want +got):\n%s", name, cmp.Diff(want, got))
	}
}

// reasonCounts returns the counter of every Reason that there may be.
func reasonCounts(s *dhcp4.Server) (counts [64]uint64) {
	for r := range counts {
		counts[r] = s.Count(dhcp4.Reason(r))
	}
	return counts
}

// newReason returns the one Reason that was counted in between, or 0.
func newReason(t testing.TB, before, after [64]uint64) (reason dhcp4.Reason) {
	t.Helper()
	for r := range after {
		switch n := after[r] - before[r]; {
		case n == 0:
		case n == 1 && reason == 0:
			reason = dhcp4.Reason(r)
		default:
			t.Errorf("%v was counted beside %v", dhcp4.Reason(r), reason)
		}
	}
	return reason
}

// The clients of the probes.
var (
	client1 = sender{"02:00:00:00:00:01", "01:02:00:00:00:00:01"}
	client2 = sender{"02:00:00:00:00:02", "01:02:00:00:00:00:02"}
)

func stranger(n string) sender {
	return sender{"02:00:00:00:01:" + n, "01:02:00:00:00:01:" + n}
}

// A probe is one message of a row of messages to one Server. same: the answer
// does not depend on whether the Server is authoritative.
type probe struct {
	name          string
	request       request
	want          answer
	authoritative answer
}

func same(name string, r request, want answer) probe { return probe{name, r, want, want} }

// probes is what real servers were asked. The answers are Kea's; where this
// Server has an answer of its own, the comment tells why.
func probes() []probe {
	const (
		discover = dhcp4.TypeDiscover
		ask      = dhcp4.TypeRequest
		inform   = dhcp4.TypeInform
	)
	lifetime := func(seconds byte) option.Options {
		return option.Options{{Code: 51, Data: []byte{0, 0, 0, seconds}}}
	}
	return []probe{
		same("01 DISCOVER with client id", request{from: client1, typ: discover}, offerOf(".100")),
		same("01b REQUEST of the offer", request{from: client1, typ: ask, server: "us", asks: ".100"}, ackOf(".100")),
		same("02 DISCOVER again by bound client", request{from: client1, typ: discover}, offerOf(".100")),
		same("03 DISCOVER with broadcast flag", request{from: client2, typ: discover, flags: dhcp4.FlagBroadcast}, offerOf(".101").broadcast()),
		{"04 INIT-REBOOT of unknown client, address in the pool", request{from: stranger("04"), typ: ask, asks: ".150"},
			silence(dhcp4.ReasonUnknownClient), nakFor(dhcp4.ReasonWrongAddress)},
		{"05 INIT-REBOOT of unknown client, wrong network", request{from: stranger("05"), typ: ask, asks: "10.9.9.9"},
			silence(dhcp4.ReasonUnknownClient), nakFor(dhcp4.ReasonWrongAddress)},
		same("06 INIT-REBOOT of known client, right address", request{from: client1, typ: ask, asks: ".100"}, ackOf(".100")),
		same("07 INIT-REBOOT of known client, other address of the pool", request{from: client1, typ: ask, asks: ".151"}, nakFor(dhcp4.ReasonWrongAddress)),
		same("08 INIT-REBOOT of known client, wrong network", request{from: client1, typ: ask, asks: "10.9.9.9"}, nakFor(dhcp4.ReasonWrongAddress)),
		same("09 REQUEST to another server", request{from: stranger("09"), typ: ask, server: ".2", asks: ".152"}, silence(dhcp4.ReasonOtherServer)),
		same("10 REQUEST of an address never offered", request{from: stranger("10"), typ: ask, server: "us", asks: ".153"}, ackOf(".153")),
		// An authoritative Server does not leave a client alone with an
		// address that it can get from nobody.
		{"11 REQUEST of an address in no pool", request{from: stranger("11"), typ: ask, server: "us", asks: ".50"},
			silence(dhcp4.ReasonUnknownAddress), nakFor(dhcp4.ReasonWrongAddress)},
		{"12 REQUEST of another network's address", request{from: stranger("12"), typ: ask, server: "us", asks: "10.9.9.9"},
			silence(dhcp4.ReasonUnknownAddress), nakFor(dhcp4.ReasonWrongAddress)},
		same("13 REQUEST of another client's address", request{from: stranger("13"), typ: ask, server: "us", asks: ".100"}, nakFor(dhcp4.ReasonTaken)),
		same("14 renewal", request{from: client1, typ: ask, ciaddr: ".100", source: ".100", unicast: true}, ackTo(".100")),
		same("15 rebind", request{from: client1, typ: ask, ciaddr: ".100", source: ".100"}, ackTo(".100")),
		same("16 renewal of an unknown lease, address free", request{from: stranger("16"), typ: ask, ciaddr: ".154", source: ".154", unicast: true}, ackTo(".154")),
		same("17 rebind of an unknown lease, address free", request{from: stranger("17"), typ: ask, ciaddr: ".155", source: ".155"}, ackTo(".155")),
		same("18 rebind in the wrong network", request{from: stranger("18"), typ: ask, ciaddr: "10.9.9.9", source: "10.9.9.9"}, silence(dhcp4.ReasonUnknownAddress)),
		same("19 REQUEST that names nothing", request{from: stranger("19"), typ: ask}, ackOf(".102")),
		// Kea sends this NAK to ciaddr; RFC 2131, section 4.1, broadcasts it.
		same("20 renewal of another client's address", request{from: client2, typ: ask, ciaddr: ".100", source: ".100", unicast: true}, nakFor(dhcp4.ReasonTaken)),
		same("21 INFORM by unicast", request{from: stranger("21"), typ: inform, ciaddr: ".60", source: ".60", unicast: true},
			answer{Type: dhcp4.TypeACK, To: ".60:68"}),
		same("22 INFORM by broadcast", request{from: stranger("21"), typ: inform, ciaddr: ".60", source: ".60", flags: dhcp4.FlagBroadcast},
			answer{Type: dhcp4.TypeACK, To: ".60:68", Flags: dhcp4.FlagBroadcast}),
		same("23 INFORM without any address", request{from: stranger("21"), typ: inform}, silence(dhcp4.ReasonNoReturnPath)),
		same("INFORM to another server", request{from: stranger("21"), typ: inform, ciaddr: ".60", server: ".2"}, silence(dhcp4.ReasonOtherServer)),
		same("24 DISCOVER with a server identifier", request{from: stranger("24"), typ: discover, server: "us"}, silence(dhcp4.ReasonServerID)),
		same("25 DISCOVER without option 55", request{from: stranger("25"), typ: discover}, offerOf(".103")),
		same("26 DISCOVER wishes 77 s", request{from: stranger("26"), typ: discover, options: lifetime(77)}, offerOf(".104")),
		same("27 DISCOVER wishes infinity", request{from: stranger("27"), typ: discover,
			options: option.Options{option.DHCPLeaseTime.New(lease.Infinite)}}, offerOf(".105")),
		same("28 DISCOVER wishes a free address", request{from: stranger("28"), typ: discover, asks: ".160"}, offerOf(".160")),
		same("29 DISCOVER wishes another network's address", request{from: stranger("29"), typ: discover, asks: "10.9.9.9"}, offerOf(".106")),
		same("30 DECLINE", request{from: client1, typ: dhcp4.TypeDecline, server: "us", asks: ".100"}, silence(dhcp4.ReasonUnanswered)),
		same("31 DISCOVER after DECLINE", request{from: client1, typ: discover}, offerOf(".107")),
		same("31b REQUEST after DECLINE", request{from: client1, typ: ask, server: "us", asks: ".107"}, ackOf(".107")),
		same("31c REQUEST of the declined address", request{from: stranger("31"), typ: ask, server: "us", asks: ".100"}, nakFor(dhcp4.ReasonTaken)),
		same("32 RELEASE by another client", request{from: client2, typ: dhcp4.TypeRelease, server: "us", ciaddr: ".107"}, silence(dhcp4.ReasonNotOwner)),
		same("32b its address is still taken", request{from: stranger("32"), typ: discover, asks: ".107"}, offerOf(".108")),
		same("33 RELEASE", request{from: client1, typ: dhcp4.TypeRelease, server: "us", ciaddr: ".107"}, silence(dhcp4.ReasonUnanswered)),
		same("33b the address is free for a second client", request{from: stranger("33"), typ: discover, asks: ".107"}, offerOf(".107")),
		same("34 DISCOVER of the first client after that", request{from: client1, typ: discover}, offerOf(".109")),
		same("34b which takes it", request{from: client1, typ: ask, server: "us", asks: ".109"}, ackOf(".109")),
		same("35 same hardware address, other client id", request{from: sender{client1.mac, "01:02:00:00:00:09:35"}, typ: discover}, offerOf(".110")),
		same("36 same hardware address, no client id", request{from: sender{client1.mac, ""}, typ: discover}, offerOf(".109")),
		same("37 other hardware address, same client id", request{from: sender{"02:00:00:00:00:37", client1.id}, typ: discover}, offerOf(".109")),
		same("38 relayed DISCOVER", request{from: stranger("38"), typ: discover, giaddr: ".2", source: ".2",
			options: option.Options{{Code: 82, Data: []byte{1, 2, 'p', '1'}}, option.HostName.New("h")}},
			offerOf(".111").relayed(".2", 0)),
		// A NAK passes the relay by broadcast only (RFC 2131, section 4.1).
		{"39 relayed REQUEST of another network's address", request{from: stranger("39"), typ: ask, server: "us", asks: "10.9.9.9", giaddr: ".2", source: ".2"},
			silence(dhcp4.ReasonUnknownAddress), nakFor(dhcp4.ReasonWrongAddress).relayed(".2", dhcp4.FlagBroadcast)},
		same("40 neither hardware address nor client id", request{typ: discover}, silence(dhcp4.ReasonNoIdentity)),
		same("42 DISCOVER with a strange name", request{from: stranger("42"), typ: discover, options: option.Options{option.HostName.New("My_Host!x")}}, offerOf(".112")),
		same("43 DISCOVER with rapid commit", request{from: stranger("43"), typ: discover, options: option.Options{{Code: 80}}}, offerOf(".113")),
		same("44 DISCOVER with a maximum size of 300", request{from: stranger("44"), typ: discover, options: option.Options{{Code: 57, Data: []byte{1, 44}}}}, offerOf(".114")),
	}
}

func TestAnswersToProbes(t *testing.T) {
	for _, authoritative := range []bool{false, true} {
		name := "not authoritative"
		if authoritative {
			name = "authoritative"
		}
		t.Run(name, func(t *testing.T) {
			c := labConfig()
			c.Authoritative = authoritative
			l := newLab(t, c)
			for _, p := range probes() {
				want := p.want
				if authoritative {
					want = p.authoritative
				}
				l.expect(p.name, p.request, want)
			}
		})
	}
}

// TestUnfitMessagesAreDropped covers the probes that are no proper messages.
func TestUnfitMessagesAreDropped(t *testing.T) {
	good := (&request{from: client1, typ: dhcp4.TypeDiscover}).message()
	data, err := good.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(b []byte) []byte) []byte { return f(append([]byte(nil), data...)) }
	typed := func(octets ...byte) []byte {
		m := good.Clone()
		m.Options[0].Data = octets
		b, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	tests := []struct {
		name string
		data []byte
		want error // nil: an OFFER
	}{
		{"as it should be", data, nil},
		{"nothing", nil, dhcp4.ReasonMalformed},
		{"one octet", data[:1], dhcp4.ReasonMalformed},
		{"without a cookie", data[:236], dhcp4.ReasonMalformed},
		{"wrong cookie", change(func(b []byte) []byte { b[236]++; return b }), dhcp4.ReasonMalformed},
		{"hlen 17", change(func(b []byte) []byte { b[2] = 17; return b }), dhcp4.ReasonMalformed},
		{"a reply", change(func(b []byte) []byte { b[0] = dhcp4.OpReply; return b }), dhcp4.ReasonNotRequest},
		{"41 BOOTP, no message type", data[:240], dhcp4.ReasonMessageType},
		{"type 0", typed(0), dhcp4.ReasonMessageType},
		{"type OFFER", typed(2), dhcp4.ReasonMessageType},
		{"type 10", typed(10), dhcp4.ReasonMessageType},
		{"type of two octets", typed(1, 9), nil},
		{"no End", data[:240+3+9], nil},
		{"last option cut off", append(data[:252:252], 12, 5, 'a'), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, labConfig())
			out, err := l.srv.Respond(context.Background(), dhcp4.Packet{Data: tt.data, Link: l.link}, nil)
			if (len(out.Data) == 0) == (tt.want == nil) || err != tt.want {
				t.Errorf("%d octets and %v, want the error %v", len(out.Data), err, tt.want)
			}
		})
	}
}

func TestLeaseMovesWithItsClient(t *testing.T) {
	var st lease.Memory
	c := labConfig()
	c.Leases = &st
	l := newLab(t, c)
	l.expect("first address", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".120"}, ackOf(".120"))
	l.expect("second address", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".121"}, ackOf(".121"))
	if _, ok, _ := lease.Get(t.Context(), &st, fullAddr(".120")); ok || st.Len() != 1 {
		t.Errorf("the first lease is still there; %d in all", st.Len())
	}
	l.expect("by ciaddr", request{from: client1, typ: dhcp4.TypeRequest, ciaddr: ".122", source: ".122"}, ackTo(".122"))
	if _, ok, _ := lease.Get(t.Context(), &st, fullAddr(".122")); !ok || st.Len() != 1 {
		t.Errorf("found the third lease: %v; %d in all", ok, st.Len())
	}
	// What it has left is free for others.
	l.expect("another client", request{from: client2, typ: dhcp4.TypeRequest, server: "us", asks: ".120"}, ackOf(".120"))
	if free, total := l.srv.PoolCounts(1); free != total-2 {
		t.Errorf("%d of %d addresses are free with two leases", free, total)
	}
}

// TestWhoTheClientIs holds Kea's rule: by the client identifier if both sides
// have one, else by the hardware address.
func TestWhoTheClientIs(t *testing.T) {
	const mac, otherMAC = "02:00:00:00:00:01", "02:00:00:00:00:02"
	tests := []struct {
		name          string
		first, second sender
		same          bool
		wantID        string // of the lease after the second one's renewal
	}{
		{"same MAC, same id", sender{mac, "00:01"}, sender{mac, "00:01"}, true, "00:01"},
		{"same MAC, other id", sender{mac, "00:01"}, sender{mac, "00:02"}, false, ""},
		{"other MAC, same id", sender{mac, "00:01"}, sender{otherMAC, "00:01"}, true, "00:01"},
		{"other MAC, other id", sender{mac, "00:01"}, sender{otherMAC, "00:02"}, false, ""},
		{"same MAC, id is gone", sender{mac, "00:01"}, sender{mac, ""}, true, ""},
		{"same MAC, id is new", sender{mac, ""}, sender{mac, "00:01"}, true, "00:01"},
		{"other MAC, none has an id", sender{mac, ""}, sender{otherMAC, ""}, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var st lease.Memory
			c := labConfig()
			c.Leases = &st
			l := newLab(t, c)
			l.expect("first", request{from: tt.first, typ: dhcp4.TypeRequest, server: "us", asks: ".120"}, ackOf(".120"))
			if !tt.same {
				l.expect("other client", request{from: tt.second, typ: dhcp4.TypeDiscover}, offerOf(".100"))
				l.expect("other client", request{from: tt.second, typ: dhcp4.TypeRequest, ciaddr: ".120", source: ".120"}, nakFor(dhcp4.ReasonTaken))
				return
			}
			l.expect("same client", request{from: tt.second, typ: dhcp4.TypeDiscover}, offerOf(".120"))
			l.expect("same client", request{from: tt.second, typ: dhcp4.TypeRequest, ciaddr: ".120", source: ".120"}, ackTo(".120"))
			got, ok, err := lease.Get(t.Context(), &st, fullAddr(".120"))
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
			if got.ClientID.String() != tt.wantID || got.HardwareAddr.String() != tt.second.mac || st.Len() != 1 {
				t.Errorf("lease %+v of %d", got, st.Len())
			}
		})
	}
}

func TestOnlyOwnerReleasesAndDeclines(t *testing.T) {
	tests := []struct {
		name string
		r    request
		want dhcp4.Reason
		gone bool // no longer the client's
	}{
		{"release", request{from: client1, typ: dhcp4.TypeRelease, server: "us", ciaddr: ".120"}, dhcp4.ReasonUnanswered, true},
		{"release without server identifier", request{from: client1, typ: dhcp4.TypeRelease, ciaddr: ".120"}, dhcp4.ReasonUnanswered, true},
		{"release to another server", request{from: client1, typ: dhcp4.TypeRelease, server: ".2", ciaddr: ".120"}, dhcp4.ReasonOtherServer, false},
		{"release by another client", request{from: client2, typ: dhcp4.TypeRelease, server: "us", ciaddr: ".120"}, dhcp4.ReasonNotOwner, false},
		{"release of an address without a lease", request{from: client1, typ: dhcp4.TypeRelease, server: "us", ciaddr: ".121"}, dhcp4.ReasonNotOwner, false},
		{"release without an address", request{from: client1, typ: dhcp4.TypeRelease, server: "us"}, dhcp4.ReasonNotOwner, false},
		{"decline", request{from: client1, typ: dhcp4.TypeDecline, server: "us", asks: ".120"}, dhcp4.ReasonUnanswered, true},
		{"decline without server identifier", request{from: client1, typ: dhcp4.TypeDecline, asks: ".120"}, dhcp4.ReasonUnanswered, true},
		{"decline to another server", request{from: client1, typ: dhcp4.TypeDecline, server: ".2", asks: ".120"}, dhcp4.ReasonOtherServer, false},
		{"decline by another client", request{from: client2, typ: dhcp4.TypeDecline, server: "us", asks: ".120"}, dhcp4.ReasonNotOwner, false},
		{"decline of an address without a lease", request{from: client1, typ: dhcp4.TypeDecline, server: "us", asks: ".121"}, dhcp4.ReasonNotOwner, false},
		{"decline without option 50", request{from: client1, typ: dhcp4.TypeDecline, server: "us", ciaddr: ".120"}, dhcp4.ReasonNotOwner, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var st lease.Memory
			c := labConfig()
			c.Leases = &st
			l := newLab(t, c)
			l.expect("lease", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".120"}, ackOf(".120"))
			l.expect(tt.name, tt.r, silence(tt.want))
			got, ok, err := lease.Get(t.Context(), &st, fullAddr(".120"))
			if err != nil {
				t.Fatal(err)
			}
			if owned := ok && got.State == lease.StateDefault; owned == tt.gone {
				t.Errorf("after that: %v, lease %+v", ok, got)
			}
			if tt.gone && tt.r.typ == dhcp4.TypeDecline {
				if got.State != lease.StateDeclined || !got.HardwareAddr.IsZero() || !got.ClientID.IsZero() || got.Lifetime != 24*time.Hour {
					t.Errorf("declined lease %+v", got)
				}
				l.expect(tt.name+" again", tt.r, silence(dhcp4.ReasonNotOwner))
			}
		})
	}
}

func TestLeaseOfAnotherClientThatExpiredIsTakenOver(t *testing.T) {
	var st lease.Memory
	c := labConfig()
	c.Leases, c.Lifetime = &st, time.Hour
	l := newLab(t, c)
	l.now = time.Now()
	l.expect("lease", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".120"}, ackOf(".120"))
	l.now = l.now.Add(time.Hour - time.Second)
	l.expect("too early", request{from: client2, typ: dhcp4.TypeRequest, server: "us", asks: ".120"}, nakFor(dhcp4.ReasonTaken))
	l.now = l.now.Add(2 * time.Second)
	l.expect("expired", request{from: client2, typ: dhcp4.TypeRequest, server: "us", asks: ".120"}, ackOf(".120"))
	got, _, err := lease.Get(t.Context(), &st, fullAddr(".120"))
	if err != nil {
		t.Fatal(err)
	}
	if got.HardwareAddr.String() != client2.mac || st.Len() != 1 {
		t.Errorf("lease %+v of %d", got, st.Len())
	}
	l.expect("the first client renews", request{from: client1, typ: dhcp4.TypeRequest, ciaddr: ".120", source: ".120"}, nakFor(dhcp4.ReasonTaken))
}

// TestDeclinedLeaseIsNobodys has a lease that remembers who declined it, as a
// file from elsewhere may.
func TestDeclinedLeaseIsNobodys(t *testing.T) {
	st := new(lease.Memory)
	l := lease.Lease{Addr: fullAddr(".120"), SubnetID: 1, State: lease.StateDeclined,
		HardwareAddr: lease.MustParseHardwareAddr(client1.mac), ClientID: lease.MustParseClientID(client1.id)}
	l.SetLifetime(time.Now(), time.Hour)
	if err := st.Put(l); err != nil {
		t.Fatal(err)
	}
	c := labConfig()
	c.Leases = st
	b := newLab(t, c)
	b.expect("renewal", request{from: client1, typ: dhcp4.TypeRequest, ciaddr: ".120", source: ".120"}, nakFor(dhcp4.ReasonTaken))
	b.expect("release", request{from: client1, typ: dhcp4.TypeRelease, ciaddr: ".120", source: ".120"}, silence(dhcp4.ReasonNotOwner))
	b.expect("a new start", request{from: client1, typ: dhcp4.TypeDiscover, asks: ".120"}, offerOf(".100"))
}
