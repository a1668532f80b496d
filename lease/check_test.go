package lease_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/embedhcp/embedhcp/lease"
)

// A watched is a store that counts, and in which somebody else may come first.
type watched struct {
	lease.Memory
	largest, syncs int
	before         func(cs []lease.Change) // of Update, if set
	updateErr      error
	syncErr        error
}

func (w *watched) Update(ctx context.Context, cs []lease.Change) error {
	w.largest = max(w.largest, len(cs))
	if w.before != nil {
		w.before(cs)
	}
	if w.updateErr != nil {
		return w.updateErr
	}
	return w.Memory.Update(ctx, cs)
}

func (w *watched) Sync(context.Context) error {
	w.syncs++
	return w.syncErr
}

var checkedSubnets = map[uint32]netip.Prefix{
	1: netip.MustParsePrefix("10.0.0.0/8"), 2: netip.MustParsePrefix("10.1.0.0/16"), 3: netip.MustParsePrefix("192.0.2.77/24"),
}

func stored(t *testing.T, st *lease.Memory, addr string, subnet uint32) lease.Lease {
	t.Helper()
	l := client(len(addr))
	l.Addr, l.SubnetID, l.PoolID = netip.MustParseAddr(addr), subnet, 5
	if err := lease.CompareAndSwap(context.Background(), st, nil, &l); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestCheckSubnets(t *testing.T) {
	const none, warned, fixed, deleted = "", "warned", "fixed", "deleted"
	type byCheck [lease.CheckDelete + 1]string
	for _, tc := range []struct {
		addr   string
		subnet uint32
		right  uint32 // that has the address
		want   byCheck
	}{
		{"10.0.0.1", 1, 1, byCheck{}},
		{"10.1.0.1", 2, 2, byCheck{}},
		{"10.1.0.2", 1, 2, byCheck{}}, // in a larger one that has it as well
		{"192.0.2.1", 3, 3, byCheck{}},
		{"10.0.0.2", 99, 1, byCheck{none, warned, fixed, fixed, deleted}},
		{"10.1.0.3", 99, 2, byCheck{none, warned, fixed, fixed, deleted}},
		{"10.2.0.1", 2, 1, byCheck{none, warned, fixed, fixed, deleted}},
		{"192.0.2.2", 1, 3, byCheck{none, warned, fixed, fixed, deleted}},
		{"192.0.2.3", 0, 3, byCheck{none, warned, fixed, fixed, deleted}},
		{"203.0.113.1", 1, 0, byCheck{none, warned, warned, deleted, deleted}},
		{"203.0.113.2", 99, 0, byCheck{none, warned, warned, deleted, deleted}},
		{"203.0.113.3", 0, 0, byCheck{none, warned, warned, deleted, deleted}},
	} {
		for how, want := range tc.want {
			st := new(watched)
			l := stored(t, &st.Memory, tc.addr, tc.subnet)
			var faults []lease.SubnetFault
			err := lease.CheckSubnets(t.Context(), st, checkedSubnets, lease.SubnetCheck(how), func(f lease.SubnetFault) { faults = append(faults, f) })
			if err != nil {
				t.Fatal(err)
			}
			var wantFaults []lease.SubnetFault
			if want != none {
				wantFaults = []lease.SubnetFault{{Lease: l, SubnetID: tc.right, Fixed: want == fixed, Deleted: want == deleted}}
			}
			if diff := cmp.Diff(wantFaults, faults, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("%v in subnet %d, %v: faults (-want +got)\n%s", tc.addr, tc.subnet, lease.SubnetCheck(how), diff)
			}
			got, ok, err := lease.Get(t.Context(), st, l.Addr)
			wantLease := l
			if want == fixed {
				wantLease.SubnetID, wantLease.PoolID = tc.right, 0
			}
			got.Revision = wantLease.Revision
			if err != nil || ok == (want == deleted) || ok && got != wantLease {
				t.Errorf("%v in subnet %d, %v: stored is %v (%v, %v), want %s: %v", tc.addr, tc.subnet, lease.SubnetCheck(how), got, ok, err, want, wantLease)
			}
			changes := 0
			if want == fixed || want == deleted {
				changes = 1
			}
			if st.syncs != changes || st.largest != changes {
				t.Errorf("%v in subnet %d, %v: %d changes, %d syncs, want %d", tc.addr, tc.subnet, lease.SubnetCheck(how), st.largest, st.syncs, changes)
			}
		}
	}
}

// TestCheckSubnetsOfMany checks thousands of leases, of which others change
// some meanwhile.
func TestCheckSubnetsOfMany(t *testing.T) {
	const n = 5000
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	st := new(watched)
	for i := range n {
		l := client(i)
		l.SubnetID = uint32(rnd.IntN(5))
		if err := lease.CompareAndSwap(t.Context(), &st.Memory, nil, &l); err != nil {
			t.Fatal(err)
		}
	}
	others := 0
	st.before = func(cs []lease.Change) {
		c := cs[rnd.IntN(len(cs))]
		if rnd.IntN(2) == 0 {
			return
		}
		others++
		old, ok, _ := lease.Get(t.Context(), &st.Memory, c.Addr())
		var next *lease.Lease
		if rnd.IntN(3) > 0 {
			renewed := old
			renewed.Hostname = "renewed"
			if rnd.IntN(2) == 0 {
				renewed.SubnetID = 1 // somebody else corrects it
			}
			next = &renewed
		}
		if err := lease.CompareAndSwap(t.Context(), &st.Memory, &old, next); ok && err != nil {
			t.Error(err)
		}
	}
	before := st.Len()
	reported := 0
	if err := lease.CheckSubnets(t.Context(), st, map[uint32]netip.Prefix{1: netip.MustParsePrefix("10.0.0.0/8")}, lease.CheckFix, func(f lease.SubnetFault) {
		if reported++; !f.Fixed || f.SubnetID != 1 {
			t.Errorf("%+v", f)
		}
	}); err != nil {
		t.Fatal(err)
	}
	renewed := 0
	for l, err := range st.Leases(t.Context(), lease.Filter{}) {
		if err != nil || l.SubnetID != 1 {
			t.Errorf("%v, %v", l, err)
		}
		if l.Hostname == "renewed" {
			renewed++
		}
	}
	t.Logf("%d leases, %d fixed, %d changed by others, %d of these still there, batches of %d", before, reported, others, renewed, st.largest)
	if renewed == 0 || others == 0 || reported < n/2 || st.largest > 64 || st.syncs != 1 {
		t.Errorf("%d renewed, %d others, %d reported, batches of %d, %d syncs", renewed, others, reported, st.largest, st.syncs)
	}
	// Nothing is left to do, and nothing is done.
	st.before = func([]lease.Change) { t.Error("an update") }
	if err := lease.CheckSubnets(t.Context(), st, map[uint32]netip.Prefix{1: netip.MustParsePrefix("10.0.0.0/8")}, lease.CheckDelete, func(f lease.SubnetFault) {
		t.Errorf("%+v", f)
	}); err != nil {
		t.Fatal(err)
	}
}

func TestCheckSubnetsReturnsTheStoresErrors(t *testing.T) {
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		hurt func(st *watched)
		want error
	}{
		"Update": {func(st *watched) { st.updateErr = broken }, broken},
		"Sync":   {func(st *watched) { st.syncErr = broken }, broken},
		"somebody who changes the lease all the time": {func(st *watched) {
			st.before = func(cs []lease.Change) {
				old, _, _ := lease.Get(context.Background(), &st.Memory, cs[0].Addr())
				next := old
				if err := lease.CompareAndSwap(context.Background(), &st.Memory, &old, &next); err != nil {
					t.Error(err)
				}
			}
		}, lease.ErrConflict},
	} {
		st := new(watched)
		stored(t, &st.Memory, "192.0.2.1", 1)
		tc.hurt(st)
		if err := lease.CheckSubnets(t.Context(), st, checkedSubnets, lease.CheckFix, nil); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func TestSubnetChecksHaveKeasNames(t *testing.T) {
	for how, name := range strings.Fields("none warn fix fix-del del") {
		got, err := lease.ParseSubnetCheck(name)
		if err != nil || got != lease.SubnetCheck(how) || got.String() != name {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := lease.ParseSubnetCheck("Fix"); err == nil {
		t.Error("Fix: no error")
	}
	if got := lease.SubnetCheck(9).String(); got != "SubnetCheck(9)" {
		t.Error(got)
	}
}
