package dhcp4_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/embedhcp/embedhcp/"

// allowedImports is the whole of what packages of the module may import of
// each other. Arrows point down only.
var allowedImports = map[string][]string{
	"option":          nil,
	"lease":           nil,
	"pool":            nil,
	"lease/leasetest": {"lease"},
	"memfile":         {"lease"},
	"dhcp4":           {"lease", "option", "pool"},
	"dhcp4/dhcp4test": {"dhcp4", "lease", "option"},
	"dhcp4/keaconf":   {"dhcp4", "lease", "memfile", "option", "pool"},
}

// requiredModules is the whole of what the root module may require itself.
var requiredModules = []string{
	"github.com/google/go-cmp", // tests only
	"github.com/mdlayher/packet",
	"golang.org/x/net",
	"golang.org/x/sys",
}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// listPackages returns what the go command says about all packages of the
// module, without their tests.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = ".."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			t.Skip("the go command is not there to list the packages")
		}
		t.Fatal(err)
	}
	var all []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestPackagesImportOnlyWhatIsBelowThem(t *testing.T) {
	packages := listPackages(t)
	if len(packages) < len(allowedImports) {
		t.Fatalf("only %d packages listed", len(packages))
	}
	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := allowedImports[name]
		if !known {
			// Programs that measure and test may use what they like.
			if !strings.HasPrefix(name, "examples/") && !strings.Contains(name, "/internal/") {
				t.Errorf("package %s has no place in the layout", name)
			}
			continue
		}
		for _, i := range p.Imports {
			if own, ok := strings.CutPrefix(i, module); ok && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s", name, own)
			}
			if name != "lease/leasetest" && name != "dhcp4/dhcp4test" && slices.Contains([]string{"net/http", "encoding/json", "reflect"}, i) {
				t.Errorf("%s imports %s", name, i)
			}
		}
		if name == "option" || name == "lease" || name == "pool" {
			for _, d := range p.Deps {
				if d == "net" || d == "log/slog" {
					t.Errorf("%s reaches %s", name, d)
				}
			}
		}
	}
}

func TestTopLevelHoldsTheLayoutOnly(t *testing.T) {
	want := []string{"CHANGELOG.md", "LICENSE", "README.md", "dhcp4", "examples", "go.mod", "go.sum", "lease", "memfile", "option", "pool"}
	cmd := exec.Command("git", "ls-files", "--full-name", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Skip("not a git checkout: ", err)
	}
	var got []string
	for name := range strings.Lines(string(out)) {
		top, _, _ := strings.Cut(strings.TrimSpace(name), "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(got, top) {
			got = append(got, top)
		}
	}
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("top level (-want +got):\n%s", d)
	}
}

func TestRootModuleRequiresOnlyTheAgreedModules(t *testing.T) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{if not .Indirect}}{{.Path}}{{end}}", "all")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Skip("the go command cannot list the modules: ", err)
	}
	for p := range strings.Lines(string(out)) {
		p = strings.TrimSpace(p)
		if p == "" || p == path.Clean(module) {
			continue
		}
		if !slices.Contains(requiredModules, p) {
			t.Errorf("the root module requires %s", p)
		}
	}
}
