package leasetest

import (
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

func clockChecks() []check {
	return []check{
		{name: "StoreHasNoClock", run: checkNoClock},
		{name: "ReopenedStoreHasNoClock", keeps: true, run: checkReopenedNoClock},
	}
}

// moments are leases around the real time, which is no business of a store.
func moments() []lease.Lease {
	now := time.Now().UTC().Truncate(time.Second)
	var ls []lease.Lease
	for i, expires := range []time.Time{
		time.Unix(1, 0).UTC(), now.AddDate(-1, 0, 0), now.Add(-25 * time.Hour), now.Add(-time.Hour),
		now.Add(-time.Second), now, now.Add(time.Second), now.Add(30 * time.Minute),
	} {
		ls = append(ls, until(sample(i), expires)) // Lifetime is an hour
	}
	return ls
}

// checkNoClock stores leases that expired long ago or just now: time passes for
// the server, never for its store.
func checkNoClock(t *tester) {
	all := moments()
	beyond := []lease.Lease{ // further from now than their lifetime
		until(sample(20), time.Now().UTC().Truncate(time.Second).AddDate(1, 0, 0)),
		until(sample(21), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)),
	}
	all = append(all, beyond...)
	for i := range all {
		all[i] = t.create(all[i])
	}
	t.stored(all...)
	t.equal("Leases", t.all(lease.Filter{}), all)
	for _, l := range all {
		q := lease.Query{Addrs: []netip.Addr{l.Addr}, ClientID: idOf(l), HardwareAddr: l.HardwareAddr}
		t.finds("all keys", q, l)
		for _, before := range []time.Time{l.Expires, l.Expires.Add(1)} {
			var want []lease.Lease
			for _, o := range all {
				if o.Expires.Before(before) {
					want = append(want, o)
				}
			}
			t.equal("Leases that expire before one of them", t.all(lease.Filter{ExpiredBefore: before}), want)
		}
	}
	t.sync()
	// Replacing, renewing and deleting ask the revision alone.
	for i := range all {
		next := until(all[i], all[(i+1)%len(all)].Expires)
		t.conflict("create where a lease is, expired or not", nil, &next)
		t.swap(&all[i], &next)
		all[i] = next
	}
	t.stored(all...)
	for i := range all {
		t.swap(&all[i], nil)
	}
	t.equal("Leases", t.all(lease.Filter{}), nil)
}

func checkReopenedNoClock(t *tester) {
	all := moments()
	for i := range all {
		t.create(all[i])
	}
	t.reopen()
	t.equal("Leases of a reopened store, most of them expired", t.all(lease.Filter{}), all)
}
