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
func readTSV(t *testing.T, name string) [][]string {
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
// sub-options of option 82.
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
	kea := (&Registry{}).With(keaDefinitions(t)...)
	n := 0
	for d := range Standard().All() {
		n++
		want, ok := kea.Lookup(d.Space, d.Code)
		if !ok {
			t.Errorf("Kea has no %v %v", d.Space, d.Code)
		}
		if diff := cmp.Diff(want, d); diff != "" {
			t.Errorf("%v %v (-Kea +ours):\n%v", d.Space, d.Code, diff)
		}
	}
	if n < 30 {
		t.Errorf("only %d definitions", n)
	}
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

func TestCodeNamesCoverIANARegistry(t *testing.T) {
	uses := map[int]int{}
	assigned := map[int]bool{}
	for _, f := range readTSV(t, "iana-options.tsv") {
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
		name := strings.ToLower(f[1])
		for c := first; c <= last; c++ {
			uses[c]++
			assigned[c] = assigned[c] || !strings.Contains(name, "unassigned") && !strings.Contains(name, "reserved (")
		}
	}
	if len(uses) != 256 {
		t.Fatalf("the table has %d codes", len(uses))
	}
	ambiguous := []int{128, 129, 130, 131, 132, 133, 134, 135, 177}
	for c := range 256 {
		want := assigned[c] && !slices.Contains(ambiguous, c)
		if got := codeNames[c] != ""; got != want {
			t.Errorf("code %d has name %q, assigned: %v, uses: %d", c, codeNames[c], assigned[c], uses[c])
		}
		if slices.Contains(ambiguous, c) && uses[c] < 2 {
			t.Errorf("code %d is not ambiguous", c)
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
