package dhcp4_test

import (
	"net/netip"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"

	"github.com/google/go-cmp/cmp"
)

func TestOptionsOfFunctionsByPrecedence(t *testing.T) {
	name := func(s string) option.Options { return option.Options{option.DomainName.New(s)} }
	from := func(o option.Options) func(*dhcp4.Exchange) option.Options {
		return func(*dhcp4.Exchange) option.Options { return o }
	}
	c := labConfig()
	n := &c.Subnets[0]
	// From the weakest to the strongest; each is there in addition.
	for _, step := range []struct {
		want string
		set  func()
	}{
		{"config", func() { c.Options = name("config") }},
		{"config-func", func() { c.OptionsFunc = from(name("config-func")) }},
		{"subnet", func() { n.Options = name("subnet") }},
		{"subnet-func", func() { n.OptionsFunc = from(name("subnet-func")) }},
		{"pool", func() { n.Pools[0].Options = name("pool") }},
		{"host", func() {
			n.Reservations = []dhcp4.Reservation{{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Options: name("host")}}
		}},
	} {
		step.set()
		m := replyTo(t, c, request{from: client1, typ: dhcp4.TypeDiscover})
		if got, _, err := option.DomainName.Get(m.Options); got != step.want || err != nil {
			t.Errorf("%q (%v), want %q", got, err, step.want)
		}
	}
	n.OptionsFunc = from(option.Options{option.Never(6), option.Always(option.NTPServers.New(fullAddr(".5")))})
	c.Options = append(c.Options, option.DomainNameServers.New(fullAddr(".3")), option.Routers.New(fullAddr(".1")))
	m := replyTo(t, c, request{from: client2, typ: dhcp4.TypeDiscover})
	if _, ok := m.Options.Lookup(6); ok {
		t.Error("Never of a function is sent")
	}
	if _, ok := m.Options.Lookup(3); !ok {
		t.Error("an option of the Config alone is not sent beside a function")
	}
	if _, ok := m.Options.Lookup(42); !ok {
		t.Error("Always of a function is not sent unasked")
	}
}

func TestOptionsFuncSeesTheExchange(t *testing.T) {
	c := labConfig()
	var got []any
	c.OptionsFunc = func(x *dhcp4.Exchange) option.Options {
		got = append(got, x.Reply.YIAddr, x.ServerID(), x.Subnet.ID, x.Link.Name, x.Request.Type())
		return nil
	}
	replyTo(t, c, request{from: client1, typ: dhcp4.TypeDiscover, asks: ".105"})
	want := []any{fullAddr(".105"), fullAddr(".1"), uint32(1), "eth0", dhcp4.TypeDiscover}
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Error(d)
	}
}

func TestOptionsFuncThatFailsLosesItsPacketOnly(t *testing.T) {
	for name, f := range map[string]func() option.Options{
		"panics":            func() option.Options { panic("planted") },
		"twice":             func() option.Options { return option.Options{{Code: 3}, {Code: 3}} },
		"the Server's own":  func() option.Options { return option.Options{{Code: 54, Data: []byte{1, 2, 3, 4}}} },
		"cannot be encoded": func() option.Options { return option.Options{option.DomainName.New("")} },
	} {
		c := labConfig()
		c.OptionsFunc = func(x *dhcp4.Exchange) option.Options {
			if x.Request.HardwareAddr.String() == client1.mac {
				return f()
			}
			return nil
		}
		l := newLab(t, c)
		l.expect(name, request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".100"}, silence(dhcp4.ReasonFuncFailed))
		l.expect(name+", another client", request{from: client2, typ: dhcp4.TypeRequest, server: "us", asks: ".100"}, ackOf(".100"))
	}
}

func TestVendorOptionsGoToWhoNamesTheVendor(t *testing.T) {
	entry := func(enterprise uint32, data string) option.VendorData {
		return option.VendorData{Enterprise: enterprise, Data: []byte(data)}
	}
	c := labConfig()
	configured := option.VIVSOSuboptions.New(entry(4491, "\x02\x01a"), entry(311, "\x01\x01b"), entry(4491, "\x05\x01c"))
	for _, tt := range []struct {
		name   string
		always bool
		client option.Options
		want   []uint32
	}{
		{"says nothing", false, nil, nil},
		{"names one by class", false, option.Options{option.VIVCOSuboptions.New(entry(4491, "docsis3.0"))}, []uint32{4491}}, // its two parts become one
		{"names one by option", false, option.Options{option.VIVSOSuboptions.New(entry(311, "\x01\x01x"))}, []uint32{311}},
		{"names both", false, option.Options{option.VIVSOSuboptions.New(entry(311, ""), entry(9, ""), entry(4491, ""))}, []uint32{4491, 311, 4491}},
		{"names another", false, option.Options{option.VIVSOSuboptions.New(entry(9, ""))}, nil},
		{"names another and asks", false, option.Options{askFor(125), option.VIVSOSuboptions.New(entry(9, ""))}, nil},
		{"asks and names none", false, option.Options{askFor(125)}, []uint32{4491, 311, 4491}},
		{"a damaged option names none", false, option.Options{{Code: 125, Data: []byte{0, 0, 0x11, 0x8b}}}, nil},
		{"always", true, option.Options{option.VIVSOSuboptions.New(entry(9, ""))}, []uint32{4491, 311, 4491}},
	} {
		c.Options = option.Options{configured}
		if tt.always {
			c.Options[0] = option.Always(configured)
		}
		m := replyTo(t, c, request{from: client1, typ: dhcp4.TypeDiscover, options: tt.client})
		var got []uint32
		list, _, err := option.VIVSOSuboptions.Get(m.Options)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		for _, v := range list {
			got = append(got, v.Enterprise)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}

func TestEncapsulatedVendorOptionsGoToWhoAsks(t *testing.T) {
	c := labConfig()
	c.Options = option.Options{{Code: 43, Data: []byte{1, 1, 'x'}}}
	for _, asks := range []bool{false, true} {
		r := request{from: client1, typ: dhcp4.TypeDiscover}
		if asks {
			r.options = option.Options{askFor(1, 43)}
		}
		if _, ok := replyTo(t, c, r).Options.Lookup(43); ok != asks {
			t.Errorf("sent is %v, asked for is %v", ok, asks)
		}
	}
}

func TestOnlyConfiguredAddsNothing(t *testing.T) {
	c := labConfig()
	c.OnlyConfigured = true
	r := request{from: sender{client1.mac, "01:02:03"}, typ: dhcp4.TypeRequest, server: "us", asks: ".100", options: option.Options{
		askFor(1, 3, 6, 12, 15, 51, 54, 58, 59), option.HostName.New("laptop"), agentInfo(),
	}}
	if d := cmp.Diff([]option.Code{53, 51, 54, 61, 82}, codesOf(replyTo(t, c, r))); d != "" {
		t.Errorf("nothing configured (-want +got):\n%s", d)
	}
	c.T1Percent = 0.4
	c.Options = option.Options{option.SubnetMask.New(fullAddr("255.255.255.0")), option.Routers.New(fullAddr(".1"))}
	c.Subnets[0].Reservations = []dhcp4.Reservation{{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Hostname: "desk"}}
	if d := cmp.Diff([]option.Code{53, 1, 3, 12, 51, 54, 58, 59, 61, 82}, codesOf(replyTo(t, c, r))); d != "" {
		t.Errorf("something configured (-want +got):\n%s", d)
	}
}
