package option

import (
	"slices"
	"testing"
)

// A text of each kind, and of the options whose RFC wants another.
var (
	textByKind = map[Kind]string{
		KindBoolean: "true", KindInt32: "-3600", KindUint8: "1", KindUint16: "576", KindUint32: "3600", KindIPv4Address: "192.0.2.1",
		KindIPv6Address: "2001:db8::1", KindString: "a b", KindTuple: "https://a.example/", KindFQDN: "a.example", KindBinary: "0102", KindEmpty: "",
	}
	textByName = map[string]string{
		"classless-static-route":   "10.0.0.0/8 - 192.0.2.1, 0.0.0.0/0 - 192.0.2.2",
		"v4-dnr":                   `1, a.example | 2, b.example, 192.0.2.1 192.0.2.2, alpn=h2\,h3 port=8443 dohpath=/dns-query{?dns}`,
		"static-routes":            "192.0.2.1, 192.0.2.2",
		"policy-filter":            "192.0.2.0, 255.255.255.0",
		"nwip-suboptions":          "050101",
		"user-class":               "0161026262",
		"slp-directory-agent":      "true, 192.0.2.1, 192.0.2.2",
		"slp-service-scope":        `false, a\,b`,
		"fqdn":                     "4, 0, 0, a.example",
		"isns":                     "1, 2, 3, 4, 192.0.2.1, 192.0.2.2",
		"authenticate":             "010100000000000000000100000001000102030405060708090a0b0c0d0e0f",
		"auth":                     "01010000000000000001c0000201aabb",
		"client-system":            "0, 7",
		"name-service-search":      "6, 44",
		"geoconf":                  "12345678901234567890123456789012",
		"geoloc":                   "12345678901234567890123456789012",
		"access-point-bssid":       "020000000001",
		"tsp-provisioning-server":  "01c0000201",
		"client-ndi":               "1, 3, 16",
		"uuid-guid":                "0, 00112233445566778899aabbccddeeff",
		"sip-servers":              "01c0000201",
		"vivco-suboptions":         "3561, 0461636d65",
		"rdnss-selection":          "1, 192.0.2.1, 192.0.2.2, a.example, b.example",
		"status-code":              "0, done",
		"v4-pcp-server":            "04c0000201",
		"v4-portparams":            "8, 3/4",
		"option-6rd":               "8, 32, 2001:db8::, 192.0.2.1",
		"subnet-allocation":        "0, 01020018",
		"virtual-subnet-selection": "0, 726564",
		"virtual-subnet-select":    "00726564",
		"radius":                   "0105626f62",
		"vendor-specific-info":     "00000de903010161",
		"boot-servers":             "000101c0000201",
		"boot-menu":                "00010161",
		"menu-prompt":              "10, Press F8",
		"boot-item":                "1, 0",
		"tsp-as-parameters":        "1000, 30, 5",
		"tsp-ap-parameters":        "1000, 30, 5",
	}
)

// textOf returns a text of the option d.
func textOf(d *Definition) (text string, ok bool) {
	if text, ok = textByName[d.Name]; ok {
		return text, true
	}
	if text, ok = textByKind[d.Kind]; ok && d.Array {
		text += ", " + text
	}
	return text, ok
}

func TestEveryOptionHasATextThatItsTypeReads(t *testing.T) {
	for _, d := range typedDefs() {
		text, ok := textOf(d.Definition)
		if !ok {
			t.Errorf("%s %s: no text", d.Space, d.Name)
			continue
		}
		payload, err := d.AppendText(nil, text)
		if err != nil {
			t.Errorf("%s: %v", d.Space, err)
			continue
		}
		// Kea's text for 125 has the enterprise only; the rest are options in a
		// space of its own.
		if d.size(payload) < 0 && d.Name != "vivso-suboptions" {
			t.Errorf("%s %s: %q is %x, which the type does not read", d.Space, d.Name, text, payload)
		}
		again, err := d.FormatText(nil, payload)
		if string(again) != text || err != nil {
			t.Errorf("%s %s: %q becomes %q, %v", d.Space, d.Name, text, again, err)
		}
		// As the text of a file without csv-format.
		raw, err := AppendRawText(nil, string(FormatRawText(nil, payload)))
		if !slices.Equal(raw, payload) || err != nil {
			t.Errorf("%s %s: %x becomes %x, %v", d.Space, d.Name, payload, raw, err)
		}
	}
}
