package option

import (
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A wireTest is one row about the wire form of an option.
type wireTest struct {
	o    Option          // made with New
	hex  string          // its payload
	get  func() any      // what Get says of the payload
	want any             // the value; an error text if it starts with "error: "
	code func() (c Code) // of the definition
}

// row makes a test of one value. With in nil there is nothing to write.
func row[T any](d *Def[T], in *T, payload string, want any) wireTest {
	r := wireTest{hex: payload, want: want, code: func() Code { return d.Code }}
	r.get = func() any {
		v, ok, err := d.Get(Options{{Code: d.Code, Data: unhex(payload)}})
		return result(v, ok, err)
	}
	r.o = Option{Code: d.Code, Data: unhex(payload)}
	if in != nil {
		r.o = d.New(*in)
	}
	return r
}

func rows[E any](d *ListDef[E], in []E, payload string, want any) wireTest {
	r := wireTest{hex: payload, want: want, code: func() Code { return d.Code }}
	r.get = func() any {
		v, ok, err := d.Get(Options{{Code: d.Code, Data: unhex(payload)}})
		return result(v, ok, err)
	}
	r.o = Option{Code: d.Code, Data: unhex(payload)}
	if in != nil {
		r.o = d.New(in...)
	}
	return r
}

func result(v any, ok bool, err error) any {
	if err != nil {
		return "error: " + err.Error()
	}
	if !ok {
		return "absent"
	}
	return v
}

func unhex(s string) []byte {
	p, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return p
}

func is[T any](d *Def[T], v T, payload string) wireTest { return row(d, &v, payload, v) }

func are[E any](d *ListDef[E], payload string, vs ...E) wireTest { return rows(d, vs, payload, vs) }

func TestValuesOnTheWire(t *testing.T) {
	forwarding := Define(Definition{Name: "ip-forwarding", Code: 19}, &Bool)
	offset := Define(Definition{Name: "time-offset", Code: 2}, &Int32)
	for _, tc := range []wireTest{
		is(&SubnetMask, addr("255.255.255.0"), "ffffff00"),
		row(&SubnetMask, nil, "ffffff", "error: subnet-mask (1): offset 0: has 3 octets, needs 4"),
		row(&SubnetMask, nil, "ffffff0000", "error: subnet-mask (1): offset 0: the payload goes on after the value"),
		row(&SubnetMask, nil, "", "error: subnet-mask (1): offset 0: has 0 octets, needs 4"),
		are(&Routers, "c0a80101 c0a80102", addr("192.168.1.1"), addr("192.168.1.2")),
		rows(&Routers, nil, "c0a80101 c0a801", "error: routers (3): offset 4: has 3 octets, needs 4"),
		rows(&Routers, []netip.Addr{}, "", []netip.Addr(nil)),
		rows(&Routers, []netip.Addr{addr("::ffff:10.0.0.1")}, "0a000001", []netip.Addr{addr("10.0.0.1")}),
		is(&HostName, "web-server", "7765622d736572766572"),
		row(&HostName, nil, "7765620000", "web"),
		row(&HostName, nil, "77006200", "error: host-name (12): offset 0: has a NUL within the text"),
		row(&HostName, nil, "", "error: host-name (12): offset 0: is empty"),
		row(&HostName, nil, "0000", "error: host-name (12): offset 0: is empty"),
		is(&InterfaceMTU, 1500, "05dc"),
		row(&InterfaceMTU, nil, "05", "error: interface-mtu (26): offset 0: has 1 octets, needs 2"),
		is(&DHCPMessageType, 5, "05"),
		row(&DHCPMessageType, nil, "", "error: dhcp-message-type (53): offset 0: has 0 octets, needs 1"),
		is(&DHCPLeaseTime, 12*time.Hour, "0000a8c0"),
		is(&DHCPLeaseTime, 0xffffffff*time.Second, "ffffffff"),
		is(&DHCPLeaseTime, 0, "00000000"),
		row(&DHCPLeaseTime, ptr(time.Duration(math.MaxInt64)), "ffffffff", 0xffffffff*time.Second),
		row(&DHCPLeaseTime, ptr(1999*time.Millisecond), "00000001", time.Second),
		row(&DHCPLeaseTime, nil, "a8c0", "error: dhcp-lease-time (51): offset 0: has 2 octets, needs 4"),
		is(&forwarding, true, "01"),
		is(&forwarding, false, "00"),
		row(&forwarding, nil, "02", "error: ip-forwarding (19): offset 0: is neither 0 nor 1"),
		row(&forwarding, nil, "", "error: ip-forwarding (19): offset 0: has 0 octets, needs 1"),
		is(&offset, -3600, "fffff1f0"),
		are(&DHCPParameterRequestList, "0103063377", 1, 3, 6, 51, Code(119)),
		is(&DHCPClientIdentifier, unhex("01000c29aabbcc"), "01000c29aabbcc"),
		is(&DHCPClientIdentifier, []byte{}, ""),

		are(&DHCPAgentOptions, "0103657468 0504c0000201", AgentCircuitID.New([]byte("eth")), AgentLinkSelection.New(addr("192.0.2.1"))),
		are(&DHCPAgentOptions, "0000 ff0101", Option{Code: 0, Data: []byte{}}, Option{Code: 255, Data: []byte{1}}),
		rows(&DHCPAgentOptions, nil, "010365", "error: dhcp-agent-options (82): offset 0: sub-option goes on after the end"),
		rows(&DHCPAgentOptions, nil, "01016502", "error: dhcp-agent-options (82): offset 3: sub-option goes on after the end"),
		are(&VendorEncapsulatedOptions, "0102aabb 0200", Option{Code: 1, Data: unhex("aabb")}, Option{Code: 2}),
		rows(&VendorEncapsulatedOptions, nil, "00000102aabb00ff0102", []Option{{Code: 1, Data: unhex("aabb")}}),
		rows(&VendorEncapsulatedOptions, nil, "ff", []Option(nil)),
		rows(&VendorEncapsulatedOptions, nil, "0000", []Option(nil)),
		rows(&VendorEncapsulatedOptions, nil, "0001", "error: vendor-encapsulated-options (43): offset 0: sub-option goes on after the end"),

		// RFC 3442's table of destination descriptors.
		are(&ClasslessStaticRoute, "00 0a000001", Route{prefix("0.0.0.0/0"), addr("10.0.0.1")}),
		are(&ClasslessStaticRoute, "080a 0a000001", Route{prefix("10.0.0.0/8"), addr("10.0.0.1")}),
		are(&ClasslessStaticRoute, "180a0000 0a000001", Route{prefix("10.0.0.0/24"), addr("10.0.0.1")}),
		are(&ClasslessStaticRoute, "100a11 0a000001", Route{prefix("10.17.0.0/16"), addr("10.0.0.1")}),
		are(&ClasslessStaticRoute, "180a1b81 0a000001", Route{prefix("10.27.129.0/24"), addr("10.0.0.1")}),
		are(&ClasslessStaticRoute, "190a e5 00 80 0a000001 200ae5007f 00000000",
			Route{prefix("10.229.0.128/25"), addr("10.0.0.1")}, Route{prefix("10.229.0.127/32"), addr("0.0.0.0")}),
		rows(&ClasslessStaticRoute, []Route{{prefix("10.1.2.3/12"), addr("10.0.0.1")}}, "0c0a00 0a000001",
			[]Route{{prefix("10.0.0.0/12"), addr("10.0.0.1")}}),
		rows(&ClasslessStaticRoute, nil, "0c0aff 0a000001", []Route{{prefix("10.240.0.0/12"), addr("10.0.0.1")}}),
		rows(&ClasslessStaticRoute, nil, "210a0000000a000001", "error: classless-static-route (121): offset 0: the prefix has 33 bits"),
		rows(&ClasslessStaticRoute, nil, "00 0a000001 080a 0a0000", "error: classless-static-route (121): offset 5: has 5 octets, needs 6"),
	} {
		tc.check(t)
	}
}

// check compares both directions.
func (tc wireTest) check(t *testing.T) {
	t.Helper()
	if err := tc.o.Err(); err != nil {
		t.Errorf("%v: %v", tc.code(), err)
	}
	if got := hex.EncodeToString(tc.o.Data); got != strings.ReplaceAll(tc.hex, " ", "") {
		t.Errorf("%v: New makes %v, want %v", tc.code(), got, tc.hex)
	}
	if tc.o.Code != tc.code() {
		t.Errorf("%v: New makes code %v", tc.code(), tc.o.Code)
	}
	if diff := cmp.Diff(tc.want, tc.get(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Errorf("%v: Get of %v (-want +got):\n%v", tc.code(), tc.hex, diff)
	}
}

func ptr[T any](v T) *T { return &v }

func TestUnencodableValueIsToldByErr(t *testing.T) {
	nowhere := Define[uint8](Definition{Name: "nowhere", Code: 224}, nil)
	nowheres := DefineList[uint8](Definition{Code: 225}, nil)
	for _, tc := range []struct {
		o    Option
		want string
	}{
		{SubnetMask.New(netip.Addr{}), "subnet-mask (1): invalid IP is not an IPv4 address"},
		{Routers.New(addr("10.0.0.1"), addr("2001:db8::1")), "routers (3): value 1: 2001:db8::1 is not an IPv4 address"},
		{HostName.New(""), "host-name (12): is empty"},
		{HostName.New("a\x00b"), "host-name (12): has a NUL within the text"},
		{HostName.New("a\x00"), "host-name (12): has a NUL within the text"},
		{HostName.New(strings.Repeat("x", MaxLen+1)), "host-name (12): the payload is longer than 65535 octets"},
		{HostName.New(strings.Repeat("x", MaxLen)), ""},
		{DHCPLeaseTime.New(-1), "dhcp-lease-time (51): -1ns is negative"},
		{DHCPAgentOptions.New(AgentCircuitID.New(make([]byte, 256))), ""},
		{DHCPAgentOptions.New(AgentCircuitID.New(make([]byte, 255))), ""},
		{DHCPAgentOptions.New(AgentLinkSelection.New(netip.Addr{})), "dhcp-agent-options (82): value 0: link-selection (5): invalid IP is not an IPv4 address"},
		{DHCPAgentOptions.New(Never(1)), "dhcp-agent-options (82): value 0: sub-option was made by Never"},
		{VendorEncapsulatedOptions.New(Option{Code: 255}), "vendor-encapsulated-options (43): value 0: codes 0 and 255 are not for sub-options here"},
		{ClasslessStaticRoute.New(Route{}), "classless-static-route (121): value 0: invalid Prefix is not an IPv4 prefix"},
		{ClasslessStaticRoute.New(Route{Destination: prefix("10.0.0.0/8")}), "classless-static-route (121): value 0: has no Router; 0.0.0.0 stands for the client's own link"},
		{ClasslessStaticRoute.New(Route{prefix("2001:db8::/32"), addr("10.0.0.1")}), "classless-static-route (121): value 0: 2001:db8::/32 is not an IPv4 prefix"},
		{nowhere.New(1), "nowhere (224): the definition has no Wire"},
		{nowheres.New(1), "option 225: the definition has no Wire"},
	} {
		got := ""
		if err := tc.o.Err(); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("got  %v\nwant %v", got, tc.want)
		}
		if tc.want == "" {
			continue
		}
		if _, ok := (Options{tc.o}).Lookup(tc.o.Code); ok {
			t.Errorf("%v has a payload", tc.o)
		}
	}
}

func TestGetOfInvalidOptionReturnsItsErr(t *testing.T) {
	_, ok, err := HostName.Get(Options{HostName.New("")})
	if ok || err == nil || err.Error() != "host-name (12): is empty" {
		t.Error(ok, err)
	}
	for _, err := range Routers.All(Options{Routers.New(netip.Addr{})}) {
		if err == nil {
			t.Error("no error")
		}
	}
}

func TestMalformedIsNotAbsent(t *testing.T) {
	o := Options{{Code: 3, Data: []byte{1, 2, 3, 4, 5}}}
	kept := []netip.Addr{addr("10.9.9.9")}

	vs, ok, err := Routers.AppendTo(kept, o)
	var ve *ValueError
	if ok || !errors.As(err, &ve) || len(vs) != 1 {
		t.Fatal(vs, ok, err)
	}
	if diff := cmp.Diff(&ValueError{Name: "routers", Code: 3, Offset: 4, Reason: "has 1 octets, needs 4"}, ve); diff != "" {
		t.Error(diff)
	}
	vs, ok, err = Routers.AppendTo(kept, Options{})
	if ok || err != nil || len(vs) != 1 {
		t.Error(vs, ok, err)
	}
}

func TestAllYieldsWhatIsReadableThenTheError(t *testing.T) {
	var got []string
	for v, err := range Routers.All(Options{{Code: 3, Data: unhex("0a0000010a00000203")}}) {
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		got = append(got, v.String())
	}
	if diff := cmp.Diff([]string{"10.0.0.1", "10.0.0.2", "routers (3): offset 8: has 1 octets, needs 4"}, got); diff != "" {
		t.Error(diff)
	}
	for v, err := range Routers.All(Options{Routers.New(addr("10.0.0.1"), addr("10.0.0.2"))}) {
		if v != addr("10.0.0.1") || err != nil {
			t.Error(v, err)
		}
		break
	}
	for range Routers.All(nil) {
		t.Error("an absent option has values")
	}
	for v := range VendorEncapsulatedOptions.All(Options{{Code: 43, Data: unhex("00ff")}}) {
		t.Error("padding is a value", v)
	}
}

func TestArenaGrowthKeepsOptions(t *testing.T) {
	var a Arena
	var made, want Options
	for i := range 200 {
		s := strings.Repeat(string(rune('a'+i%26)), i+1)
		made = append(made, HostName.NewIn(&a, s), DomainSearch.NewIn(&a, "x.example", "y.example"))
		want = append(want, HostName.New(s), DomainSearch.New("x.example", "y.example"))
		if bad := Routers.NewIn(&a, addr("10.0.0.1"), netip.Addr{}); bad.Err() == nil {
			t.Fatal("no error")
		}
	}
	if !made.Equal(want) {
		t.Error(cmp.Diff(want, made))
	}
}

func TestArenaPayloadsDoNotOverlap(t *testing.T) {
	a := Arena{buf: make([]byte, 0, 64)} // room for all
	for range 2 {
		a.Reset()
		first, second := HostName.NewIn(&a, "first"), HostName.NewIn(&a, "second")
		_ = append(first.Data, "overrun"...)
		if string(first.Data) != "first" || string(second.Data) != "second" {
			t.Errorf("%v, %v", first, second)
		}
	}
}

// Own types: the wire form of a caller's own making.
type version struct{ major, minor uint8 }

func TestWireOfOnesOwn(t *testing.T) {
	wire := NewWire(
		func(dst []byte, v version) ([]byte, error) {
			if v.major == 0 {
				return dst, errors.New("has no major version")
			}
			return append(dst, v.major, v.minor), nil
		},
		func(p []byte) (version, int, error) {
			if len(p) < 2 {
				return version{}, 0, errors.New("is too short")
			}
			return version{p[0], p[1]}, 2, nil
		})
	one := Define(Definition{Space: "dhcp4", Name: "version", Code: 224, Kind: KindBinary}, wire)
	many := DefineList(Definition{Space: "dhcp4", Name: "versions", Code: 225, Kind: KindBinary}, wire)

	if v, ok, err := one.Get(Options{one.New(version{2, 1})}); v != (version{2, 1}) || !ok || err != nil {
		t.Error(v, ok, err)
	}
	if vs, ok, err := many.Get(Options{many.New(version{2, 1}, version{3, 0})}); len(vs) != 2 || vs[1].major != 3 || !ok || err != nil {
		t.Error(vs, ok, err)
	}
	if got := one.New(version{}).Err(); got == nil || got.Error() != "version (224): has no major version" {
		t.Error(got)
	}
	if _, _, err := many.Get(Options{{Code: 225, Data: []byte{1, 2, 3}}}); err == nil || err.Error() != "versions (225): offset 2: is too short" {
		t.Error(err)
	}
}

func TestBadWireCannotHangOrOverrun(t *testing.T) {
	for _, n := range []int{-1, 0, 5} {
		d := DefineList(Definition{Code: 224}, NewWire(
			func(dst []byte, _ uint8) ([]byte, error) { return nil, nil },
			func([]byte) (uint8, int, error) { return 0, n, nil }))
		o := Options{{Code: 224, Data: make([]byte, 4)}}
		if _, ok, err := d.Get(o); ok || err == nil {
			t.Error(n, ok, err)
		}
		for _, err := range d.All(o) {
			if err == nil {
				t.Error("no error")
			}
		}
		var a Arena
		HostName.NewIn(&a, "x")
		if o := d.NewIn(&a, 1); o.Err() == nil {
			t.Error(o)
		}
	}
	d := Define[uint8](Definition{Code: 224}, nil)
	if _, ok, err := d.Get(Options{{Code: 224}}); ok || err == nil {
		t.Error(ok, err)
	}
}

// checkAddresses is the property that lists survive the wire: for any list of
// addresses, Get of New is the list.
func checkAddresses(d *ListDef[netip.Addr], rnd *rand.Rand) error {
	vs := make([]netip.Addr, rnd.IntN(9))
	for i := range vs {
		vs[i] = netip.AddrFrom4([4]byte{byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32())})
	}
	o := d.New(vs...)
	got, ok, err := d.Get(Options{o})
	if !ok || err != nil {
		return errors.New("not readable: " + o.String())
	}
	if diff := cmp.Diff(vs, got, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()); diff != "" {
		return errors.New(diff)
	}
	return nil
}

func TestAnyListSurvivesTheWire(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for range 1000 {
		if err := checkAddresses(&Routers, rnd); err != nil {
			t.Fatal(err)
		}
	}

	// The check finds a wire that swaps two octets.
	swapped := DefineList(Routers.Definition, NewWire(
		func(dst []byte, v netip.Addr) ([]byte, error) {
			a := v.As4()
			return append(dst, a[1], a[0], a[2], a[3]), nil
		},
		func(p []byte) (netip.Addr, int, error) { return netip.AddrFrom4([4]byte(p)), 4, nil }))
	for range 1000 {
		if checkAddresses(&swapped, rnd) != nil {
			return
		}
	}
	t.Error("the planted bug was not found")
}
