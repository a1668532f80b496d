package option

import (
	"encoding/hex"
	"strings"
	"testing"
)

func custom(k Kind, array bool, fields ...Kind) *Definition {
	return &Definition{Space: "dhcp4", Name: "x", Code: 240, Kind: k, Array: array, Fields: fields}
}

// The texts that Kea 2.2 was given, and the payloads or refusals it gave; on
// purpose we differ where the comment says so.
func TestTextBecomesThePayloadThatKeaSends(t *testing.T) {
	kea := (&Registry{}).With(keaDefinitions(t)...)
	std := func(name string) *Definition {
		d, ok := kea.LookupName("dhcp4", name)
		if !ok {
			t.Fatal(name)
		}
		return &d
	}
	const refused = "refused"
	for _, tc := range []struct {
		d    *Definition
		text string
		want string
	}{
		{std("default-ip-ttl"), "64", "40"},
		{std("default-ip-ttl"), "0x40", "40"},
		{std("default-ip-ttl"), "ff", "ff"},
		{std("interface-mtu"), "1500", "05dc"},
		{std("arp-cache-timeout"), "4294967295", "ffffffff"},
		{std("arp-cache-timeout"), "4294967296", refused},
		{std("time-offset"), "-3600", "fffff1f0"},
		{std("ip-forwarding"), "true", "01"},
		{std("ip-forwarding"), "0", "00"},
		{std("routers"), "192.168.1.1,192.168.1.2", "c0a80101c0a80102"},
		{std("routers"), " 192.168.1.1 ,\t192.168.1.2 ", "c0a80101c0a80102"},
		{std("routers"), "", ""},
		{std("routers"), "192.168.1.1,", "c0a80101"},
		{std("routers"), "1.1.1.1, ,2.2.2.2", refused},
		{std("routers"), " ", refused},
		{std("routers"), "2001:db8::1", refused}, // Kea sends 16 octets, which no client can read
		{std("swap-server"), "1.2.3.4, 5.6.7.8", "01020304"},
		{std("subnet-mask"), "", refused},
		{std("domain-name"), "a,b", "61"},
		{std("domain-name"), `a\,b`, "612c62"},
		{std("domain-name"), "  a b  ", "612062"},
		{std("domain-name"), " ", refused},
		{std("host-name"), "", refused},
		{std("domain-search"), "a.example, b.example.", "0161076578616d706c6500 0162076578616d706c6500"},
		{std("domain-search"), "a.b,,c.d", "0161016200 0163016400"},
		{std("domain-search"), "Foo.Example", "03466f6f074578616d706c6500"},
		{std("user-class"), "0a0b", "0a0b"},
		{std("user-class"), "'abc'", refused},
		{std("slp-service-scope"), "true, foo", "01666f6f"},
		{std("v4-portparams"), "8, 3/4", "08043000"},
		{std("uuid-guid"), "0, 0102030405060708090a0b0c0d0e0f10", "000102030405060708090a0b0c0d0e0f10"},
		{std("vivso-suboptions"), "4491", "0000118b"},
		{std("vendor-encapsulated-options"), "", ""},
		{std("vendor-encapsulated-options"), "0102aabb", refused},
		{std("v4-sztp-redirect"), "hello, the, world", "0005 68656c6c6f 0003 746865 0005 776f726c64"}, // lengths of 2 octets
		{std("v4-sztp-redirect"), "a\\,b", "0003 612c62"},
		{std("v4-sztp-redirect"), strings.Repeat("x", MaxLen+1), refused},

		{custom(KindInt8, false), "-1", "ff"},
		{custom(KindInt8, false), "ff", refused},
		{custom(KindInt8, false), "0x7f", "7f"},
		{custom(KindInt8, false), "-0x1", "ff"},
		{custom(KindInt8, false), "-128", "80"},
		{custom(KindInt8, false), "80", "50"},
		{custom(KindInt16, false), "-2", "fffe"},
		{custom(KindUint16, true), "1,2,3", "000100020003"},
		{custom(KindUint8, false), "+5", "05"},
		{custom(KindUint8, false), "-1", refused},
		{custom(KindUint8, false), "0XFF", "ff"},
		{custom(KindUint8, false), "fF", "ff"},
		{custom(KindUint8, false), "010", "0a"},
		{custom(KindUint8, false), "256", refused},
		{custom(KindUint8, false), "100", "64"},
		{custom(KindUint8, false), "1_0", refused},
		{custom(KindUint8, false), "0x", refused},
		{custom(KindUint8, false), "-ff", refused},
		{custom(KindUint8, false), " ", refused},
		{custom(KindUint32, false), "99999999999999999999", refused},
		{custom(KindBoolean, false), "tRuE", "01"},
		{custom(KindBoolean, false), "FALSE", "00"},
		{custom(KindBoolean, false), "01", "01"},
		{custom(KindBoolean, false), "2", refused},
		{custom(KindBoolean, false), "yes", refused},
		{custom(KindBoolean, false), "0x1", refused},
		{custom(KindIPv4Address, false), "010.1.1.1", refused},
		{custom(KindIPv4Address, false), "1.2.3", refused},
		{custom(KindIPv6Address, false), "2001:db8::1", "20010db8000000000000000000000001"},
		{custom(KindIPv6Address, false), "::ffff:1.2.3.4", "00000000000000000000ffff01020304"},
		{custom(KindIPv6Address, false), "1.2.3.4", refused},
		{custom(KindIPv6Address, false), "fe80::1%eth0", refused}, // Kea drops the zone
		{custom(KindIPv6Prefix, false), "2001:db8::/33", "2120010db800"},
		{custom(KindIPv6Prefix, false), "::/0", "00"},
		{custom(KindIPv6Prefix, false), "2001:db8::1/33", "2120010db800"},
		{custom(KindIPv6Prefix, false), "1.2.3.0/24", refused},
		{custom(KindIPv6Prefix, false), "2001:db8::", refused},
		{custom(KindIPv6Prefix, false), "2001:db8::/129", refused}, // Kea accepts it
		{custom(KindPSID, false), "3/4", "043000"},
		{custom(KindPSID, false), "16/4", refused},
		{custom(KindPSID, false), "0/0", "000000"},
		{custom(KindPSID, false), "1/0", refused}, // Kea accepts it
		{custom(KindPSID, false), "3/17", refused},
		{custom(KindPSID, false), "0x3/4", "043000"},
		{custom(KindPSID, false), "65535/16", "10ffff"},
		{custom(KindPSID, false), "3", refused},
		{custom(KindBinary, false), "0a 0b", "0a0b"},
		{custom(KindBinary, false), "0a  \t0b", "0a0b"},
		{custom(KindBinary, false), "0A", "0a"},
		{custom(KindBinary, false), " ", ""},
		{custom(KindBinary, false), "", refused},
		{custom(KindBinary, false), "0", refused},
		{custom(KindBinary, false), "0a0", refused},
		{custom(KindBinary, false), "0a:0b", refused},
		{custom(KindBinary, false), "0x0a", refused},
		{custom(KindBinary, false), "+a", refused},
		{custom(KindBinary, true), "0a,0b", refused},
		{custom(KindString, true), "a,b", refused},
		{custom(KindEmpty, true), "", refused},
		{custom(KindEmpty, false), "", ""},
		{custom(KindEmpty, false), "foo", refused},
		{custom(KindString, false), "a\tb", "610962"},
		{custom(KindString, false), "é", "c3a9"},
		{custom(KindString, false), "a\x00b", refused}, // Kea accepts it
		{custom(KindString, false), strings.Repeat("x", MaxLen+1), refused},
		{custom(KindTuple, false), "hello", "0568656c6c6f"},
		{custom(KindTuple, true), "hello, wor ld", "0568656c6c6f06776f72206c64"},
		{custom(KindTuple, false), " ", "00"},
		{custom(KindTuple, false), "", refused},
		{custom(KindTuple, false), strings.Repeat("x", 255), "ff" + strings.Repeat("78", 255)},
		{custom(KindTuple, false), strings.Repeat("x", 256), refused},
		{custom(KindFQDN, false), "a.b", "0161016200"},
		{custom(KindFQDN, false), "a..b", refused},
		{custom(KindFQDN, false), `\097.c`, "0161016300"},
		{custom(KindFQDN, false), "a b", refused},
		{custom(KindFQDN, false), `a\,b.c`, "03612c62016300"},
		{custom(KindRecord, false, KindUint8, KindIPv4Address, KindBoolean, KindString), "1, 2.3.4.5, true, hi there", "0102030405016869207468657265"},
		{custom(KindRecord, true, KindUint8, KindIPv4Address), "1, 2.3.4.5, 6.7.8.9", "010203040506070809"},
		{custom(KindRecord, false, KindUint8, KindIPv4Address), "1", refused},
		{custom(KindRecord, false, KindUint8, KindString), "1, a,b", "0161"},
		{custom(KindRecord, false, KindUint8, KindString), "1,", refused},
		{custom(KindRecord, false, KindUint8, KindString), "1, ", "01"},
		{custom(KindRecord, false, KindUint8, KindBinary), "1, ", "01"},
		{custom(KindRecord, false, KindUint8, KindUint8), "1,,2", "0102"},
		{custom(KindRecord, false, KindUint8, KindUint8), "", refused},
		{custom(KindRecord, false), "1", refused},
		{custom(KindRecord, false, KindString, KindUint8), "a,1", refused},
		{custom(KindRecord, false, KindEmpty, KindUint8), "1", refused},
		{custom(KindRecord, false, KindUint8, KindRecord), "1", refused},
		{custom(KindRecord, true, KindUint8, KindString), "1,a", refused},
		{custom(KindInternal, false), "1", refused},
		{custom(200, false), "1", refused},

		{std("classless-static-route"), "10.0.0.0/8 - 192.168.1.1", "080ac0a80101"},
		{std("classless-static-route"), "0.0.0.0/0-192.168.1.1,10.229.0.128/25 -192.168.1.2", "00c0a80101 190ae50080c0a80102"},
		{std("classless-static-route"), "", refused},
		{std("classless-static-route"), "8,10,192,168,1,1", refused},
		{std("classless-static-route"), "10.0.0.0/8 192.168.1.1", refused},
		{std("classless-static-route"), "10.0.0.0/8 - 2001:db8::1", refused},
		{std("classless-static-route"), "2001:db8::/32 - 192.168.1.1", refused},
	} {
		dst := []byte("before")
		p, err := tc.d.AppendText(dst, tc.text)
		if string(p[:len(dst)]) != "before" {
			t.Errorf("%s %q: dst is lost", tc.d.Kind, tc.text)
		}
		got := hex.EncodeToString(p[len(dst):])
		if err != nil {
			if got != "" {
				t.Errorf("%s %q: %v, but appends %s", tc.d.Kind, tc.text, err, got)
			}
			got = refused
		}
		if got != strings.ReplaceAll(tc.want, " ", "") {
			t.Errorf("%s %q: got %s (%v), want %s", tc.d.Kind, tc.text, got, err, tc.want)
		}
	}
}

func TestTextErrorNamesOptionAndPlace(t *testing.T) {
	routers, _ := Standard().Lookup("dhcp4", 3)
	portparams := custom(KindRecord, false, KindUint8, KindPSID)
	for _, tc := range []struct {
		d    *Definition
		text string
		want string
	}{
		{&routers, "10.0.0.1, 10.0.0", `routers (3): offset 10: "10.0.0" is not an IPv4 address`},
		{portparams, "8", `x (240): offset 1: needs 2 values, has 1`},
		{portparams, "256,", `x (240): offset 0: "256" is not a number from 0 to 255`},
		{portparams, `8,\,`, `x (240): offset 2: is not a port set id and its length of at most 16 bits, such as 3/4`},
	} {
		if _, err := tc.d.AppendText(nil, tc.text); err == nil || err.Error() != tc.want {
			t.Errorf("%q: got %v, want %v", tc.text, err, tc.want)
		}
	}
}

func TestPayloadBecomesText(t *testing.T) {
	search, _ := Standard().Lookup("dhcp4", 119)
	routes, _ := Standard().Lookup("dhcp4", 121)
	agent, _ := Standard().Lookup("dhcp4", 82)
	for _, tc := range []struct {
		d       *Definition
		payload string
		want    string // an error text if it begins with "x" or a name and "("
	}{
		{&Routers.Definition, "c0a80101c0a80102", "192.168.1.1, 192.168.1.2"},
		{&Routers.Definition, "", ""},
		{&Routers.Definition, "c0a801", "routers (3): offset 0: has 3 octets, needs 4"},
		{&SubnetMask.Definition, "ffffff00", "255.255.255.0"},
		{&SubnetMask.Definition, "ffffff0000", "subnet-mask (1): offset 4: the payload goes on after the value"},
		{&SubnetMask.Definition, "", "subnet-mask (1): offset 0: has 0 octets, needs 4"},
		{&search, "0161076578616d706c65000162c002", "a.example, b.example"},
		{&routes, "00c0a80101190ae50080c0a80102", "0.0.0.0/0 - 192.168.1.1, 10.229.0.128/25 - 192.168.1.2"},
		{&agent, "0101aa", "dhcp-agent-options (82): offset 0: the payload goes on after the value"},
		{&agent, "", ""},
		{custom(KindInt8, false), "80", "-128"},
		{custom(KindInt16, false), "fffe", "-2"},
		{custom(KindInt32, true), "fffff1f07fffffff", "-3600, 2147483647"},
		{custom(KindUint32, false), "ffffffff", "4294967295"},
		{custom(KindBoolean, false), "01", "true"},
		{custom(KindBoolean, false), "02", "x (240): offset 0: is neither 0 nor 1"},
		{custom(KindIPv6Address, false), "20010db8000000000000000000000001", "2001:db8::1"},
		{custom(KindIPv6Prefix, false), "2120010db800", "2001:db8::/33"},
		{custom(KindIPv6Prefix, false), "2120010db801", "x (240): offset 0: has bits beyond its length"},
		{custom(KindPSID, false), "043000", "3/4"},
		{custom(KindPSID, false), "043800", "x (240): offset 0: has bits beyond its length"},
		{custom(KindPSID, false), "10ffff", "65535/16"},
		{custom(KindPSID, false), "11ffff", "x (240): offset 0: " + string(errPSID)},
		{custom(KindString, false), "612c62", `a\,b`},
		{custom(KindString, false), "6120", "x (240): offset 0: " + string(errBlankText)},
		{custom(KindString, false), "6100", "x (240): offset 0: " + string(errNUL)},
		{custom(KindTuple, true), "02615c 00 0163", `a\ ,  , c`},
		{custom(KindTuple, true), "00 00", " ,  "},
		{custom(KindTuple, false), "0261", "x (240): offset 0: has 2 octets, needs 3"},
		{custom(KindBinary, false), "0a0b", "0a0b"},
		{custom(KindRecord, false, KindUint8, KindString), "01", "1,  "},
		{custom(KindRecord, false, KindUint8, KindString), "016869", "1, hi"},
		{custom(KindRecord, true, KindUint8, KindIPv4Address), "010203040506070809", "1, 2.3.4.5, 6.7.8.9"},
		{custom(KindRecord, true, KindUint8, KindIPv4Address), "01", "x (240): offset 1: has 0 octets, needs 4"},
		{custom(KindInternal, false), "01", "x (240): offset 0: " + string(errNotInText)},
	} {
		out, err := tc.d.FormatText([]byte("before"), unhex(tc.payload))
		got, ok := strings.CutPrefix(string(out), "before")
		if err != nil {
			if got != "" || !ok {
				t.Errorf("%s: %v, but appends %q", tc.payload, err, got)
			}
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s %s: got  %q\nwant %q", tc.d.Kind, tc.payload, got, tc.want)
		}
	}
}
