package option

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
)

func TestDNRTextIsKeas(t *testing.T) {
	const (
		refused = "refused"
	)
	adn := "12 04646f7431 076578616d706c65 036f7267 00" // dot1.example.org
	addrs := "08 0a000203 0a030405"
	for _, tc := range []struct{ text, want, again string }{
		{"200, resolver.example.", "0015 00c8 12 087265736f6c766572 076578616d706c65 00", "200, resolver.example"},
		{"10, dot1.example.org., 10.0.2.3 10.3.4.5", "001e 000a " + adn + addrs, "10, dot1.example.org, 10.0.2.3 10.3.4.5"},
		// The examples of Kea's manual.
		{`10, dot1.example.org., 10.0.2.3 10.3.4.5, alpn=dot\,doq | 20, dot1.example.org., 10.0.2.3 10.3.4.5, alpn=dot`,
			"002a 000a " + adn + addrs + "0001 0008 03646f74 03646f71" + "0026 0014 " + adn + addrs + "0001 0004 03646f74",
			`10, dot1.example.org, 10.0.2.3 10.3.4.5, alpn=dot\,doq | 20, dot1.example.org, 10.0.2.3 10.3.4.5, alpn=dot`},
		{`100, dot1.example.org., 10.0.2.3 10.3.4.5, alpn=h2 port=8530 dohpath=/q{?dns}`,
			"0037 0064 " + adn + addrs + "0001 0003 026832 0003 0002 2152 0007 0008 2f717b3f646e737d",
			"100, dot1.example.org, 10.0.2.3 10.3.4.5, alpn=h2 port=8530 dohpath=/q{?dns}"},
		{`100,dot1.example.org,  10.0.2.3   10.3.4.5 ,port=1  alpn=h2`, "002b 0064 " + adn + addrs + "0001 0003 026832 0003 0002 0001",
			"100, dot1.example.org, 10.0.2.3 10.3.4.5, alpn=h2 port=1"},
		{`1, a\,b\|c, 1.2.3.4, dohpath=/\|\,=`, "0017 0001 07 05612c627c63 00 04 01020304 0007 0004 2f7c2c3d",
			`1, a\,b\|c, 1.2.3.4, dohpath=/\|\,=`},
		{"", "refused", ""},
		{"1", refused, ""},
		{"x, a", refused, ""},
		{"65536, a", refused, ""},
		{"1, a | ", refused, ""},
		{"1, a || 2, b", refused, ""},
		{"1, a..b", refused, ""},
		{"1, a, ", refused, ""},
		{"1, a, 10.0.0", refused, ""},
		{"1, a, 2001:db8::1", refused, ""},
		{"1, a, , alpn=dot", refused, ""},
		{"1, a, 1.2.3.4, alpn=dot, x", refused, ""},
		{"1, a, 1.2.3.4, alpn=dot,doq", refused, ""},
		{"1, a, 1.2.3.4, alpn", refused, ""},
		{"1, a, 1.2.3.4, alpn=", refused, ""},
		{`1, a, 1.2.3.4, alpn=a\,`, refused, ""},
		{"1, a, 1.2.3.4, alpn=dot alpn=doq", refused, ""},
		{"1, a, 1.2.3.4, port=65536", refused, ""},
		{"1, a, 1.2.3.4, dohpath=", refused, ""},
		{"1, a, 1.2.3.4, ipv4hint=1.2.3.4", refused, ""},
		{"1, a, 1.2.3.4, alpn=" + strings.Repeat("x", 256), refused, ""},
		{"1, a" + strings.Repeat(" | 1, a", MaxLen/8), refused, ""},
	} {
		p, err := V4DNR.AppendText([]byte("before"), tc.text)
		got, ok := strings.CutPrefix(string(p), "before")
		if got = hex.EncodeToString([]byte(got)); err != nil {
			if got != "" || !ok {
				t.Errorf("%q: %v, but appends %s", tc.text, err, got)
			}
			got = refused
		}
		if got != strings.ReplaceAll(tc.want, " ", "") {
			t.Errorf("%.60q: got %s (%v), want %s", tc.text, got, err, tc.want)
		}
		if err != nil {
			continue
		}
		out, err := V4DNR.FormatText(nil, p[len("before"):])
		if string(out) != tc.again || err != nil {
			t.Errorf("%q becomes %q, %v", tc.text, out, err)
		}
	}
}

func TestDNRTextErrorTellsThePlace(t *testing.T) {
	if _, err := V4DNR.AppendText(nil, "1, a | 2"); err == nil || err.Error() != "v4-dnr (162): offset 6: "+string(errDNRFields) {
		t.Error(err)
	}
	for payload, want := range map[string]string{
		"":                  "v4-dnr (162): offset 0: " + string(errDNRFields),
		"0005 0001 02 0161": "v4-dnr (162): offset 0: domain name goes on after the end",
		"0006 0001 03 0161 00  0004 0001 01 00  0003": "v4-dnr (162): offset 14: has 2 octets, needs 6",
		// Parameters without text: an unknown key, an octet too few, no value, blanks, a comma within a name.
		"000f 0001 03 016100 04 01020304 00050000":     "v4-dnr (162): offset 0: " + string(errDNRNoText),
		"0010 0001 03 016100 04 01020304 0003000101":   "v4-dnr (162): offset 0: " + string(errDNRNoText),
		"000f 0001 03 016100 04 01020304 00010000":     "v4-dnr (162): offset 0: " + string(errDNRNoText),
		"0010 0001 03 016100 04 01020304 0001000100":   "v4-dnr (162): offset 0: " + string(errDNRNoText),
		"0010 0001 03 016100 04 01020304 0001000105":   "v4-dnr (162): offset 0: " + string(errDNRNoText),
		"0011 0001 03 016100 04 01020304 00010002012c": "v4-dnr (162): offset 0: " + string(errDNRNoText),
		"0010 0001 03 016100 04 01020304 0007000120":   "v4-dnr (162): offset 0: " + string(errDNRNoText),
		"0010 0001 03 016100 04 01020304 000700010a":   "v4-dnr (162): offset 0: " + string(errDNRNoText),
	} {
		out, err := V4DNR.FormatText([]byte("before"), unhex(payload))
		if err == nil || err.Error() != want || string(out) != "before" {
			t.Errorf("%s: %q, %v", payload, out, err)
		}
	}
}

// A backslash at the end of a name or a protocol must not escape what follows.
func TestDNRBackslashesSurviveText(t *testing.T) {
	o := V4DNR.New(
		DNR{Priority: 1, Name: `a\\`},
		DNR{2, `a\\`, []netip.Addr{addr4}, []ServiceParam{{ParamALPN, unhex("015c 025c61 015c")}, {ParamDoHPath, []byte(`/\`)}}},
		DNR{Priority: 3, Name: `\,\\,`})
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	text, err := V4DNR.FormatText(nil, o.Data)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := V4DNR.AppendText(nil, string(text)); err != nil || string(p) != string(o.Data) {
		t.Errorf("%x is %q, again %x, %v", o.Data, text, p, err)
	}
}
