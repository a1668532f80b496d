package option

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// goTool runs the go command.
func goTool(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("go")
	if err != nil {
		t.Skip("needs the go command in PATH: ", err)
	}
	out, err := exec.Command(path, args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Logf("%s", exit.Stderr)
		}
		t.Fatalf("go %v: %v", args, err)
	}
	return string(out)
}

// symbols builds the program testdata/name and returns the names of this
// package's symbols in it.
func symbols(t *testing.T, name string) map[string]bool {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "program")
	goTool(t, "build", "-o", bin, "./testdata/"+name)
	found := map[string]bool{}
	for line := range strings.Lines(goTool(t, "tool", "nm", bin)) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if symbol, ok := strings.CutPrefix(f[len(f)-1], "github.com/embedhcp/embedhcp/option."); ok {
			found[symbol] = true
		}
	}
	return found
}

func TestProgramLinksOnlyTheDefinitionsItNames(t *testing.T) {
	if testing.Short() {
		t.Skip("builds two programs")
	}
	three := symbols(t, "three")
	for _, name := range []string{"Routers", "SubnetMask", "InterfaceMTU", "Address", "codeNames"} {
		if !three[name] {
			t.Errorf("%s is not in the program: the test looks for the wrong symbols", name)
		}
	}
	others := []string{
		"ClasslessStaticRoute", "DomainSearch", "HostName", "DHCPAgentOptions", "AgentCircuitID", "DomainNameServers", "standard",
		"V4DNR", "ClientFQDN", "RapidCommit", "VIVSOSuboptions", "PXEBootServers", "dnrWire", "appendDNR",
	}
	for _, name := range append(others, "ClasslessRoute", "CompressedFQDN", "Text", "appendRoute", "appendName", "init", "(*Definition).AppendText") {
		if three[name] {
			t.Errorf("%s is in the program", name)
		}
	}

	// The test sees a definition that is there.
	all := symbols(t, "standard")
	for _, name := range others {
		if !all[name] {
			t.Errorf("%s is not in a program that calls Standard", name)
		}
	}
}

func TestPackageReachesNothingHeavy(t *testing.T) {
	deps := strings.Fields(goTool(t, "list", "-deps", "."))
	if len(deps) < 10 {
		t.Fatal(deps)
	}
	for _, dep := range deps {
		switch dep {
		case "net", "log/slog", "net/http", "encoding/json", "reflect", "fmt", "log", "os":
			t.Errorf("reaches %s", dep)
		}
		if strings.Contains(dep, ".") && dep != "github.com/embedhcp/embedhcp/option" {
			t.Errorf("reaches %s, which is not of the standard library", dep)
		}
	}
}

func TestNoInitAndNoMapOrCallAtPackageLevel(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		checkPackageLevel(t, name, f)
	}
}

// checkPackageLevel refuses what would run when a program starts.
func checkPackageLevel(t *testing.T, name string, f *ast.File) {
	for _, decl := range f.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Recv == nil && decl.Name.Name == "init" {
				t.Errorf("%s has an init function", name)
			}
		case *ast.GenDecl:
			if decl.Tok != token.VAR {
				continue
			}
			ast.Inspect(decl, func(n ast.Node) bool {
				switch n.(type) {
				case *ast.CallExpr, *ast.MapType:
					t.Errorf("%s has a call or a map at package level", name)
				}
				return true
			})
		}
	}
}
