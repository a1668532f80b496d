package memfile

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestPackageDoesNotReachTheNetwork(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Skipf("go list: %v", err)
	}
	if deps := strings.Fields(string(out)); slices.Contains(deps, "net") {
		t.Error("memfile reaches net")
	}
	out, err = exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, ".").Output()
	if err != nil {
		t.Skipf("go list: %v", err)
	}
	for _, banned := range []string{"net", "net/http", "encoding/json", "reflect", "github.com/embedhcp/embedhcp/dhcp4"} {
		if slices.Contains(strings.Fields(string(out)), banned) {
			t.Errorf("memfile imports %s", banned)
		}
	}
}
