package option

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOptionStringIsReadable(t *testing.T) {
	for _, tc := range []struct {
		o    Option
		want string
	}{
		{Routers.New(addr("192.168.1.1")), "routers (3) c0a80101"},
		{HostName.New(`a"b`), `host-name (12) 612262 "a\"b"`},
		{Option{Code: 224}, "option 224 empty"},
		{Option{Code: 224, Data: []byte{0, 0x1f}}, "option 224 001f"},
		{Always(HostName.New("x")), `host-name (12) 78 "x" always`},
		{Always(Option{Code: 80}), "rapid-commit (80) empty always"},
		{Never(3), "routers (3) never"},
		{SubnetMask.New(netip.Addr{}), "subnet-mask (1) invalid: subnet-mask (1): invalid IP is not an IPv4 address"},
	} {
		if got := tc.o.String(); got != tc.want {
			t.Errorf("got  %v\nwant %v", got, tc.want)
		}
	}
}

func TestLookupFindsPayloadsOnly(t *testing.T) {
	o := Options{
		Never(3),
		SubnetMask.New(netip.Addr{}),
		{Code: 12, Data: []byte("first")},
		{Code: 12, Data: []byte("second")},
		{Code: 80},
	}
	for _, tc := range []struct {
		code Code
		want string
		ok   bool
	}{{3, "", false}, {1, "", false}, {12, "first", true}, {80, "", true}, {81, "", false}} {
		p, ok := o.Lookup(tc.code)
		if string(p) != tc.want || ok != tc.ok {
			t.Errorf("Lookup(%v) = %q, %v", tc.code, p, ok)
		}
	}
}

func TestEqualComparesCodePayloadAndMarks(t *testing.T) {
	a := Option{Code: 12, Data: []byte("a")}
	for _, tc := range []struct {
		name string
		x, y Options
		want bool
	}{
		{"same", Options{a}, Options{{Code: 12, Data: []byte("a")}}, true},
		{"nil and empty", Options{{Code: 80}}, Options{{Code: 80, Data: []byte{}}}, true},
		{"nil list and empty list", nil, Options{}, true},
		{"payload", Options{a}, Options{{Code: 12, Data: []byte("b")}}, false},
		{"code", Options{a}, Options{{Code: 13, Data: []byte("a")}}, false},
		{"mark", Options{a}, Options{Always(a)}, false},
		{"length", Options{a}, Options{a, a}, false},
		{"order", Options{a, {Code: 1}}, Options{{Code: 1}, a}, false},
	} {
		if got := tc.x.Equal(tc.y); got != tc.want {
			t.Errorf("%s: Equal is %v", tc.name, got)
		}
		if got := cmp.Equal(tc.x, tc.y); got != tc.want {
			t.Errorf("%s: cmp.Equal is %v", tc.name, got)
		}
	}
}

func TestMarksDoNotTouchThePayload(t *testing.T) {
	o := Always(HostName.New("x"))
	if !o.IsAlways() || o.IsNever() || o.Err() != nil {
		t.Error(o)
	}
	if v, ok, err := HostName.Get(Options{o}); v != "x" || !ok || err != nil {
		t.Error(v, ok, err)
	}
	n := Never(12)
	if n.IsAlways() || !n.IsNever() || n.Err() != nil {
		t.Error(n)
	}
	if _, ok, err := HostName.Get(Options{n}); ok || err != nil {
		t.Error(ok, err)
	}
	if v, ok, err := HostName.Get(Options{n, o}); v != "x" || !ok || err != nil {
		t.Error("Never hides what follows it", v, ok, err)
	}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }
