package leasetest_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
)

func newLease() lease.Lease {
	l := lease.Lease{
		Addr:         netip.MustParseAddr("192.0.2.1"),
		HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:00:01"),
	}
	l.SetLifetime(time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC), time.Hour)
	return l
}

func TestSlowTakesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := leasetest.Slow(new(lease.Memory), 20*time.Millisecond)
		start := time.Now()
		took := func(what string, want time.Duration) {
			t.Helper()
			if got := time.Since(start); got != want {
				t.Errorf("%s took %v, want %v", what, got, want)
			}
			start = time.Now()
		}
		l := newLease()
		if err := lease.CompareAndSwap(t.Context(), st, nil, &l); err != nil {
			t.Fatal(err)
		}
		took("Update", 20*time.Millisecond)
		if _, ok, err := lease.Get(t.Context(), st, l.Addr); !ok || err != nil {
			t.Fatal(ok, err)
		}
		took("Find", 20*time.Millisecond)
		if err := st.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		took("Sync", 20*time.Millisecond)
		for _, err := range st.Leases(t.Context(), lease.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		took("Leases", 0)
	})
}

func TestSlowRespectsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m lease.Memory
		st := leasetest.Slow(&m, time.Hour)
		cause := errors.New("too slow")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		l := newLease()
		start := time.Now()
		if err := lease.CompareAndSwap(ctx, st, nil, &l); err != cause {
			t.Errorf("Update: %v", err)
		}
		if err := st.Sync(ctx); err != cause {
			t.Errorf("Sync: %v", err)
		}
		if got := time.Since(start); got != time.Second || m.Len() != 0 {
			t.Errorf("after %v there are %d leases", got, m.Len())
		}
	})
}

func TestHooksSeeEveryCallAndMakeItFail(t *testing.T) {
	var m lease.Memory
	before, after := errors.New("before"), errors.New("after")
	h := &leasetest.Hooks{Store: &m}
	ctx := t.Context()
	l := newLease()
	create := func() error { return lease.CompareAndSwap(ctx, h, nil, &l) }
	find := func() error { _, _, err := lease.Get(ctx, h, l.Addr); return err }
	sync := func() error { return h.Sync(ctx) }

	h.BeforeUpdate = func(_ context.Context, cs []lease.Change) error {
		if cs[0].New != &l {
			t.Errorf("BeforeUpdate sees %+v", cs)
		}
		return before
	}
	h.BeforeFind = func(context.Context, []lease.Query) error { return before }
	h.BeforeSync = func(context.Context) error { return before }
	h.AfterUpdate = func(context.Context, []lease.Change, error) error { t.Error("After without a call"); return nil }
	for what, call := range map[string]func() error{"Update": create, "Find": find, "Sync": sync} {
		if err := call(); err != before {
			t.Errorf("%s: %v, want the error from before", what, err)
		}
	}
	if m.Len() != 0 {
		t.Error("an Update that failed before reached the store")
	}

	*h = leasetest.Hooks{Store: &m}
	h.AfterUpdate = func(_ context.Context, cs []lease.Change, err error) error {
		if err != nil || cs[0].Err != nil || cs[0].New.Revision == 0 {
			t.Errorf("AfterUpdate sees %v, %+v", err, cs)
		}
		return after
	}
	h.AfterFind = func(_ context.Context, qs []lease.Query, err error) error {
		if err != nil || len(qs[0].Leases) != 1 {
			t.Errorf("AfterFind sees %v, %+v", err, qs)
		}
		return after
	}
	h.AfterSync = func(_ context.Context, err error) error { return errors.Join(err, after) }
	if err := create(); err != after {
		t.Errorf("Update: %v, want the error from after", err)
	}
	if err := find(); err != after {
		t.Errorf("Find: %v, want the error from after", err)
	}
	if err := sync(); !errors.Is(err, after) {
		t.Errorf("Sync: %v, want the error from after", err)
	}
	if m.Len() != 1 {
		t.Error("an Update that failed after it did not reach the store")
	}
}

func TestUncheckedForcesChanges(t *testing.T) {
	var m lease.Memory
	st := leasetest.Unchecked(&m)
	l := newLease()
	if err := lease.CompareAndSwap(t.Context(), st, nil, &l); err != nil {
		t.Fatal(err)
	}
	stolen := newLease()
	stolen.HardwareAddr = lease.MustParseHardwareAddr("02:00:00:00:00:02")
	if err := lease.CompareAndSwap(t.Context(), st, nil, &stolen); err != nil {
		t.Fatalf("create over a lease: %v", err)
	}
	if got, _, _ := lease.Get(t.Context(), &m, l.Addr); got != stolen {
		t.Errorf("stored is %+v, want %+v", got, stolen)
	}
	for range 2 {
		if err := lease.CompareAndSwap(t.Context(), st, &l, nil); err != nil {
			t.Fatalf("delete with a stale revision: %v", err)
		}
	}
	if m.Len() != 0 {
		t.Error("the lease is still there")
	}
	if err := lease.CompareAndSwap(t.Context(), st, nil, nil); err == nil {
		t.Error("an impossible change succeeds")
	}
}
