package dhcp4_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"

	"github.com/google/go-cmp/cmp"
)

// The tests of this file each show one requirement of RFC 2131; others that do
// have their tags elsewhere.

const (
	typeDiscover = dhcp4.TypeDiscover
	typeRequest  = dhcp4.TypeRequest
)

func requestOf(addr string) request {
	return request{from: client1, typ: typeRequest, server: "us", asks: addr}
}

// RFC 2131 3.1 SHOULD NOT: parameters in the ACK do not conflict with those in the OFFER before it
// RFC 2131 4.3.2 SHOULD NOT: parameters in the ACK do not conflict with those in the OFFER before it
func TestACKRepeatsTheOffer(t *testing.T) {
	c := labConfig()
	c.MinLifetime, c.MaxLifetime = time.Hour, 3*time.Hour
	c.Options = option.Options{option.Routers.New(fullAddr(".1")), option.NTPServers.New(fullAddr(".5")), option.DomainName.New("example.com")}
	c.Boot = dhcp4.Boot{NextServer: fullAddr(".9"), ServerName: "boot", File: "pxe"}
	l := newLab(t, c)
	l.now = time.Now()
	wishes := option.Options{askFor(1, 3, 15, 42, 51, 58, 59), option.DHCPLeaseTime.New(9000 * time.Second), option.HostName.New("h")}
	_, offer := l.send(request{from: client1, typ: typeDiscover, options: wishes})
	_, ack := l.send(request{from: client1, typ: typeRequest, server: "us", asks: shortAddr(offer.YIAddr), options: wishes})
	if offer == nil || ack == nil {
		t.Fatal("no answer")
	}
	ack.Options[0] = offer.Options[0] // the message type
	if d := cmp.Diff(offer, ack); d != "" {
		t.Error(d)
	}
}

// RFC 2131 3.1 SHOULD: a REQUEST that cannot be satisfied, its address having been given away, gets a NAK
func TestAddressGivenAwayMeanwhileGetsNAK(t *testing.T) {
	l := newLab(t, labConfig())
	l.expect("offer", request{from: client1, typ: typeDiscover, asks: ".120"}, offerOf(".120"))
	l.expect("another client takes it", request{from: client2, typ: typeRequest, server: "us", asks: ".120"}, ackOf(".120"))
	l.expect("request", requestOf(".120"), nakFor(dhcp4.ReasonTaken))
}

// RFC 2131 3.1 SHOULD: an offered address is available again if no REQUEST comes
func TestOfferThatNobodyTakesEnds(t *testing.T) {
	c := labConfig()
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.2.100-192.0.2.100")
	l := newLab(t, c)
	l.now = time.Now()
	l.expect("offer", request{from: client1, typ: typeDiscover}, offerOf(".100"))
	l.now = l.now.Add(61 * time.Second)
	l.expect("offer to another", request{from: client2, typ: typeDiscover}, offerOf(".100"))
}

// RFC 2131 3.1 MAY: a server that the REQUEST does not name takes it as a notice that its offer is declined
func TestRequestToAnotherServerEndsTheOffer(t *testing.T) {
	c := labConfig()
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.2.100-192.0.2.100")
	l := newLab(t, c)
	l.expect("offer", request{from: client1, typ: typeDiscover}, offerOf(".100"))
	l.expect("the other server's is taken", request{from: client1, typ: typeRequest, server: ".2", asks: ".90"}, silence(dhcp4.ReasonOtherServer))
	if free, _ := l.srv.PoolCounts(1); free != 1 {
		t.Error("the address is not free again")
	}
}

// RFC 2131 3.2 SHOULD: a request that is invalid, its client having moved to another subnet, gets a NAK
// RFC 2131 3.2 MUST: with giaddr zero the NAK is broadcast to 255.255.255.255
// RFC 2131 4.3.2 MUST: with giaddr zero the NAK is broadcast to 255.255.255.255
// RFC 2131 4.3.2 SHOULD: a client in INIT-REBOOT on the wrong net gets a NAK
// RFC 2131 3.5 SHOULD: a REQUEST with an invalid requested address gets a NAK
func TestClientThatMovedGetsNAK(t *testing.T) {
	c := labConfig()
	c.Authoritative = true
	l := newLab(t, c)
	for _, r := range []request{
		{from: client1, typ: typeRequest, asks: "10.9.9.9"},
		{from: client1, typ: typeRequest, asks: "10.9.9.9", server: "us"},
		{from: client1, typ: typeRequest, asks: "10.9.9.9", flags: dhcp4.FlagBroadcast},
	} {
		got, m := l.send(r)
		if want := nakFor(dhcp4.ReasonWrongAddress); got.Type != want.Type || got.To != want.To || got.Direct || m.CIAddr.IsValid() && !m.CIAddr.IsUnspecified() {
			t.Errorf("%v", got)
		}
	}
}

// RFC 2131 3.2 MUST: with giaddr set the NAK goes to the relay agent
// RFC 2131 4.3.2 MUST: the broadcast bit is set in a NAK that goes through a relay agent
func TestNAKThroughARelay(t *testing.T) {
	c := labConfig()
	c.Authoritative = true
	newLab(t, c).expect("moved", request{from: client1, typ: typeRequest, asks: "10.9.9.9", giaddr: ".2", source: ".2"},
		nakFor(dhcp4.ReasonWrongAddress).relayed(".2", dhcp4.FlagBroadcast))
}

// RFC 2131 3.2 SHOULD NOT: a server whose information may not be accurate does not answer
// RFC 2131 4.3.2 MUST: a server without a record of a client in INIT-REBOOT remains silent
// RFC 2131 4.3.2 SHOULD: a client in INIT-REBOOT with an address other than the recorded one gets a NAK
func TestUnknownClientThatRebootsGetsSilence(t *testing.T) {
	l := newLab(t, labConfig())
	l.expect("unknown client", request{from: client1, typ: typeRequest, asks: ".120"}, silence(dhcp4.ReasonUnknownClient))
	l.expect("lease", requestOf(".120"), ackOf(".120"))
	l.expect("the recorded address", request{from: client1, typ: typeRequest, asks: ".120"}, ackOf(".120"))
	l.expect("another address", request{from: client1, typ: typeRequest, asks: ".121"}, nakFor(dhcp4.ReasonWrongAddress))
}

// RFC 2131 3.4 SHOULD: the ACK to an INFORM goes to ciaddr by unicast
// RFC 2131 3.4 MUST NOT: an INFORM is answered without a look at leases
// RFC 2131 4.3.5 MUST NOT: the ACK to an INFORM has no lease expiration time
// RFC 2131 4.3.5 SHOULD NOT: the ACK to an INFORM does not fill in yiaddr
func TestInformIsAboutParametersOnly(t *testing.T) {
	c := labConfig()
	c.Leases = forbiddenStore(t)
	c.Options = option.Options{option.Routers.New(fullAddr(".1"))}
	l := newLab(t, c)
	got, m := l.send(request{from: client1, typ: dhcp4.TypeInform, ciaddr: ".77", source: ".77", flags: dhcp4.FlagBroadcast,
		options: option.Options{askFor(1, 3, 51, 58, 59)}})
	if want := (answer{Type: dhcp4.TypeACK, To: ".77:68", Flags: dhcp4.FlagBroadcast}); got != want {
		t.Fatalf("%v, want %v", got, want)
	}
	if d := cmp.Diff([]option.Code{53, 1, 3, 54, 61}, codesOf(m)); d != "" {
		t.Error(d)
	}
}

// RFC 2131 3.4 SHOULD: the address of an INFORM is checked for consistency
func TestInformWithAnImpossibleAddressIsNotAnswered(t *testing.T) {
	l := newLab(t, labConfig())
	l.expect("no address at all", request{from: client1, typ: dhcp4.TypeInform}, silence(dhcp4.ReasonNoReturnPath))
	l.expect("broadcast address", request{from: client1, typ: dhcp4.TypeInform, ciaddr: ".255"}, silence(dhcp4.ReasonMalformed))
}

// RFC 2131 4.1 MUST: a server with several addresses accepts any of them as naming it
// RFC 2131 4.1 MUST: the server identifier is an address that the client can reach
// RFC 2131 4.1 SHOULD: on a client's own subnet the server identifier is the server's address there
func TestServerIdentifierIsReachable(t *testing.T) {
	l := newLab(t, labConfig())
	l.link = &dhcp4.Link{Name: "eth0", Index: 3, Addrs: []netip.Prefix{
		netip.MustParsePrefix("198.51.100.1/24"), netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("192.0.2.7/24"),
	}}
	_, offer := l.send(request{from: client1, typ: typeDiscover})
	if id, _, err := option.DHCPServerIdentifier.Get(offer.Options); id != fullAddr(".1") || err != nil {
		t.Errorf("server identifier %v (%v)", id, err)
	}
	for _, id := range []string{".1", ".7", "198.51.100.1"} {
		if a, _ := l.send(request{from: client1, typ: typeRequest, server: id, asks: ".100"}); a.Type != dhcp4.TypeACK {
			t.Errorf("server identifier %s: %v", id, a)
		}
	}
}

// RFC 2131 4.1 SHOULD: to a request through a relay agent the server identifier is an address of the interface that it came in
func TestServerIdentifierTowardsARelay(t *testing.T) {
	l := newLab(t, labConfig())
	l.link = &dhcp4.Link{Name: "eth1", Index: 4, Addrs: []netip.Prefix{netip.MustParsePrefix("198.51.100.1/24")}}
	_, offer := l.send(request{from: client1, typ: typeDiscover, giaddr: ".2", source: ".2"})
	if offer == nil {
		t.Fatal("no answer")
	}
	if id, _, err := option.DHCPServerIdentifier.Get(offer.Options); id != netip.MustParseAddr("198.51.100.1") || err != nil {
		t.Errorf("server identifier %v (%v)", id, err)
	}
}

// RFC 2131 4.1 SHOULD: with the broadcast bit set and neither giaddr nor ciaddr, replies are broadcast
// RFC 2131 4.1 SHOULD: with the broadcast bit clear they go to yiaddr and the client's hardware address
// RFC 2131 4.1 MUST: with ciaddr set they go to ciaddr
// RFC 2131 4.1 MUST: with giaddr set they go to the relay agent's server port
func TestWhereRepliesGo(t *testing.T) {
	l := newLab(t, labConfig())
	l.expect("bit set", request{from: client1, typ: typeDiscover, flags: dhcp4.FlagBroadcast}, offerOf(".100").broadcast())
	l.expect("bit clear", request{from: client1, typ: typeDiscover}, offerOf(".100"))
	l.expect("relay", request{from: client1, typ: typeDiscover, giaddr: ".2", source: ".2"}, offerOf(".100").relayed(".2", 0))
	l.expect("lease", requestOf(".100"), ackOf(".100"))
	l.expect("ciaddr", request{from: client1, typ: typeRequest, ciaddr: ".100", source: ".100", flags: dhcp4.FlagBroadcast},
		answer{Type: dhcp4.TypeACK, Addr: ".100", To: ".100:68", Flags: dhcp4.FlagBroadcast})
}

// RFC 2131 4.1 MUST: option overload tells that options go on in sname and file
// RFC 2131 4.1 MUST: options in these fields begin with the first octet, end with End, and are padded
// RFC 2131 4.1 MUST: no option crosses the end of a field
// RFC 2131 4.1 MUST: options are read from options, then file, then sname
func TestOverloadedReplyIsLaidOutByTheRules(t *testing.T) {
	c := labConfig()
	for i := range 7 {
		c.Options = append(c.Options, option.Always(option.Option{Code: option.Code(224 + i), Data: make([]byte, 58)}))
	}
	l := newLab(t, c)
	data, err := (&request{from: client1, typ: typeDiscover}).message().AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := l.srv.Respond(context.Background(), dhcp4.Packet{Data: data, Link: l.link}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var m dhcp4.Message
	if err := m.Unmarshal(out.Data); err != nil {
		t.Fatal(err)
	}
	const sname, file, options = 44, 108, 240
	for _, field := range [][]byte{out.Data[sname:file], out.Data[file : options-4]} {
		ended, i := false, 0
		for i < len(field) {
			switch {
			case field[i] == 255:
				ended, i = true, i+1
			case field[i] == 0 && ended:
				i++
			case ended || field[i] == 0:
				t.Fatalf("% x: not options, End and padding", field)
			default:
				if i += 2 + int(field[i+1]); i >= len(field) {
					t.Fatalf("% x: an option crosses the end", field)
				}
			}
		}
		if !ended {
			t.Errorf("% x: no End", field)
		}
	}
	for i := range 7 {
		if d, ok := m.Options.Lookup(option.Code(224 + i)); !ok || len(d) != 58 {
			t.Errorf("option %d is lost", 224+i)
		}
	}
}

// RFC 2131 4.2 MUST: a client is told by its client identifier if it sends one
// RFC 2131 4.2 MUST: a client that sends none is told by chaddr
// RFC 4361 6.3 MUST: the client identifier tells the client whatever chaddr says
// RFC 4361 6.4 MUST: a client that sends no client identifier is told by chaddr
func TestClientsAreToldByTheirIdentifiers(t *testing.T) {
	l := newLab(t, labConfig())
	const duid = "ff:00:00:00:01:00:03:00:01:02:00:00:00:00:09"
	l.expect("with an identifier", request{from: sender{client1.mac, duid}, typ: typeRequest, server: "us", asks: ".120"}, ackOf(".120"))
	l.expect("same identifier on another card", request{from: sender{client2.mac, duid}, typ: typeDiscover}, offerOf(".120"))
	l.expect("another identifier on the same card", request{from: sender{client1.mac, "01:" + client2.mac}, typ: typeDiscover}, offerOf(".100"))
	l.expect("an identifier that looks like a card's address", request{from: sender{"02:00:00:00:00:77", ""}, typ: typeRequest, server: "us", asks: ".130"}, ackOf(".130"))
	l.expect("is not that card", request{from: sender{"02:00:00:00:00:78", "01:02:00:00:00:00:77"}, typ: typeDiscover}, offerOf(".101"))
	l.expect("none", request{from: sender{"02:00:00:00:00:77", ""}, typ: typeDiscover}, offerOf(".130"))
}

// RFC 2131 4.3.1 SHOULD: the address is the client's current one, else its former one, else the one that it asks for, else any
func TestOrderInWhichAnAddressIsChosen(t *testing.T) {
	var st lease.Memory
	c := labConfig()
	c.Leases, c.Lifetime = &st, time.Hour
	l := newLab(t, c)
	l.now = time.Now()
	l.expect("the one that it asks for", request{from: client1, typ: typeDiscover, asks: ".150"}, offerOf(".150"))
	l.expect("lease", requestOf(".150"), ackOf(".150"))
	l.expect("the current one", request{from: client1, typ: typeDiscover, asks: ".160"}, offerOf(".150"))
	l.now = l.now.Add(2 * time.Hour)
	l.expect("the former one", request{from: client1, typ: typeDiscover, asks: ".160"}, offerOf(".150"))
	l.expect("one that is taken", request{from: client2, typ: typeRequest, server: "us", asks: ".160"}, ackOf(".160"))
	l.expect("any", request{from: stranger("01"), typ: typeDiscover, asks: ".160"}, offerOf(".100"))
}

// RFC 2131 4.3.1 MUST: the reply has the client's address and lease time, and the configured value of each parameter that it asks for
// RFC 2131 4.3.1 MUST NOT: a parameter that is not configured is not returned
// RFC 2131 4.3.1 MUST: of the requested parameters as many as possible are supplied, and those left out that cannot be
// RFC 2131 4.3.1 MUST: each requested parameter is there once
// RFC 2131 4.3.1 MUST NOT: neither requested address, parameter request list nor maximum message size are in a reply (table 3)
func TestRequestedParametersAreReturned(t *testing.T) {
	c := labConfig()
	c.Options = option.Options{option.NTPServers.New(fullAddr(".5")), option.InterfaceMTU.New(1400)}
	wish := option.Options{askFor(42, 42, 26, 44, 28, 42), option.DHCPMaxMessageSize.New(1000)}
	for _, typ := range []dhcp4.MessageType{typeDiscover, typeRequest} {
		r := request{from: client1, typ: typ, asks: ".120", options: wish}
		if typ == typeRequest {
			r.server = "us"
		}
		m := replyTo(t, c, r)
		if d := cmp.Diff([]option.Code{53, 1, 26, 42, 51, 54, 58, 59, 61}, codesOf(m)); d != "" || m.YIAddr != fullAddr(".120") {
			t.Errorf("%v: yiaddr %v, options (-want +got):\n%s", typ, m.YIAddr, d)
		}
	}
}

// RFC 2131 4.3.1 MUST: the xid of the reply is that of the request, as are htype, hlen, flags, giaddr and chaddr (table 3)
// RFC 2131 4.3.1 MUST: the server identifier is in every reply (table 3)
func TestReplyCopiesTheFixedFields(t *testing.T) {
	c := labConfig()
	c.Authoritative = true
	for _, r := range []request{
		{from: client1, typ: typeDiscover, giaddr: ".2", flags: dhcp4.FlagBroadcast},
		{from: client1, typ: typeRequest, server: "us", asks: ".120", giaddr: ".2", flags: dhcp4.FlagBroadcast},
		{from: client1, typ: typeRequest, asks: "10.9.9.9", giaddr: ".2", flags: dhcp4.FlagBroadcast},
	} {
		q, m := r.message(), replyTo(t, c, r)
		if m.Op != dhcp4.OpReply || m.XID != q.XID || m.HType != q.HType || m.HardwareAddr != q.HardwareAddr || m.Flags != q.Flags || m.GIAddr != q.GIAddr || m.Secs != 0 {
			t.Errorf("%v: %v", r.typ, m)
		}
		if id, ok, err := option.DHCPServerIdentifier.Get(m.Options); !ok || err != nil || id != fullAddr(".1") {
			t.Errorf("%v: server identifier %v (%v)", m.Type(), id, err)
		}
	}
}

// RFC 2131 4.3.1 SHOULD: a NAK has a message (table 3)
// RFC 2131 4.3.1 MUST NOT: a NAK has neither addresses nor lease time nor parameters (table 3)
// RFC 2131 4.3.1 MAY: a NAK has the client identifier (table 3; RFC 6842 makes it a MUST)
// RFC 6842 3 MUST: a NAK has the client identifier too
func TestNAKHasNothingButItsMessage(t *testing.T) {
	c := labConfig()
	c.Authoritative = true
	c.Options = option.Options{option.Always(option.NTPServers.New(fullAddr(".5"))), option.Routers.New(fullAddr(".1"))}
	c.Boot = dhcp4.Boot{NextServer: fullAddr(".9"), ServerName: "boot", File: "pxe"}
	m := replyTo(t, c, request{from: client1, typ: typeRequest, asks: "10.9.9.9", options: option.Options{askFor(3, 42, 51)}})
	if d := cmp.Diff([]option.Code{53, 54, 56, 61}, codesOf(m)); d != "" {
		t.Error(d)
	}
	for name, a := range map[string]netip.Addr{"ciaddr": m.CIAddr, "yiaddr": m.YIAddr, "siaddr": m.SIAddr} {
		if a.IsValid() && !a.IsUnspecified() {
			t.Errorf("%s is %v", name, a)
		}
	}
	if len(m.SName)+len(m.File) > 0 {
		t.Errorf("sname %q, file %q", m.SName, m.File)
	}
}

// RFC 2131 4.3.2 SHOULD NOT: offered addresses are not offered to others while others are free
func TestOfferedAddressesAreUsedAgainLast(t *testing.T) {
	c := labConfig()
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.2.100-192.0.2.102")
	l := newLab(t, c)
	seen := make(map[string]bool)
	for _, from := range []sender{client1, client2, stranger("01")} {
		a, _ := l.send(request{from: from, typ: typeDiscover, asks: ".100"})
		if a.Type != dhcp4.TypeOffer || seen[a.Addr] {
			t.Errorf("%v after %v", a, seen)
		}
		seen[a.Addr] = true
	}
	l.expect("when no other is free", request{from: stranger("02"), typ: typeDiscover}, offerOf(".100"))
}

// RFC 2131 4.3.2 SHOULD: ciaddr of a rebinding client is checked before it is answered
// RFC 2131 4.3.2 MUST: the ACK to a renewal has the client's address in yiaddr, and ciaddr as it came
func TestRebindingIsChecked(t *testing.T) {
	l := newLab(t, labConfig())
	l.expect("lease", requestOf(".120"), ackOf(".120"))
	_, m := l.send(request{from: client1, typ: typeRequest, ciaddr: ".120", source: ".120"})
	if m == nil || m.Type() != dhcp4.TypeACK || m.CIAddr != fullAddr(".120") || m.YIAddr != fullAddr(".120") {
		t.Errorf("%v", m)
	}
	l.expect("another client's address", request{from: client2, typ: typeRequest, ciaddr: ".120", source: ".120"}, nakFor(dhcp4.ReasonTaken))
	l.expect("an address that is no host's", request{from: client2, typ: typeRequest, ciaddr: "224.0.0.1", source: ".99"}, silence(dhcp4.ReasonMalformed))
}

// RFC 2131 4.3.3 MUST: a declined address is not available
// RFC 2131 4.3.3 SHOULD: the administrator is told of it
func TestDeclinedAddressIsKeptAndTold(t *testing.T) {
	c := labConfig()
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.2.100-192.0.2.100")
	l := newLab(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := l.srv.Events(ctx)
	l.expect("lease", requestOf(".100"), ackOf(".100"))
	l.expect("decline", request{from: client1, typ: dhcp4.TypeDecline, server: "us", asks: ".100"}, silence(dhcp4.ReasonUnanswered))
	l.expect("another client", request{from: client2, typ: typeDiscover, asks: ".100"}, silence(dhcp4.ReasonNoAddress))
	l.srv.Close()
	var kinds []dhcp4.EventKind
	for e := range events {
		kinds = append(kinds, e.Kind)
	}
	if d := cmp.Diff([]dhcp4.EventKind{dhcp4.EventAllocated, dhcp4.EventDeclined}, kinds); d != "" {
		t.Error(d)
	}
}

// RFC 2131 4.3.4 MUST: a released address is not allocated any more
func TestReleasedAddressIsForOthers(t *testing.T) {
	c := labConfig()
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.2.100-192.0.2.100")
	l := newLab(t, c)
	l.expect("lease", requestOf(".100"), ackOf(".100"))
	l.expect("taken", request{from: client2, typ: typeDiscover}, silence(dhcp4.ReasonNoAddress))
	l.expect("release", request{from: client1, typ: dhcp4.TypeRelease, server: "us", ciaddr: ".100"}, silence(dhcp4.ReasonUnanswered))
	l.expect("free", request{from: client2, typ: typeRequest, server: "us", asks: ".100"}, ackOf(".100"))
}

// RFC 2131 4.3.4 SHOULD: what is known of a client is kept after its RELEASE, and used again
func TestClientThatReleasedGetsItsAddressBack(t *testing.T) {
	l := newLab(t, labConfig())
	l.expect("lease", requestOf(".150"), ackOf(".150"))
	l.expect("release", request{from: client1, typ: dhcp4.TypeRelease, server: "us", ciaddr: ".150"}, silence(dhcp4.ReasonUnanswered))
	l.expect("another client", request{from: client2, typ: typeDiscover}, offerOf(".100"))
	l.expect("back again", request{from: client1, typ: typeDiscover}, offerOf(".150"))
}

// RFC 2131 4.4.5 MUST: T1 is earlier than T2, and T2 than the end of the lease
// RFC 2131 4.4.5 SHOULD: T1 and T2 are returned
// RFC 2131 4.4.5 SHOULD: T1 and T2 take account of what is left of the lease
func TestT1AndT2AreInOrder(t *testing.T) {
	for _, lifetime := range []time.Duration{4 * time.Second, 10 * time.Second, time.Hour, 1e6 * time.Second} {
		for _, age := range []float64{0, 0.1, 0.5} {
			c := labConfig()
			c.Lifetime, c.CacheThreshold = lifetime, 0.9
			l := newLab(t, c)
			l.now = time.Now()
			l.expect("lease", requestOf(".100"), ackOf(".100"))
			l.now = l.now.Add(time.Duration(float64(lifetime) * age))
			_, m := l.send(requestOf(".100"))
			left, t1, t2 := leaseTimes(t, m)
			if left > lifetime || t2 >= left || t2 != 0 && t1 >= t2 || lifetime > 10*time.Second && t1 == 0 {
				t.Errorf("%v after %v of it: T1 %v, T2 %v, lease %v", lifetime, age, t1, t2, left)
			}
		}
	}
}

// RFC 2131 4.3.1 MUST NOT: a DISCOVER with a server identifier is no message of a client (table 5)
// RFC 2131 4.3.2 MUST: a REQUEST is for the server that it names alone
func TestServerIdentifierInRequests(t *testing.T) {
	l := newLab(t, labConfig())
	l.expect("in a DISCOVER", request{from: client1, typ: typeDiscover, server: "us"}, silence(dhcp4.ReasonServerID))
	l.expect("another server", request{from: client1, typ: typeRequest, server: ".2", asks: ".100"}, silence(dhcp4.ReasonOtherServer))
	l.expect("this one", requestOf(".100"), ackOf(".100"))
}

// RFC 2131 4.1 MUST: messages that repeat a request get the same answer
func TestRetransmissionGetsTheSameAnswer(t *testing.T) {
	l := newLab(t, labConfig())
	l.now = time.Now()
	for _, r := range []request{
		{from: client1, typ: typeDiscover, asks: ".130"},
		{from: client1, typ: typeRequest, server: "us", asks: ".130"},
		{from: client1, typ: typeRequest, ciaddr: ".130", source: ".130"},
		{from: client1, typ: typeRequest, server: "us", asks: ".7"},
	} {
		first, m1 := l.send(r)
		second, m2 := l.send(r)
		if first != second || cmp.Diff(m1, m2) != "" {
			t.Errorf("%v: %v, then %v\n%s", r.typ, first, second, cmp.Diff(m1, m2))
		}
	}
}

// The sentences of RFC 2131 that the Server does not follow, and what it does
// instead.
//
// RFC 2131 3.1 SHOULD: (not yet) an address is probed before it is offered
// RFC 2131 4.3.1 SHOULD: (not yet) an address is probed before it is offered
// RFC 2131 4.3.1 MUST: (not followed, as by Kea) a parameter without a configured value has the default of the Host Requirements
// RFC 2131 4.3.1 MUST: (not yet) parameters for a vendor class go by an exact match of the vendor class identifier
// RFC 2131 4.4.5 SHOULD: (not followed, as by Kea) T1 and T2 vary at random
func TestWhatTheServerDoesNotDo(t *testing.T) {
	c := labConfig()
	c.Lifetime = time.Hour
	for range 5 {
		// 19, 23 and 35 have defaults in RFC 1122; 60 tells the class.
		m := replyTo(t, c, request{from: client1, typ: typeDiscover, options: option.Options{
			askFor(19, 23, 35, 43), option.VendorClassIdentifier.New("docsis3.0"),
		}})
		if d := cmp.Diff([]option.Code{53, 1, 51, 54, 58, 59, 61}, codesOf(m)); d != "" {
			t.Error(d)
		}
		if _, t1, t2 := leaseTimes(t, m); t1 != 30*time.Minute || t2 != 52*time.Minute+30*time.Second {
			t.Errorf("T1 %v, T2 %v", t1, t2)
		}
	}
}
