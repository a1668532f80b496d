package pool_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImportsStayFew keeps the package usable where a network stack or a logger
// would be dead weight.
func TestImportsStayFew(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Skipf("go list: %v", err)
	}
	deps := strings.Fields(string(out))
	for _, banned := range []string{"net", "net/http", "log/slog", "encoding/json", "fmt", "os", "time"} {
		if slices.Contains(deps, banned) {
			t.Errorf("the package reaches %s", banned)
		}
	}
	for _, dep := range deps {
		if first, _, _ := strings.Cut(dep, "/"); strings.Contains(first, ".") && dep != "github.com/embedhcp/embedhcp/pool" {
			t.Errorf("the package reaches %s, which is not of the standard library", dep)
		}
	}
}
