package option

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readTSV returns the rows of a table in testdata without its first line.
func readTSV(t testing.TB, name string) [][]string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for _, line := range strings.Split(strings.TrimRight(string(data), "\n"), "\n")[1:] {
		rows = append(rows, strings.Split(line, "\t"))
	}
	return rows
}

// keaDefinitions returns Kea's own table: its 125 standard options and the
// sub-options of options 82 and 122. Kea 2.2 lacks 11 of the options and the
// sub-options, the others are the same there.
func keaDefinitions(t *testing.T) []Definition {
	t.Helper()
	kind := func(name string) Kind {
		k, ok := ParseKind(name)
		if !ok {
			t.Fatalf("no kind %q", name)
		}
		return k
	}
	var defs []Definition
	for _, f := range readTSV(t, "kea-options.tsv") {
		code, err := strconv.ParseUint(f[0], 10, 8)
		if err != nil {
			t.Fatal(err)
		}
		d := Definition{Space: f[6], Name: f[1], Code: Code(code), Kind: kind(f[2]), Array: f[3] == "true", Encapsulates: f[5]}
		if f[4] != "" {
			for _, name := range strings.Split(f[4], ",") {
				d.Fields = append(d.Fields, kind(name))
			}
		}
		defs = append(defs, d)
	}
	return defs
}

func TestDefinitionsAreKeas(t *testing.T) {
	for _, want := range keaDefinitions(t) {
		got, ok := Standard().Lookup(want.Space, want.Code)
		if !ok {
			t.Errorf("%s %s is missing", want.Space, want.Name)
			continue
		}
		if want.Name == "relay-port" {
			want.Kind = KindEmpty // Kea has uint16, RFC 8357 no payload
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v %v (-Kea +ours):\n%v", want.Space, want.Code, diff)
		}
	}
}

func TestDefinitionsAreValid(t *testing.T) {
	for d := range Standard().All() {
		if err := d.Validate(); err != nil {
			t.Error(d.Space, err)
		}
		if _, ok := Standard().LookupName(d.Space, d.Name); !ok {
			t.Error(d.Space, d.Name, "is not found by name")
		}
		if d.Encapsulates != "" && len(spaceOf(d.Encapsulates)) == 0 && d.Name != "vendor-encapsulated-options" && d.Name != "etherboot" {
			t.Error(d.Name, "encapsulates a space without definitions")
		}
	}
}

// spaceOf returns the definitions of a space.
func spaceOf(space string) (defs []Definition) {
	for d := range Standard().All() {
		if d.Space == space {
			defs = append(defs, d)
		}
	}
	return defs
}

func TestCodeNamesAreKeas(t *testing.T) {
	for _, d := range keaDefinitions(t) {
		if d.Space != "dhcp4" {
			continue
		}
		if want := d.Name + " (" + strconv.Itoa(int(d.Code)) + ")"; d.Code.String() != want {
			t.Errorf("%d: got %q, want %q", uint8(d.Code), d.Code, want)
		}
	}
}

func TestCodeNamesAreTheCatalogues(t *testing.T) {
	for c := range 256 {
		d, ok := Standard().Lookup("dhcp4", Code(c))
		name := codeNames[c]
		if c == int(Pad) && name == "pad" || c == int(End) && name == "end" {
			continue
		}
		if name != d.Name || ok != (name != "") {
			t.Errorf("code %d has name %q and definition %q", c, name, d.Name)
		}
	}
	if got := Code(224).String(); got != "option 224" {
		t.Errorf("got %q", got)
	}
}

func TestCodeNamesAreUnique(t *testing.T) {
	seen := map[string]int{}
	for c, name := range codeNames {
		if first, ok := seen[name]; ok && name != "" {
			t.Errorf("%q names %d and %d", name, first, c)
		}
		seen[name] = c
	}
}

func TestVendorSpaceIsTheLongestThatTheClassBeginsWith(t *testing.T) {
	own := Standard().With(Definition{Space: "ACME", Name: "a", Code: 1}, Definition{Space: "ACME-5", Name: "b", Code: 1})
	for class, want := range map[string]string{
		"PXEClient:Arch:00007:UNDI:003016": "PXEClient",
		"PXEClient":                        "PXEClient",
		"pxeclient":                        "vendor-encapsulated-options-space",
		"MSFT 5.0":                         "vendor-encapsulated-options-space",
		"dhcp4-client":                     "vendor-encapsulated-options-space",
		"":                                 "vendor-encapsulated-options-space",
		"ACME":                             "ACME",
		"ACME-4":                           "ACME",
		"ACME-5.1":                         "ACME-5",
	} {
		if got := own.VendorSpace(class); got != want {
			t.Errorf("%q: %q, want %q", class, got, want)
		}
	}
	if d, ok := Standard().LookupName(EnterpriseSpace(4491), "tftp-servers"); !ok || d.Code != 2 {
		t.Error(d, ok)
	}
}

func TestStandardIsSorted(t *testing.T) {
	if !slices.IsSortedFunc(standard[:], compareDefinitions) {
		t.Error("not sorted by space and code")
	}
	for d := range Standard().All() {
		byCode, ok := Standard().Lookup(d.Space, d.Code)
		byName, ok2 := Standard().LookupName(d.Space, d.Name)
		if !ok || !ok2 || cmp.Diff(d, byCode) != "" || cmp.Diff(d, byName) != "" {
			t.Errorf("%v %v: by code %v, by name %v", d.Space, d.Code, byCode, byName)
		}
	}
}

func TestRegistryFindsOnlyWhatIsThere(t *testing.T) {
	color := Definition{Space: "dhcp4", Name: "color", Code: 224, Kind: KindUint16}
	shade := Definition{Space: "dhcp4", Name: "shade", Code: 224, Kind: KindUint8}
	record := Definition{Space: "other", Name: "r", Code: 1, Kind: KindRecord, Fields: []Kind{KindUint8}}
	mask := Definition{Space: "dhcp4", Name: "my-mask", Code: 1, Kind: KindBinary}

	if d, _ := Standard().With(mask).Lookup("dhcp4", 1); d.Name != "my-mask" {
		t.Error(d)
	}
	r := Standard().With(color, record).With(shade, mask)
	record.Fields[0] = KindString // With keeps its own

	for _, tc := range []struct {
		space    string
		code     Code
		name     string
		wantCode string // the name of what Lookup finds
		wantName Code   // the code of what LookupName finds
	}{
		{"dhcp4", 224, "shade", "shade", 224},
		{"dhcp4", 224, "color", "shade", 0},
		{"dhcp4", 1, "my-mask", "my-mask", 1},
		{"dhcp4", 1, "subnet-mask", "my-mask", 0},
		{"dhcp4", 3, "routers", "routers", 3},
		{"dhcp4", 225, "", "", 0},
		{"other", 1, "r", "r", 1},
		{"other", 2, "routers", "", 0},
		{"", 1, "circuit-id", "", 0},
		{"dhcp-agent-options-space", 1, "circuit-id", "circuit-id", 1},
	} {
		byCode, ok := r.Lookup(tc.space, tc.code)
		if byCode.Name != tc.wantCode || ok != (tc.wantCode != "") {
			t.Errorf("Lookup(%q, %d) = %q, %v", tc.space, tc.code, byCode.Name, ok)
		}
		byName, ok := r.LookupName(tc.space, tc.name)
		if byName.Code != tc.wantName || ok != (tc.wantName != 0) {
			t.Errorf("LookupName(%q, %q) = %d, %v", tc.space, tc.name, byName.Code, ok)
		}
	}
	if d, _ := r.Lookup("other", 1); d.Fields[0] != KindUint8 {
		t.Error("With shares Fields with its argument")
	}
	if d, _ := Standard().Lookup("dhcp4", 1); d.Name != "subnet-mask" {
		t.Error("With changed the Registry it was called on")
	}
	if _, ok := (&Registry{}).Lookup("dhcp4", 1); ok {
		t.Error("the zero Registry is not empty")
	}
}

func TestRegistryLoopEndsEarly(t *testing.T) {
	n := 0
	for range Standard().All() {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Error(n)
	}
}

func TestKindNamesAreComplete(t *testing.T) {
	for k := KindEmpty; k <= KindInternal; k++ {
		if got, ok := ParseKind(k.String()); !ok || got != k {
			t.Errorf("ParseKind(%q) = %v, %v", k, got, ok)
		}
	}
	if got := Kind(200).String(); got != "kind 200" {
		t.Error(got)
	}
	if _, ok := ParseKind("int64"); ok {
		t.Error("int64 is not a kind")
	}
}
