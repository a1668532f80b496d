package keaconf_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	dhcp "github.com/embedhcp/embedhcp/dhcp4" // the tests here have a function dhcp4
	"github.com/embedhcp/embedhcp/option"
)

// raw makes an option.
func raw(code option.Code, payload string) option.Option {
	p, err := hex.DecodeString(payload)
	if err != nil {
		panic(err)
	}
	return option.Option{Code: code, Data: p}
}

func TestOptionDataBecomesOptions(t *testing.T) {
	for _, c := range []struct {
		name, defs, data string
		want             option.Options
		warnings         []string // how each begins
	}{
		{"by name", ``, `{ "name": "default-ip-ttl", "data": "0x40" }`, option.Options{raw(23, "40")}, nil},
		{"by code", ``, `{ "code": 15, "data": "a\\,b" }`, option.Options{raw(15, "612c62")}, nil},
		{"hexadecimal", ``, `{ "name": "domain-name", "csv-format": false, "data": "61:62:3" }`, option.Options{raw(15, "616203")}, nil},
		{"without data", ``, `{ "name": "routers" }`, option.Options{raw(3, "")}, nil},
		{"without definition", ``, `{ "code": 240, "data": "0a0b", "csv-format": false }`, option.Options{raw(240, "0a0b")}, nil},
		{"of 3.0 as 2.2 has it", ``, `{ "code": 121, "csv-format": false, "data": "18c0a802c0a80101" }`, option.Options{raw(121, "18c0a802c0a80101")}, nil},
		{"of 3.0", ``, `{ "name": "classless-static-route", "data": "192.168.2.0/24 - 192.168.1.1" }`, option.Options{raw(121, "18c0a802c0a80101")}, nil},
		{"own definition", `{ "name": "x", "code": 240, "type": "record", "record-types": "uint8, ipv4-address" }`,
			`{ "name": "x", "data": "1, 2.3.4.5" }`, option.Options{raw(240, "0102030405")}, nil},
		{"always", ``, `{ "name": "ntp-servers", "data": "192.0.2.1", "always-send": true }`, option.Options{option.Always(raw(42, "c0000201"))}, nil},
		{"never", ``, `{ "name": "routers", "data": "192.0.2.1", "never-send": true }`, option.Options{option.Never(3)}, nil},
		{"twice", ``, `{ "name": "routers", "data": "1.1.1.1" }, { "name": "routers", "data": "2.2.2.2" }`, option.Options{raw(3, "02020202")},
			[]string{"Dhcp4.option-data[0]: the option comes again"}},
		{"sub-options, by code", ``, `{ "name": "vendor-encapsulated-options" },
			{ "code": 2, "space": "vendor-encapsulated-options-space", "csv-format": false, "data": "cc" },
			{ "code": 1, "space": "vendor-encapsulated-options-space", "csv-format": false, "data": "aabb" }`, option.Options{raw(43, "0102aabb0201cc")}, nil},
		{"sub-options in sub-options",
			`{ "name": "outer", "code": 240, "type": "uint8", "encapsulate": "one" }, { "name": "mid", "code": 1, "space": "one", "type": "empty", "encapsulate": "two" },
			{ "name": "in", "code": 9, "space": "two", "type": "uint16" }`,
			`{ "name": "outer", "data": "5" }, { "name": "mid", "space": "one" }, { "name": "in", "space": "two", "data": "258" }`, option.Options{raw(240, "05010409020102")}, nil},
		{"sub-options that always go", ``, `{ "name": "vendor-encapsulated-options" },
			{ "code": 1, "space": "vendor-encapsulated-options-space", "csv-format": false, "data": "aa", "always-send": true }`, option.Options{raw(43, "0101aa")},
			[]string{"Dhcp4.option-data[1].always-send: a sub-option is sent when the option is that carries it"}},
		{"sub-options that nothing carries", `{ "name": "in", "code": 9, "space": "two", "type": "uint16" }`, `{ "name": "in", "space": "two", "data": "1" }`, nil,
			[]string{"Dhcp4.option-data[0]: no option in this place carries the space two"}},
		{"of a vendor", ``, `{ "name": "vivso-suboptions", "data": "4491" }, { "name": "tftp-servers", "space": "vendor-4491", "data": "192.0.2.1" }`,
			option.Options{raw(125, "0000118b060204c0000201")}, nil},
		{"of a vendor, without option 125", ``, `{ "code": 9, "space": "vendor-311", "csv-format": false, "data": "aa", "always-send": true },
			{ "code": 2, "space": "vendor-311", "csv-format": false, "data": "bb" }`, option.Options{raw(125, "00000137060201bb0901aa")}, nil},
		{"of two vendors", ``, `{ "code": 9, "space": "vendor-311", "csv-format": false, "data": "aa" }, { "code": 9, "space": "vendor-9", "csv-format": false, "data": "bb" }`,
			option.Options{raw(125, "00000009030901bb00000137030901aa")}, nil},
		{"of a vendor, behind what option 125 has", ``, `{ "name": "vivso-suboptions", "csv-format": false, "data": "000001370301010f0000000900" },
			{ "code": 9, "space": "vendor-311", "csv-format": false, "data": "aa" }`, option.Options{raw(125, "00000137060101"+"0f0901aa"+"0000000900")}, nil},
		{"of a vendor, as option 125 has it", ``, `{ "name": "vivso-suboptions", "csv-format": false, "data": "00000137030901bb" },
			{ "code": 9, "space": "vendor-311", "csv-format": false, "data": "aa" }`, option.Options{raw(125, "00000137030901bb")}, nil},
		{"of a vendor that is misspelled", ``, `{ "code": 9, "space": "vendor-0311", "csv-format": false, "data": "aa" }`, nil,
			[]string{"Dhcp4.option-data[0]: no option in this place carries the space vendor-0311"}},
		{"of a vendor, always", ``, `{ "name": "vivso-suboptions", "data": "311", "always-send": true }, { "code": 9, "space": "vendor-311", "csv-format": false, "data": "aa" }`,
			option.Options{option.Always(raw(125, "00000137030901aa"))}, nil},
		{"a vendor without options", ``, `{ "name": "vivso-suboptions", "data": "311" }`, option.Options{raw(125, "0000013700")}, nil},
		{"of a vendor, defined here", `{ "name": "dls", "code": 3, "space": "vendor-339", "type": "string" }`, `{ "name": "dls", "space": "vendor-339", "data": "ab" }`,
			option.Options{raw(125, "000001530403026162")}, nil},
		{"of a vendor, too many for one part", ``, `{ "code": 9, "space": "vendor-311", "csv-format": false, "data": "'` + strings.Repeat("a", 254) + `'" }`,
			option.Options{raw(125, "00000137ff09fe"+strings.Repeat("61", 253)+"000001370161")}, nil},
		{"set by the server", ``, `{ "code": 1, "data": "255.255.0.0" }, { "code": 51, "data": "100" }, { "code": 53, "data": "9", "always-send": true }`, nil, []string{
			"Dhcp4.option-data[0]: the option is set by the server", "Dhcp4.option-data[1]: the option is set by the server",
			"Dhcp4.option-data[2]: the option is set by the server",
		}},
		{"sent by clients", ``, `{ "code": 50, "data": "192.0.2.1" }, { "code": 55, "data": "1" }, { "code": 57, "data": "1500" }, { "code": 61, "data": "0102" }`, nil, []string{
			"Dhcp4.option-data[0]: the option is for clients", "Dhcp4.option-data[1]: the option is for clients",
			"Dhcp4.option-data[2]: the option is for clients", "Dhcp4.option-data[3]: the option is for clients",
		}},
		{"about the message", ``, `{ "code": 52, "data": "1" }, { "code": 82, "csv-format": false, "data": "0101aa", "always-send": true }`, nil, []string{
			"Dhcp4.option-data[0]: the option tells how a message is laid out", "Dhcp4.option-data[1]: the option is for relay agents",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustServe(t, network(`"option-def": [ `+c.defs+` ], "option-data": [ `+c.data+` ]`, ``))
			if d := cmp.Diff(c.want, s.Config.Options, equal); d != "" {
				t.Errorf("options (-want +got):\n%s", d)
			}
			ok := len(s.Warnings) == len(c.warnings)
			for i := 0; ok && i < len(c.warnings); i++ {
				ok = strings.HasPrefix(s.Warnings[i].Error(), c.warnings[i])
			}
			if !ok {
				t.Errorf("warnings %v, want %v", s.Warnings, c.warnings)
			}
		})
	}
}

func TestServerIdentifierMayBeConfigured(t *testing.T) {
	s := mustServe(t, dhcp4(`"interfaces-config": { "interfaces": [ "*" ] },
		"option-data": [ { "code": 54, "data": "192.0.2.1" } ],
		"subnet4": [ { "subnet": "192.0.2.0/24" }, { "subnet": "198.51.100.0/24", "option-data": [ { "code": 54, "data": "198.51.100.1" } ] } ]`))
	got := []string{s.Config.ServerID.String(), s.Config.Subnets[0].ServerID.String(), s.Config.Subnets[1].ServerID.String()}
	if want := []string{"192.0.2.1", "invalid IP", "198.51.100.1"}; !slices.Equal(got, want) {
		t.Errorf("identifiers %v, want %v", got, want)
	}
}

// In Kea an option that one scope keeps out is not sent because a smaller one
// has it.
func TestNeverSendCountsInSmallerScopes(t *testing.T) {
	s := mustServe(t, network(`"option-data": [ { "name": "routers", "never-send": true } ]`, `,
		"option-data": [ { "name": "routers", "data": "192.0.2.1" }, { "name": "ntp-servers", "never-send": true } ],
		"pools": [ { "pool": "192.0.2.0/28", "option-data": [ { "name": "ntp-servers", "data": "192.0.2.2" }, { "name": "domain-name", "data": "x" } ] } ],
		"reservations": [ { "hw-address": "02:00:00:00:00:01", "option-data": [ { "name": "routers", "data": "192.0.2.1" } ] } ]`))
	n := s.Config.Subnets[0]
	got := []option.Options{s.Config.Options, n.Options, n.Pools[0].Options, n.Reservations[0].Options}
	want := []option.Options{{option.Never(3)}, {option.Never(42)}, {raw(15, "78")}, nil}
	if d := cmp.Diff(want, got, equal); d != "" {
		t.Errorf("options (-want +got):\n%s", d)
	}
}

// A message has one option 125, so that of a scope has what those around it
// have, too.
func TestOptionsOfVendorsAreJoinedOverScopes(t *testing.T) {
	data := func(code, space, data string) string {
		return `{ "code": ` + code + `, "space": "` + space + `", "csv-format": false, "data": "` + data + `" }`
	}
	s := mustServe(t, network(`"option-data": [ `+data("1", "vendor-9", "aa")+`, `+data("2", "vendor-9", "bb")+` ]`, `,
		"option-data": [ `+data("2", "vendor-9", "cc")+` ],
		"pools": [ { "pool": "192.0.2.0/28", "option-data": [ `+data("1", "vendor-10", "dd")+` ] }, { "pool": "192.0.2.16/28" } ],
		"reservations": [ { "hw-address": "02:00:00:00:00:01", "option-data": [ { "name": "vivso-suboptions", "data": "9" } ] },
			{ "hw-address": "02:00:00:00:00:02", "option-data": [ { "name": "vivso-suboptions", "data": "9", "never-send": true } ] } ]`))
	n := s.Config.Subnets[0]
	got := []option.Options{s.Config.Options, n.Options, n.Pools[0].Options, n.Pools[1].Options, n.Reservations[0].Options, n.Reservations[1].Options}
	want := []option.Options{
		{raw(125, "00000009060101aa0201bb")}, {raw(125, "00000009060101aa0201cc")},
		{raw(125, "00000009060101aa0201cc0000000a030101dd")}, nil, {raw(125, "00000009060101aa0201cc")}, {option.Never(125)},
	}
	if d := cmp.Diff(want, got, equal); d != "" {
		t.Errorf("options (-want +got):\n%s", d)
	}
}

func TestOptionsOfAVendorAreForClientsThatNameIt(t *testing.T) {
	s := mustServe(t, dhcp4(`"subnet4": [ { "subnet": "192.168.1.0/24", "pools": [ { "pool": "192.168.1.100 - 192.168.1.101" } ], "option-data": [
		{ "name": "vivso-suboptions", "data": "4491" }, { "name": "tftp-servers", "space": "vendor-4491", "data": "192.0.2.1" },
		{ "code": 9, "space": "vendor-311", "csv-format": false, "data": "aa" } ] } ]`))
	srv, err := dhcp.NewServer(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	for _, c := range []struct{ class, want string }{
		{"", ""}, {"0000118b020161", "0000118b060204c0000201"}, {"00000137020161", "00000137030901aa"}, {"00000001020161", ""},
	} {
		var asks []option.Option
		if c.class != "" {
			asks = append(asks, raw(124, c.class))
		}
		got, _ := exchange(t, srv, "00:0c:29:11:22:33", dhcp.TypeDiscover, asks...).Options.Lookup(125)
		if hex.EncodeToString(got) != c.want {
			t.Errorf("class %q: option 125 is %x, want %s", c.class, got, c.want)
		}
	}
}

func TestOwnDefinitionInAReply(t *testing.T) {
	s := mustServe(t, dhcp4(`"interfaces-config": { "interfaces": [ "*" ] },
		"option-def": [ { "name": "color", "code": 224, "type": "uint16" } ],
		"subnet4": [ { "subnet": "192.168.1.0/24", "pools": [ { "pool": "192.168.1.100 - 192.168.1.101" } ],
			"option-data": [ { "name": "color", "data": "258", "always-send": true } ] } ]`))
	srv, err := dhcp.NewServer(s.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	got, _ := exchange(t, srv, "00:0c:29:11:22:33", dhcp.TypeDiscover).Options.Lookup(224)
	if string(got) != "\x01\x02" {
		t.Errorf("option 224: %x", got)
	}
}
