package memfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
)

func TestStoreConforms(t *testing.T) {
	for name, mode := range map[string]SyncMode{"SyncAlways": SyncAlways, "SyncInterval": SyncInterval(time.Millisecond), "SyncNever": SyncNever} {
		t.Run(name, func(t *testing.T) { conforms(t, Options{Sync: mode}) })
	}
	t.Run("with cleanups all the time", func(t *testing.T) { conforms(t, Options{Sync: SyncNever, LFCInterval: 1}) })
	t.Run("with an index of host names", func(t *testing.T) { conforms(t, Options{IndexHostnames: true}) })
}

// TestStoreConformsThroughCrashes has the machine lose its power in SyncAlways;
// in the other modes what survives that is not for Sync to say, so the process
// is killed.
func TestStoreConformsThroughCrashes(t *testing.T) {
	for name, o := range map[string]Options{
		"power cuts":                            byHand,
		"power cuts with cleanups all the time": {LFCInterval: 1},
		"kills":                                 {Sync: SyncNever, LFCInterval: -1, LFCGrowth: -1},
		"kills in an interval":                  {Sync: SyncInterval(time.Millisecond), LFCInterval: -1},
		"kills, names found by an index, cleanups": {Sync: SyncNever, LFCInterval: 1, IndexHostnames: true},
	} {
		t.Run(name, func(t *testing.T) { throughCrashes(t, o) })
	}
}

// throughCrashes runs the suite on the fake disk.
func throughCrashes(t *testing.T, o Options) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)).Uint64
	openOn := func(t testing.TB, fs *fakeFS) lease.Store {
		st := mustOpen(t, fs, &o)
		t.Cleanup(func() { // of one that has crashed, too: its disk is another by then
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
		return st
	}
	leasetest.Suite{
		Seed: seed,
		Open: func(t testing.TB) lease.Store { return openOn(t, newFakeFolder(nil)) },
		Reopen: func(t testing.TB, st lease.Store) lease.Store {
			old := st.(*Store)
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			return openOn(t, old.fs.(*fakeFS))
		},
		Crash: func(t testing.TB, st lease.Store) lease.Store {
			fs := st.(*Store).fs.(*fakeFS)
			if o.Sync != SyncAlways {
				return openOn(t, newFakeFolder(fs.cached()))
			}
			return openOn(t, fs.powerCut(random))
		},
	}.Run(t)
}

func conforms(t *testing.T, o Options) {
	openAt := func(t testing.TB, path string) lease.Store {
		st, err := Open(path, &o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
		return st
	}
	leasetest.Suite{
		Open: func(t testing.TB) lease.Store { return openAt(t, filepath.Join(t.TempDir(), "leases4.csv")) },
		Reopen: func(t testing.TB, st lease.Store) lease.Store {
			old := st.(*Store)
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			return openAt(t, old.path)
		},
	}.Run(t)
}

func TestHeaderDecidesAboutNewRows(t *testing.T) {
	l := testLease("192.0.2.1")
	l.PoolID = 9
	const row = "192.0.2.1,02:00:00:00:00:01,,3600,1795490001,1,0,0,,0,"
	h10, h20 := columnNames[:strings.Index(columnNames, ",state")], columnNames[:strings.Index(columnNames, ",user_context")]
	h21, h30 := columnNames[:strings.Index(columnNames, ",pool_id")], columnNames
	tests := map[string]struct {
		before string
		schema Schema
		want   string
	}{
		"new":                                  {"", 0, h30 + "\n" + row + ",9\n"},
		"new, 2.1":                             {"", Schema21, h21 + "\n" + row + "\n"},
		"1.0":                                  {h10 + "\n", 0, h10 + "\n" + row + "\n"},
		"2.0":                                  {h20 + "\n", 0, h20 + "\n" + row + "\n"},
		"2.1":                                  {h21 + "\n", 0, h21 + "\n" + row + "\n"},
		"3.0":                                  {h30 + "\n", 0, h30 + "\n" + row + ",9\n"},
		"1.0, converted":                       {h10 + "\n", Schema30, h30 + "\n" + row + ",9\n"},
		"2.0, converted":                       {h20 + "\n", Schema21, h21 + "\n" + row + "\n"},
		"2.1, converted":                       {h21 + "\n", Schema30, h30 + "\n" + row + ",9\n"},
		"3.0, converted":                       {h30 + "\n", Schema21, h21 + "\n" + row + "\n"},
		"unknown columns":                      {h30 + ",x,y\n", Schema30, h30 + ",x,y\n" + row + ",9,,\n"},
		"another 12th column":                  {h21 + ",zzz\n", Schema21, h21 + ",zzz\n" + row + ",\n"},
		"header without newline":               {h21, Schema21, h21 + "\n" + row + "\n"},
		"header without newline, other schema": {h30, Schema21, h21 + "\n" + row + "\n"},
		"piece of a header":                    {"addre", 0, h30 + "\n" + row + ",9\n"},
		"blank lines before":                   {"\n\n" + h21 + "\n", 0, "\n\n" + h21 + "\n" + row + "\n"},
		"torn row":                             {h21 + "\n" + row, 0, h21 + "\n" + row + "\n"},
		"zeros":                                {strings.Repeat("\x00", 512), 0, h30 + "\n" + row + ",9\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			path := filepath.Join(t.TempDir(), "leases.csv")
			if err := os.WriteFile(path, []byte(tt.before), 0o600); err != nil {
				t.Fatal(err)
			}
			st, err := Open(path, &Options{Schema: tt.schema})
			if err != nil {
				t.Fatal(err)
			}
			if err := lease.CompareAndSwap(ctx, st, nil, new(*l)); err != nil {
				t.Fatal(err)
			}
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("file (-want +got)\n%s", diff)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	const header9 = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname"
	tests := map[string]struct {
		content string
		schema  Schema
		want    string
	}{
		"other file":       {"#!/bin/sh\nexit\n", 0, `memfile: leases.csv:1: header: column 1 is "#!/bin/sh", want "address"`},
		"other short file": {"hello", 0, `memfile: leases.csv: not a lease file: header: column 1 is "hello", want "address"`},
		"few columns":      {"address,hwaddr\n", 0, "memfile: leases.csv:1: header: 2 columns, want at least 9"},
		"case":             {"Address" + header9[7:] + "\n", 0, `memfile: leases.csv:1: header: column 1 is "Address", want "address"`},
		"CRLF":             {header9 + "\r\n", 0, `memfile: leases.csv:1: header: column 9 is "hostname\r", want "hostname"`},
		"blank line":       {"\n", 0, "memfile: leases.csv: not a lease file: no header"},
		"schema":           {"", 20, "memfile: schema 2.0: want 2.1 or 3.0"},
		"cut-off header with rows": {strings.Repeat("\x00", 20) + "\n192.0.2.1,\n", 0,
			`memfile: leases.csv:1: header: column 1 is "` + strings.Repeat(`\x00`, 20) + `", want "address"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			fs := newFakeFS(tt.content)
			_, err := open(fs, testFile, &Options{Schema: tt.schema}, testNow)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if fs.cached()[testFile] != tt.content {
				t.Errorf("file was changed to %q", fs.cached()[testFile])
			}
		})
	}
	if _, err := Open(filepath.Join(t.TempDir(), "no", "leases.csv"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v, want ErrNotExist", err)
	}
	if _, err := Open(t.TempDir(), nil); err == nil {
		t.Error("a folder was opened")
	}
}

func TestRemovedTailIsLogged(t *testing.T) {
	var log bytes.Buffer
	fs := newFakeFS(Schema21.line() + "192.0.2.1,02:00")
	st := mustOpen(t, fs, &Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, want := range []string{"incomplete last line removed", "192.0.2.1,02:00", fmt.Sprintf("offset=%d", len(Schema21.line()))} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q:\n%s", want, &log)
		}
	}
	if fs.durable()[testFile] != Schema21.line() || st.Len() != 0 {
		t.Errorf("%d leases, file %q", st.Len(), fs.durable()[testFile])
	}
}

func TestUpdateRefusesWhatTheFileCannotHold(t *testing.T) {
	ctx := context.Background()
	fs := newFakeFS("")
	st := mustOpen(t, fs, &byHand)
	good := testLease("192.0.2.1")
	changes := map[string]func(*lease.Lease){
		"no map":   func(l *lease.Lease) { l.UserContext = "[ ]" },
		"long":     func(l *lease.Lease) { l.Hostname = strings.Repeat("x", maxText+1) },
		"far":      func(l *lease.Lease) { l.Expires = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"newline":  func(l *lease.Lease) { l.Hostname = "a\nb" },
		"nobody's": func(l *lease.Lease) { l.HardwareAddr = lease.HardwareAddr{} },
	}
	cs := []lease.Change{{New: good}}
	for i, name := range []string{"no map", "long", "far", "newline", "nobody's"} {
		l := testLease(fmt.Sprintf("192.0.2.%d", i+2))
		changes[name](l)
		cs = append(cs, lease.Change{New: l})
	}
	last := testLease("192.0.2.9")
	cs = append(cs, lease.Change{New: last})
	before := append([]lease.Change(nil), cs...)
	if err := st.Update(ctx, cs); err != nil {
		t.Fatal(err)
	}
	for i, c := range cs {
		if c.Old != before[i].Old || c.New != before[i].New {
			t.Errorf("change %d: Old or New was replaced", i)
		}
		if want := i == 0 || i == len(cs)-1; (c.Err == nil) != want {
			t.Errorf("change %d: Err %v, applied: want %v", i, c.Err, want)
		} else if !want && !strings.Contains(c.Err.Error(), c.New.Addr.String()) {
			t.Errorf("change %d: Err %v does not name the address", i, c.Err)
		}
	}
	if st.Len() != 2 {
		t.Errorf("%d leases, want 2", st.Len())
	}
	checkGoesOn(t, fs, st)
}

func TestLongClientIDIsRefusedIfAsked(t *testing.T) {
	o := byHand
	o.LongClientIDs = ClientIDsRefused
	st := mustOpen(t, newFakeFolder(nil), &o)
	for _, n := range []int{128, 129} {
		l := testLease(fmt.Sprintf("192.0.2.%d", n))
		l.ClientID = lease.ClientIDFrom(make([]byte, n))
		if err := lease.CompareAndSwap(context.Background(), st, nil, l); (err == nil) != (n == 128) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
	for name, o := range map[string]Options{"Sync": {Sync: -2}, "LongClientIDs": {LongClientIDs: 3}, "Schema": {Schema: 22}} {
		if _, err := open(newFakeFolder(nil), testFile, &o, testNow); err == nil {
			t.Errorf("an impossible %s is accepted", name)
		}
	}
}

func TestDeletionNeedsOnlyAddressAndRevision(t *testing.T) {
	ctx := context.Background()
	fs := newFakeFS("")
	st := mustOpen(t, fs, &Options{Schema: Schema21})
	l := testLease("192.0.2.1")
	if err := lease.CompareAndSwap(ctx, st, nil, l); err != nil {
		t.Fatal(err)
	}
	cs := []lease.Change{
		{Old: &lease.Lease{Addr: netip.MustParseAddr("192.0.2.7"), Revision: 5}},
		{Old: &lease.Lease{Addr: l.Addr, Revision: l.Revision}},
	}
	if err := st.Update(ctx, cs); err != nil || cs[0].Err != lease.ErrConflict || cs[1].Err != nil {
		t.Fatalf("Update: %v, %v, %v", err, cs[0].Err, cs[1].Err)
	}
	if err := st.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	want := Schema21.line() + "192.0.2.1,02:00:00:00:00:01,,3600,1795490001,1,0,0,,0,\n192.0.2.1,02:00:00:00:00:01,,0,1795486401,1,0,0,,0,\n"
	if diff := cmp.Diff(want, fs.durable()[testFile]); diff != "" {
		t.Errorf("file (-want +got)\n%s", diff)
	}
}

func TestClosedStoreSaysSo(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "leases.csv")
	st, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := lease.CompareAndSwap(ctx, st, nil, testLease("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
	calls := map[string]func() error{
		"Find":   func() error { return st.Find(ctx, nil) },
		"Update": func() error { return st.Update(ctx, nil) },
		"Sync":   func() error { return st.Sync(ctx) },
		"Leases": func() error {
			for _, err := range st.Leases(ctx, lease.Filter{}) {
				return err
			}
			return nil
		},
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, os.ErrClosed) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want ErrClosed and the path", name, err)
		}
	}
	reopen(t, path, 1)
}

func TestOneSyncServesAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		fs := newFakeFolder(nil)
		st := mustOpen(t, fs, &byHand)
		fs.writes, fs.syncs = 0, 0
		fs.syncing = func() { time.Sleep(10 * time.Millisecond) }
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				if err := lease.CompareAndSwap(ctx, st, nil, testLease(fmt.Sprintf("192.0.2.%d", i))); err != nil {
					t.Error(err)
				}
				if err := st.Sync(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if fs.writes > 2 || fs.syncs > 2 {
			t.Errorf("%d writes and %d syncs for 100 callers at once, want at most 2", fs.writes, fs.syncs)
		}
		if took := time.Since(start); took > 20*time.Millisecond {
			t.Errorf("took %v, want at most two syncs of 10 ms", took)
		}
		if err := st.Sync(ctx); err != nil || fs.syncs > 2 {
			t.Errorf("Sync with nothing to do: %v, %d syncs", err, fs.syncs)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWaitForOthersSyncEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newFakeFolder(nil)
		st := mustOpen(t, fs, &byHand)
		fs.syncing = func() { time.Sleep(time.Second) }
		if err := lease.CompareAndSwap(t.Context(), st, nil, testLease("192.0.2.1")); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := st.Sync(context.Background()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		if err := st.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Sync: %v, want DeadlineExceeded", err)
		}
		wg.Wait()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseWaitsForSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		fs := newFakeFolder(nil)
		st := mustOpen(t, fs, &byHand)
		fs.syncing = func() { time.Sleep(time.Second) }
		var wg sync.WaitGroup
		for i := range 3 {
			if err := lease.CompareAndSwap(ctx, st, nil, testLease(fmt.Sprintf("192.0.2.%d", i))); err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				if err := st.Sync(ctx); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if fs.misused != "" {
			t.Error(fs.misused)
		}
		if fs.durable()[testFile] != fs.cached()[testFile] {
			t.Error("Close left rows behind")
		}
	})
}

// TestBufferIsBounded has a caller that never calls Sync.
func TestBufferIsBounded(t *testing.T) {
	ctx := context.Background()
	fs := newFakeFolder(nil)
	st := mustOpen(t, fs, &byHand)
	l := testLease("192.0.2.1")
	l.Hostname = strings.Repeat("x", maxText/2)
	var old *lease.Lease
	for range 100 {
		if err := lease.CompareAndSwap(ctx, st, old, l); err != nil {
			t.Fatal(err)
		}
		old = new(*l)
		if n := len(st.buf); n > maxBuffer+maxText {
			t.Fatalf("%d bytes in the buffer", n)
		}
	}
	if fs.syncs < 3 {
		t.Errorf("%d syncs", fs.syncs)
	}
	checkGoesOn(t, fs, st)
}
