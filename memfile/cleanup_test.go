package memfile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/lease"
)

// testRow returns the row of a lease whose host name is name. A name with "-"
// before it makes the row a deletion.
func testRow(addr, name string) string {
	l := testLease("192.0.2." + addr)
	name, del := strings.CutPrefix(name, "-")
	l.Hostname = name
	if del {
		return string(appendDeletion(nil, l, header30, testTime))
	}
	return string(appendRow(nil, l, header30, testTime))
}

// names returns the leases of st as "last octet:host name", sorted.
func names(t *testing.T, st lease.Store) []string {
	t.Helper()
	var s []string
	for l, err := range st.Leases(context.Background(), lease.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		s = append(s, fmt.Sprintf("%d:%s", l.Addr.As4()[3], l.Hostname))
	}
	slices.Sort(s)
	return s
}

// keaStates are what a cleanup may leave, and what Kea 2.2 then loads.
func keaStates() map[string]struct {
	files map[string]string
	want  []string
} {
	h := Schema30.line()
	two := h + testRow("1", "two") + testRow("2", "two") + testRow("3", "two")
	one := h + testRow("2", "one") + testRow("4", "one") + testRow("3", "-one") + testRow("5", "one")
	merged := h + testRow("1", "two") + testRow("2", "one") + testRow("4", "one") + testRow("5", "one")
	cur := h + testRow("4", "cur") + testRow("6", "cur")
	all := []string{"1:two", "2:one", "4:cur", "5:one", "6:cur"}
	type state = struct {
		files map[string]string
		want  []string
	}
	return map[string]state{
		"before the first":        {map[string]string{"": cur}, []string{"4:cur", "6:cur"}},
		"after one":               {map[string]string{"": cur, ".2": two}, []string{"1:two", "2:two", "3:two", "4:cur", "6:cur"}},
		"copy":                    {map[string]string{"": cur, ".1": one}, []string{"2:one", "4:cur", "5:one", "6:cur"}},
		"copy and previous":       {map[string]string{"": cur, ".1": one, ".2": two}, all},
		"no current file":         {map[string]string{".1": one, ".2": two}, []string{"1:two", "2:one", "4:one", "5:one"}},
		"output":                  {map[string]string{"": cur, ".1": one, ".2": two, ".output": h + testRow("3", "stale") + "192.0.2"}, all},
		"our output":              {map[string]string{"": cur, ".1": one, ".2": two, ".output.tmp": h + testRow("3", "stale")}, all},
		"completed":               {map[string]string{"": cur, ".1": one, ".2": two, ".completed": merged}, all},
		"completed, no previous":  {map[string]string{"": cur, ".1": one, ".completed": merged}, all},
		"completed alone":         {map[string]string{"": cur, ".completed": merged}, all},
		"completed, stale others": {map[string]string{"": cur, ".1": h + testRow("7", "stale"), ".2": h + testRow("8", "stale"), ".completed": merged}, all},
		"empty copy":              {map[string]string{"": cur, ".1": "", ".2": two}, []string{"1:two", "2:two", "3:two", "4:cur", "6:cur"}},
		"cut copy":                {map[string]string{"": cur, ".1": one + "192.0.2.9,02:00", ".2": two}, all},
		"dead pid file":           {map[string]string{"": cur, ".1": one, ".2": two, ".pid": ""}, all},
		"other schemas":           {map[string]string{"": cur, ".1": strings.ReplaceAll(strings.ReplaceAll(one, ",pool_id", ""), ",0\n", "\n"), ".2": two}, all},
	}
}

func folderOf(files map[string]string) *fakeFS {
	m := make(map[string]string)
	for suffix, content := range files {
		m[testFile+suffix] = content
	}
	return newFakeFolder(m)
}

func TestFilesOfACleanupAreReadInKeasOrder(t *testing.T) {
	for name, tt := range keaStates() {
		t.Run(name, func(t *testing.T) {
			fs := folderOf(tt.files)
			st := mustOpen(t, fs, &byHand)
			if diff := cmp.Diff(tt.want, names(t, st)); diff != "" {
				t.Errorf("leases (-want +got)\n%s", diff)
			}
			if st.RowErrors() != 0 {
				t.Errorf("%d rows skipped", st.RowErrors())
			}
			before := fs.cached()
			delete(before, testFile)
			after := fs.cached()
			delete(after, testFile)
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("Open changed the other files\n%s", diff)
			}
			if err := st.Cleanup(context.Background()); err != nil {
				t.Fatal(err)
			}
			if err := st.Cleanup(context.Background()); err != nil { // the first one may have left the current file
				t.Fatal(err)
			}
			files := slices.Sorted(maps.Keys(fs.durable()))
			keep := []string{testFile, testFile + ".2"}
			if diff := cmp.Diff(keep, files); diff != "" {
				t.Errorf("files after a cleanup (-want +got)\n%s", diff)
			}
			if got := fs.durable()[testFile]; got != Schema30.line() {
				t.Errorf("current file has rows after two cleanups: %q", got)
			}
			if n := strings.Count(fs.durable()[testFile+".2"], "\n"); n != 1+len(tt.want) {
				t.Errorf("%d lines after a cleanup, want %d", n, 1+len(tt.want))
			}
			checkGoesOn(t, fs, st)
		})
	}
}

func TestOpenRefusesAForeignFileBesideItsOwn(t *testing.T) {
	for _, suffix := range []string{".1", ".2", ".completed"} {
		fs := folderOf(map[string]string{"": Schema30.line(), suffix: "#!/bin/sh\nexit\n"})
		_, err := open(fs, testFile, &byHand, testNow)
		if err == nil || !strings.Contains(err.Error(), testFile+suffix+":1: header") {
			t.Errorf("%s: %v", suffix, err)
		}
		if fs.claimed {
			t.Errorf("%s: still locked", suffix)
		}
	}
}

func TestOpenFinishesACleanupInTheBackground(t *testing.T) {
	for name, tt := range keaStates() {
		synctest.Test(t, func(t *testing.T) {
			fs := folderOf(tt.files)
			st := mustOpen(t, fs, nil)
			synctest.Wait()
			for _, suffix := range []string{".1", ".completed"} {
				if _, there := fs.durable()[testFile+suffix]; there {
					t.Errorf("%s: %s is still there", name, suffix)
				}
			}
			if diff := cmp.Diff(tt.want, names(t, st)); diff != "" {
				t.Errorf("%s: leases (-want +got)\n%s", name, diff)
			}
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCleanupIsDueAfterTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newFakeFolder(nil)
		st := mustOpen(t, fs, &Options{LFCInterval: time.Minute})
		previous := func() bool { _, ok := fs.durable()[testFile+".2"]; return ok }
		time.Sleep(time.Hour)
		synctest.Wait()
		if previous() {
			t.Error("cleaned up though nothing has changed")
		}
		renewAll(t, st, 3)
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if previous() {
			t.Error("cleaned up too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !previous() || strings.Count(fs.durable()[testFile], "\n") != 1 {
			t.Errorf("not cleaned up: %q", fs.durable())
		}
		renewAll(t, st, 3)
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if strings.Count(fs.durable()[testFile], "\n") != 1 {
			t.Error("not cleaned up again")
		}
		renewAll(t, st, 3)
		if err := st.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Hour)
	})
}

// renewAll makes or renews n leases in one Update and syncs.
func renewAll(t *testing.T, st *Store, n int) {
	t.Helper()
	ctx := context.Background()
	qs := []lease.Query{{}}
	var cs []lease.Change
	for i := range n {
		l := testLease(fmt.Sprintf("192.0.2.%d", i))
		qs[0].Addrs = append(qs[0].Addrs, l.Addr)
		cs = append(cs, lease.Change{New: l})
	}
	if err := st.Find(ctx, qs); err != nil {
		t.Fatal(err)
	}
	for _, l := range qs[0].Leases {
		cs[l.Addr.As4()[3]].Old = &l
	}
	if err := st.Update(ctx, cs); err != nil {
		t.Fatal(err)
	}
	for _, c := range cs {
		if c.Err != nil {
			t.Fatal(c.Err)
		}
	}
	if err := st.Sync(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestCleanupIsDueWhenTheFileHasGrown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newFakeFolder(nil)
		st := mustOpen(t, fs, &Options{LFCInterval: -1, LFCGrowth: 20, Sync: SyncNever})
		most := 0
		for range 800 {
			renewAll(t, st, 70)
			synctest.Wait()
			most = max(most, len(fs.cached()[testFile]))
		}
		if most < minCleaned-10_000 || most > minCleaned+10_000 {
			t.Errorf("the file grew to %d bytes", most)
		}
		if n := len(fs.cached()[testFile+".2"]); n > 10_000 {
			t.Errorf("cleaned file of 70 leases has %d bytes", n)
		}
		checkGoesOn(t, fs, st)
	})
}

func TestCleanupKeepsHeaderAndServesMeanwhile(t *testing.T) {
	h20 := schema20Line() // an old Kea's
	fs := newFakeFS(h20 + strings.ReplaceAll(testRow("1", "old"), ",0,,0\n", ",0\n"))
	st := mustOpen(t, fs, &byHand)
	n := 0
	fs.hook = func(op, name string) {
		if op == "write" && strings.HasSuffix(name, suffixTemporary) || op == "remove" {
			n++
			fs.hook = nil
			renewAll(t, st, 3)
			fs.hook = func(string, string) {}
		}
	}
	if err := st.Cleanup(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		t.Fatal("nothing happened meanwhile")
	}
	for _, name := range []string{testFile, testFile + ".2"} {
		if got, _, _ := strings.Cut(fs.durable()[name], "\n"); got+"\n" != h20 {
			t.Errorf("%s: header %q", name, got)
		}
	}
	checkGoesOn(t, fs, st)
}

// schema20Line returns the header that Kea 1.0 to 1.8 wrote.
func schema20Line() string {
	return columnNames[:strings.Index(columnNames, ",user_context")] + "\n"
}

func TestCleanupThatFailsIsDoneByTheNext(t *testing.T) {
	ctx := context.Background()
	for at := 1; ; at++ {
		fs := newFakeFolder(nil)
		st, err := open(fs, testFile, &byHand, testNow)
		if err != nil {
			t.Fatal(err)
		}
		renewAll(t, st, 3)
		first, hit := fs.calls, false
		fs.fault = func(call int) *fakeFault {
			if hit = hit || call == first+at; call == first+at {
				return &fakeFault{}
			}
			return nil
		}
		err = st.Cleanup(ctx)
		if !hit {
			if err != nil || at < 15 {
				t.Fatalf("after %d calls: %v", at, err)
			}
			return
		}
		if !errors.Is(err, errFault) {
			t.Fatalf("call %d: %v, want the fault", at, err)
		}
		renewAll2(t, st)
		for range 3 {
			if err := st.Cleanup(ctx); err != nil {
				t.Fatalf("call %d: next cleanup: %v", at, err)
			}
		}
		if n := strings.Count(fs.durable()[testFile], "\n"); n != 1 {
			t.Errorf("call %d: current file has %d lines: %q", at, n, fs.durable())
		}
		if fs.misused != "" {
			t.Errorf("call %d: %s", at, fs.misused)
		}
		checkGoesOn(t, fs, st)
	}
}

// renewAll2 is renewAll for a store that may have to recover first.
func renewAll2(t *testing.T, st *Store) {
	t.Helper()
	if err := st.Sync(context.Background()); err != nil {
		t.Fatal(err)
	}
	renewAll(t, st, 3)
}

func TestCloseEndsACleanup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newFakeFolder(nil)
		st := mustOpen(t, fs, &byHand)
		renewAll(t, st, 250)
		fs.syncing = func() { time.Sleep(time.Second) }
		done := make(chan error)
		go func() { done <- st.Cleanup(context.Background()) }()
		time.Sleep(time.Millisecond)
		go st.Close()
		if err := <-done; err != nil {
			t.Log(err) // it may or may not have come to its end
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
		if err := st.Cleanup(context.Background()); err == nil {
			t.Error("a cleanup of a closed store")
		}
		again := mustOpen(t, fs, nil)
		if again.Len() != 250 {
			t.Errorf("%d leases, want 250", again.Len())
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	})
}
