package dhcp4_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// FuzzRespond sends arbitrary octets: the Server does not panic, and what it
// answers is what RFC 2131 allows.
func FuzzRespond(f *testing.F) {
	for _, p := range probes() {
		data, err := p.request.message().AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, []byte{192, 0, 2, 50}, uint8(0))
		f.Add(data, []byte{}, uint8(1))
	}
	f.Add([]byte{1}, []byte{255, 255, 255, 255}, uint8(2))
	c := labConfig()
	c.Authoritative = true
	c.Options = option.Options{option.DomainSearch.New("example.com"), {Code: 43, Data: make([]byte, 600)}}
	c.Subnets[0].Reservations = reservedConfig().Subnets[0].Reservations
	l := newLab(f, c)
	f.Fuzz(func(t *testing.T, data, source []byte, link uint8) {
		in := dhcp4.Packet{Data: data, Local: netip.MustParseAddrPort("255.255.255.255:67")}
		if a, ok := netip.AddrFromSlice(source); ok {
			in.Peer = netip.AddrPortFrom(a, 68)
		}
		switch link % 3 {
		case 0:
			in.Link = l.link
		case 1:
			in.Link = &dhcp4.Link{}
		}
		before := bytes.Clone(data)
		out, err := l.srv.Respond(t.Context(), in, nil)
		if !bytes.Equal(before, data) {
			t.Error("the request was changed")
		}
		for _, w := range wrongAnswer(in, out, err) {
			t.Error(w)
		}
	})
}

// wrongAnswer returns what is wrong with the answer out of a Server on
// 192.0.2.0/24. It is written from RFC 2131, not from the Server.
func wrongAnswer(in, out dhcp4.Packet, err error) (wrong []string) {
	fail := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if len(out.Data) == 0 {
		var reason dhcp4.Reason
		if !errors.As(err, &reason) || reason == 0 {
			fail("silence for %v", err)
		}
		return wrong
	}
	var q, r dhcp4.Message
	if err := q.Unmarshal(in.Data); err != nil {
		return []string{fmt.Sprintf("an answer to what is no message: %v", err)}
	}
	if err := r.Unmarshal(out.Data); err != nil {
		return []string{fmt.Sprintf("the answer is no message: %v", err)}
	}
	switch [2]dhcp4.MessageType{q.Type(), r.Type()} {
	case [2]dhcp4.MessageType{dhcp4.TypeDiscover, dhcp4.TypeOffer},
		[2]dhcp4.MessageType{dhcp4.TypeRequest, dhcp4.TypeACK},
		[2]dhcp4.MessageType{dhcp4.TypeRequest, dhcp4.TypeNAK},
		[2]dhcp4.MessageType{dhcp4.TypeInform, dhcp4.TypeACK}:
	default:
		fail("%v answers %v", r.Type(), q.Type())
	}
	if q.Op != dhcp4.OpRequest || r.Op != dhcp4.OpReply || r.XID != q.XID || r.HardwareAddr != q.HardwareAddr || r.HType != q.HType {
		fail("header %v, request %v", &r, &q)
	}
	if len(out.Data) < 300 {
		fail("%d octets", len(out.Data))
	}
	given := r.Type() == dhcp4.TypeOffer || r.Type() == dhcp4.TypeACK && q.Type() == dhcp4.TypeRequest
	if ours := netip.MustParsePrefix("192.0.2.0/24").Contains(r.YIAddr); given != ours || !given && !r.YIAddr.IsUnspecified() {
		fail("yiaddr %v in a %v", r.YIAddr, r.Type())
	}
	// Options that go to other fields for want of room come in another order.
	if whole, err := r.AppendBinary(nil); err != nil || len(whole) <= 548 {
		codes := codesOf(&r)
		middle := codes[1:]
		if n := len(middle); n > 0 && middle[n-1] == 82 {
			middle = middle[:n-1]
		}
		if codes[0] != 53 || !slices.IsSorted(middle) || slices.Contains(middle, 82) {
			fail("order of options %v", codes)
		}
	}
	host := func(a netip.Addr) bool {
		a = a.Unmap()
		return a.Is4() && !a.IsUnspecified() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
	}
	var to netip.AddrPort
	switch {
	case q.Type() == dhcp4.TypeInform && host(q.CIAddr):
		to = netip.AddrPortFrom(q.CIAddr, 68)
	case host(q.GIAddr):
		to = netip.AddrPortFrom(q.GIAddr, 67)
		agent, _ := q.Options.Lookup(82)
		for len(agent) >= 2 && len(agent) >= 2+int(agent[1]) {
			if agent[0] == 19 && in.Peer.Port() != 0 { // RFC 8357
				to = netip.AddrPortFrom(q.GIAddr, in.Peer.Port())
			}
			agent = agent[2+int(agent[1]):]
		}
	case q.Type() == dhcp4.TypeInform:
		to = netip.AddrPortFrom(in.Peer.Addr().Unmap(), 68)
	case r.Type() == dhcp4.TypeNAK:
		to = netip.MustParseAddrPort("255.255.255.255:68")
	case host(q.CIAddr):
		to = netip.AddrPortFrom(q.CIAddr, 68)
	case q.Flags&0x8000 != 0 || q.HardwareAddr.Len() != 6:
		to = netip.MustParseAddrPort("255.255.255.255:68")
	default:
		to = netip.AddrPortFrom(r.YIAddr, 68)
	}
	if out.Peer != to {
		fail("sent to %v, want %v", out.Peer, to)
	}
	if !out.HardwareAddr.IsZero() && out.HardwareAddr != q.HardwareAddr {
		fail("sent to %v", out.HardwareAddr)
	}
	if out.Link != in.Link {
		fail("leaves by another link")
	}
	return wrong
}

// TestAnswersToRandomMessages sends what a fuzzer seldom makes: whole messages
// with unusual values.
func TestAnswersToRandomMessages(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	c := labConfig()
	c.Authoritative = true
	l := newLab(t, c)
	addrs := []string{"", "", "", ".1", ".100", ".101", ".150", ".0", ".255", "10.9.9.9", "224.0.0.1", "255.255.255.255", "127.0.0.1", "240.0.0.1"}
	addr := func() string { return addrs[r.IntN(len(addrs))] }
	types := map[dhcp4.MessageType]int{}
	for range 20_000 {
		q := request{from: stranger(fmt.Sprintf("%02x", r.IntN(4))), typ: dhcp4.MessageType(r.IntN(10)), asks: addr(), ciaddr: addr(), giaddr: addr(), flags: uint16(r.Uint32())}
		switch r.IntN(4) {
		case 0:
			q.server = "us"
		case 1:
			q.server = addr()
		}
		if r.IntN(3) == 0 {
			q.from.id = ""
		}
		m := q.message()
		if r.IntN(8) == 0 {
			m.HardwareAddr = lease.HardwareAddr{}
		}
		if r.IntN(2) == 0 {
			p := make([]byte, r.IntN(300))
			for i := range p {
				p[i] = byte(r.Uint32())
			}
			code := []option.Code{12, 55, 82, 57, 43}[r.IntN(5)]
			m.Options = append(m.Options, option.Option{Code: code, Data: p})
		}
		data, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		in := dhcp4.Packet{Data: data, Link: l.link}
		if s := addr(); s != "" {
			in.Peer = netip.AddrPortFrom(fullAddr(s), 68)
		}
		out, err := l.srv.Respond(t.Context(), in, nil)
		for _, w := range wrongAnswer(in, out, err) {
			t.Fatalf("%s\nrequest %v\nfrom %v", w, m, in.Peer)
		}
		if len(out.Data) > 0 {
			var reply dhcp4.Message
			reply.Unmarshal(out.Data)
			types[reply.Type()]++
		}
	}
	for _, typ := range []dhcp4.MessageType{dhcp4.TypeOffer, dhcp4.TypeACK, dhcp4.TypeNAK} {
		if types[typ] < 100 {
			t.Errorf("only %d answers were %v", types[typ], typ)
		}
	}
}

// TestWrongAnswersAreFound is the test of the tests above.
func TestWrongAnswersAreFound(t *testing.T) {
	l := newLab(t, labConfig())
	m := (&request{from: client1, typ: dhcp4.TypeDiscover, options: option.Options{agentInfo()}}).message()
	data, _ := m.AppendBinary(nil)
	in := dhcp4.Packet{Data: data, Link: l.link}
	spoil := map[string]func(p *dhcp4.Packet, m *dhcp4.Message){
		"":                 func(*dhcp4.Packet, *dhcp4.Message) {},
		"sent to":          func(p *dhcp4.Packet, _ *dhcp4.Message) { p.Peer = netip.MustParseAddrPort("192.0.2.9:68") },
		"sent to 00:":      func(p *dhcp4.Packet, _ *dhcp4.Message) { p.HardwareAddr = testMAC },
		"another link":     func(p *dhcp4.Packet, _ *dhcp4.Message) { p.Link = nil },
		"header":           func(_ *dhcp4.Packet, m *dhcp4.Message) { m.XID++ },
		"yiaddr":           func(_ *dhcp4.Packet, m *dhcp4.Message) { m.YIAddr = netip.MustParseAddr("10.0.0.1") },
		"answers Discover": func(_ *dhcp4.Packet, m *dhcp4.Message) { m.Options[0].Data = []byte{5} },
		"order":            func(_ *dhcp4.Packet, m *dhcp4.Message) { m.Options[1], m.Options[2] = m.Options[2], m.Options[1] },
		"order of": func(_ *dhcp4.Packet, m *dhcp4.Message) {
			n := len(m.Options)
			m.Options[n-1], m.Options[n-2] = m.Options[n-2], m.Options[n-1]
		},
	}
	for want, f := range spoil {
		out, reply, err := respondOn(t, l, m)
		if err != nil {
			t.Fatal(err)
		}
		f(&out, reply)
		if out.Data, err = reply.AppendBinary(nil); err != nil {
			t.Fatal(err)
		}
		got := strings.Join(wrongAnswer(in, out, nil), "\n")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: found %q", want, got)
		}
	}
}

func TestUnusualLinks(t *testing.T) {
	tests := []struct {
		name     string
		link     *dhcp4.Link
		subnetBy string // Subnet.Interface
		serverID string
		giaddr   string
		local    string
		want     error // nil: an OFFER
	}{
		{"none", nil, "", "", "", "255.255.255.255", dhcp4.ReasonNoSubnet},
		{"none, relayed", nil, "", "", ".2", "192.0.2.1", nil},
		{"none, relayed, no identifier", nil, "", "", ".2", "255.255.255.255", dhcp4.ReasonNoServerID},
		{"none, relayed, identifier", nil, "", ".1", ".2", "255.255.255.255", nil},
		{"empty", &dhcp4.Link{}, "", "", "", "255.255.255.255", dhcp4.ReasonNoSubnet},
		{"by name, no address", &dhcp4.Link{Name: "tap0"}, "tap0", "", "", "255.255.255.255", dhcp4.ReasonNoServerID},
		{"by name, identifier", &dhcp4.Link{Name: "tap0"}, "tap0", ".1", "", "255.255.255.255", nil},
		{"an invalid address", &dhcp4.Link{Addrs: make([]netip.Prefix, 2)}, "", "", "", "255.255.255.255", dhcp4.ReasonNoSubnet},
		{"IPv6 only", &dhcp4.Link{Name: "tap0", Addrs: []netip.Prefix{netip.MustParsePrefix("fe80::1/64")}}, "tap0", "", "", "255.255.255.255", dhcp4.ReasonNoServerID},
		{"IPv4 in IPv6", &dhcp4.Link{Addrs: []netip.Prefix{netip.MustParsePrefix("::ffff:192.0.2.1/120")}}, "", "", "", "255.255.255.255", nil},
		{"another network's address", &dhcp4.Link{Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/8")}}, "", "", "", "255.255.255.255", dhcp4.ReasonNoSubnet},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := labConfig()
			c.Subnets[0].Interface, c.ServerID = tt.subnetBy, fullAddr(tt.serverID)
			l := newLab(t, c)
			data, err := (&request{from: client1, typ: dhcp4.TypeDiscover, giaddr: tt.giaddr}).message().AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			in := dhcp4.Packet{Data: data, Link: tt.link, Local: netip.AddrPortFrom(fullAddr(tt.local), 67)}
			out, err := l.srv.Respond(t.Context(), in, nil)
			if err != tt.want || (len(out.Data) == 0) == (tt.want == nil) {
				t.Fatalf("%d octets, %v, want %v", len(out.Data), err, tt.want)
			}
			for _, w := range wrongAnswer(in, out, err) {
				t.Error(w)
			}
		})
	}
}

func TestHugeAndEmptyOptions(t *testing.T) {
	tests := []struct {
		name    string
		options option.Options
		bare    bool // without client identifier
		want    error
	}{
		{"empty name", option.Options{{Code: 12}}, false, nil},
		{"empty list of codes", option.Options{{Code: 55}}, false, nil},
		{"empty client identifier", option.Options{{Code: 61}}, true, nil},
		{"client identifier of one octet", option.Options{{Code: 61, Data: []byte{1}}}, true, nil},
		{"client identifier of 255 octets", option.Options{{Code: 61, Data: make([]byte, 255)}}, true, nil},
		{"client identifier of 1,000 octets", option.Options{{Code: 61, Data: make([]byte, 1000)}}, true, nil},
		{"empty requested address", option.Options{{Code: 50}}, false, dhcp4.ReasonMalformed},
		{"requested address of five octets", option.Options{{Code: 50, Data: make([]byte, 5)}}, false, dhcp4.ReasonMalformed},
		{"empty server identifier", option.Options{{Code: 54}}, false, dhcp4.ReasonMalformed},
		{"name of 10,000 octets", option.Options{{Code: 12, Data: bytes.Repeat([]byte("a"), 10_000)}}, false, nil},
		{"list of 10,000 codes", option.Options{{Code: 55, Data: bytes.Repeat([]byte{1, 255, 0, 82}, 2500)}}, false, nil},
		{"agent options of 255 octets", option.Options{{Code: 82, Data: make([]byte, 255)}}, false, nil},
	}
	for _, tt := range tests {
		for _, typ := range []dhcp4.MessageType{dhcp4.TypeDiscover, dhcp4.TypeRequest} {
			t.Run(fmt.Sprintf("%s, %v", tt.name, typ), func(t *testing.T) {
				l := newLab(t, labConfig())
				r := request{from: client1, typ: typ, options: tt.options}
				if tt.bare {
					r.from.id = ""
				}
				out, _, err := respondOn(t, l, r.message())
				if err != tt.want || (len(out.Data) == 0) == (tt.want == nil) {
					t.Errorf("%d octets, %v, want %v", len(out.Data), err, tt.want)
				}
			})
		}
	}
}

// TestPoolExhaustion has two addresses for ever more clients.
func TestPoolExhaustion(t *testing.T) {
	c := labConfig()
	c.Lifetime, c.OfferLifetime = time.Hour, time.Minute
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.2.100-192.0.2.101")
	l := newLab(t, c)
	l.now = time.Now()
	const discover, ask = dhcp4.TypeDiscover, dhcp4.TypeRequest
	a, b, d, e := stranger("0a"), stranger("0b"), stranger("0d"), stranger("0e")

	l.expect("first offer", request{from: a, typ: discover}, offerOf(".100"))
	l.expect("second offer", request{from: b, typ: discover}, offerOf(".101"))
	l.expect("the oldest offer gives way", request{from: d, typ: discover}, offerOf(".100"))
	l.expect("to whom it was offered last", request{from: d, typ: ask, server: "us", asks: ".100"}, ackOf(".100"))
	l.expect("too late", request{from: a, typ: ask, server: "us", asks: ".100"}, nakFor(dhcp4.ReasonTaken))
	// A REQUEST counts more than the offer of somebody else.
	l.expect("no offer blocks a REQUEST", request{from: a, typ: ask, server: "us", asks: ".101"}, ackOf(".101"))
	l.expect("all are leased", request{from: e, typ: discover}, silence(dhcp4.ReasonNoAddress))
	l.expect("and nothing asked for", request{from: e, typ: ask}, nakFor(dhcp4.ReasonTaken))
	if free, total := l.srv.PoolCounts(1); free != 0 || total != 2 {
		t.Errorf("%d of %d addresses are free", free, total)
	}
	l.now = l.now.Add(time.Hour + time.Second)
	got, _ := l.send(request{from: e, typ: discover})
	if got.Type != dhcp4.TypeOffer {
		t.Errorf("expired leases were not taken back: %+v", got)
	}
	l.expect("who had one gets the other one", request{from: b, typ: ask, server: "us", asks: map[string]string{".100": ".101", ".101": ".100"}[got.Addr]},
		ackOf(map[string]string{".100": ".101", ".101": ".100"}[got.Addr]))
}

func TestMaxOffers(t *testing.T) {
	c := labConfig()
	c.MaxOffers = 2
	l := newLab(t, c)
	for i, want := range []string{".100", ".101", ".102", ".103"} {
		l.expect("offer", request{from: stranger(fmt.Sprintf("%02x", i)), typ: dhcp4.TypeDiscover}, offerOf(want))
	}
	if free, total := l.srv.PoolCounts(1); free != total-2 {
		t.Errorf("%d of %d addresses are free, want all but two", free, total)
	}
}

// TestServersShareAStore has a second server on the store that the first one
// knows nothing of.
func TestServersShareAStore(t *testing.T) {
	var st lease.Memory
	c := labConfig()
	c.Leases = &st
	one, two := newLab(t, c), newLab(t, c)
	for i := range 50 {
		addr := fmt.Sprintf(".%d", 100+i)
		one.expect("one", request{from: stranger(fmt.Sprintf("%02x", i)), typ: dhcp4.TypeRequest, server: "us", asks: addr}, ackOf(addr))
	}
	got, _ := two.send(request{from: client1, typ: dhcp4.TypeDiscover})
	if got.Type != dhcp4.TypeOffer {
		t.Fatalf("got %+v", got)
	}
	if l, ok, _ := lease.Get(t.Context(), &st, fullAddr(got.Addr)); ok {
		t.Errorf("the address of %+v was offered", l)
	}
	two.expect("renewal by the other server", request{from: stranger("07"), typ: dhcp4.TypeRequest, ciaddr: ".107", source: ".107"}, ackTo(".107"))
	two.expect("an address that one has leased", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".100"}, nakFor(dhcp4.ReasonTaken))
}

// TestRefusedChangeIsDecidedAnew lets another server be faster, once and for
// ever.
func TestRefusedChangeIsDecidedAnew(t *testing.T) {
	for _, times := range []int{1, 15, 1000} {
		t.Run(fmt.Sprint(times), func(t *testing.T) {
			st := new(lease.Memory)
			left := times
			c := labConfig()
			c.Leases = &leasetest.Hooks{Store: st, BeforeUpdate: func(ctx context.Context, _ []lease.Change) error {
				if left--; left < 0 {
					return nil
				}
				old, _, _ := lease.Get(ctx, st, fullAddr(".100"))
				touched := old
				return lease.CompareAndSwap(ctx, st, &old, &touched)
			}}
			l := newLab(t, c)
			var first lease.Lease
			first.Addr, first.SubnetID, first.HardwareAddr = fullAddr(".100"), 1, lease.MustParseHardwareAddr(client1.mac)
			first.SetLifetime(time.Now(), time.Hour)
			if err := st.Put(first); err != nil {
				t.Fatal(err)
			}
			want := ackTo(".100")
			if times > 16 {
				want = silence(dhcp4.ReasonContention)
			}
			l.expect("renewal", request{from: sender{client1.mac, ""}, typ: dhcp4.TypeRequest, ciaddr: ".100", source: ".100"}, want)
			if got := l.srv.Conflicts(); got != uint64(min(times, 15)) {
				t.Errorf("%d conflicts", got)
			}
		})
	}
}

// TestReplyOfAnotherServerIsLoggedWithoutAClient holds that nothing of the
// message before is told as if it were of this one.
func TestReplyOfAnotherServerIsLoggedWithoutAClient(t *testing.T) {
	var log bytes.Buffer
	c := labConfig()
	c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	l := newLab(t, c)
	l.send(request{from: client1, typ: dhcp4.TypeDiscover})
	log.Reset()
	l.srv.Respond(t.Context(), dhcp4.Packet{Data: []byte{dhcp4.OpReply}, Link: l.link}, nil)
	if strings.Contains(log.String(), client1.mac) || !strings.Contains(log.String(), dhcp4.ReasonNotRequest.Error()) {
		t.Error(log.String())
	}
}
