package memfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/lease"
)

// TestSnapshotIsOfOneMoment has writers that move a pair of leases together, in
// one Update each, while snapshots are taken and the file is cleaned up.
func TestSnapshotIsOfOneMoment(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	st, err := Open(filepath.Join(t.TempDir(), testFile), &Options{Sync: SyncNever})
	if err != nil {
		t.Fatal(err)
	}
	const pairs = 50
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 0))
			old := make([][2]*lease.Lease, pairs)
			for n := 0; ctx.Err() == nil; n++ {
				i := random.IntN(pairs)
				var cs []lease.Change
				for half := range 2 {
					l := testLease(fmt.Sprintf("192.0.%d.%d", 2*w+half, i))
					l.Hostname = fmt.Sprint(n)
					if n%7 == 3 && old[i][half] != nil {
						l = nil
					}
					cs = append(cs, lease.Change{Old: old[i][half], New: l})
					old[i][half] = l
				}
				if cs[0].Old == nil && cs[0].New == nil {
					continue
				}
				if err := st.Update(ctx, cs); err != nil || cs[0].Err != nil || cs[1].Err != nil {
					t.Error(err, cs[0].Err, cs[1].Err)
					return
				}
				if err := st.Sync(context.Background()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			if err := st.Cleanup(context.Background()); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 8 {
		var b bytes.Buffer
		if err := st.Snapshot(ctx, &b); err != nil {
			t.Fatal(err)
		}
		copied, err := open(newFakeFS(b.String()), testFile, &Options{MaxRowErrors: 1, LFCInterval: -1}, testNow)
		if err != nil || copied.RowErrors() != 0 {
			t.Fatal(err)
		}
		have, err := contents(copied)
		if err != nil {
			t.Fatal(err)
		}
		for addr, l := range have {
			b := addr.As4()
			b[2] ^= 1
			twin, ok := have[netip.AddrFrom4(b)]
			if !ok || twin.Hostname != l.Hostname {
				t.Fatalf("%v is %s, its twin is %q", addr, l.Hostname, twin.Hostname)
			}
		}
	}
	stop()
	wg.Wait()
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

func TestRestoreReplacesEverything(t *testing.T) {
	ctx := context.Background()
	fs := newFakeFolder(nil)
	st := mustOpen(t, fs, &byHand)
	renewAll(t, st, 5)
	var backup bytes.Buffer
	if err := st.Snapshot(ctx, &backup); err != nil {
		t.Fatal(err)
	}
	saved := backup.String()
	want := names(t, st)

	same, _, _ := lease.Get(ctx, st, testLease("192.0.2.0").Addr)
	changed, _, _ := lease.Get(ctx, st, testLease("192.0.2.1").Addr)
	before := changed
	changed.Hostname = "changed"
	gone, _, _ := lease.Get(ctx, st, testLease("192.0.2.2").Addr)
	added := testLease("192.0.2.99")
	cs := []lease.Change{{Old: &before, New: &changed}, {Old: &gone}, {New: added}}
	if err := st.Update(ctx, cs); err != nil {
		t.Fatal(err)
	}
	if err := st.Restore(ctx, &backup); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, names(t, st)); diff != "" {
		t.Errorf("leases (-want +got)\n%s", diff)
	}
	// Old revisions are of no use, but for what has stayed as it was.
	again := changed
	for name, c := range map[string]lease.Change{
		"changed": {Old: &changed, New: &again}, "first form": {Old: &before, New: &again}, "deleted": {New: testLease("192.0.2.2")}, "added": {Old: added},
	} {
		if err := st.Update(ctx, []lease.Change{c}); err != nil {
			t.Fatal(err)
		}
		cs := []lease.Change{c}
		if err := st.Update(ctx, cs); err != nil || cs[0].Err != lease.ErrConflict {
			t.Errorf("%s: %v, %v, want ErrConflict", name, err, cs[0].Err)
		}
	}
	next := same
	next.Hostname = "renewed"
	if err := lease.CompareAndSwap(ctx, st, &same, &next); err != nil {
		t.Errorf("a lease that is the same in both: %v", err)
	}
	next.Hostname = ""
	if err := lease.CompareAndSwap(ctx, st, &next, new(next)); err != nil {
		t.Error(err)
	}
	if err := st.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	restored := mustOpen(t, newFakeFolder(fs.durable()), &byHand)
	if diff := cmp.Diff(want, names(t, restored)); diff != "" {
		t.Errorf("on the disk (-want +got)\n%s", diff)
	}
	var second bytes.Buffer
	if err := restored.Snapshot(ctx, &second); err != nil {
		t.Fatal(err)
	}
	if len(second.String()) != len(saved) {
		t.Errorf("a snapshot of the restored store\n%s\nis not like the first\n%s", &second, saved)
	}
	checkGoesOn(t, fs, st)
}

func TestRestoreRefusesAFileWithMistakes(t *testing.T) {
	ctx := context.Background()
	h := Schema30.line()
	for name, text := range map[string]string{
		"nothing":     "",
		"other file":  "hello\nworld\n",
		"damaged row": h + testRow("1", "a") + "bad\n",
		"cut row":     h + testRow("1", "a") + "192.0.2.1,02:00",
	} {
		fs := newFakeFolder(nil)
		st := mustOpen(t, fs, &byHand)
		renewAll(t, st, 3)
		before := names(t, st)
		if err := st.Restore(ctx, strings.NewReader(text)); err == nil {
			t.Errorf("%s: restored", name)
		}
		if diff := cmp.Diff(before, names(t, st)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		checkGoesOn(t, fs, st)
	}
}

// TestRestoreIsWholeOrNotAtAll stops it at every call, for good and for once.
func TestRestoreIsWholeOrNotAtAll(t *testing.T) {
	ctx := context.Background()
	random := rand.New(rand.NewPCG(1, 2))
	h := Schema30.line()
	next := h + testRow("2", "new") + testRow("3", "new")
	after := []string{"2:new", "3:new"}
	starts := map[string]map[string]string{
		"plain":               {"": h + testRow("1", "old") + testRow("2", "old"), ".2": h + testRow("4", "old")},
		"interrupted cleanup": {"": h + testRow("2", "old"), ".1": h + testRow("1", "old"), ".2": h + testRow("4", "old")},
	}
	before := []string{"1:old", "2:old", "4:old"}
	for name, files := range starts {
		for _, forGood := range []bool{true, false} {
			outcomes := make(map[string]int)
			for stop, done := 1, false; !done; stop++ {
				fs := folderOf(files)
				st, err := open(fs, testFile, &byHand, testNow)
				if err != nil {
					t.Fatal(err)
				}
				first, hit := fs.calls, false
				fs.fault = func(call int) *fakeFault {
					if call < first+stop || !forGood && call > first+stop {
						return nil
					}
					hit = true
					return &fakeFault{1 << 20}
				}
				err = st.Restore(ctx, strings.NewReader(next))
				done = !hit
				want := before
				if err == nil {
					want = after
				}
				if diff := cmp.Diff(want, names(t, st)); diff != "" {
					t.Fatalf("%s, call %d: Restore: %v, leases (-want +got)\n%s", name, stop, err, diff)
				}
				if !forGood { // what it promises from now on must hold
					st.Sync(ctx)
					if err := st.Sync(ctx); err != nil {
						t.Fatalf("%s, call %d: Sync: %v", name, stop, err)
					}
				}
				for files := range fs.crashes(16, random.Uint64) {
					again, e := open(newFakeFolder(files), testFile, &byHand, testNow)
					if e != nil {
						t.Fatalf("%s, call %d: %v", name, stop, e)
					}
					got := fmt.Sprint(names(t, again))
					outcomes[got]++
					if got != fmt.Sprint(before) && got != fmt.Sprint(after) || (err == nil || !forGood) && got != fmt.Sprint(want) {
						t.Fatalf("%s, call %d: Restore: %v, after a crash %s\n%q", name, stop, err, got, files)
					}
				}
			}
			if len(outcomes) != 2 {
				t.Errorf("%s: %v, want two outcomes", name, outcomes)
			}
		}
	}
}

func TestUpdateWaitsForRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		fs := newFakeFolder(nil)
		st := mustOpen(t, fs, &byHand)
		renewAll(t, st, 3)
		old, _, _ := lease.Get(ctx, st, testLease("192.0.2.1").Addr)
		fs.hook = func(op, name string) {
			if op != "write" || !strings.HasSuffix(name, suffixTemporary) {
				return
			}
			fs.hook = nil
			short, cancel := context.WithCancel(ctx)
			cancel()
			if err := st.Sync(short); !errors.Is(err, context.Canceled) {
				t.Errorf("Sync: %v, want Canceled", err)
			}
			go func() {
				next := old
				next.Hostname = "late"
				if err := lease.CompareAndSwap(ctx, st, &old, &next); err != lease.ErrConflict {
					t.Errorf("Update: %v, want ErrConflict", err)
				}
			}()
		}
		if err := st.Restore(ctx, strings.NewReader(Schema30.line()+testRow("1", "new"))); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := names(t, st); len(got) != 1 || got[0] != "1:new" {
			t.Errorf("leases %v", got)
		}
		checkGoesOn(t, fs, st)
	})
}
