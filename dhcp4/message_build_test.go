package dhcp4

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// goTool runs the go command in this folder.
func goTool(t *testing.T, env []string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("go")
	if err != nil {
		t.Skip("needs the go command in PATH: ", err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Logf("%s", out)
		}
		t.Fatalf("go %v: %v", args, err)
	}
}

// The linker rounds each of three segments up to 64 KiB, so that the size
// changes in steps of that. Packages net and log/slog, which the Server needs,
// are 1,769,634 octets of each program. All of the codec takes two steps more
// and is next to a third.
func TestProgramWithTheCodecAloneIsSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	for _, tc := range []struct {
		name string
		most int64
	}{
		{"codec", 1_900_000},     // decode, encode, frames
		{"codecrich", 2_000_000}, // also text, size limits, VLAN tags, typed options, fmt.Println
	} {
		program := filepath.Join(t.TempDir(), tc.name)
		goTool(t, []string{"GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0"},
			"build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./testdata/"+tc.name)
		info, err := os.Stat(program)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d octets", tc.name, info.Size())
		if info.Size() > tc.most {
			t.Errorf("%s has %d octets, want at most %d", tc.name, info.Size(), tc.most)
		}
	}
}

// What the fuzz targets start from reaches nearly everything.
func TestFuzzSeedsCoverTheCodec(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the tests again")
	}
	const least = 0.95
	profile := filepath.Join(t.TempDir(), "cover.out")
	goTool(t, nil, "test", "-run", "^Fuzz", "-coverprofile", profile, ".")
	text, err := os.ReadFile(profile)
	if err != nil {
		t.Fatal(err)
	}
	total, covered := 0, 0
	for line := range strings.Lines(string(text)) {
		// package/file.go:1.2,3.4 statements count
		file, rest, _ := strings.Cut(line, ":")
		file = filepath.Base(file)
		if !strings.HasPrefix(file, "message") && !strings.HasPrefix(file, "frame") {
			continue
		}
		f := strings.Fields(rest)
		n, err := strconv.Atoi(f[1])
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		total += n
		if f[2] != "0" {
			covered += n
		} else {
			t.Logf("not covered: %s:%s", file, f[0])
		}
	}
	t.Logf("the seeds cover %d of %d statements: %.1f %%", covered, total, 100*float64(covered)/float64(total))
	if total < 300 || float64(covered) < least*float64(total) {
		t.Errorf("that is less than %.0f %%", 100*least)
	}
}
