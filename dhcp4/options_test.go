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
	"github.com/google/go-cmp/cmp/cmpopts"
)

// replyTo returns the reply of a fresh Server to r, which must have one.
func replyTo(t testing.TB, c dhcp4.Config, r request) *dhcp4.Message {
	t.Helper()
	a, m := newLab(t, c).send(r)
	if m == nil {
		t.Fatalf("no answer: %v", a.Reason)
	}
	return m
}

func codesOf(m *dhcp4.Message) (codes []option.Code) {
	for _, o := range m.Options {
		codes = append(codes, o.Code)
	}
	return codes
}

func askFor(codes ...option.Code) option.Option { return option.DHCPParameterRequestList.New(codes...) }

func agentInfo() option.Option { return option.Option{Code: 82, Data: []byte{1, 2, 'p', '1'}} }

func TestReplyOptionsAndTheirOrder(t *testing.T) {
	c := labConfig()
	c.T1, c.T2, c.Lifetime = 30*time.Minute, 50*time.Minute, time.Hour
	c.Options = option.Options{
		option.DomainSearch.New("example.com"),
		option.NTPServers.New(fullAddr(".5")),
		option.InterfaceMTU.New(1400),
	}
	c.Subnets[0].Options = option.Options{
		option.DomainName.New("example.com"),
		option.DomainNameServers.New(fullAddr(".3")),
		option.Routers.New(fullAddr(".1")),
	}
	named := sender{client1.mac, ""}
	discover := dhcp4.TypeDiscover
	tests := []struct {
		name string
		r    request
		want []option.Code
	}{
		{"nothing asked for", request{from: named, typ: discover}, []option.Code{53, 1, 3, 6, 15, 51, 54, 58, 59}},
		{"client id", request{from: client1, typ: discover}, []option.Code{53, 1, 3, 6, 15, 51, 54, 58, 59, 61}},
		{"asked for in another order", request{from: client1, typ: discover, options: option.Options{askFor(119, 42, 28, 1, 3, 119)}},
			[]option.Code{53, 1, 3, 6, 15, 42, 51, 54, 58, 59, 61, 119}},
		{"a name", request{from: named, typ: discover, options: option.Options{option.HostName.New("Host")}},
			[]option.Code{53, 1, 3, 6, 12, 15, 51, 54, 58, 59}},
		{"everything asked for", request{from: client1, typ: discover, options: option.Options{
			agentInfo(), option.HostName.New("host"), askFor(everyCode()...)}},
			[]option.Code{53, 1, 3, 6, 12, 15, 26, 42, 51, 54, 58, 59, 61, 119, 82}},
		{"agent options without payload", request{from: named, typ: discover, options: option.Options{{Code: 82}}},
			[]option.Code{53, 1, 3, 6, 15, 51, 54, 58, 59}},
		{"ACK", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".100", options: option.Options{askFor(26), agentInfo()}},
			[]option.Code{53, 1, 3, 6, 15, 26, 51, 54, 58, 59, 61, 82}},
		{"INFORM", request{from: client1, typ: dhcp4.TypeInform, ciaddr: ".60"}, []option.Code{53, 3, 6, 15, 54, 61}},
		{"INFORM asks for more", request{from: client1, typ: dhcp4.TypeInform, ciaddr: ".60", options: option.Options{
			option.HostName.New("host"), askFor(1, 12, 26, 51, 58, 59)}},
			[]option.Code{53, 1, 3, 6, 15, 26, 54, 61}},
		{"NAK", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".100", options: option.Options{agentInfo(), askFor(everyCode()...)}},
			[]option.Code{53, 54, 56, 61, 82}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, c)
			if tt.name == "NAK" {
				l.expect("another client's lease", request{from: client2, typ: dhcp4.TypeRequest, server: "us", asks: ".100"}, ackOf(".100"))
			}
			_, m := l.send(tt.r)
			if m == nil {
				t.Fatal("no answer")
			}
			if d := cmp.Diff(tt.want, codesOf(m)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func everyCode() (all []option.Code) {
	for c := range 256 {
		all = append(all, option.Code(c))
	}
	return all[1:255]
}

// TestFieldsOfReplies holds RFC 2131, table 3.
func TestFieldsOfReplies(t *testing.T) {
	c := labConfig()
	c.Boot = dhcp4.Boot{NextServer: fullAddr(".9"), ServerName: "boot", File: "pxe.0"}
	id := []byte(lease.MustParseClientID(client1.id).Octets())
	ask := func(typ dhcp4.MessageType, ci, asks string) *dhcp4.Message {
		r := request{from: client1, typ: typ, ciaddr: ci, asks: asks, flags: 0x8001}
		if typ == dhcp4.TypeRequest && ci == "" {
			r.server = "us"
		}
		m := r.message()
		m.HType, m.Hops, m.XID, m.Secs, m.GIAddr = 6, 3, 0xcafe, 77, fullAddr(".2")
		m.Options = append(m.Options, agentInfo())
		return m
	}
	// reply is what all replies have in common.
	reply := func(f func(m *dhcp4.Message)) *dhcp4.Message {
		m := &dhcp4.Message{
			Op: dhcp4.OpReply, HType: 6, Hops: 3, XID: 0xcafe, Flags: 0x8001,
			CIAddr: netip.IPv4Unspecified(), YIAddr: netip.IPv4Unspecified(), SIAddr: netip.IPv4Unspecified(),
			GIAddr: fullAddr(".2"), HardwareAddr: lease.MustParseHardwareAddr(client1.mac),
		}
		f(m)
		return m
	}
	boot := func(m *dhcp4.Message) { m.SIAddr, m.SName, m.File = fullAddr(".9"), []byte("boot"), []byte("pxe.0") }
	tests := []struct {
		name    string
		request *dhcp4.Message
		want    *dhcp4.Message
	}{
		{"OFFER", ask(dhcp4.TypeDiscover, ".100", ""), reply(func(m *dhcp4.Message) { boot(m); m.YIAddr = fullAddr(".100") })},
		{"ACK", ask(dhcp4.TypeRequest, "", ".100"), reply(func(m *dhcp4.Message) { boot(m); m.YIAddr = fullAddr(".100") })},
		{"ACK to a renewal", ask(dhcp4.TypeRequest, ".100", ""), reply(func(m *dhcp4.Message) { boot(m); m.CIAddr, m.YIAddr = fullAddr(".100"), fullAddr(".100") })},
		{"NAK", ask(dhcp4.TypeRequest, ".7", ""), nil},
		{"NAK", ask(dhcp4.TypeRequest, "", ".7"), reply(func(*dhcp4.Message) {})},
		{"INFORM without ciaddr", ask(dhcp4.TypeInform, "", ""), reply(boot)},
		// It does not pass the relay on its way back.
		{"INFORM", ask(dhcp4.TypeInform, ".60", ""), reply(func(m *dhcp4.Message) {
			boot(m)
			m.CIAddr, m.GIAddr, m.Hops = fullAddr(".60"), netip.IPv4Unspecified(), 0
		})},
	}
	c.Authoritative = true
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, c)
			_, out, err := respondOn(t, l, tt.request)
			if tt.want == nil {
				if out != nil {
					t.Errorf("an answer: %v", out)
				}
				return
			}
			if out == nil {
				t.Fatal(err)
			}
			if got, ok := out.Options.Lookup(61); !ok || string(got) != string(id) {
				t.Errorf("client identifier %x", got)
			}
			_, agent := out.Options.Lookup(82)
			if relayed := out.GIAddr == fullAddr(".2"); agent != relayed {
				t.Errorf("agent options: %v, through the relay: %v", agent, relayed)
			}
			got := *out
			got.Options = nil
			if d := cmp.Diff(tt.want, &got, cmpopts.EquateComparable(netip.Addr{})); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// respondOn gives m to the Server of l.
func respondOn(t testing.TB, l *lab, m *dhcp4.Message) (dhcp4.Packet, *dhcp4.Message, error) {
	t.Helper()
	data, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := l.srv.Respond(context.Background(), dhcp4.Packet{Data: data, Link: l.link}, nil)
	if len(out.Data) == 0 {
		return out, nil, err
	}
	var reply dhcp4.Message
	if err := reply.Unmarshal(out.Data); err != nil {
		t.Fatal(err)
	}
	return out, &reply, err
}

func TestOptionPrecedence(t *testing.T) {
	name := option.DomainName.New // always sent
	mtu := func(n uint16) option.Option { return option.InterfaceMTU.New(n) }
	tests := []struct {
		name                              string
		global, subnet, pool, reservation option.Options
		asked                             bool // for option 26
		wantName                          string
		wantMTU                           uint16
	}{
		{"global", option.Options{name("g")}, nil, nil, nil, false, "g", 0},
		{"subnet", option.Options{name("g")}, option.Options{name("s")}, nil, nil, false, "s", 0},
		{"pool", option.Options{name("g")}, option.Options{name("s")}, option.Options{name("p")}, nil, false, "p", 0},
		{"reservation", option.Options{name("g")}, option.Options{name("s")}, option.Options{name("p")}, option.Options{name("r")}, false, "r", 0},
		{"not asked for", option.Options{mtu(1)}, option.Options{mtu(2)}, option.Options{mtu(3)}, option.Options{mtu(4)}, false, "", 0},
		{"asked for", option.Options{mtu(1)}, option.Options{mtu(2)}, option.Options{mtu(3)}, option.Options{mtu(4)}, true, "", 4},
		{"each code by itself", option.Options{name("g"), mtu(1)}, nil, option.Options{name("p")}, nil, true, "p", 1},
		{"Always", nil, option.Options{option.Always(mtu(2))}, nil, nil, false, "", 2},
		{"Always below, another value above", option.Options{option.Always(mtu(1))}, option.Options{mtu(2)}, nil, option.Options{mtu(4)}, false, "", 4},
		{"Never", option.Options{mtu(1)}, option.Options{option.Never(26)}, nil, nil, true, "", 0},
		{"Never beats Always below", option.Options{option.Always(mtu(1))}, nil, nil, option.Options{option.Never(26)}, true, "", 0},
		{"a value beats Never below", option.Options{option.Never(26)}, nil, option.Options{mtu(3)}, nil, true, "", 3},
		{"Never for one that is always sent", option.Options{name("g")}, option.Options{option.Never(15)}, nil, nil, false, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := labConfig()
			c.Options = tt.global
			c.Subnets[0].Options = tt.subnet
			c.Subnets[0].Pools[0].Options = tt.pool
			c.Subnets[0].Reservations = []dhcp4.Reservation{{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Options: tt.reservation}}
			r := request{from: client1, typ: dhcp4.TypeDiscover}
			if tt.asked {
				r.options = option.Options{askFor(26)}
			}
			m := replyTo(t, c, r)
			gotName, _, _ := option.DomainName.Get(m.Options)
			gotMTU, _, _ := option.InterfaceMTU.Get(m.Options)
			if gotName != tt.wantName || gotMTU != tt.wantMTU {
				t.Errorf("domain name %q, MTU %d; want %q, %d", gotName, gotMTU, tt.wantName, tt.wantMTU)
			}
		})
	}
}

func TestSubnetMask(t *testing.T) {
	tests := []struct {
		name   string
		prefix string
		option option.Options
		want   string
	}{
		{"of the prefix", "192.0.2.0/24", nil, "255.255.255.0"},
		{"of an odd prefix", "192.0.0.0/18", nil, "255.255.192.0"},
		{"of the whole Internet: none", "0.0.0.0/0", nil, "invalid IP"},
		{"configured", "192.0.2.0/24", option.Options{option.SubnetMask.New(netip.MustParseAddr("255.255.0.0"))}, "255.255.0.0"},
		{"forbidden", "192.0.2.0/24", option.Options{option.Never(1)}, "invalid IP"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := labConfig()
			c.Subnets[0].Prefix, c.Subnets[0].Options = netip.MustParsePrefix(tt.prefix), tt.option
			got, _, err := option.SubnetMask.Get(replyTo(t, c, request{from: client1, typ: dhcp4.TypeDiscover}).Options)
			if got.String() != tt.want || err != nil {
				t.Errorf("got %v (%v), want %s", got, err, tt.want)
			}
		})
	}
}

func TestTimesOfALease(t *testing.T) {
	const sec, no = time.Second, time.Duration(-1)
	tests := []struct {
		name             string
		lifetime, t1, t2 time.Duration // configured
		reserved         time.Duration // lifetime of a reservation
		want51           time.Duration
		want58, want59   time.Duration // no: not sent
	}{
		{"defaults", 0, 0, 0, 0, 7200 * sec, 3600 * sec, 6300 * sec},
		{"of the lifetime", 43200 * sec, 0, 0, 0, 43200 * sec, 21600 * sec, 37800 * sec},
		{"rounded", 101 * sec, 0, 0, 0, 101 * sec, 51 * sec, 88 * sec},
		{"by value", 600 * sec, 100 * sec, 200 * sec, 0, 600 * sec, 100 * sec, 200 * sec},
		{"not sent", 600 * sec, no, no, 0, 600 * sec, no, no},
		{"T1 not sent", 600 * sec, no, 0, 0, 600 * sec, no, 525 * sec},
		{"T2 not sent", 600 * sec, 0, no, 0, 600 * sec, 300 * sec, no},
		{"T1 is T2", 600 * sec, 200 * sec, 200 * sec, 0, 600 * sec, no, 200 * sec},
		{"T1 above T2", 600 * sec, 300 * sec, 200 * sec, 0, 600 * sec, no, 200 * sec},
		{"T2 is the lifetime", 600 * sec, 300 * sec, 600 * sec, 0, 600 * sec, 300 * sec, no},
		{"T1 and T2 above the lifetime", 600 * sec, 700 * sec, 800 * sec, 0, 600 * sec, no, no},
		{"one second", sec, 0, 0, 0, sec, no, no},
		{"infinite", lease.Infinite, 0, 0, 0, lease.Infinite, no, no},
		{"infinite with T1 and T2", lease.Infinite, 100 * sec, 200 * sec, 0, lease.Infinite, no, no},
		{"of a reservation", 600 * sec, 0, 0, 1200 * sec, 1200 * sec, 600 * sec, 1050 * sec},
		{"of a short reservation", 600 * sec, 100 * sec, 200 * sec, 150 * sec, 150 * sec, 100 * sec, no},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var st lease.Memory
			c := labConfig()
			c.Leases = &st
			// The subnet's values take precedence over the Config's.
			c.Lifetime, c.T1, c.T2 = tt.lifetime, 0, 0
			c.Subnets[0].T1, c.Subnets[0].T2 = tt.t1, tt.t2
			if tt.lifetime != 0 {
				c.Lifetime, c.Subnets[0].Lifetime = 9999*sec, tt.lifetime
			}
			if tt.reserved != 0 {
				c.Subnets[0].Reservations = []dhcp4.Reservation{{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Lifetime: tt.reserved}}
			}
			m := replyTo(t, c, request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".100"})
			for _, o := range []struct {
				name string
				def  *option.Def[time.Duration]
				want time.Duration
			}{{"51", &option.DHCPLeaseTime, tt.want51}, {"58", &option.DHCPRenewalTime, tt.want58}, {"59", &option.DHCPRebindingTime, tt.want59}} {
				got, ok, err := o.def.Get(m.Options)
				if !ok {
					got = no
				}
				if got != o.want || err != nil {
					t.Errorf("option %s is %v (%v), want %v", o.name, got, err, o.want)
				}
			}
			l, _, err := lease.Get(t.Context(), &st, fullAddr(".100"))
			if err != nil || l.Lifetime != tt.want51 {
				t.Errorf("stored lifetime %v (%v), want %v", l.Lifetime, err, tt.want51)
			}
		})
	}
}

func TestHostName(t *testing.T) {
	long := strings.Repeat("a", 64)
	tests := []struct {
		name           string
		reserved       string
		sent           string
		configured     option.Options
		want           string // option 12; empty: none
		wantInTheLease string
	}{
		{"none", "", "", nil, "", ""},
		{"the client's", "", "host", nil, "host", "host"},
		{"lower case", "", "My-Host", nil, "my-host", "my-host"},
		{"a full name", "", "host.Example.com.", nil, "host.example.com", "host.example.com"},
		{"other characters are left out", "", "My_Host!x", nil, "myhostx", "myhostx"},
		{"nothing is left", "", "_!\x01\xff", nil, "", ""},
		{"dots only", "", "...", nil, "", ""},
		{"NUL at the end", "", "host\x00", nil, "host", "host"},
		{"a label of 64", "", long, nil, long, long},
		{"253 octets", "", strings.Repeat("a", 253), nil, strings.Repeat("a", 253), strings.Repeat("a", 253)},
		{"longer than a name can be", "", strings.Repeat("a", 254), nil, "", ""},
		{"reserved", "Web-Server", "", nil, "web-server", "web-server"},
		{"reserved before the client's", "web", "host", nil, "web", "web"},
		{"the client's before configured", "", "host", option.Options{option.HostName.New("conf")}, "host", "host"},
		{"configured", "", "", option.Options{option.HostName.New("conf")}, "conf", ""},
		{"reserved before configured", "web", "host", option.Options{option.HostName.New("conf")}, "web", "web"},
		{"forbidden", "web", "host", option.Options{option.Never(12)}, "", "web"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var st lease.Memory
			c := labConfig()
			c.Leases = &st
			c.Options = tt.configured
			if tt.reserved != "" {
				c.Subnets[0].Reservations = []dhcp4.Reservation{{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Hostname: tt.reserved}}
			}
			r := request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".100", options: option.Options{askFor(12)}}
			if tt.sent != "" {
				r.options = append(r.options, option.Option{Code: 12, Data: []byte(tt.sent)})
			}
			m := replyTo(t, c, r)
			got, _ := m.Options.Lookup(12)
			l, _, err := lease.Get(t.Context(), &st, fullAddr(".100"))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want || l.Hostname != tt.wantInTheLease {
				t.Errorf("option 12 is %q, the lease has %q; want %q, %q", got, l.Hostname, tt.want, tt.wantInTheLease)
			}
		})
	}
}

func TestBootFields(t *testing.T) {
	a := func(s string) netip.Addr { return fullAddr(s) }
	tests := []struct {
		name                              string
		global, subnet, reservation, want dhcp4.Boot
	}{
		{"none", dhcp4.Boot{}, dhcp4.Boot{}, dhcp4.Boot{}, dhcp4.Boot{NextServer: netip.IPv4Unspecified()}},
		{"global", dhcp4.Boot{NextServer: a(".1"), ServerName: "g", File: "g"}, dhcp4.Boot{}, dhcp4.Boot{}, dhcp4.Boot{NextServer: a(".1"), ServerName: "g", File: "g"}},
		{"each field by itself", dhcp4.Boot{NextServer: a(".1"), ServerName: "g", File: "g"}, dhcp4.Boot{ServerName: "s", File: "s"}, dhcp4.Boot{File: "r"},
			dhcp4.Boot{NextServer: a(".1"), ServerName: "s", File: "r"}},
		{"as long as can be", dhcp4.Boot{}, dhcp4.Boot{ServerName: strings.Repeat("s", 63), File: strings.Repeat("f", 127)}, dhcp4.Boot{},
			dhcp4.Boot{NextServer: netip.IPv4Unspecified(), ServerName: strings.Repeat("s", 63), File: strings.Repeat("f", 127)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := labConfig()
			c.Boot, c.Subnets[0].Boot = tt.global, tt.subnet
			c.Subnets[0].Reservations = []dhcp4.Reservation{{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Boot: tt.reservation}}
			m := replyTo(t, c, request{from: client1, typ: dhcp4.TypeDiscover})
			got := dhcp4.Boot{NextServer: m.SIAddr, ServerName: string(m.SName), File: string(m.File)}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestPoolOptionsGoWithTheAddress(t *testing.T) {
	c := labConfig()
	c.Subnets[0].Pools = []dhcp4.Pool{
		{ID: 7, Range: pool.MustParseRange("192.0.2.100-192.0.2.109"), Options: option.Options{option.DomainName.New("first")}},
		{ID: 8, Range: pool.MustParseRange("192.0.2.110-192.0.2.119"), Options: option.Options{option.DomainName.New("second")}},
	}
	var st lease.Memory
	c.Leases = &st
	l := newLab(t, c)
	for addr, want := range map[string]struct {
		name string
		id   uint32
	}{".105": {"first", 7}, ".110": {"second", 8}} {
		_, m := l.send(request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: addr})
		if m == nil {
			t.Fatal("no answer")
		}
		name, _, _ := option.DomainName.Get(m.Options)
		stored, _, _ := lease.Get(t.Context(), &st, fullAddr(addr))
		if name != want.name || stored.PoolID != want.id {
			t.Errorf("%s: domain name %q, pool %d", addr, name, stored.PoolID)
		}
	}
}
