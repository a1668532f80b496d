package keaconf_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
)

// host is what the recorded verdicts were made on: lo and eth0, no library.
func host(v keaconf.Version) *keaconf.Options {
	return &keaconf.Options{
		Version: v,
		Interface: func(name string, addr netip.Addr) error {
			switch {
			case name != "lo" && name != "eth0":
				return errors.New("there is none")
			case addr.IsValid() && (name != "lo" || addr != netip.MustParseAddr("127.0.0.1")):
				return errors.New("it has no such address")
			}
			return nil
		},
		Library: func(path string) error {
			_, err := os.Stat(path)
			return err
		},
	}
}

// A verdict is what a Kea, or we, say about a file.
type verdict struct {
	ok   bool
	line int // of the first error; zero: not told
}

func (v verdict) String() string {
	switch {
	case v.ok:
		return "ok"
	case v.line == 0:
		return "refused"
	}
	return "refused in line " + strconv.Itoa(v.line)
}

// agrees tells whether got is the verdict want. Some of Kea's errors have no
// line.
func (v verdict) agrees(got verdict) bool {
	return v.ok == got.ok && (v.line == 0 || v.line == got.line)
}

func judge(name string, text []byte, o *keaconf.Options) (verdict, error) {
	_, err := keaconf.Parse(name, text, o)
	return verdictOf(err), err
}

func verdictOf(err error) verdict {
	if e, ok := errors.AsType[*keaconf.Error](err); ok {
		return verdict{line: e.Problems[0].Pos.Line}
	}
	return verdict{ok: err == nil}
}

type recordedCase struct {
	file                string
	raw, text           []byte // text has the directory of the files for DIR
	kea22, kea30, ids30 verdict
}

func (r *recordedCase) withIDs() []byte {
	id := 0
	return subnetStart.ReplaceAllFunc(r.text, func(m []byte) []byte {
		id++
		i := strings.Index(string(m), `"`)
		return fmt.Appendf(nil, "%s\"id\": %d, %s", m[:i], id, m[i:])
	})
}

var subnetStart = regexp.MustCompile(`\{\s*"subnet"\s*:`)

// recorded returns the files and what the real Keas said about them.
func recorded(t testing.TB) []recordedCase {
	t.Helper()
	table, err := os.ReadFile("testdata/verdicts.tsv")
	if err != nil {
		t.Fatal(err)
	}
	parse := func(word, line string) verdict {
		n, _ := strconv.Atoi(line)
		return verdict{word == "ok", n}
	}
	var cases []recordedCase
	for line := range strings.Lines(string(table)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if f[0] == "file" {
			continue
		}
		dir := filepath.Join("testdata", "conf_cases")
		text, err := os.ReadFile(filepath.Join(dir, f[0]))
		if err != nil {
			t.Fatal(err)
		}
		in := []byte(strings.ReplaceAll(string(text), "DIR", dir))
		cases = append(cases, recordedCase{f[0], text, in, parse(f[1], f[2]), parse(f[3], f[4]), parse(f[5], f[6])})
	}
	if len(cases) != 200 {
		t.Fatalf("%d files, want 200", len(cases))
	}
	return cases
}

// exceptions are the files about which we do not say what Kea says, and why.
type exceptions map[string]string

func (e exceptions) check(t *testing.T, most int, differ []string) {
	t.Helper()
	if len(e) > most {
		t.Errorf("%d exceptions, at most %d are allowed", len(e), most)
	}
	for name, reason := range e {
		if !slices.Contains(differ, name) {
			t.Errorf("%s is an exception (%s) but agrees", name, reason)
		}
	}
}

func TestRecordedVerdictsOfKea22(t *testing.T) {
	compareRecorded(t, keaconf.Kea22, func(r *recordedCase) ([]byte, verdict) { return r.text, r.kea22 })
}

func TestRecordedVerdictsOfKea30(t *testing.T) {
	compareRecorded(t, keaconf.Kea30, func(r *recordedCase) ([]byte, verdict) { return r.text, r.kea30 })
}

func TestRecordedVerdictsOfKea30OnFilesWithIDs(t *testing.T) {
	compareRecorded(t, keaconf.Kea30, func(r *recordedCase) ([]byte, verdict) { return r.withIDs(), r.ids30 })
}

// compareRecorded has no exceptions to allow for: we say what Kea says about
// all of the files.
func compareRecorded(t *testing.T, v keaconf.Version, of func(*recordedCase) ([]byte, verdict)) {
	for _, r := range recorded(t) {
		text, want := of(&r)
		if got, err := judge(r.file, text, host(v)); !want.agrees(got) {
			t.Errorf("%s: Kea %v says %v, we say %v: %v", r.file, v, want, got, err)
		}
	}
}

func TestFilesThatEitherVersionTakesAreTakenByAny(t *testing.T) {
	for _, r := range recorded(t) {
		for _, f := range []struct {
			text []byte
			ok   bool
		}{{r.text, r.kea22.ok || r.kea30.ok}, {r.withIDs(), r.ids30.ok}} {
			if _, err := judge(r.file, f.text, host(keaconf.Any)); f.ok && err != nil {
				t.Errorf("%s: a Kea takes it, we do not: %v", r.file, err)
			}
		}
	}
}

// TestVerdictsOfSingleRules is about short files, each of which tries one
// rule, as Kea 2.2.0 judged them.
func TestVerdictsOfSingleRules(t *testing.T) {
	known := exceptions{
		"opt_csv_fqdn_sp":  "Kea sends a domain name with a blank in it",
		"opt_csv_fqdn_utf": "Kea sends a domain name that is not ASCII as it is",
		"opt_csv_v6":       "Kea sends the 16 octets of an IPv6 address as four IPv4 ones",
	}
	var differ []string
	for _, p := range probes(t) {
		got, err := judge(p.name+".conf", p.text, host(keaconf.Kea22))
		if p.want.agrees(got) {
			continue
		}
		differ = append(differ, p.name)
		if _, ok := known[p.name]; !ok {
			t.Errorf("%s: Kea says %v, we say %v: %v\n%s", p.name, p.want, got, err, p.text)
		}
	}
	known.check(t, 12, differ)
}

type probe struct {
	name string
	text []byte
	want verdict // of Kea 2.2.0
}

func probes(t testing.TB) []probe {
	t.Helper()
	table, err := os.ReadFile("testdata/probes.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []probe
	for line := range strings.Lines(string(table)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if f[0] == "name" {
			continue
		}
		text, err := strconv.Unquote(f[3])
		if err != nil {
			t.Fatal(f[0], err)
		}
		n, _ := strconv.Atoi(f[2])
		all = append(all, probe{f[0], []byte(text), verdict{f[1] == "ok", n}})
	}
	return all
}

// TestAnyTakesWhatEitherVersionTakes holds our own verdicts against each other,
// on all the files of the other tests.
func TestAnyTakesWhatEitherVersionTakes(t *testing.T) {
	check := func(name string, text []byte) {
		_, err22 := keaconf.Parse(name, text, host(keaconf.Kea22))
		_, err30 := keaconf.Parse(name, text, host(keaconf.Kea30))
		_, err := keaconf.Parse(name, text, host(keaconf.Any))
		if err != nil && (err22 == nil || err30 == nil) {
			t.Errorf("%s: refused though 2.2 says %v and 3.0 %v: %v\n%s", name, err22, err30, err, text)
		}
	}
	for _, p := range probes(t) {
		check(p.name, p.text)
	}
	for _, r := range recorded(t) {
		check(r.file, r.text)
	}
	for _, f := range generate(t, seed(t)) {
		check(f.name, []byte(f.text))
	}
}
