package option

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What Kea 2.2 says of these option-defs; refused is the text that stands in
// our error.
func TestValidateRefusesWhatKeaRefuses(t *testing.T) {
	type def = Definition
	with := func(change func(d *def)) def {
		d := def{Space: "dhcp4", Name: "x", Code: 240, Kind: KindUint8}
		change(&d)
		return d
	}
	record := func(array bool, fields ...Kind) def {
		return def{Space: "dhcp4", Name: "x", Code: 240, Kind: KindRecord, Array: array, Fields: fields}
	}
	kind := func(k Kind, array bool) def { return def{Space: "dhcp4", Name: "x", Code: 240, Kind: k, Array: array} }
	for _, tc := range []struct {
		d       def
		refused string
	}{
		{with(func(d *def) {}), ""},
		{with(func(d *def) { d.Name = "a b" }), "the name"},
		{with(func(d *def) { d.Name = "-a" }), "the name"},
		{with(func(d *def) { d.Name = "a-" }), "the name"},
		{with(func(d *def) { d.Name = "_a" }), "the name"},
		{with(func(d *def) { d.Name = "a.b" }), "the name"},
		{with(func(d *def) { d.Name = "" }), "the name"},
		{with(func(d *def) { d.Name = "A1-b_c" }), ""},
		{with(func(d *def) { d.Name = "1a" }), ""},
		{with(func(d *def) { d.Name = "a@" }), "the name"},
		{with(func(d *def) { d.Code = 0 }), "codes 0 and 255"},
		{with(func(d *def) { d.Code = 255 }), "codes 0 and 255"},
		{with(func(d *def) { d.Space, d.Code = "foo", 0 }), ""},
		{with(func(d *def) { d.Space, d.Code = "foo", 255 }), ""},
		{with(func(d *def) { d.Space = "a b" }), "the space"},
		{with(func(d *def) { d.Space = "-a" }), "the space"},
		{with(func(d *def) { d.Space = "a-" }), "the space"},
		{with(func(d *def) { d.Space = "a_b" }), ""},
		{with(func(d *def) { d.Space = "" }), "the space"},
		{with(func(d *def) { d.Encapsulates = "foo" }), ""},
		{with(func(d *def) { d.Encapsulates = "dhcp4" }), "encapsulates the space that it belongs to"},
		{with(func(d *def) { d.Encapsulates = "a b" }), "the encapsulated space"},
		{with(func(d *def) { d.Array, d.Encapsulates = true, "foo" }), "an array cannot encapsulate"},
		{with(func(d *def) { d.Fields = []Kind{KindUint8, KindUint8} }), "only a record has fields"},
		{kind(KindString, true), "cannot stand in a list"},
		{kind(KindBinary, true), "cannot stand in a list"},
		{kind(KindEmpty, true), "cannot stand in a list"},
		{kind(KindInternal, false), "no text form"},
		{kind(200, false), "there is no kind 200"},
		{kind(KindIPv6Prefix, true), ""},
		{kind(KindPSID, true), ""},
		{kind(KindFQDN, true), ""},
		{kind(KindTuple, true), ""},
		{kind(KindBoolean, true), ""},
		{kind(KindEmpty, false), ""},
		{record(false), "needs two fields"},
		{record(false, KindUint8), "needs two fields"},
		{record(false, KindUint8, KindString, KindUint8), "not its last field"},
		{record(false, KindUint8, KindBinary, KindUint8), "not its last field"},
		{record(false, KindUint8, KindRecord), "field of kind record"},
		{record(false, KindUint8, KindEmpty), "field of kind empty"},
		{record(false, KindUint8, KindInternal), "field of kind internal"},
		{record(true, KindUint8, KindString), "cannot stand in a list"},
		{record(true, KindUint8, KindBinary), "cannot stand in a list"},
		{record(true, KindUint8, KindTuple), ""},
	} {
		err := tc.d.Validate()
		if tc.refused == "" {
			if err != nil {
				t.Errorf("%+v: %v", tc.d, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tc.refused) {
			t.Errorf("%+v: %v, want %q", tc.d, err, tc.refused)
		}
	}
}

func TestParseKindsReadsAnOptionDef(t *testing.T) {
	for _, tc := range []struct {
		typ, recordTypes string
		kind             Kind
		fields           []Kind
		err              string
	}{
		{"uint8", "", KindUint8, nil, ""},
		{"record", "uint8, ipv4-address ,\tstring", KindRecord, []Kind{KindUint8, KindIPv4Address, KindString}, ""},
		{"record", "uint8,,uint8", KindRecord, []Kind{KindUint8, KindUint8}, ""},
		{"record", "", KindRecord, nil, ""},
		{"UINT8", "", 0, nil, "there is no type UINT8"},
		{"", "", 0, nil, "there is no type "},
		{"record", "uint8, uint64", 0, nil, "there is no type uint64"},
	} {
		k, fields, err := ParseKinds(tc.typ, tc.recordTypes)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tc.err || k != tc.kind || cmp.Diff(tc.fields, fields) != "" {
			t.Errorf("%q %q: %v, %v, %v", tc.typ, tc.recordTypes, k, fields, err)
		}
	}
}

// The verdicts and payloads of Kea 2.2 for option data with csv-format false.
func TestRawTextBecomesThePayloadThatKeaSends(t *testing.T) {
	const refused = "refused"
	for text, want := range map[string]string{
		"": "", "0a0B": "0a0b", "0x0a0B": "0a0b", "0X0a": refused, "61626": "061626", "123": "0123", "0": "00", "0x1": "01", "0x": refused,
		"0a:0b": "0a0b", "a:b": "0a0b", "61:62:3": "616203", "0a:b:": refused, ":a": refused, "0a::0b": refused, "abc:d": refused, "000a:b": refused,
		"0a 0b": "0a0b", "a b c": "0a0b0c", "0a  0b": refused, " 0a0b ": refused, " 0a 0b ": refused, "12 345": refused, "0a0B ff": refused,
		"0a:0b 0c": refused, "0x0a:0b": refused, "0x0a 0b": refused, "0a0g": refused, "0a-0b": refused, "0a\t0b": refused, "\r\r": refused, "\t\ta": refused, "+a": refused, "-1:2": refused,
		"'abc'": "616263", " 'abc' ": "616263", "'a'b'": "612762", "''a''": "276127", "'abc": refused, "''": refused, "'": refused, `"abc"`: refused,
		"' a '": "206120", "'0a:0b'": "30613a3062",
		strings.Repeat("0a", MaxLen+1): refused, "'" + strings.Repeat("x", MaxLen+1) + "'": refused,
	} {
		p, err := AppendRawText([]byte("before"), text)
		got, ok := strings.CutPrefix(string(p), "before")
		if got = hex.EncodeToString([]byte(got)); err != nil {
			if got != "" || !ok {
				t.Errorf("%q: %v, but appends %s", text, err, got)
			}
			got = refused
		}
		if got != want {
			t.Errorf("%.40q: got %s, want %s", text, got, want)
		}
	}
}
