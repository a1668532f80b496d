package memfile

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

func TestFailureLastsUntilANewFileWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		fs := newFakeFolder(nil)
		st := mustOpen(t, fs, &byHand)
		renewAll(t, st, 1)
		fs.fault = func(int) *fakeFault { return &fakeFault{bytes: 7} }
		if err := lease.CompareAndSwap(ctx, st, nil, testLease("192.0.2.1")); err != nil {
			t.Fatal(err)
		}
		if err := st.Err(); err != nil {
			t.Errorf("Err before the failure: %v", err)
		}
		if err := st.Sync(ctx); !errors.Is(err, errFault) {
			t.Fatalf("Sync: %v, want the fault", err)
		}
		if err := st.Err(); !errors.Is(err, errFault) {
			t.Fatalf("Err: %v, want the fault", err)
		}
		if err := st.Sync(ctx); !errors.Is(err, errFault) {
			t.Errorf("second Sync: %v, want the fault", err)
		}
		if err := lease.CompareAndSwap(ctx, st, nil, testLease("192.0.2.2")); !errors.Is(err, errFault) {
			t.Errorf("Update: %v, want the fault", err)
		}
		if _, ok, err := lease.Get(ctx, st, netip.MustParseAddr("192.0.2.2")); ok || err != nil {
			t.Errorf("a change that Update refused is there: %v %v", ok, err)
		}
		if err := st.Cleanup(ctx); !errors.Is(err, errFault) {
			t.Errorf("Cleanup: %v, want the fault", err)
		}
		if err := st.Snapshot(ctx, new(strings.Builder)); !errors.Is(err, errFault) {
			t.Errorf("Snapshot: %v, want the fault", err)
		}

		fs.fault = nil
		calls := fs.calls
		if err := st.Sync(ctx); !errors.Is(err, errFault) || fs.calls != calls {
			t.Errorf("Sync a moment after a new file failed: %v, %d calls, want the fault and none", err, fs.calls-calls)
		}
		time.Sleep(retryAfter)
		if err := st.Sync(ctx); err != nil {
			t.Errorf("Sync a second later: %v", err)
		}
		if err := st.Err(); err != nil {
			t.Errorf("Err after it: %v", err)
		}
		if fs.misused != "" {
			t.Error(fs.misused)
		}
		if got := names(t, st); len(got) != 2 {
			t.Errorf("leases %v, want two", got)
		}
		if got := len(fs.durable()); got != 2 {
			t.Errorf("%d files, want 2", got)
		}
		checkGoesOn(t, fs, st)
	})
}

func TestCloseReturnsTheFailure(t *testing.T) {
	fs := newFakeFolder(nil)
	st := mustOpen(t, fs, &byHand)
	if err := lease.CompareAndSwap(context.Background(), st, nil, testLease("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	fs.fault = func(int) *fakeFault { return &fakeFault{} }
	if err := st.Close(); !errors.Is(err, errFault) {
		t.Errorf("Close: %v, want the fault", err)
	}
	if fs.misused != "" || fs.claimed {
		t.Error(fs.misused, fs.claimed)
	}
	if err := st.Err(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Err: %v, want ErrClosed", err)
	}
}

func TestFileRemovedUnderUsIsMadeAnew(t *testing.T) {
	hurt := map[string]func(t *testing.T, path string) error{
		"removed": func(t *testing.T, path string) error { return os.Remove(path) },
		"moved":   func(t *testing.T, path string) error { return os.Rename(path, path+".old") },
		"replaced": func(t *testing.T, path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o644))
		},
	}
	for name, do := range hurt {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			path := filepath.Join(t.TempDir(), testFile)
			st, err := Open(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			renewAll(t, st, 2)
			if err := do(t, path); err != nil {
				t.Skip(err) // not on every system
			}
			if err := lease.CompareAndSwap(ctx, st, nil, testLease("192.0.2.9")); err != nil {
				t.Fatal(err)
			}
			if err := st.Sync(ctx); !errors.Is(err, errMoved) {
				t.Fatalf("Sync: %v, want %v", err, errMoved)
			}
			if err := st.Sync(ctx); err != nil {
				t.Fatalf("second Sync: %v", err)
			}
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
			reopen(t, path, 3)
		})
	}
}

// TestSyncModes asks for a lease after a power cut at several moments.
func TestSyncModes(t *testing.T) {
	const interval = 10 * time.Second
	tests := map[string]struct {
		mode                     SyncMode
		sync, later, near, close bool // there after Sync, before the interval ends, after it, after Close
	}{
		"SyncAlways":        {SyncAlways, true, true, true, true},
		"SyncInterval":      {SyncInterval(interval), false, false, true, true},
		"SyncInterval zero": {SyncInterval(0), true, true, true, true},
		"SyncNever":         {SyncNever, false, false, false, false},
	}
	for name, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			fs := newFakeFolder(nil)
			o := byHand
			o.Sync = tt.mode
			st := mustOpen(t, fs, &o)
			there := func(when string, want bool) {
				t.Helper()
				if got := strings.Contains(fs.durable()[testFile], "192.0.2.0,"); got != want {
					t.Errorf("%s: on the disk %s: %v, want %v", name, when, got, want)
				}
				if got := strings.Contains(fs.cached()[testFile], "192.0.2.0,"); !got {
					t.Errorf("%s: the kernel does not have it %s", name, when)
				}
			}
			renewAll(t, st, 1)
			there("after Sync", tt.sync)
			time.Sleep(interval - time.Second)
			synctest.Wait()
			there("before the interval ends", tt.later)
			renewAll(t, st, 2)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			there("after the interval", tt.near)
			if err := st.Close(); err != nil {
				t.Error(err)
			}
			there("after Close", tt.close)
			time.Sleep(time.Hour)
			if fs.misused != "" {
				t.Errorf("%s: %s", name, fs.misused)
			}
		})
	}
}

func TestFailedSyncAfterTheIntervalIsRepairedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newFakeFolder(nil)
		o := byHand
		o.Sync = SyncInterval(time.Second)
		st := mustOpen(t, fs, &o)
		renewAll(t, st, 2)
		fs.mu.Lock() // the timer's goroutine is on its way
		next := fs.calls + 1
		fs.fault = func(call int) *fakeFault {
			if call == next {
				return &fakeFault{}
			}
			return nil
		}
		fs.mu.Unlock()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if err := st.Err(); err != nil || fs.misused != "" {
			t.Error(err, fs.misused)
		}
		again := mustOpen(t, newFakeFolder(fs.durable()), &byHand)
		if again.Len() != 2 {
			t.Errorf("%d leases on the disk, want 2", again.Len())
		}
		checkGoesOn(t, fs, st)
	})
}
