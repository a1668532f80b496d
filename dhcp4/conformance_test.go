package dhcp4

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write CONFORMANCE.md")

// A requirement is one sentence of an RFC that binds a server, and the test
// that shows it. In the tests it is a comment above or inside a test:
//
//	// RFC 2131 4.3.2 MUST: a sentence in our own words
//
// which may go on in further comment lines.
type requirement struct {
	rfc            int
	section, level string
	sentence, test string
}

var requirementLine = regexp.MustCompile(`^RFC (\d+) (\S+) (MUST NOT|MUST|SHOULD NOT|SHOULD|MAY): (.+)$`)

// TestConformanceIsUpToDate compares CONFORMANCE.md with what the tests say. To
// write it anew: go test ./dhcp4 -run Conformance -update
func TestConformanceIsUpToDate(t *testing.T) {
	all, err := requirements("*_test.go", "dhcp4test/*_test.go", "keaconf/*_test.go", "../memfile/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	want := conformanceText(all)
	const name = "CONFORMANCE.md"
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the tests say (%v); run: go test ./dhcp4 -run Conformance -update", name, err)
	}
}

func requirements(patterns ...string) (all []requirement, err error) {
	for _, p := range patterns {
		files, err := filepath.Glob(p)
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			rs, err := requirementsOf(name)
			if err != nil {
				return nil, err
			}
			all = append(all, rs...)
		}
	}
	return all, nil
}

// requirementsOf returns what one file of tests says. A requirement belongs to
// the function that it is in, or else to the next one.
func requirementsOf(name string) (rs []requirement, err error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	for _, group := range f.Comments {
		for _, sentence := range requirementSentences(group) {
			m := requirementLine.FindStringSubmatch(sentence)
			if m == nil {
				return nil, fmt.Errorf("%v: not of the form %v: %q", fset.Position(group.Pos()), requirementLine, sentence)
			}
			test := functionAt(f, group.Pos())
			if test == "" {
				return nil, fmt.Errorf("%v: %q is not in a test", fset.Position(group.Pos()), sentence)
			}
			rfc, err := strconv.Atoi(m[1])
			if err != nil {
				return nil, err
			}
			rs = append(rs, requirement{rfc, m[2], m[3], m[4], test})
		}
	}
	return rs, nil
}

// requirementSentences returns the requirements in a comment. One goes on until
// the next or until an empty line.
func requirementSentences(group *ast.CommentGroup) (sentences []string) {
	open := false
	for _, c := range group.List {
		text, ok := strings.CutPrefix(c.Text, "//")
		text = strings.TrimSpace(text)
		switch {
		case !ok || text == "":
			open = false
		case requirementStart.MatchString(text):
			sentences = append(sentences, text)
			open = true
		case open:
			sentences[len(sentences)-1] += " " + text
		}
	}
	return sentences
}

var requirementStart = regexp.MustCompile(`^RFC \d+ \S+ (MUST|SHOULD|MAY)`)

func functionAt(f *ast.File, pos token.Pos) string {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && pos < fn.End() {
			return fn.Name.Name
		}
	}
	return ""
}

func conformanceText(all []requirement) []byte {
	slices.SortStableFunc(all, func(a, b requirement) int {
		return cmp.Or(cmp.Compare(a.rfc, b.rfc), compareSections(a.section, b.section),
			strings.Compare(a.level, b.level), strings.Compare(a.sentence, b.sentence), strings.Compare(a.test, b.test))
	})
	var b bytes.Buffer
	b.WriteString("# Conformance\n\nWhat the RFCs ask of a server, in our words, and the tests that show it. Generated from the tests: `go test ./dhcp4 -run Conformance -update`.\n")
	rfc := 0
	for _, r := range all {
		if r.rfc != rfc {
			rfc = r.rfc
			fmt.Fprintf(&b, "\n## RFC %d\n\n| section | level | requirement | test |\n|---|---|---|---|\n", rfc)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | `%s` |\n", r.section, r.level, strings.ReplaceAll(r.sentence, "|", `\|`), r.test)
	}
	return b.Bytes()
}

// compareSections compares section numbers by their parts.
func compareSections(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	return slices.CompareFunc(as, bs, func(a, b string) int {
		i, errA := strconv.Atoi(a)
		j, errB := strconv.Atoi(b)
		if errA != nil || errB != nil {
			return strings.Compare(a, b)
		}
		return i - j
	})
}

func TestRequirementsAreFound(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a_test.go")
	const src = `package a

// RFC 2131 4.10 MUST: one
// that goes on
//
// and not on
func TestA() {
	// RFC 2131 4.9 SHOULD NOT: two
	// RFC 3046 2.1 MUST NOT: a|b
}
`
	if err := os.WriteFile(name, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := requirementsOf(name)
	if err != nil {
		t.Fatal(err)
	}
	got := string(conformanceText(all))
	i := strings.Index(got, "## RFC 2131")
	const want = "## RFC 2131\n\n| section | level | requirement | test |\n|---|---|---|---|\n" +
		"| 4.9 | SHOULD NOT | two | `TestA` |\n| 4.10 | MUST | one that goes on | `TestA` |\n" +
		"\n## RFC 3046\n\n| section | level | requirement | test |\n|---|---|---|---|\n" +
		"| 2.1 | MUST NOT | a\\|b | `TestA` |\n"
	if i < 0 || got[i:] != want {
		t.Errorf("got:\n%s", got)
	}
}
