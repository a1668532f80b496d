package keaconf_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
)

// problems parses text and returns the lines of the error.
func problems(t *testing.T, text string, o *keaconf.Options) []string {
	t.Helper()
	_, err := keaconf.Parse("f", []byte(text), o)
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

func dhcp4(members string) string { return `{ "Dhcp4": { ` + members + " } }" }

func subnet(members string) string {
	return dhcp4(`"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", ` + members + " } ]")
}

func TestProblemsAreListedAllAtOnce(t *testing.T) {
	text := `{
"Dhcp4": {
  "valid-lifetme": 3600,
  "renew-timer": "1800",
  "authoritative": 1,
  "subnet4": [ {
    "id": 1,
    "subnet": "192.0.2.0/24",
    "pool": "192.0.2.10 - 192.0.2.20",
    "pools": [ { "pool": "192.0.2.100" } ],
    "option-data": [
      { "name": "router", "data": "192.0.2.1" },
      { "code": 6, "data": "192.0.2.300" }
    ],
    "reservations": [ { "hw-address": "02-00-00-00-00-01", "ip-address": "192.0.2.7" } ]
  }, { "id": 2 } ],
  "loggers": [ { "severity": "INFO", "output": "stdout" } ]
} }`
	want := []string{
		`f:3.3-17: Dhcp4.valid-lifetme: there is no key "valid-lifetme" in Dhcp4: did you mean "valid-lifetime"?`,
		`f:4.18-23: Dhcp4.renew-timer: an integer expected instead of the string "1800": without quotes`,
		`f:5.20: Dhcp4.authoritative: a boolean expected instead of an integer`,
		`f:9.5-10: Dhcp4.subnet4[0].pool: there is no key "pool" in subnet4: did you mean "pools"?`,
		`Dhcp4.subnet4[1]: the key "subnet" is missing in the map that begins in line 16 (f:16:6)`,
		`f:17.38-45: Dhcp4.loggers[0].output: there is no key "output" in loggers: it belongs into output_options`,
		`Dhcp4.subnet4[0].pools[0].pool: "192.0.2.100" is neither a range such as "192.0.2.10 - 192.0.2.20" nor a prefix: write 192.0.2.100 - 192.0.2.100 for one address (f:10:26)`,
		`Dhcp4.subnet4[0].option-data[0].name: there is no option "router" in the space dhcp4: did you mean "routers"? (f:12:17)`,
		`Dhcp4.subnet4[0].option-data[1].data: the data does not fit the option: domain-name-servers (6): offset 0: "192.0.2.300" is not an IPv4 address (f:13:28)`,
		`Dhcp4.subnet4[0].reservations[0]: hw-address, "02-00-00-00-00-01", is neither hexadecimal digits, such as 0a:0b or 0a0b, nor 'text': write : for - (f:15:23)`,
	}
	if d := cmp.Diff(want, problems(t, text, nil)); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
}

func TestErrorGivesItsProblems(t *testing.T) {
	_, err := keaconf.Parse("f", []byte(dhcp4(`"valid-lifetime": true`)), nil)
	p, ok := errors.AsType[*keaconf.Problem](err)
	if !ok {
		t.Fatalf("no Problem in %v", err)
	}
	want := &keaconf.Problem{
		Pos:  keaconf.Pos{File: "f", Line: 1, Col: 32, End: 35},
		Path: "Dhcp4.valid-lifetime", Text: "an integer expected instead of a boolean", Syntax: true,
	}
	if d := cmp.Diff(want, p); d != "" {
		t.Errorf("problem (-want +got):\n%s", d)
	}
}

func TestWhatFollowsASyntaxErrorIsNotJudged(t *testing.T) {
	want := []string{`f:1.78: "," or "}" expected instead of "["`}
	got := problems(t, dhcp4(`"option-data": [ { "name": "x", "data": "1" } ], "comment": "x" [`), nil)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
}

func TestCommasThatSeparateNothingAreWarnings(t *testing.T) {
	c, err := keaconf.Parse("f", []byte("{ \"Dhcp4\": {\n\"subnet4\": [ ],,\n\"user-context\": { \"a\": 1, },\n} }"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range c.Warnings {
		got = append(got, w.Error())
	}
	const text = "this comma separates nothing: is something missing?"
	// Of two commas before a key, the first.
	want := []string{"f:2.15: " + text, "f:3.25: " + text, "f:3.28: " + text}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("warnings (-want +got):\n%s", d)
	}
}

func TestOldAndNewNameOfOneKeyTogetherAreRefused(t *testing.T) {
	for _, c := range []struct{ older, newer, text string }{
		{"client-class", "client-classes", subnet(`"client-class": "a", "client-classes": [ "a" ]`)},
		{"client-class", "client-classes", subnet(`"client-classes": [ "a" ], "client-class": "a"`)},
		{"require-client-classes", "evaluate-additional-classes", subnet(`"require-client-classes": [ "a" ], "evaluate-additional-classes": [ "a" ]`)},
		{"client-class", "client-classes", subnet(`"pools": [ { "pool": "192.0.2.0/28", "client-class": "a", "client-classes": [ "a" ] } ]`)},
		{"only-if-required", "only-in-additional-list", dhcp4(`"client-classes": [ { "name": "a", "only-if-required": true, "only-in-additional-list": true } ]`)},
		{"ddns-use-conflict-resolution", "ddns-conflict-resolution-mode", dhcp4(`"ddns-use-conflict-resolution": true, "ddns-conflict-resolution-mode": "check-with-dhcid"`)},
		{"control-socket", "control-sockets", dhcp4(`"control-socket": { "socket-name": "a", "socket-type": "unix" }, "control-sockets": [ ]`)},
		{"output_options", "output-options", dhcp4(`"loggers": [ { "name": "a", "output_options": [ { "output": "b" } ], "output-options": [ { "output": "b" } ] } ]`)},
	} {
		for _, v := range []keaconf.Version{keaconf.Any, keaconf.Kea30} {
			got := problems(t, c.text, &keaconf.Options{Version: v})
			if len(got) != 1 || !strings.Contains(got[0], "two names of one key") {
				t.Errorf("%v, %s and %s: %q", v, c.older, c.newer, got)
			}
		}
	}
}

func TestRulesThatDifferBetweenTheVersions(t *testing.T) {
	type rules struct{ any, kea22, kea30 bool }
	for _, c := range []struct {
		name, text string
		want       rules
	}{
		{"no id", dhcp4(`"subnet4": [ { "subnet": "192.0.2.0/24" } ]`), rules{true, true, false}},
		{"id 0", dhcp4(`"subnet4": [ { "id": 0, "subnet": "192.0.2.0/24" } ]`), rules{true, true, false}},
		{"a key of 2.2", subnet(`"reservation-mode": "all"`), rules{true, true, false}},
		{"a key of 3.0", subnet(`"allocator": "random"`), rules{true, false, true}},
		{"keys of both", subnet(`"reservation-mode": "all", "allocator": "random"`), rules{true, false, false}},
		{"a wrong allocator", subnet(`"allocator": "newest"`), rules{false, false, false}},
		{"T1 after T2", subnet(`"renew-timer": 5, "rebind-timer": 4`), rules{true, false, true}},
		{"a reservation of nothing", subnet(`"reservations": [ { "hw-address": "01:02" } ]`), rules{true, false, true}},
		{"host bits in a pool", subnet(`"pools": [ { "pool": "192.0.2.130/25" } ]`), rules{true, true, false}},
		{"no caching", subnet(`"cache-threshold": 0.0`), rules{true, false, true}},
		{"no classes", dhcp4(`"client-classes": [ ]`), rules{true, false, true}},
		{"a socket type", dhcp4(`"control-socket": { "socket-type": "tcp", "socket-name": "x" }`), rules{true, true, false}},
		{"a socket without a name", dhcp4(`"control-socket": { "socket-type": "unix" }`), rules{true, true, false}},
		{"http", dhcp4(`"control-sockets": [ { "socket-type": "http" } ]`), rules{true, false, true}},
		{"https without certificates", dhcp4(`"control-sockets": [ { "socket-type": "https" } ]`), rules{true, false, false}},
		{"two unix sockets", dhcp4(`"control-sockets": [ { "socket-type": "unix", "socket-name": "a" }, { "socket-type": "unix", "socket-name": "b" } ]`), rules{true, false, false}},
		{"a new database", dhcp4(`"lease-database": { "type": "memfle" }`), rules{false, false, false}},
		{"a timeout of another database", dhcp4(`"lease-database": { "type": "memfile", "read-timeout": 3 }`), rules{true, false, false}},
		{"option 121 defined", dhcp4(`"option-def": [ { "name": "routes", "code": 121, "type": "binary" } ]`), rules{true, true, false}},
		{"option 121 in text", subnet(`"option-data": [ { "code": 121, "data": "10.0.0.0/8 - 192.0.2.1" } ]`), rules{true, false, true}},
		{"option 121 in hexadecimal digits", subnet(`"option-data": [ { "code": 121, "data": "080ac0000201" } ]`), rules{true, true, false}},
		{"option 121 by name", dhcp4(`"option-data": [ { "name": "classless-static-route", "data": "10.0.0.0/8 - 192.0.2.1" } ]`), rules{true, false, true}},
		{"internal", dhcp4(`"option-def": [ { "name": "routes", "code": 224, "type": "internal" } ]`), rules{true, false, true}},
		{"lcase", dhcp4(`"client-classes": [ { "name": "a", "test": "lcase(option[60].text) == 'a'" } ]`), rules{true, false, true}},
		{"a template", dhcp4(`"client-classes": [ { "name": "a", "template-test": "option[60].text" } ]`), rules{true, false, true}},
		{"two tests", dhcp4(`"client-classes": [ { "name": "a", "test": "member('ALL')", "template-test": "option[60].text" } ]`), rules{false, false, false}},
		{"pool-id 0", subnet(`"pools": [ { "pool": "192.0.2.0/28", "pool-id": 0 } ]`), rules{false, false, false}},
		{"a fixed and a relative TTL", subnet(`"ddns-ttl": 3, "ddns-ttl-percent": 0.5`), rules{false, false, false}},
	} {
		ok := func(v keaconf.Version) bool { return problems(t, c.text, &keaconf.Options{Version: v}) == nil }
		got := rules{ok(keaconf.Any), ok(keaconf.Kea22), ok(keaconf.Kea30)}
		if got != c.want {
			t.Errorf("%s: taken by %+v, want %+v\n%s", c.name, got, c.want, strings.Join(problems(t, c.text, nil), "\n"))
		}
	}
}

func TestUnknownKeyOfTheOtherVersionSaysSo(t *testing.T) {
	got := problems(t, subnet(`"allocator": "random"`), &keaconf.Options{Version: keaconf.Kea22})
	want := []string{`f:1.64-74: Dhcp4.subnet4[0].allocator: there is no key "allocator" in subnet4: Kea 3.0 knows it, 2.2 does not`}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
}

// files is a ReadFile of files in memory.
type files map[string]string

func (f files) read(name string) ([]byte, error) {
	text, ok := f[name]
	if !ok {
		return nil, fmt.Errorf("open %s: %w", name, os.ErrNotExist)
	}
	return []byte(text), nil
}

func TestIncludedFilesAreReadInPlace(t *testing.T) {
	f := files{
		"pools":  "# all of them\n[ <?include \"pool\"?>,\n{ \"pool\": \"192.0.2.300/28\" } ]",
		"pool":   `{ "pool": "192.0.2.0/28" }`,
		"open":   `{ "pool": `,
		"broken": `{ "pool" }`,
	}
	for _, c := range []struct {
		text string
		want []string
	}{
		{subnet(`"pools": <?include "pools"?>`), []string{`Dhcp4.subnet4[0].pools[1].pool: "192.0.2.300/28" is neither a range such as "192.0.2.10 - 192.0.2.20" nor a prefix (pools:3:11)`}},
		{subnet(`"pools": [ <?include "open"?> "192.0.2.0/28" } ]`), nil},
		{subnet(`"pools": [ <?  include  "pool"  ?> ]`), nil},
		{subnet(`"pools": [ <?include "broken"?> ]`), []string{`broken:1.10: ":" expected instead of "}"`}},
		{subnet(`"pools": <?include "none"?>`), []string{`f:1.83-88: cannot include the file: open none: file does not exist`}},
		{subnet(`"pools": <?insert "pool"?>`), []string{`f:1.75: the include directive goes wrong here: include expected`}},
		{subnet(`"pools": <?include pool?>`), []string{`f:1.83: the include directive goes wrong here: the name of a file in quotes expected`}},
		{subnet(`"pools": [ <?include "pool" ]`), []string{`f:1.92: the include directive goes wrong here: ?> expected`}},
	} {
		got := problems(t, c.text, &keaconf.Options{ReadFile: f.read})
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: problems (-want +got):\n%s", c.text, d)
		}
	}
}

func TestIncludesAreNestedElevenDeepAtMost(t *testing.T) {
	f := files{"0": `"valid-lifetime": 3`}
	for i := 1; i < 20; i++ {
		f[fmt.Sprint(i)] = fmt.Sprintf("<?include %q?>", fmt.Sprint(i-1))
	}
	for i, ok := range map[int]bool{10: true, 11: false} {
		got := problems(t, dhcp4(fmt.Sprintf("<?include %q?>", fmt.Sprint(i))), &keaconf.Options{ReadFile: f.read})
		if (got == nil) != ok {
			t.Errorf("%d includes: %q", i+1, got)
		}
	}
}

func TestNestingHasALimit(t *testing.T) {
	for _, c := range []struct{ open, end string }{{"[", "]"}, {`{ "a": `, "}"}} {
		for n, ok := range map[int]bool{400: true, 100_000: false} {
			text := dhcp4(`"user-context": { "a": ` + strings.Repeat(c.open, n) + "1" + strings.Repeat(c.end, n) + " }")
			if got := problems(t, text, nil); (got == nil) != ok {
				t.Errorf("%d times %s: %q", n, c.open, got)
			}
		}
	}
	for n, ok := range map[int]bool{50: true, 100_000: false} {
		test := strings.Repeat("(", n) + "member('ALL')" + strings.Repeat(")", n)
		text := dhcp4(`"client-classes": [ { "name": "a", "test": "` + test + `" } ]`)
		if got := problems(t, text, nil); (got == nil) != ok {
			t.Errorf("%d parentheses: %q", n, got)
		}
	}
}

func TestHostIsAskedForInterfacesAndLibraries(t *testing.T) {
	type call struct {
		Name string
		Addr netip.Addr
	}
	var calls []call
	var libraries []string
	text := dhcp4(`"interfaces-config": { "interfaces": [ "*", "eth0", "eth1/192.0.2.1" ] },
		"hooks-libraries": [ { "library": "/lib/x.so" } ],
		"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "interface": "eth2" } ]`)
	got := problems(t, text, &keaconf.Options{
		Interface: func(name string, addr netip.Addr) error {
			calls = append(calls, call{name, addr})
			if name == "eth1" {
				return errors.New("it is down")
			}
			return nil
		},
		Library: func(path string) error {
			libraries = append(libraries, path)
			return nil
		},
	})
	if d := cmp.Diff([]string{`Dhcp4.interfaces-config.interfaces[2]: the interface cannot be used: it is down (f:1:66)`}, got); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}
	want := []call{{"eth0", netip.Addr{}}, {"eth1", netip.MustParseAddr("192.0.2.1")}, {"eth2", netip.Addr{}}}
	if d := cmp.Diff(want, calls, cmpopts.EquateComparable(netip.Addr{})); d != "" {
		t.Errorf("interfaces (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"/lib/x.so"}, libraries); d != "" {
		t.Errorf("libraries (-want +got):\n%s", d)
	}
}

func TestLoadReadsTheFile(t *testing.T) {
	c, err := keaconf.Load("testdata/conf_cases/ok_min.conf", &keaconf.Options{Version: keaconf.Kea22})
	if err != nil || c.Version != keaconf.Kea22 {
		t.Errorf("got %v, %v", c, err)
	}
	if _, err := keaconf.Load("testdata/none.conf", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want os.ErrNotExist", err)
	}
}

func TestVersionsHaveNames(t *testing.T) {
	for _, v := range []keaconf.Version{keaconf.Kea22, keaconf.Kea30} {
		if got, err := keaconf.ParseVersion(v.String()); got != v || err != nil {
			t.Errorf("ParseVersion(%q) = %v, %v", v.String(), got, err)
		}
	}
	if got, err := keaconf.ParseVersion(""); got != keaconf.Any || err != nil {
		t.Errorf(`ParseVersion("") = %v, %v`, got, err)
	}
	if _, err := keaconf.ParseVersion("2.4"); err == nil {
		t.Error("2.4 is taken")
	}
}

func TestTableOfKeysIsWellFormed(t *testing.T) {
	rows := readTable(t)
	var scopes []string
	pairs := make(map[string]map[string]bool) // by version
	for _, r := range rows {
		scopes = append(scopes, r.scope)
		for _, v := range []string{"2.2", "3.0"} {
			if r.version == "*" || r.version == v {
				if pairs[v] == nil {
					pairs[v] = make(map[string]bool)
				}
				pairs[v][r.scope+" "+r.key] = true
			}
		}
	}
	for _, r := range rows {
		kind, arg, _ := strings.Cut(r.typ, ":")
		switch kind {
		case "int", "float", "bool", "string", "object", "strings", "enum", "enums":
		case "map", "maps", "maps+":
			if !slices.Contains(scopes, arg) {
				t.Errorf("%s %s: no scope %q", r.scope, r.key, arg)
			}
		default:
			t.Errorf("%s %s: type %q", r.scope, r.key, r.typ)
		}
	}
	// As counted in the grammars of 2.2.0 and 3.0.4.
	if d := cmp.Diff([]int{328, 423}, []int{len(pairs["2.2"]), len(pairs["3.0"])}); d != "" {
		t.Errorf("keys of 2.2 and 3.0 (-want +got):\n%s", d)
	}
}
