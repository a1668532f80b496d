package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

func TestPIDFileIsWhereKeaHasIt(t *testing.T) {
	for config, want := range map[string]string{
		"/etc/kea/kea-dhcp4.conf": "/run/kea/kea-dhcp4.kea-dhcp4.pid",
		"my.lab.json":             "/run/kea/my.lab.kea-dhcp4.pid",
		"bare":                    "/run/kea/bare.kea-dhcp4.pid",
	} {
		t.Setenv("KEA_PIDFILE_DIR", "")
		if got := pidPath(config); got != want {
			t.Errorf("%s: %s, want %s", config, got, want)
		}
	}
	t.Setenv("KEA_PIDFILE_DIR", "/var/run/own")
	if got := pidPath("a/b.conf"); got != "/var/run/own/b.kea-dhcp4.pid" {
		t.Error(got)
	}
}

// startNamed starts a process that is called name and only waits.
func startNamed(t *testing.T, name string) int {
	t.Helper()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip(err)
	}
	link := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(sleep, link); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(link, "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

func TestPIDFileOfALiveServerIsNotTaken(t *testing.T) {
	self, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Skip(err)
	}
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct {
		name, text string
		taken      bool // by somebody else
	}{
		{"none", "", false},
		{"an unreadable number", "x\n", false},
		{"a process that has ended", fmt.Sprintln(ended.Process.Pid), false},
		{"this process, started anew with the same number", fmt.Sprintln(os.Getpid()), false},
		{"another program", fmt.Sprintln(startNamed(t, "unrelated")), false},
		{"Kea", fmt.Sprintln(startNamed(t, "kea-dhcp4")), true},
		{"another of us", fmt.Sprintln(startNamed(t, string(self[:len(self)-1]))), true},
	} {
		path := filepath.Join(t.TempDir(), "x.pid")
		if err := os.WriteFile(path, []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := takePIDFile(path)
		if running := (*runningError)(nil); tt.taken != errors.As(err, &running) {
			t.Errorf("%s: %v", tt.name, err)
		}
		text, _ := os.ReadFile(path)
		want := fmt.Sprintln(os.Getpid())
		if tt.taken {
			want = tt.text
		}
		if string(text) != want {
			t.Errorf("%s: the file has %q, want %q", tt.name, text, want)
		}
		if p == nil {
			continue
		}
		if _, err := takePIDFile(path); err == nil {
			t.Errorf("%s: taken twice", tt.name)
		}
		if err := p.release(); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s: the file is still there (%v)", tt.name, err)
		}
	}
}

func TestOneOfManyGetsThePIDFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.pid")
	var holder sync.Mutex
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				p, err := takePIDFile(path)
				if err != nil {
					continue
				}
				if !holder.TryLock() {
					t.Error("two have the file")
					return
				}
				runtime.Gosched()
				holder.Unlock()
				if err := p.release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
