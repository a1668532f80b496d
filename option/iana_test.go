package option

import (
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The options of IANA's registry without a type of their own: raw bytes. Each
// has the reason.
var rawCodes = map[Code]string{
	99:  "a list of civic address elements whose meaning differs by country",
	123: "fixed point numbers of odd widths with resolutions, of use to location servers only",
	128: "IANA lists four uses", 129: "IANA lists three uses", 130: "IANA lists three uses", 131: "IANA lists two uses",
	132: "IANA lists two uses", 133: "IANA lists two uses", 134: "IANA lists two uses", 135: "IANA lists two uses",
	144: "as 123, with uncertainties instead of resolutions",
	177: "IANA lists two uses",
}

// Options that their RFC gives no structure.
var opaque = map[string]bool{
	"dhcp-client-identifier": true, // RFC 2132: type and identifier, to be compared as a whole
	"circuit-id":             true, // RFC 3046
	"remote-id":              true, // RFC 3046
	"relay-id":               true, // RFC 6925: a DUID, to be compared as a whole
}

// ianaRow is a row of IANA's registry.
type ianaRow struct {
	code                            Code
	name, length, description, refs string
}

// ianaRows returns the rows of a registry that assign a code, but for Pad, End
// and private use.
func ianaRows(t *testing.T, file string) (rows []ianaRow) {
	seen := map[int]bool{}
	for _, f := range readTSV(t, file) {
		low, high, isRange := strings.Cut(f[0], "-")
		first, err := strconv.Atoi(low)
		if err != nil {
			t.Fatal(err)
		}
		last := first
		if isRange {
			if last, err = strconv.Atoi(high); err != nil {
				t.Fatal(err)
			}
		}
		for c := first; c <= last; c++ {
			seen[c] = true
			r := ianaRow{code: Code(c), name: f[1], refs: f[len(f)-1]}
			if len(f) == 5 {
				r.length, r.description = f[2], f[3]
			}
			name := strings.ToLower(r.name)
			switch {
			case strings.Contains(name, "unassigned"), strings.Contains(name, "reserved"), name == "pad", name == "end":
			default:
				rows = append(rows, r)
			}
		}
	}
	if file == "iana-options.tsv" && len(seen) != 256 {
		t.Fatalf("%s has %d codes", file, len(seen))
	}
	return rows
}

// definitionsBySpace finds the typed definitions.
func definitionsByCode(space string) map[Code]typedDef {
	m := map[Code]typedDef{}
	for _, d := range typedDefs() {
		if d.Space == space {
			m[d.Code] = d
		}
	}
	return m
}

func TestTypedDefinitionsAreTheStandardOnes(t *testing.T) {
	defs := typedDefs()
	if len(defs) != len(standard) {
		t.Fatal(len(defs), len(standard))
	}
	for i, d := range defs {
		if d.Definition != standard[i] {
			t.Errorf("%d: %v and %v", i, d.Name, standard[i].Name)
		}
	}
}

func TestEveryIANAOptionIsTypedOrListedAsRaw(t *testing.T) {
	if len(rawCodes) > 12 {
		t.Errorf("%d raw options", len(rawCodes))
	}
	defs := definitionsByCode("dhcp4")
	assigned := map[Code]bool{}
	for _, r := range ianaRows(t, "iana-options.tsv") {
		assigned[r.code] = true
		d, ok := defs[r.code]
		if !ok {
			t.Errorf("%d %s has no definition", uint8(r.code), r.name)
			continue
		}
		if _, raw := rawCodes[r.code]; raw != isRaw(d) {
			t.Errorf("%d %s: in the list of raw options %v, raw %v", uint8(r.code), r.name, raw, !raw)
		}
	}
	for c := range defs {
		if !assigned[c] {
			t.Errorf("%v is not in IANA's registry", c)
		}
	}
	for c, why := range rawCodes {
		if !assigned[c] || why == "" {
			t.Errorf("%v in the list: %q", c, why)
		}
	}
}

func TestEveryIANAAgentSubOptionIsTyped(t *testing.T) {
	defs := definitionsByCode(agentSpace)
	n := 0
	for _, r := range ianaRows(t, "iana-agent-suboptions.tsv") {
		n++
		if d, ok := defs[r.code]; !ok || isRaw(d) {
			t.Errorf("%d %s: defined %v", uint8(r.code), r.name, ok)
		}
	}
	// Of 20 one, code 3, is reserved because of different uses.
	if n != 20 || len(defs) != 20 {
		t.Error(n, len(defs))
	}
}

// isRaw reports whether d gives bytes though its RFC gives more.
func isRaw(d typedDef) bool { return d.typ == reflect.TypeFor[[]byte]() && !d.list && !opaque[d.Name] }

// The Go type that goes with each kind. Others are in typesByRFC.
var typesByKind = map[Kind][]reflect.Type{
	KindBinary:      {reflect.TypeFor[[]byte]()},
	KindBoolean:     {reflect.TypeFor[bool]()},
	KindInt32:       {reflect.TypeFor[int32]()},
	KindUint8:       {reflect.TypeFor[uint8](), reflect.TypeFor[Code]()},
	KindUint16:      {reflect.TypeFor[uint16]()},
	KindUint32:      {reflect.TypeFor[uint32](), reflect.TypeFor[time.Duration](), reflect.TypeFor[time.Time]()},
	KindIPv4Address: {reflect.TypeFor[netip.Addr]()},
	KindIPv6Address: {reflect.TypeFor[netip.Addr]()},
	KindString:      {reflect.TypeFor[string]()},
	KindTuple:       {reflect.TypeFor[string]()},
	KindFQDN:        {reflect.TypeFor[string]()},
}

// Options whose RFC has a form that Kea's kinds do not tell, or cannot.
var typesByRFC = map[string]reflect.Type{
	"policy-filter":           reflect.TypeFor[AddressPair](),         // RFC 2132: pairs
	"static-routes":           reflect.TypeFor[AddressPair](),         // RFC 2132: pairs
	"nwip-suboptions":         reflect.TypeFor[Option](),              // RFC 2242: sub-options
	"authenticate":            reflect.TypeFor[Authentication](),      // RFC 3118: fields
	"sip-servers":             reflect.TypeFor[SIPProxies](),          // RFC 3361: two encodings
	"vivso-suboptions":        reflect.TypeFor[VendorData](),          // RFC 3925: enterprise, length, data
	"v4-pcp-server":           reflect.TypeFor[[]netip.Addr](),        // RFC 7291: lists
	"radius":                  reflect.TypeFor[RADIUSAttribute](),     // RFC 4014: attributes
	"auth":                    reflect.TypeFor[AgentAuthentication](), // RFC 4030: fields
	"vendor-specific-info":    reflect.TypeFor[VendorData](),          // RFC 4243: enterprise, length, data
	"virtual-subnet-select":   reflect.TypeFor[VSS](),                 // RFC 6607: type and information
	"boot-servers":            reflect.TypeFor[PXEServers](),
	"access-point-bssid":      reflect.TypeFor[[6]byte](),            // RFC 7839: 6 octets
	"tsp-provisioning-server": reflect.TypeFor[ProvisioningServer](), // RFC 3495: a name or an address
	"boot-menu":               reflect.TypeFor[PXEMenuItem](),
}

func TestTypesAreThoseOfTheTypeColumns(t *testing.T) {
	lists := map[string]bool{ // a list though Kea's array is false
		"user-class": true, "nwip-suboptions": true, "vivco-suboptions": true, "vivso-suboptions": true, "v4-pcp-server": true,
		"radius": true, "vendor-specific-info": true, "boot-servers": true, "boot-menu": true,
	}
	for _, d := range typedDefs() {
		name := d.Space + " " + d.Name
		if want, ok := typesByRFC[d.Name]; ok {
			if d.typ != want {
				t.Errorf("%s is %v", name, d.typ)
			}
		} else {
			switch d.Kind {
			case KindEmpty:
				if (d.typ != reflect.TypeFor[Option]() || d.Encapsulates == "") && d.typ != nil {
					t.Errorf("%s is %v, encapsulates %q", name, d.typ, d.Encapsulates)
				}
			case KindRecord, KindInternal:
				if d.typ.Kind() != reflect.Struct {
					t.Errorf("%s is %v", name, d.typ)
				}
			default:
				found := false
				for _, typ := range typesByKind[d.Kind] {
					found = found || typ == d.typ
				}
				if !found {
					t.Errorf("%s, %v, is %v", name, d.Kind, d.typ)
				}
			}
		}
		wantList := d.Array && d.Kind != KindRecord || d.Kind == KindInternal || d.Encapsulates != "" || lists[d.Name]
		if d.list != wantList {
			t.Errorf("%s is a list: %v, want %v", name, d.list, wantList)
		}
	}
}

func TestPayloadsHaveIANAsLengths(t *testing.T) {
	defs := definitionsByCode("dhcp4")
	n := 0
	for _, r := range ianaRows(t, "iana-options.tsv") {
		d := defs[r.code]
		if strings.HasPrefix(r.description, "N/4 ") && (!d.list || d.typ != reflect.TypeFor[netip.Addr]()) {
			t.Errorf("%s is %v", d.Name, d.typ)
		}
		length, err := strconv.Atoi(r.length)
		if err != nil || isRaw(d) || d.Name == "forcerenew-nonce-capable" { // RFC 6704: a list
			continue
		}
		n++
		if got := d.size(make([]byte, length)); got != length {
			t.Errorf("%s: a payload of %d octets becomes one of %d", d.Name, length, got)
		}
		for _, wrong := range []int{length - 1, length + 1} {
			if wrong >= 0 && d.size(make([]byte, wrong)) != -1 {
				t.Errorf("%s accepts %d octets", d.Name, wrong)
			}
		}
	}
	if n < 40 {
		t.Error("only", n, "lengths")
	}
}
