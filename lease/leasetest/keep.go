package leasetest

import (
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

func keepChecks() []check {
	return []check{
		{name: "ReopenedStoreHasEveryField", keeps: true, run: checkKeepsFields},
		{name: "ReopenedStoreHasTheLastState", keeps: true, run: checkKeepsLastState},
		{name: "ReopenedStoreWorks", keeps: true, run: checkReopenedWorks},
	}
}

func checkKeepsFields(t *tester) {
	for _, l := range extremes() {
		t.create(l)
	}
	for range 2 {
		t.reopen()
		t.equal("Leases of a reopened store", t.all(lease.Filter{}), extremes())
	}
}

func checkKeepsLastState(t *tester) {
	ls := make([]lease.Lease, 8)
	for i := range ls {
		ls[i] = t.create(sample(i))
	}
	var want []lease.Lease
	for i := range ls {
		next := sample(20 + i)
		next.Addr = ls[i].Addr
		switch i % 4 {
		case 0: // stays
			want = append(want, ls[i])
		case 1: // changes hands
			t.swap(&ls[i], &next)
			want = append(want, next)
		case 2: // is deleted
			t.swap(&ls[i], nil)
		case 3: // is deleted and given to another
			t.swap(&ls[i], nil)
			want = append(want, t.create(next))
		}
	}
	t.reopen()
	t.equal("Leases of a reopened store", t.all(lease.Filter{}), want)
	for _, l := range want {
		q := lease.Query{ClientID: idOf(l), HardwareAddr: l.HardwareAddr}
		t.finds("identifiers in a reopened store", q, l)
	}
	for _, l := range ls {
		q := lease.Query{ClientID: idOf(l), HardwareAddr: l.HardwareAddr}
		for _, got := range t.find(q) {
			if !same(got, l) {
				t.Errorf("Find by former identifiers in a reopened store yields %+v", got)
			}
		}
	}
	got := t.all(lease.Filter{ExpiredBefore: epoch.AddDate(1, 0, 0)})
	t.equal("Leases of a reopened store that expire", got, want)
	t.oldestFirst(got)
}

func checkReopenedWorks(t *tester) {
	t.create(sample(1))
	t.create(sample(2))
	for i := range 3 {
		t.reopen()
		had, ok, err := lease.Get(t.ctx, t.st, addr(1))
		if err != nil || !ok {
			t.Fatalf("Find in a reopened store: %v, %v", ok, err)
		}
		next := until(had, epoch.Add(time.Duration(i+1)*time.Hour))
		t.conflict("create over a lease from before", nil, &next)
		t.swap(&had, &next)
		t.conflict("replace with a stale Old", &had, &next)
		t.stored(next)
		other := t.create(sample(10 + i))
		t.stored(other)
	}
	t.reopen()
	want := []lease.Lease{until(sample(1), epoch.Add(3*time.Hour)), sample(2), sample(10), sample(11), sample(12)}
	t.equal("Leases of a store reopened several times", t.all(lease.Filter{}), want)
}
