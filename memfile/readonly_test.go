package memfile

import (
	"bytes"
	"context"
	"errors"
	iofs "io/fs"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/lease"
)

// TestReadOnlyReadsWhatAServerWould compares with Open in every state that a
// crash may leave, and makes sure that nothing happens to the files.
func TestReadOnlyReadsWhatAServerWould(t *testing.T) {
	h21, h30 := Schema21.line(), Schema30.line()
	row := func(addr, name string) string { return testRow(addr, name) }
	states := map[string]map[string]string{
		"plain":                    {testFile: h30 + row("1", "a") + row("2", "b")},
		"empty":                    {testFile: ""},
		"torn":                     {testFile: h30 + row("1", "a") + row("2", "b")[:20]},
		"torn header":              {testFile: h30[:30]},
		"damaged":                  {testFile: h30 + "x\n" + row("1", "a") + "y\n", testFile + suffixDamaged: "x\n"},
		"after a cleanup":          {testFile: h30 + row("1", "c"), testFile + ".2": h21 + row("1", "a") + row("2", "b")},
		"rotated":                  {testFile: h30 + row("3", "c"), testFile + ".2": h30 + row("1", "a"), testFile + ".1": h30 + row("1", "b") + row("2", "b")},
		"rotated, not yet created": {testFile + ".2": h30 + row("1", "a"), testFile + ".1": h30 + row("1", "b")},
		"half an output":           {testFile: h30 + row("3", "c"), testFile + ".1": h30 + row("2", "b"), testFile + suffixOutput: h30 + row("9", "z"), testFile + suffixTemporary: h30 + row("8", "z")},
		"completed": {testFile: h30 + row("3", "c"), testFile + ".2": h30 + row("8", "z"), testFile + ".1": h30 + row("9", "z"),
			testFile + suffixCompleted: h30 + row("1", "a")},
		"completed, removed": {testFile: h30 + row("3", "c"), testFile + suffixCompleted: h30 + row("1", "a")},
	}
	for name, state := range states {
		t.Run(name, func(t *testing.T) {
			server := mustOpen(t, newFakeFolder(state), &byHand)
			fs := newFakeFolder(state)
			fs.claimed = true // by the server
			st := mustOpen(t, fs, &Options{ReadOnly: true})
			if diff := cmp.Diff(names(t, server), names(t, st)); diff != "" {
				t.Errorf("leases (-server +read only)\n%s", diff)
			}
			if st.RowErrors() != server.RowErrors() || st.Len() != server.Len() {
				t.Errorf("%d leases, %d damaged rows; the server has %d, %d", st.Len(), st.RowErrors(), server.Len(), server.RowErrors())
			}
			checkRefusesChanges(t, st)
			if err := st.Close(); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(state, fs.cached()); diff != "" || fs.misused != "" {
				t.Errorf("the files have changed %s (-before +after)\n%s", fs.misused, diff)
			}
			if err := st.Find(context.Background(), nil); !errors.Is(err, os.ErrClosed) {
				t.Errorf("Find after Close: %v", err)
			}
			if err := st.Snapshot(context.Background(), new(strings.Builder)); !errors.Is(err, os.ErrClosed) {
				t.Errorf("Snapshot after Close: %v", err)
			}
		})
	}
}

func checkRefusesChanges(t *testing.T, st *Store) {
	t.Helper()
	ctx := context.Background()
	before := names(t, st)
	for name, do := range map[string]func() error{
		"Update":  func() error { return lease.CompareAndSwap(ctx, st, nil, testLease("192.0.2.77")) },
		"Sync":    func() error { return st.Sync(ctx) },
		"Cleanup": func() error { return st.Cleanup(ctx) },
		"Restore": func() error { return st.Restore(ctx, strings.NewReader(Schema30.line())) },
		"Err":     st.Err,
	} {
		if err := do(); !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), st.path) {
			t.Errorf("%s: %v, want ErrReadOnly and the path", name, err)
		}
	}
	if diff := cmp.Diff(before, names(t, st)); diff != "" {
		t.Errorf("leases (-before +after)\n%s", diff)
	}
}

func TestReadOnlySnapshotConverts(t *testing.T) {
	fs := newFakeFolder(map[string]string{
		testFile: Schema30.line() + "192.0.2.1,02:00:00:00:00:01,,3600,1795490001,1,0,0,new,0,,9\n", testFile + ".2": Schema21.line() + testRow("1", "old"),
	})
	for schema, want := range map[Schema]string{
		0:        Schema30.line() + "192.0.2.1,02:00:00:00:00:01,,3600,1795490001,1,0,0,new,0,,9\n",
		Schema21: Schema21.line() + "192.0.2.1,02:00:00:00:00:01,,3600,1795490001,1,0,0,new,0,\n",
	} {
		st := mustOpen(t, fs, &Options{ReadOnly: true, Schema: schema})
		var b bytes.Buffer
		if err := st.Snapshot(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("schema %v (-want +got)\n%s", schema, diff)
		}
	}
}

func TestReadOnlyRefuses(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing there": {nil, "memfile: open leases.csv: file does not exist"},
		"another file":  {map[string]string{testFile: "hello\nyou\n"}, `memfile: leases.csv:1: header: column 1 is "hello", want "address"`},
		"many damaged rows": {map[string]string{testFile: Schema30.line() + "x\ny\n"},
			"memfile: leases.csv:3: more than 1 damaged rows, the last one: row has 1 columns, want at least 11"},
	}
	for name, tt := range tests {
		_, err := open(newFakeFolder(tt.files), testFile, &Options{ReadOnly: true, MaxRowErrors: 1}, testNow)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s:\ngot  %v\nwant %s", name, err, tt.want)
		}
	}
	if _, err := open(newFakeFolder(nil), testFile, &Options{ReadOnly: true}, testNow); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("%v, want ErrNotExist", err)
	}
	folder := t.TempDir()
	if _, err := Open(folder, &Options{ReadOnly: true}); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("folder: %v", err)
	}
}

// TestReadOnlyInAFolderThatCannotBeWritten is about permissions, from which
// root is free; that no file is opened for writing is seen by the lack of them.
func TestReadOnlyInAFolderThatCannotBeWritten(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, testFile)
	if err := os.WriteFile(path, []byte(Schema30.line()+testRow("1", "a")), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(folder, 0o700) })
	st, err := Open(path, &Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if st.Len() != 1 {
		t.Errorf("%d leases, want 1", st.Len())
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(folder + "/*"); len(left) != 1 {
		t.Errorf("files: %v", left)
	}
}

// TestReadOnlyBesideAServer reads while a server renews leases and cleans up
// all the time. What it had confirmed before is there.
func TestReadOnlyBesideAServer(t *testing.T) {
	const leases = 20
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), testFile)
	st, err := Open(path, &Options{Sync: SyncNever, LFCInterval: -1, LFCGrowth: -1})
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu        sync.Mutex
		confirmed = make(map[netip.Addr]time.Time)
		workers   sync.WaitGroup
		stop      = make(chan struct{})
	)
	goOn := func() bool {
		select {
		case <-stop:
			return false
		default:
			return true
		}
	}
	workers.Go(func() {
		for n := 0; goOn(); n++ {
			l := testLease("192.0.2.1")
			l.Addr = netip.AddrFrom4([4]byte{192, 0, 2, byte(n % leases)})
			l.Expires = testTime.Add(time.Duration(n) * time.Second)
			var old *lease.Lease
			if have, ok, _ := lease.Get(ctx, st, l.Addr); ok {
				old = &have
			}
			if err := errors.Join(lease.CompareAndSwap(ctx, st, old, l), st.Sync(ctx)); err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			confirmed[l.Addr] = l.Expires
			mu.Unlock()
		}
	})
	workers.Go(func() {
		for goOn() {
			if err := st.Cleanup(ctx); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 200 {
		mu.Lock()
		want := maps.Clone(confirmed)
		mu.Unlock()
		tool, err := Open(path, &Options{ReadOnly: true})
		if err != nil {
			t.Error(err)
			break
		}
		for a, expires := range want {
			l, ok, err := lease.Get(ctx, tool, a)
			if err != nil || !ok || l.Expires.Before(expires) {
				t.Errorf("%v: %v, %v, %v, but a lease until %v was confirmed before", a, l.Expires, ok, err, expires)
			}
		}
		if err := tool.Close(); err != nil || t.Failed() {
			t.Error(err)
			break
		}
	}
	close(stop)
	workers.Wait()
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

// TestReadOnlyNoticesARotation moves the files after some of them were opened,
// at each of the moments.
func TestReadOnlyNoticesARotation(t *testing.T) {
	for moment := 1; ; moment++ {
		fs := newFakeFolder(nil)
		server := mustOpen(t, fs, &byHand)
		renewAll(t, server, 3)
		want := names(t, server)
		calls, cleaning := 0, false
		fs.hook = func(op, name string) {
			if cleaning {
				return
			}
			if calls++; calls == moment {
				cleaning = true
				if err := server.Cleanup(context.Background()); err != nil {
					t.Error(err)
				}
				cleaning = false
			}
		}
		st := mustOpen(t, fs, &Options{ReadOnly: true})
		if got := names(t, st); !slices.Equal(got, want) {
			t.Errorf("cleanup before call %d: leases %v, want %v", moment, got, want)
		}
		if calls < moment {
			if moment < 8 {
				t.Errorf("only %d calls", calls)
			}
			return
		}
	}
}

func TestFindHostname(t *testing.T) {
	for _, indexed := range []bool{false, true} {
		fs := newFakeFS(Schema30.line() + testRow("1", "one") + testRow("2", "shared") + testRow("3", "shared") + testRow("2", "two"))
		o := byHand
		o.IndexHostnames = indexed
		st := mustOpen(t, fs, &o)
		ctx := context.Background()
		finds := func(name string, want ...string) {
			t.Helper()
			ls, err := st.FindHostname(ctx, name, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range ls {
				got = append(got, l.Addr.String())
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("indexed %v: %q is the name of %v, want %v", indexed, name, got, want)
			}
		}
		finds("shared", "192.0.2.3")
		finds("TWO", "192.0.2.2")
		if err := st.Restore(ctx, strings.NewReader(Schema30.line()+testRow("7", "two")+testRow("8", "shared"))); err != nil {
			t.Fatal(err)
		}
		finds("two", "192.0.2.7")
		finds("shared", "192.0.2.8")
		finds("one")
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := st.FindHostname(ctx, "two", nil); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	}
}
