package leasetest

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

func leasesChecks() []check {
	return []check{
		{name: "LeasesSelects", run: checkSelects},
		{name: "LeasesThatExpireComeOldestFirst", run: checkExpiryOrder},
		{name: "InfiniteLeasesDoNotExpire", run: checkInfinite},
		{name: "LeasesLimit", run: checkLimit},
		{name: "LeasesEndsEarly", run: checkEndsEarly},
		{name: "LeasesBodyCallsStore", run: checkBodyCalls},
		{name: "LeasesWhileOthersChange", run: checkIterateWhileWriting},
		{name: "LeasesThatChangeComeOnce", run: checkChangingComeOnce},
		{name: "LeasesEndsWhileLeasesAreCreated", run: checkCreatingEnds},
	}
}

func checkSelects(t *tester) {
	var all []lease.Lease
	for i := range 60 {
		all = append(all, t.create(sample(i)))
	}
	all = append(all, t.create(infinite(sample(60))), t.create(declined(sample(61))))
	for _, f := range []lease.Filter{
		{},
		{Subnet: 2},
		{Subnet: 99},
		{From: addr(20), To: addr(30)},
		{From: addr(20)},
		{To: addr(30)},
		{From: addr(30), To: addr(20)},
		{From: addr(20), To: addr(20)},
		{From: netip.AddrFrom4([4]byte{}), To: netip.AddrFrom4([4]byte{255, 255, 255, 255})},
		{ExpiredBefore: all[10].Expires},
		{ExpiredBefore: all[10].Expires.Add(time.Nanosecond)},
		{ExpiredBefore: epoch},
		{ExpiredBefore: all[10].Expires, ExpiredSince: all[5].Expires},
		{ExpiredBefore: all[10].Expires, ExpiredSince: all[5].Expires.Add(time.Nanosecond)},
		{ExpiredBefore: all[10].Expires, ExpiredSince: all[10].Expires},
		{ExpiredBefore: all[5].Expires, ExpiredSince: all[10].Expires},
		{ExpiredSince: all[10].Expires}, // means nothing alone
		{ExpiredBefore: epoch.AddDate(1000, 0, 0)},
		{ExpiredBefore: all[40].Expires, Subnet: 1, From: addr(7), To: addr(25)},
		{ExpiredBefore: all[40].Expires.In(time.FixedZone("", 3600)), Subnet: 1},
	} {
		var want []lease.Lease
		for _, l := range all {
			if selects(f, l) {
				want = append(want, l)
			}
		}
		got := t.all(f)
		if len(got) != len(want) {
			t.Errorf("Leases(%+v) yields %d leases, want %d", f, len(got), len(want))
		}
		t.equal("Leases", got, want)
		for _, l := range got {
			t.stored(l) // its revision is right, too
		}
	}
}

// selects says in its own way what a Filter means, Limit apart.
func selects(f lease.Filter, l lease.Lease) bool {
	if f.Subnet != 0 && l.SubnetID != f.Subnet {
		return false
	}
	if f.From.IsValid() && l.Addr.Compare(f.From) < 0 || f.To.IsValid() && l.Addr.Compare(f.To) > 0 {
		return false
	}
	return f.ExpiredBefore.IsZero() || l.Lifetime != lease.Infinite && l.Expires.Before(f.ExpiredBefore) && !l.Expires.Before(f.ExpiredSince)
}

// oldestFirst checks the order of a sequence within the grain of a minute.
func (t *tester) oldestFirst(ls []lease.Lease) {
	t.Helper()
	var latest time.Time
	for i, l := range ls {
		if i > 0 && !l.Expires.After(latest.Add(-time.Minute)) {
			t.Fatalf("lease %d of %d expires at %v, after one that expires at %v", i, len(ls), l.Expires, latest)
		}
		if l.Expires.After(latest) {
			latest = l.Expires
		}
	}
}

func checkExpiryOrder(t *tester) {
	var all []lease.Lease
	for i := range 400 {
		at := time.Duration(i*7919%400) * 37 * time.Second // out of order, several a minute
		all = append(all, t.create(until(sample(i), epoch.Add(at-2*time.Hour))))
	}
	all = append(all,
		t.create(until(sample(500), time.Unix(59, 0).UTC())),
		t.create(until(sample(501), epoch.AddDate(150, 0, 0))),
		t.create(until(sample(502), epoch.Add(time.Hour))))
	for range 2 {
		got := t.all(lease.Filter{ExpiredBefore: epoch.AddDate(200, 0, 0)})
		t.equal("Leases that expire", got, all)
		t.oldestFirst(got)
		// Moves to where others are and to where none is, and back.
		for i := range all {
			if i%3 == 0 {
				next := until(all[i], all[i].Expires.Add(time.Duration(i%7-3)*29*time.Minute))
				t.swap(&all[i], &next)
				all[i] = next
			}
		}
	}
}

func checkInfinite(t *tester) {
	finite := t.create(sample(1))
	inf := t.create(infinite(sample(2)))
	if inf.Expired(epoch.AddDate(5000, 0, 0)) {
		t.Fatalf("%+v expires", inf)
	}
	far := lease.Filter{ExpiredBefore: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}
	t.equal("Leases that expire", t.all(far), []lease.Lease{finite})
	t.equal("Leases", t.all(lease.Filter{}), []lease.Lease{finite, inf})

	// And from one to the other.
	a, b := infinite(finite), sample(2)
	t.swap(&finite, &a)
	t.swap(&inf, &b)
	t.equal("Leases that expire", t.all(far), []lease.Lease{b})
	t.equal("Leases", t.all(lease.Filter{}), []lease.Lease{a, b})
}

func checkLimit(t *tester) {
	var all []lease.Lease
	for i := range 50 {
		all = append(all, t.create(until(sample(i), epoch.Add(time.Duration(i*17%50)*time.Minute))))
	}
	far := epoch.AddDate(1, 0, 0)
	for _, limit := range []int{1, 2, 9, 49, 50, 51, 1000} {
		for _, f := range []lease.Filter{{Limit: limit}, {Limit: limit, ExpiredBefore: far}, {Limit: limit, Subnet: 2}} {
			matching := 0
			for _, l := range all {
				if selects(f, l) {
					matching++
				}
			}
			got := t.all(f)
			if want := min(limit, matching); len(got) != want {
				t.Errorf("Leases(%+v) yields %d leases, want %d", f, len(got), want)
			}
			if !f.ExpiredBefore.IsZero() {
				t.oldestFirst(got)
				for _, l := range got {
					if l.Expires.After(epoch.Add(time.Duration(limit) * time.Minute)) {
						t.Errorf("Leases(%+v) yields one that expires at %v, and not all that are older", f, l.Expires)
					}
				}
			}
		}
	}
}

func checkEndsEarly(t *tester) {
	for i := range 40 {
		t.create(sample(i))
	}
	for _, f := range []lease.Filter{{}, {ExpiredBefore: epoch.AddDate(1, 0, 0)}} {
		seq := t.st.Leases(t.ctx, f)
		for range 2 {
			n := 0
			for _, err := range seq {
				if err != nil {
					t.Fatalf("Leases: %v", err)
				}
				if n++; n == 3 {
					break
				}
			}
			if n != 3 {
				t.Fatalf("Leases yields %d, want more than 3", n)
			}
		}
		ctx, cancel := context.WithCancel(t.ctx)
		failed := false
		for _, err := range t.st.Leases(ctx, f) {
			if failed {
				t.Fatal("Leases goes on after an error")
			}
			failed = err != nil
			cancel()
		}
		cancel()
	}
	one := sample(41)
	t.create(one) // a loop that ended early holds no lock
}

func checkBodyCalls(t *tester) {
	for i := range 30 {
		t.create(sample(i))
	}
	for _, f := range []lease.Filter{{}, {ExpiredBefore: epoch.AddDate(1, 0, 0)}} {
		n := 0
		for l, err := range t.st.Leases(t.ctx, f) {
			if err != nil {
				t.Fatalf("Leases: %v", err)
			}
			t.finds("address from within Leases", lease.Query{Addrs: []netip.Addr{l.Addr}}, l)
			next := l
			t.swap(&l, &next)
			t.sync()
			for range t.st.Leases(t.ctx, lease.Filter{Limit: 2}) {
				n++
			}
			n++
		}
		if n != 3*30 {
			t.Fatalf("%d rounds, want 90", n)
		}
	}
	// Every lease is deleted by the loop that found it.
	for l, err := range t.st.Leases(t.ctx, lease.Filter{}) {
		if err != nil {
			t.Fatalf("Leases: %v", err)
		}
		t.swap(&l, nil)
	}
	t.equal("Leases", t.all(lease.Filter{}), nil)
}

// checkIterateWhileWriting changes a third of the leases in every possible way
// while a loop runs: of those left alone each comes exactly once.
func checkIterateWhileWriting(t *tester) {
	const n = 900
	churn := make(map[int]lease.Lease)
	for i := range n {
		l := t.create(sample(i))
		if i%3 == 0 {
			churn[i] = l
		}
	}
	far := epoch.AddDate(10, 0, 0)
	for _, f := range []lease.Filter{{}, {ExpiredBefore: far}} {
		count := make(map[netip.Addr]int)
		step := 0
		for l, err := range t.st.Leases(t.ctx, f) {
			if err != nil {
				t.Fatalf("Leases: %v", err)
			}
			count[l.Addr]++
			i := step * 3 % n
			step++
			if step > 3*n {
				t.Fatalf("Leases does not end: %d leases of %d, %d steps", len(count), n, step)
			}
			have, ok := churn[i]
			switch {
			case !ok:
				churn[i] = t.create(sample(i))
			case step%2 == 0:
				t.swap(&have, nil)
				delete(churn, i)
			default:
				next := until(have, epoch.Add(time.Duration(step%100-50)*100*time.Minute))
				t.swap(&have, &next)
				churn[i] = next
			}
		}
		for i := range n {
			if c := count[addr(i)]; i%3 != 0 && c != 1 {
				t.Errorf("Leases(%+v) yields %v %d times, want once", f, addr(i), c)
			}
		}
	}
}

// checkChangingComeOnce changes leases that exist and match throughout: it moves
// them to and fro around the minute where the loop is.
func checkChangingComeOnce(t *tester) {
	const n, minutes = 400, 10
	rnd := rand.New(rand.NewPCG(t.seed, 1))
	moment := func(minute int) time.Time {
		return epoch.Add(time.Duration(min(max(minute, -1), minutes))*time.Minute + time.Duration(rnd.IntN(60))*time.Second)
	}
	have := make([]lease.Lease, n)
	for i := range have {
		have[i] = t.create(until(sample(i), moment(i*minutes/n)))
	}
	for round := range 6 {
		f := lease.Filter{ExpiredBefore: epoch.AddDate(10, 0, 0)}
		if round == 0 {
			f = lease.Filter{}
		}
		count := make(map[netip.Addr]int)
		step := 0
		for l, err := range t.st.Leases(t.ctx, f) {
			if err != nil {
				t.Fatalf("Leases: %v", err)
			}
			count[l.Addr]++
			if step++; step > 2*n {
				t.Fatalf("Leases does not end: %d leases of %d", len(count), n)
			}
			here := int(l.Expires.Sub(epoch) / time.Minute)
			i := rnd.IntN(n)
			for range 1 + rnd.IntN(3) {
				next := until(have[i], moment(here+rnd.IntN(7)-3))
				t.swap(&have[i], &next)
				have[i] = next
			}
		}
		for i := range n {
			if c := count[addr(i)]; c != 1 {
				t.Fatalf("Leases(%+v) yields %v %d times, want once (Suite.Seed %d)", f, addr(i), c, t.seed)
			}
		}
	}
}

// checkCreatingEnds creates two leases ahead of the loop with every step.
func checkCreatingEnds(t *tester) {
	const n = 300
	next := 0
	create := func() {
		t.create(until(sample(next), epoch.Add(time.Duration(next)*time.Minute)))
		next++
	}
	for range n {
		create()
	}
	for _, f := range []lease.Filter{{}, {ExpiredBefore: epoch.AddDate(10, 0, 0)}} {
		steps, before := 0, next
		for _, err := range t.st.Leases(t.ctx, f) {
			if err != nil {
				t.Fatalf("Leases: %v", err)
			}
			if steps++; steps > 10*before {
				t.Fatalf("Leases(%+v) goes on as long as leases are created", f)
			}
			create()
			create()
		}
		if steps < before {
			t.Fatalf("Leases(%+v) yields %d leases, want at least the %d there were", f, steps, before)
		}
	}
}
