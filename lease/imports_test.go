package lease_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImports keeps the package usable where there is no network stack and
// every kilobyte counts.
func TestImports(t *testing.T) {
	const pkg = "github.com/embedhcp/embedhcp/lease"
	list := func(format string, deps ...string) []string {
		out, err := exec.CommandContext(t.Context(), "go", slices.Concat([]string{"list"}, deps, []string{"-f", format, pkg})...).CombinedOutput()
		if err != nil {
			t.Fatalf("go list: %v\n%s", err, out)
		}
		return strings.Fields(string(out))
	}
	for _, dep := range list("{{.ImportPath}}", "-deps") {
		if dep == "net" || dep == "log/slog" || strings.HasPrefix(dep, "net/http") || dep == "encoding/json" {
			t.Errorf("lease reaches %s", dep)
		}
		if strings.HasPrefix(dep, "github.com/embedhcp/") && dep != pkg {
			t.Errorf("lease imports %s", dep)
		}
	}
	if slices.Contains(list(`{{join .Imports " "}}`), "reflect") {
		t.Error("lease imports reflect itself")
	}
}
