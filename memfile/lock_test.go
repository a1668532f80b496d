//go:build linux

package memfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFileHasOneStoreAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), testFile)
	st, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	renewAll(t, st, 1)
	for range 2 {
		if _, err := Open(path, nil); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path+".lock is locked by another Store of this process") {
			t.Errorf("second Open: %v, want ErrInUse, the path and who has it", err)
		}
	}
	if err := os.WriteFile(path+".lock", []byte("process 7 (dhcpd)\n"), 0o600); err != nil { // as another one would
		t.Fatal(err)
	}
	if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), "is locked by process 7 (dhcpd)") {
		t.Errorf("locked by another process: %v", err)
	}
	if err := st.Cleanup(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, nil); !errors.Is(err, ErrInUse) {
		t.Errorf("after a cleanup: %v, want ErrInUse", err)
	}
	renewAll(t, st, 2)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	reopen(t, path, 2)
	if _, err := os.Stat(path + ".lock"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Close leaves the lock's file behind: %v", err)
	}
}

func TestOpenRefusesWhatIsNoFile(t *testing.T) {
	folder := t.TempDir()
	if _, err := Open(folder, nil); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("folder: %v", err)
	}
	fifo := filepath.Join(folder, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(fifo, nil); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("FIFO: %v", err)
	}
	if _, err := Open("/dev/null", nil); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("device: %v", err)
	}
	if _, err := Open("/proc/leases.csv", nil); err == nil { // even root may not write there
		t.Error("a place that cannot be written: no error")
	} else {
		t.Log(err)
	}
	if left, _ := filepath.Glob(folder + "/*"); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestModeAndOwnerAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), testFile)
	if err := os.WriteFile(path, []byte(Schema21.line()+"damaged\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 65534, 12345
		if err := os.Chown(path, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, suffixes ...string) {
		t.Helper()
		for _, suffix := range suffixes {
			fi, err := os.Stat(path + suffix)
			if err != nil {
				t.Fatal(err)
			}
			st := fi.Sys().(*syscall.Stat_t)
			if fi.Mode() != 0o640 || int(st.Uid) != uid || int(st.Gid) != gid {
				t.Errorf("%s: leases.csv%s has mode %v and owner %d:%d", when, suffix, fi.Mode(), st.Uid, st.Gid)
			}
		}
	}
	st, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	check("opened", "", suffixDamaged)
	if err := st.Cleanup(context.Background()); err != nil {
		t.Fatal(err)
	}
	renewAll(t, st, 1)
	check("cleaned up", "", suffixPrevious)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	renewed := func() error { return st.Sync(context.Background()) }
	renewAllQuietly(st)
	if err := renewed(); err == nil {
		t.Error("no error though the file is gone")
	}
	if err := renewed(); err != nil {
		t.Fatal(err)
	}
	check("made anew", "", suffixPrevious)
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

// renewAllQuietly leaves a row in the buffer.
func renewAllQuietly(st *Store) {
	l := testLease("192.0.2.200")
	st.mu.Lock()
	defer st.mu.Unlock()
	st.buf = appendRow(st.buf, l, st.header, testTime)
	st.appended += int64(len(st.buf))
}

func TestDamagedRowsAreKeptAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), testFile)
	long := strings.Repeat("x", 2*maxLine)
	content := Schema30.line() + testRow("1", "good") + "bad, 1\n" + testRow("2", "good") + "bad, 2\nbad, 1\n" + long + "\n"
	for name, text := range map[string]string{path: content, path + ".2": Schema21.line() + "bad, 3\n", path + suffixDamaged: "bad, 2\nbad, 0"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := "bad, 2\nbad, 0\nbad, 3\nbad, 1\n" + long[:maxLine] + "\n"
	for n, errs := range []int{5, 5, 0} {
		st, err := Open(path, &Options{LFCInterval: -1})
		if err != nil {
			t.Fatal(err)
		}
		if st.RowErrors() != errs || st.Len() != 2 {
			t.Errorf("open %d: %d damaged rows and %d leases, want %d and 2", n, st.RowErrors(), st.Len(), errs)
		}
		got, err := os.ReadFile(path + suffixDamaged)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("open %d: kept %.200q, want %.200q", n, got, want)
		}
		if n == 1 {
			if err := st.Cleanup(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
	if got, _ := os.ReadFile(path); string(got) != Schema30.line() {
		t.Errorf("after a cleanup the file has %.100q", got)
	}
}

func TestTooManyDamagedRowsChangeNothing(t *testing.T) {
	content := Schema30.line() + "bad\nworse\n" + testRow("1", "cut")[:9]
	fs := newFakeFolder(map[string]string{testFile: content})
	if _, err := open(fs, testFile, &Options{MaxRowErrors: 1}, testNow); err == nil || !strings.Contains(err.Error(), "more than 1 damaged rows") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(map[string]string{testFile: content}, fs.cached()); diff != "" {
		t.Error(diff)
	}
}

func TestPIDFileOfALiveKeaIsRespected(t *testing.T) {
	folder := t.TempDir()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip(err)
	}
	start := func(name string) int {
		program := filepath.Join(folder, name)
		copyFile(t, sleep, program)
		cmd := exec.Command(program, "600")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		return cmd.Process.Pid
	}
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, testFile)
	tests := map[string]struct {
		text  string
		inUse bool
	}{
		"kea-lfc at work":      {fmt.Sprintln(start("kea-lfc")), true},
		"dead":                 {fmt.Sprintln(dead.Process.Pid), false},
		"somebody else's":      {fmt.Sprintln(start("lfc")), false},
		"our own number again": {fmt.Sprintln(os.Getpid()), false},
		"empty":                {"", false},
		"garbage":              {"abc\n", false},
		"zeros":                {strings.Repeat("\x00", 6), false},
		"no newline":           {fmt.Sprint(dead.Process.Pid), false},
		"negative":             {"-1\n", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path+suffixPID, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			st, err := Open(path, nil)
			if tt.inUse {
				if !errors.Is(err, ErrInUse) {
					t.Fatalf("Open: %v, want ErrInUse", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := st.Cleanup(context.Background()); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(path + suffixPID); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("after a cleanup the pid file is still there: %v", err)
			}
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
