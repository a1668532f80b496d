package leasetest

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

func crashChecks() []check {
	return []check{
		{name: "SyncedChangesSurviveACrash", crashes: true, run: checkSyncedSurvive},
		{name: "SyncCoversWhatFindShowed", crashes: true, run: checkSyncCoversFind},
		{name: "CrashLeavesEachLeaseWhole", crashes: true, run: checkCrashWhole},
		{name: "ConcurrentSyncsSurviveACrash", crashes: true, run: checkConcurrentSyncs},
		{name: "CrashedStoreWorks", crashes: true, run: checkCrashedWorks},
	}
}

// crash drops the store without a word and opens what it kept.
func (t *tester) crash() {
	t.Helper()
	t.st = t.suite.Crash(t.TB, t.st)
}

func checkSyncedSurvive(t *tester) {
	for _, l := range extremes() {
		t.create(l)
	}
	t.sync()
	t.crash()
	t.equal("Leases after a crash", t.all(lease.Filter{}), extremes())

	// All kinds of changes, each synced by itself.
	a, b, c := t.create(sample(1)), t.create(sample(2)), t.create(sample(3))
	t.sync()
	renewed := until(a, epoch.Add(100*time.Hour))
	t.swap(&a, &renewed)
	t.sync()
	t.swap(&b, nil)
	t.sync()
	taken := sample(4)
	taken.Addr = c.Addr
	t.swap(&c, nil)
	t.create(taken)
	t.sync()
	t.crash()
	t.equal("Leases after a crash", t.all(lease.Filter{}), append(extremes(), renewed, taken))
	t.sync() // nothing to do
	t.crash()
	t.equal("Leases after a second crash", t.all(lease.Filter{}), append(extremes(), renewed, taken))
}

// checkSyncCoversFind has somebody else write what Find shows. An ACK of it is
// as good a promise as one of an own change.
func checkSyncCoversFind(t *tester) {
	l := t.create(sample(1))
	t.sync()
	for i := range 20 {
		next := until(l, epoch.Add(time.Duration(i)*time.Hour))
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := lease.CompareAndSwap(t.ctx, t.st, &l, &next); err != nil {
				t.Errorf("Update: %v", err)
			}
		})
		wg.Wait()
		t.stored(next)
		t.sync()
		t.crash()
		got := t.find(lease.Query{Addrs: []netip.Addr{l.Addr}})
		t.equal("Find after a crash, of what it showed before Sync", got, []lease.Lease{next})
		l = got[0]
	}
}

// checkCrashWhole crashes with changes that were not synced: of each of them
// there is all or nothing.
func checkCrashWhole(t *tester) {
	const n = 40
	rnd := rand.New(rand.NewPCG(t.seed, 2))
	for round := range 10 {
		before, after := make(map[netip.Addr]lease.Lease), make(map[netip.Addr]lease.Lease)
		for _, l := range t.all(lease.Filter{}) {
			before[l.Addr] = l
		}
		for i := range n {
			old, ok := before[addr(i)]
			next := sample(i + n*(1+round))
			next.Addr = addr(i)
			switch r := rnd.IntN(4); {
			case r == 0:
				if ok {
					after[next.Addr] = old
				}
			case !ok:
				after[next.Addr] = t.create(next)
			case r == 1:
				t.swap(&old, nil)
			default:
				t.swap(&old, &next)
				after[next.Addr] = next
			}
		}
		synced := round%2 == 0
		if synced {
			t.sync()
		}
		t.crash()
		found := make(map[netip.Addr]lease.Lease)
		for _, l := range t.all(lease.Filter{}) {
			found[l.Addr] = l
		}
		for i := range n {
			a := addr(i)
			got, ok := found[a]
			was, had := before[a]
			is, has := after[a]
			if ok == has && (!ok || same(got, is)) || !synced && ok == had && (!ok || same(got, was)) {
				continue
			}
			t.Fatalf("after a crash (synced before: %v) %v has %+v (%v); before it was %+v (%v), then %+v (%v) (Suite.Seed %d)",
				synced, a, got, ok, was, had, is, has, t.seed)
		}
	}
}

// checkConcurrentSyncs lets writers share the store's syncs: what was synced
// for each of them is there after a crash, whoever did it.
func checkConcurrentSyncs(t *tester) {
	for round := range 20 {
		var confirmed, unconfirmed [writers]lease.Lease
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(t.seed, uint64(round*writers+w)))
				have, ok, err := lease.Get(t.ctx, t.st, addr(w))
				if err != nil {
					t.Errorf("Find: %v", err)
					return
				}
				for i := range 1 + rnd.IntN(12) {
					next := until(sample(w), epoch.Add(time.Duration(round*100+i)*time.Hour))
					c := lease.Change{New: &next}
					if ok {
						old := have
						c.Old = &old
					}
					if err := lease.CompareAndSwap(t.ctx, t.st, c.Old, c.New); err != nil {
						t.Errorf("Update: %v", err)
						return
					}
					have, ok = next, true
					unconfirmed[w] = next
					if i > 0 && rnd.IntN(6) == 0 {
						continue // perhaps for good
					}
					if err := t.st.Sync(t.ctx); err != nil {
						t.Errorf("Sync: %v", err)
						return
					}
					confirmed[w] = next
				}
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		t.crash()
		for w := range writers {
			got, ok, err := lease.Get(t.ctx, t.st, addr(w))
			if err != nil || !ok || got.Expires.Before(confirmed[w].Expires) || got.Expires.After(unconfirmed[w].Expires) {
				t.Fatalf("after a crash %v is %+v (%v, %v), but %+v was synced (Suite.Seed %d)", addr(w), got, ok, err, confirmed[w], t.seed)
			}
		}
	}
}

func checkCrashedWorks(t *tester) {
	t.crash() // with nothing in it
	t.equal("Leases of an empty store after a crash", t.all(lease.Filter{}), nil)
	t.create(sample(1))
	t.sync()
	for i := range 3 {
		t.crash()
		had, ok, err := lease.Get(t.ctx, t.st, addr(1))
		if err != nil || !ok {
			t.Fatalf("Find after a crash: %v, %v", ok, err)
		}
		next := until(had, epoch.Add(time.Duration(i+1)*time.Hour))
		t.conflict("create over a lease from before", nil, &next)
		t.swap(&had, &next)
		t.conflict("replace with a stale Old", &had, &next)
		t.stored(next)
		t.sync()
	}
}
