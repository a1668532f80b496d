package main

import (
	"bytes"
	"os"
	"regexp"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What differs between two runs of the demo.
var (
	anyXID    = regexp.MustCompile(`xid 0x[0-9a-f]+`)
	anyLength = regexp.MustCompile(`length [0-9]+`)
	anyExpiry = regexp.MustCompile(`,[0-9]{10},`)
)

func TestDemoShowsEveryPacketAndTheLeaseFile(t *testing.T) {
	// A folder in which nothing else happens, on any system.
	temp := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		t.Setenv(name, temp)
	}
	goroutines := runtime.NumGoroutine()

	var out bytes.Buffer
	if err := demo(&out); err != nil {
		t.Fatalf("%v after\n%s", err, out.Bytes())
	}

	want, err := os.ReadFile("testdata/demo.txt")
	if err != nil {
		t.Fatal(err)
	}
	got := anyXID.ReplaceAllString(out.String(), "xid X")
	got = anyLength.ReplaceAllString(got, "length N")
	got = anyExpiry.ReplaceAllString(got, ",EXPIRE,")
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}

	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines before, %d after:\n%s", goroutines, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	}
}
