package leasetest

import (
	"errors"
	"net/netip"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

func concurrentChecks() []check {
	return []check{
		{name: "ConcurrentSwapsLoseNoUpdate", run: checkCounter},
		{name: "ConcurrentBatchesLoseNoUpdate", run: checkBatchCounters},
		{name: "ConcurrentCreatesHaveOneWinner", run: checkOneWinner},
		{name: "ConcurrentReadersSeeWholeLeases", run: checkWholeLeases},
		{name: "ConcurrentLoopsAndWrites", run: checkConcurrentLoops},
	}
}

const (
	writers = 8
	rounds  = 50
)

// checkCounter counts in a lease: if swaps of one address are linearizable, no
// increment is lost, whoever counted to n never sees less than n, and every
// conflict is due to another's increment.
func checkCounter(t *tester) {
	l := sample(1)
	l.PoolID = 0
	t.create(l)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for done, conflicts := 0, 0; done < rounds; {
				old, ok, err := lease.Get(t.ctx, t.st, l.Addr)
				if err != nil || !ok {
					t.Errorf("Find: %v, %v", ok, err)
					return
				}
				runtime.Gosched() // let others come between
				next := old
				next.PoolID++
				next.Hostname = "at-" + strconv.Itoa(int(next.PoolID))
				switch err := lease.CompareAndSwap(t.ctx, t.st, &old, &next); {
				case err == nil:
					done++
				case !errors.Is(err, lease.ErrConflict):
					t.Errorf("Update: %v", err)
					return
				default:
					if conflicts++; conflicts > writers*rounds {
						t.Errorf("%d conflicts, more than there are changes", conflicts)
						return
					}
					continue
				}
				if got, _, err := lease.Get(t.ctx, t.st, l.Addr); err != nil || got.PoolID < next.PoolID {
					t.Errorf("counter is %d (%v) after an increment to %d", got.PoolID, err, next.PoolID)
					return
				}
			}
		})
	}
	wg.Wait()
	if got, _, err := lease.Get(t.ctx, t.st, l.Addr); err != nil || got.PoolID != writers*rounds {
		t.Fatalf("counter is %d (%v) after %d increments", got.PoolID, err, writers*rounds)
	}
}

// checkBatchCounters counts in several leases at once, each change of a batch
// by itself: every one that succeeds counts, and no other does.
func checkBatchCounters(t *tester) {
	const counters = 6
	for i := range counters {
		l := sample(i)
		l.PoolID = 0
		t.create(l)
	}
	var made [counters]atomic.Uint32
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for round := range rounds {
				qs := make([]lease.Query, counters)
				for i := range qs {
					// Not in the same order, lest writers queue behind each other.
					qs[i].Addrs = []netip.Addr{addr((w + round + i) % counters)}
				}
				if err := t.st.Find(t.ctx, qs); err != nil {
					t.Errorf("Find: %v", err)
					return
				}
				cs, next := make([]lease.Change, counters), make([]lease.Lease, counters)
				for i := range cs {
					next[i] = qs[i].Leases[0]
					next[i].PoolID++
					cs[i] = lease.Change{Old: &qs[i].Leases[0], New: &next[i]}
				}
				runtime.Gosched() // let others come between
				if err := t.st.Update(t.ctx, cs); err != nil {
					t.Errorf("Update: %v", err)
					return
				}
				for i, c := range cs {
					switch {
					case c.Err == nil:
						made[(w+round+i)%counters].Add(1)
					case !errors.Is(c.Err, lease.ErrConflict):
						t.Errorf("Update: Err is %v", c.Err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	for i := range counters {
		if got, _, err := lease.Get(t.ctx, t.st, addr(i)); err != nil || got.PoolID != made[i].Load() {
			t.Errorf("counter of %v is %d (%v) after %d increments", addr(i), got.PoolID, err, made[i].Load())
		}
	}
}

// checkOneWinner lets all writers create, and then delete, the same lease.
func checkOneWinner(t *tester) {
	for round := range rounds {
		var created, deleted atomic.Int32
		var wg sync.WaitGroup
		start := make(chan struct{})
		for w := range writers {
			wg.Go(func() {
				<-start
				l := sample(w)
				l.Addr = addr(round)
				err := lease.CompareAndSwap(t.ctx, t.st, nil, &l)
				if err == nil {
					created.Add(1)
				} else if !errors.Is(err, lease.ErrConflict) {
					t.Errorf("create: %v", err)
				}
				have, ok, err := lease.Get(t.ctx, t.st, l.Addr)
				if err != nil || !ok {
					if err != nil {
						t.Errorf("Find: %v", err)
					}
					return // deleted by then
				}
				err = lease.CompareAndSwap(t.ctx, t.st, &have, nil)
				if err == nil {
					deleted.Add(1)
				} else if !errors.Is(err, lease.ErrConflict) {
					t.Errorf("delete: %v", err)
				}
			})
		}
		close(start)
		wg.Wait()
		_, left, err := lease.Get(t.ctx, t.st, addr(round))
		if err != nil {
			t.Fatalf("Find: %v", err)
		}
		want := deleted.Load()
		if left {
			want++
		}
		if c := created.Load(); c == 0 || c != want {
			t.Fatalf("%d creates of one address succeeded, %d deletes, lease left: %v", c, deleted.Load(), left)
		}
	}
}

// checkWholeLeases swaps a lease between two clients while others read it by
// all keys.
func checkWholeLeases(t *tester) {
	a, b := sample(1), sample(2)
	b.Addr = a.Addr
	have := t.create(a)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for done := false; !done; {
				select {
				case <-stop:
					done = true
				default:
				}
				qs := []lease.Query{
					{Addrs: []netip.Addr{a.Addr}},
					{ClientID: idOf(a)},
					{HardwareAddr: b.HardwareAddr},
				}
				if err := t.st.Find(t.ctx, qs); err != nil {
					t.Errorf("Find: %v", err)
					return
				}
				for _, q := range qs {
					for _, l := range q.Leases {
						if !same(l, a) && !same(l, b) {
							t.Errorf("Find yields %+v, which nobody stored", l)
							return
						}
					}
				}
				if len(qs[0].Leases) != 1 {
					t.Errorf("Find yields %d leases of one address", len(qs[0].Leases))
					return
				}
			}
		})
	}
	for i := range 4 * rounds {
		next := b
		if i%2 == 1 {
			next = a
		}
		if err := lease.CompareAndSwap(t.ctx, t.st, &have, &next); err != nil {
			t.Errorf("Update: %v", err)
			break
		}
		have = next
	}
	close(stop)
	wg.Wait()
}

// checkConcurrentLoops lets loops of both kinds run beside writers of other
// leases.
func checkConcurrentLoops(t *tester) {
	const stay, churn = 200, 20
	for i := range stay {
		t.create(sample(i))
	}
	stop := make(chan struct{})
	var writing, reading sync.WaitGroup
	for w := range 2 {
		writing.Go(func() {
			have := make(map[int]lease.Lease)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				k := stay + w*churn + i%churn
				old, ok := have[k]
				next := sample(k)
				next.SetLifetime(epoch, time.Duration(1+i*7%stay)*10*time.Minute)
				c := lease.Change{New: &next}
				switch {
				case ok && i%3 == 0:
					c = lease.Change{Old: &old}
				case ok:
					c.Old = &old
				}
				cs := []lease.Change{c}
				if err := t.st.Update(t.ctx, cs); err != nil || cs[0].Err != nil {
					t.Errorf("Update: %v, %v", err, cs[0].Err)
					return
				}
				if c.New == nil {
					delete(have, k)
				} else {
					have[k] = *c.New
				}
			}
		})
	}
	for r := range 4 {
		reading.Go(func() {
			f := lease.Filter{To: addr(stay - 1)}
			if r%2 == 1 {
				f.ExpiredBefore = epoch.AddDate(1, 0, 0)
			}
			for range 10 {
				n := 0
				for _, err := range t.st.Leases(t.ctx, f) {
					if err != nil {
						t.Errorf("Leases: %v", err)
						return
					}
					n++
				}
				if n != stay {
					t.Errorf("Leases(%+v) yields %d leases beside writers, want %d", f, n, stay)
					return
				}
			}
		})
	}
	reading.Wait()
	close(stop)
	writing.Wait()
}
