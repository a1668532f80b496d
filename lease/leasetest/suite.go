package leasetest

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/embedhcp/embedhcp/lease"
)

// A Suite is the conformance test of a lease.Store.
type Suite struct {
	// Open returns a store without leases. It is called once for every test
	// of the suite; t.Cleanup is the place to close the store. Required.
	Open func(t testing.TB) lease.Store

	// Reopen closes st, which Open or Reopen returned, and opens what it kept
	// again. If nil, nothing is said about what the store keeps. A lease with
	// a Lifetime of 0 need not be kept.
	Reopen func(t testing.TB, st lease.Store) lease.Store

	// Crash drops st, which Open, Reopen or Crash returned, the way a crash of
	// the process or of its machine does, without Sync or Close, and opens
	// what it kept. No call of st is under way. If nil, nothing is said about
	// crashes. A crash at each moment of a write is for the store's own tests.
	Crash func(t testing.TB, st lease.Store) lease.Store

	// Seed is that of the random operations. If zero, a new one in every run;
	// a failure prints it.
	Seed uint64
}

// Run runs the suite on a store that is not asked what it keeps.
func Run(t *testing.T, open func(t testing.TB) lease.Store) {
	t.Helper()
	Suite{Open: open}.Run(t)
}

// Run runs every check of the suite as a subtest on a store of its own.
func (s Suite) Run(t *testing.T) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			if c.keeps && s.Reopen == nil {
				t.Skip("Suite.Reopen is nil")
			}
			if c.crashes && s.Crash == nil {
				t.Skip("Suite.Crash is nil")
			}
			c.run(s.start(t))
		})
	}
}

// start opens the store of one check.
func (s Suite) start(t testing.TB) *tester {
	seed := s.Seed
	if seed == 0 {
		seed = rand.Uint64()
	}
	return &tester{TB: t, ctx: t.Context(), suite: s, st: s.Open(t), seed: seed}
}

type check struct {
	name    string
	keeps   bool // needs Suite.Reopen
	crashes bool // needs Suite.Crash
	run     func(t *tester)
}

func checks() []check {
	return slices.Concat(swapChecks(), findChecks(), leasesChecks(), hostnameChecks(), clockChecks(),
		concurrentChecks(), keepChecks(), crashChecks(), randomChecks())
}

// A tester is what a check works with.
type tester struct {
	testing.TB
	ctx   context.Context
	suite Suite
	st    lease.Store
	seed  uint64
}

// reopen syncs, closes and opens the store.
func (t *tester) reopen() {
	t.Helper()
	t.sync()
	t.st = t.suite.Reopen(t.TB, t.st)
}

func (t *tester) sync() {
	t.Helper()
	if err := t.st.Sync(t.ctx); err != nil {
		t.Fatalf("Sync: %v", err)
	}
}

// create stores l and returns it with its revision.
func (t *tester) create(l lease.Lease) lease.Lease {
	t.Helper()
	t.swap(nil, &l)
	return l
}

// swap makes a change that must succeed.
func (t *tester) swap(old, new *lease.Lease) {
	t.Helper()
	c := lease.Change{Old: old, New: new}
	if err := lease.CompareAndSwap(t.ctx, t.st, old, new); err != nil {
		t.Fatalf("Update of %v: %v, want success", c.Addr(), err)
	}
	if new != nil && new.Revision == 0 {
		t.Fatalf("Update of %v did not set New.Revision", c.Addr())
	}
}

// conflict makes a change that must conflict.
func (t *tester) conflict(what string, old, new *lease.Lease) {
	t.Helper()
	if err := lease.CompareAndSwap(t.ctx, t.st, old, new); err != lease.ErrConflict {
		t.Fatalf("%s: Err is %v, want ErrConflict", what, err)
	}
}

func (t *tester) update(cs ...lease.Change) {
	t.Helper()
	if err := t.st.Update(t.ctx, cs); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

// stored checks that the store has exactly the leases of want for the
// addresses of want, revisions included.
func (t *tester) stored(want ...lease.Lease) {
	t.Helper()
	for _, w := range want {
		got, ok, err := lease.Get(t.ctx, t.st, w.Addr)
		switch {
		case err != nil:
			t.Fatalf("Find: %v", err)
		case !ok:
			t.Fatalf("no lease of %v, want %+v", w.Addr, w)
		case !same(got, w):
			t.Fatalf("stored is\n%+v, want\n%+v", got, w)
		case got.Revision != w.Revision:
			t.Fatalf("stored revision of %v is %d, want %d as Update said", w.Addr, got.Revision, w.Revision)
		}
	}
}

func (t *tester) absent(l lease.Lease) {
	t.Helper()
	if got, ok, err := lease.Get(t.ctx, t.st, l.Addr); ok || err != nil {
		t.Fatalf("Find of a deleted or never created lease: %+v, %v", got, err)
	}
}

// find runs one query and returns its result by address.
func (t *tester) find(q lease.Query) []lease.Lease {
	t.Helper()
	qs := []lease.Query{q}
	if err := t.st.Find(t.ctx, qs); err != nil {
		t.Fatalf("Find: %v", err)
	}
	return byAddr(qs[0].Leases)
}

// finds checks the result of one query.
func (t *tester) finds(what string, q lease.Query, want ...lease.Lease) {
	t.Helper()
	t.equal("Find by "+what, t.find(q), want)
}

// equal checks that got and want have the same leases, in any order.
func (t *tester) equal(what string, got, want []lease.Lease) {
	t.Helper()
	got, want = byAddr(got), byAddr(want)
	if !slices.EqualFunc(got, want, same) {
		t.Fatalf("%s:\n got %s\nwant %s", what, list(got), list(want))
	}
}

// all reads a sequence to its end, in its order.
func (t *tester) all(f lease.Filter) []lease.Lease {
	t.Helper()
	var got []lease.Lease
	for l, err := range t.st.Leases(t.ctx, f) {
		if err != nil {
			t.Fatalf("Leases(%+v): %v", f, err)
		}
		got = append(got, l)
	}
	return got
}

func byAddr(ls []lease.Lease) []lease.Lease {
	return slices.SortedFunc(slices.Values(ls), func(a, b lease.Lease) int {
		return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Revision, b.Revision))
	})
}

// same compares everything but the revisions.
func same(a, b lease.Lease) bool {
	if !a.Expires.Equal(b.Expires) {
		return false
	}
	a.Expires, a.Revision = b.Expires, b.Revision
	return a == b
}
