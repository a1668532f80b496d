package keaconf_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
)

// A real is what the real Kea said about a file.
type real struct {
	verdict
	text   string
	commas int // that it warned of
}

// realKea judges files with kea-dhcp4 -t, in a network namespace of their own
// that has lo, eth0 and ens33. Files that do not end in .conf are there to be
// included. DIR in their text becomes their directory.
func realKea(t *testing.T, files []gen) (dir string, said map[string]real) {
	t.Helper()
	need := func(err error) {
		t.Helper()
		switch {
		case err == nil:
		case os.Getenv("CI") == "true":
			t.Fatal("the real Kea is needed: ", err)
		default:
			t.Skip("to compare with the real Kea, install kea-dhcp4-server and run as root: ", err)
		}
	}
	for _, name := range []string{"kea-dhcp4", "unshare", "ip", "xargs"} {
		_, err := exec.LookPath(name)
		need(err)
	}
	out, err := exec.Command("kea-dhcp4", "-v").Output()
	need(err)
	if !bytes.HasPrefix(out, []byte("2.2.")) {
		need(errors.New("this one is " + string(out) + ", not 2.2"))
	}
	dir = t.TempDir()
	for _, f := range files {
		text := strings.ReplaceAll(f.text, "DIR", dir)
		if err := os.WriteFile(filepath.Join(dir, f.name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("unshare", "-n", "sh", "-ec", `
		ip link set lo up
		ip link add eth0 type veth peer name ens33
		ip link set eth0 up
		ip link set ens33 up
		ls | grep '\.conf$' | xargs -P 8 -I{} sh -c 'kea-dhcp4 -t {} >{}.out 2>{}.err; echo $? >{}.rc'`)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Log(string(out))
		need(err)
	}
	said = make(map[string]real)
	for _, f := range files {
		if !strings.HasSuffix(f.name, ".conf") {
			continue
		}
		status, err := os.ReadFile(filepath.Join(dir, f.name+".rc"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, f.name+".err"))
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.ReadFile(filepath.Join(dir, f.name+".out"))
		if err != nil {
			t.Fatal(err)
		}
		r := real{verdict{ok: string(status) == "0\n"}, string(text), strings.Count(string(out), "Extraneous comma")}
		if m := regexp.MustCompile(regexp.QuoteMeta(f.name) + `:(\d+)[.:]\d+`).FindSubmatch(text); m != nil && !r.ok {
			r.line, _ = strconv.Atoi(string(m[1]))
		}
		said[f.name] = r
	}
	return dir, said
}

// keaHost is the host of realKea.
func keaHost() *keaconf.Options {
	o := host(keaconf.Kea22)
	inner := o.Interface
	o.Interface = func(name string, addr netip.Addr) error {
		if name == "ens33" && !addr.IsValid() {
			return nil
		}
		return inner(name, addr)
	}
	return o
}

func TestFilesAgainstRealKea(t *testing.T) {
	var files []gen
	for _, r := range recorded(t) {
		files = append(files, gen{r.file, string(r.raw)})
	}
	inc, err := os.ReadFile("testdata/conf_cases/inc.json")
	if err != nil {
		t.Fatal(err)
	}
	compareReal(t, append(files, gen{"inc.json", string(inc)}))
}

// TestGeneratedFilesAgainstRealKea judges a part of the generated files, all
// of them if KEACONF_ALL is set.
func TestGeneratedFilesAgainstRealKea(t *testing.T) {
	s := seed(t)
	files := generate(t, s)
	if os.Getenv("KEACONF_ALL") == "" {
		rand.New(rand.NewPCG(s, 1)).Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
		files = files[:480]
	}
	compareReal(t, files)
}

// TestMutatedFilesAgainstRealKea judges files in which a token or two were
// taken away, put in or exchanged.
func TestMutatedFilesAgainstRealKea(t *testing.T) {
	compareReal(t, mutate(t, seed(t), 400))
}

var tokens = regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[-+.0-9eE]+|true|false|null|[][{}:,]|#.*|//.*|/\*|\*/|\s+|.`)

func mutate(t *testing.T, seed uint64, n int) []gen {
	rnd := rand.New(rand.NewPCG(seed, 2))
	var texts [][]string
	for _, c := range recorded(t) {
		texts = append(texts, tokens.FindAllString(string(c.raw), -1))
	}
	for _, p := range probes(t) {
		texts = append(texts, tokens.FindAllString(string(p.text), -1))
	}
	for _, f := range generate(t, seed) {
		texts = append(texts, tokens.FindAllString(f.text, -1))
	}
	pick := func() []string {
		for {
			if text := texts[rnd.IntN(len(texts))]; len(text) > 3 {
				return text
			}
		}
	}
	var files []gen
	for i := range n {
		text := slices.Clone(pick())
		for range 1 + rnd.IntN(2) {
			at, other := rnd.IntN(len(text)), pick()
			token := other[rnd.IntN(len(other))]
			switch rnd.IntN(5) {
			case 0:
				text = slices.Delete(text, at, at+1)
			case 1:
				text = slices.Insert(text, at, token)
			case 2:
				to := rnd.IntN(len(text))
				text[at], text[to] = text[to], text[at]
			default:
				text[at] = token
			}
		}
		files = append(files, gen{"m" + strconv.Itoa(i) + ".conf", strings.Join(text, "")})
	}
	return files
}

func compareReal(t *testing.T, files []gen) {
	t.Helper()
	dir, said := realKea(t, files)
	differ := 0
	for name, kea := range said {
		i := slices.IndexFunc(files, func(f gen) bool { return f.name == name })
		text := strings.ReplaceAll(files[i].text, "DIR", dir)
		c, err := keaconf.Parse(name, []byte(text), keaHost())
		got := verdictOf(err)
		switch {
		case !kea.agrees(got) && !(kea.ok && isRefusedByUsOnly(err)):
			t.Errorf("%s: Kea says %v, we say %v: %v\nKea: %s\n%s", name, kea, got, err, kea.text, text)
			differ++
		case kea.ok && err == nil && commas(c) != kea.commas:
			t.Errorf("%s: Kea warns of %d commas, we of %d\n%s", name, kea.commas, commas(c), text)
			differ++
		}
	}
	t.Logf("%d files, %d differ", len(said), differ)
}

// isRefusedByUsOnly tells of the exceptions of TestVerdictsOfSingleRules.
func isRefusedByUsOnly(err error) bool {
	return strings.Contains(err.Error(), "is not printable ASCII") || strings.Contains(err.Error(), `::1" is not an IPv4 address`)
}

// commas counts the warnings of commas.
func commas(c *keaconf.Config) (n int) {
	for _, w := range c.Warnings {
		if w.Syntax {
			n++
		}
	}
	return n
}
