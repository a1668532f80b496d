package lease_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
)

// A disk is what a program keeps of its leases, in both ways.
type disk struct {
	t       testing.TB
	all     []lease.Lease
	journal map[netip.Addr]lease.Lease
	st      *lease.Saver
}

func openDisk(t testing.TB, leases []lease.Lease) lease.Store {
	d := &disk{t: t, all: leases, journal: make(map[netip.Addr]lease.Lease)}
	for _, l := range leases {
		d.journal[l.Addr] = unstored(l)
	}
	var err error
	if d.st, err = lease.NewSaver(leases, d.save); err != nil {
		t.Fatal(err)
	}
	return d
}

func unstored(l lease.Lease) lease.Lease {
	l.Revision = 0
	return l
}

func (d *disk) Find(ctx context.Context, qs []lease.Query) error    { return d.st.Find(ctx, qs) }
func (d *disk) Update(ctx context.Context, cs []lease.Change) error { return d.st.Update(ctx, cs) }
func (d *disk) Sync(ctx context.Context) error                      { return d.st.Sync(ctx) }
func (d *disk) Leases(ctx context.Context, f lease.Filter) iter.Seq2[lease.Lease, error] {
	return d.st.Leases(ctx, f)
}

func (d *disk) save(_ context.Context, all iter.Seq[lease.Lease], changed []lease.Change) error {
	if len(changed) == 0 {
		d.t.Error("nothing has changed")
	}
	for _, c := range changed {
		had, ok := d.journal[c.Addr()]
		if ok != (c.Old != nil) || ok && had != unstored(*c.Old) {
			d.t.Errorf("Old is %+v, want %+v, %v", c.Old, had, ok)
		}
		if c.New == nil {
			delete(d.journal, c.Addr())
		} else {
			d.journal[c.Addr()] = unstored(*c.New)
		}
	}
	d.all = slices.Collect(all)
	return nil
}

// crash opens what is on the disk. Everything that changed is in all.
func (d *disk) crash(t testing.TB) lease.Store {
	return openDisk(t, d.all)
}

func (d *disk) crashJournal(t testing.TB) lease.Store {
	return openDisk(t, slices.Collect(maps.Values(d.journal)))
}

func TestSaverIsAStore(t *testing.T) {
	for name, crash := range map[string]func(*disk, testing.TB) lease.Store{"file": (*disk).crash, "journal": (*disk).crashJournal} {
		t.Run(name, func(t *testing.T) {
			reopen := func(t testing.TB, st lease.Store) lease.Store { return crash(st.(*disk), t) }
			leasetest.Suite{
				Open:   func(t testing.TB) lease.Store { return openDisk(t, nil) },
				Reopen: reopen,
				Crash:  reopen,
			}.Run(t)
		})
	}
}

func saved(i int) lease.Lease {
	l := lease.Lease{
		Addr:         netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}),
		HardwareAddr: lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:00:%02x", i)),
	}
	l.SetLifetime(time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC), time.Hour)
	return l
}

// A told is what a SaveFunc was told.
type told struct {
	All        []lease.Lease
	Was, Is    []lease.Lease
	Gone, Born int
}

func tell(all iter.Seq[lease.Lease], changed []lease.Change) (w told) {
	for l := range all {
		w.All = append(w.All, unstored(l))
	}
	for _, c := range changed {
		if c.Old == nil {
			w.Born++
		} else {
			w.Was = append(w.Was, unstored(*c.Old))
		}
		if c.New == nil {
			w.Gone++
		} else {
			w.Is = append(w.Is, unstored(*c.New))
		}
	}
	return w
}

func wantTold(t *testing.T, got, want []told) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestSaverTellsWhatChangedSinceItWasSaved(t *testing.T) {
	var calls []told
	fail := errors.New("disk full")
	var failing error
	st, err := lease.NewSaver([]lease.Lease{saved(3), saved(1), saved(2)},
		func(_ context.Context, all iter.Seq[lease.Lease], changed []lease.Change) error {
			calls = append(calls, tell(all, changed))
			return failing
		})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	swap := func(addr netip.Addr, next *lease.Lease) {
		t.Helper()
		old, ok, _ := lease.Get(ctx, st, addr)
		c := lease.Change{New: next}
		if ok {
			c.Old = &old
		}
		if err := lease.CompareAndSwap(ctx, st, c.Old, c.New); err != nil {
			t.Fatal(err)
		}
	}
	sync := func(want error) {
		t.Helper()
		if err := st.Sync(ctx); err != want {
			t.Fatalf("Sync: %v, want %v", err, want)
		}
	}
	sync(nil)
	wantTold(t, calls, nil)

	named, renamed, again := saved(1), saved(1), saved(4)
	named.Hostname, renamed.Hostname = "one", "first"
	swap(named.Addr, &named) // changed
	swap(saved(2).Addr, nil) // deleted
	swap(again.Addr, &again) // created
	stays, short := saved(5), saved(5)
	swap(stays.Addr, &stays)
	swap(short.Addr, nil) // in vain
	failing = fail
	sync(fail)
	first := told{
		All: []lease.Lease{unstored(named), saved(3), saved(4)},
		Was: []lease.Lease{saved(1), saved(2)}, Is: []lease.Lease{unstored(named), saved(4)},
		Born: 1, Gone: 1,
	}
	wantTold(t, calls, []told{first})

	// After a failure the next call is told everything.
	calls = nil
	swap(named.Addr, &renamed)
	swap(again.Addr, nil)
	failing = nil
	sync(nil)
	wantTold(t, calls, []told{{
		All: []lease.Lease{unstored(renamed), saved(3)},
		Was: []lease.Lease{saved(1), saved(2)}, Is: []lease.Lease{unstored(renamed)},
		Gone: 1,
	}})
	sync(nil)
	if len(calls) != 1 {
		t.Errorf("saved again although nothing changed: %+v", calls)
	}
	// A conflict and what cancels out are no change.
	calls = nil
	if err := lease.CompareAndSwap(ctx, st, nil, &named); err != lease.ErrConflict {
		t.Fatal(err)
	}
	swap(stays.Addr, &stays)
	swap(short.Addr, nil)
	sync(nil)
	wantTold(t, calls, nil)
}

// TestSaverSavesForAllWhoWait lets the function take a second. Whoever changes
// something meanwhile waits for the next call, all of them for the same one.
func TestSaverSavesForAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		st, err := lease.NewSaver(nil, func(_ context.Context, all iter.Seq[lease.Lease], changed []lease.Change) error {
			calls++
			time.Sleep(time.Second)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				l := saved(i)
				if err := lease.CompareAndSwap(t.Context(), st, nil, &l); err != nil {
					t.Error(err)
				}
				if err := st.Sync(t.Context()); err != nil {
					t.Error(err)
				}
				want := 2 * time.Second
				if i == 0 {
					want = time.Second
				}
				if got := time.Since(start); got != want {
					t.Errorf("Sync of lease %d returns after %v, want %v", i, got, want)
				}
			})
		}
		wg.Go(func() {
			time.Sleep(500 * time.Millisecond)
			cause := errors.New("too slow")
			ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, cause)
			defer cancel()
			if err := st.Sync(ctx); err != cause {
				t.Errorf("Sync that waits: %v, want the cause of its context", err)
			}
		})
		wg.Wait()
		if calls != 2 {
			t.Errorf("%d calls, want 2", calls)
		}
	})
}

func TestSaverSurvivesAPanic(t *testing.T) {
	panics := true
	var got told
	st, err := lease.NewSaver(nil, func(_ context.Context, all iter.Seq[lease.Lease], changed []lease.Change) error {
		if panics {
			panic("in the function")
		}
		got = tell(all, changed)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	l := saved(1)
	if err := lease.CompareAndSwap(t.Context(), st, nil, &l); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is gone")
			}
		}()
		_ = st.Sync(t.Context())
	}()
	panics = false
	if err := st.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantTold(t, []told{got}, []told{{All: []lease.Lease{saved(1)}, Is: []lease.Lease{saved(1)}, Born: 1}})
}

func TestSaverRefusesImpossibleLeases(t *testing.T) {
	bad := saved(2)
	bad.Expires = bad.Expires.Add(time.Millisecond)
	if _, err := lease.NewSaver([]lease.Lease{saved(1), bad}, nil); err == nil {
		t.Error("NewSaver takes a lease that no store could keep")
	}
}
