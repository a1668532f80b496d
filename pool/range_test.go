package pool

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRange(t *testing.T) {
	for _, tt := range []struct{ in, want, err string }{
		{in: "192.168.1.100-192.168.1.200", want: "192.168.1.100-192.168.1.200"},
		{in: "192.168.1.100 - 192.168.1.200", want: "192.168.1.100-192.168.1.200"},
		{in: " \t192.168.1.100\t-\t \t192.168.1.200 ", want: "192.168.1.100-192.168.1.200"},
		{in: "10.0.0.1-10.0.0.1", want: "10.0.0.1-10.0.0.1"},
		{in: "10.0.0.1", want: "10.0.0.1-10.0.0.1"},
		{in: "192.168.1.0/25", want: "192.168.1.0-192.168.1.127"},
		{in: "192.168.1.77/25", want: "192.168.1.0-192.168.1.127"},
		{in: "10.1.2.3/32", want: "10.1.2.3-10.1.2.3"},
		{in: "1.2.3.4/0", want: "0.0.0.0-255.255.255.255"},
		{in: "0.0.0.0-255.255.255.255", want: "0.0.0.0-255.255.255.255"},

		{in: "", err: `pool: range "": "" is not an IPv4 address`},
		{in: "-", err: `pool: range "-": "" is not an IPv4 address`},
		{in: "10.0.0.1-", err: `pool: range "10.0.0.1-": "" is not an IPv4 address`},
		{in: "10.0.0.1-20", err: `pool: range "10.0.0.1-20": "20" is not an IPv4 address`},
		{in: "10.0.0.1-10.0.0.2-10.0.0.3", err: `pool: range "10.0.0.1-10.0.0.2-10.0.0.3": "10.0.0.2-10.0.0.3" is not an IPv4 address`},
		{in: "10.0.0.2-10.0.0.1", err: `pool: range "10.0.0.2-10.0.0.1": the first address is above the last`},
		{in: "10.0.0.0/33", err: `pool: range "10.0.0.0/33": not an IPv4 prefix`},
		{in: "10.0.0/8", err: `pool: range "10.0.0/8": not an IPv4 prefix`},
		{in: "2001:db8::/64", err: `pool: range "2001:db8::/64": not an IPv4 prefix`},
		{in: "2001:db8::1-2001:db8::2", err: `pool: range "2001:db8::1-2001:db8::2": "2001:db8::1" is not an IPv4 address`},
		{in: "10.0.0.1-::ffff:10.0.0.2", err: `pool: range "10.0.0.1-::ffff:10.0.0.2": "::ffff:10.0.0.2" is not an IPv4 address`},
		{in: "10.0.0.0 /8", err: `pool: range "10.0.0.0 /8": not an IPv4 prefix`},
	} {
		t.Run(tt.in, func(t *testing.T) {
			r, err := ParseRange(tt.in)
			got := struct{ Want, Err string }{}
			if err != nil {
				got.Err = err.Error()
			} else {
				got.Want = r.String()
			}
			if diff := cmp.Diff(struct{ Want, Err string }{tt.want, tt.err}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMustParseRangePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	MustParseRange("x")
}

func TestRangeOfThreeAddresses(t *testing.T) {
	r := MustParseRange("10.0.0.255-10.0.1.1")
	for ip, want := range map[string]bool{
		"10.0.0.254": false, "10.0.0.255": true, "10.0.1.0": true, "10.0.1.1": true, "10.0.1.2": false,
		"::ffff:10.0.1.0": false, "2001:db8::1": false,
	} {
		if got := r.Contains(netip.MustParseAddr(ip)); got != want {
			t.Errorf("Contains(%s) = %v", ip, got)
		}
	}
	for o, want := range map[string]bool{
		"10.0.0.0-10.0.0.254": false, "10.0.0.0-10.0.0.255": true, "10.0.1.0": true, "10.0.1.1-10.0.1.9": true,
		"10.0.1.2-10.0.1.9": false, "0.0.0.0/0": true,
	} {
		o := MustParseRange(o)
		if r.Overlaps(o) != want || o.Overlaps(r) != want {
			t.Errorf("Overlaps(%v) is not %v both ways", o, want)
		}
	}
	if r.Len() != 3 || MustParseRange("0.0.0.0/0").Len() != 1<<32 {
		t.Errorf("Len = %d", r.Len())
	}
}

func TestInvalidRangeHasNothing(t *testing.T) {
	ip := netip.MustParseAddr("10.0.0.1")
	for _, r := range []Range{
		{}, {First: ip}, {Last: ip}, {ip.Next(), ip}, {ip, netip.MustParseAddr("2001:db8::1")},
		RangeFrom(netip.Prefix{}), RangeFrom(netip.MustParsePrefix("2001:db8::/64")), RangeFrom(netip.PrefixFrom(ip, 33)),
	} {
		if r.IsValid() || r.Len() != 0 || r.Contains(ip) || r.Contains(netip.Addr{}) || r.Overlaps(r) {
			t.Errorf("%v has something", r)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	for _, s := range []string{"192.168.1.100 - 192.168.1.200", "10.0.0.77/25", "10.0.0.1", "0.0.0.0/0", "a-b", "2001:db8::/64", "1.2.3.4-\t5.6.7.8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRange(s)
		if err != nil {
			if r != (Range{}) {
				t.Errorf("%v beside an error", r)
			}
			return
		}
		if !r.IsValid() || r.Len() == 0 || !r.Contains(r.First) || !r.Contains(r.Last) {
			t.Errorf("%q gives %v", s, r)
		}
		if back, err := ParseRange(r.String()); err != nil || back != r {
			t.Errorf("%v is read back as %v, %v", r, back, err)
		}
	})
}
