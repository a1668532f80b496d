package leasetest

import (
	"errors"
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

func swapChecks() []check {
	return []check{
		{name: "CreateReplaceDelete", run: checkLifeOfALease},
		{name: "EmptyCalls", run: checkEmptyCalls},
		{name: "CreateOverExistingConflicts", run: checkCreateOverExisting},
		{name: "StaleOldConflicts", run: checkStaleOld},
		{name: "OldThatWasNeverStoredConflicts", run: checkOldNeverStored},
		{name: "OldOfDeletedLeaseConflicts", run: checkOldDeleted},
		{name: "OnlyRevisionIsCompared", run: checkOnlyRevision},
		{name: "RevisionIsNewWithEveryChange", run: checkRevisionNew},
		{name: "RecreatedLeaseHasAnotherRevision", run: checkABA},
		{name: "TwoChangesOfOneAddress", run: checkTwoChanges},
		{name: "EachChangeStandsByItself", run: checkEachByItself},
		{name: "ImpossibleChanges", run: checkImpossible},
		{name: "NothingOfTheCallerIsKept", run: checkNothingKept},
	}
}

func checkLifeOfALease(t *tester) {
	want := sample(1)
	t.absent(want)
	first := t.create(want)
	if !same(first, want) {
		t.Fatalf("Update changed New to %+v from %+v", first, want)
	}
	t.stored(first)
	t.equal("Leases", t.all(lease.Filter{}), []lease.Lease{first})

	second := first
	second.Hostname = "renamed"
	second.SetLifetime(epoch, 5*time.Hour)
	t.swap(&first, &second)
	t.stored(second)
	t.equal("Leases", t.all(lease.Filter{}), []lease.Lease{second})

	t.swap(&second, nil)
	t.absent(second)
	t.finds("client id of a deleted lease", lease.Query{ClientID: []byte(second.ClientID.Octets())})
	t.finds("hardware address of a deleted lease", lease.Query{HardwareAddr: second.HardwareAddr})
	t.equal("Leases", t.all(lease.Filter{}), nil)
	t.equal("Leases that expire", t.all(lease.Filter{ExpiredBefore: second.Expires.Add(time.Hour)}), nil)
	t.sync()
}

func checkEmptyCalls(t *tester) {
	if err := t.st.Find(t.ctx, nil); err != nil {
		t.Errorf("Find of no query: %v", err)
	}
	t.finds("nothing", lease.Query{})
	t.update()
	t.sync()
	t.equal("Leases", t.all(lease.Filter{}), nil)
}

func checkCreateOverExisting(t *tester) {
	for _, l := range []lease.Lease{sample(1), until(sample(2), time.Unix(60, 0).UTC()), declined(sample(3))} {
		have := t.create(l)
		other := sample(9)
		other.Addr = l.Addr
		t.conflict("create where a lease is", nil, &other)
		t.stored(have)
	}
}

func checkStaleOld(t *tester) {
	first := t.create(sample(1))
	second := first
	second.Hostname = "second"
	t.swap(&first, &second)
	third := first
	third.Hostname = "third"
	t.conflict("replace with a stale Old", &first, &third)
	t.conflict("delete with a stale Old", &first, nil)
	t.stored(second)
}

func checkOldNeverStored(t *tester) {
	never, l := sample(1), sample(1)
	t.conflict("replace of a lease that is not there by an Old without revision", &never, &l)
	t.conflict("delete of a lease that is not there by an Old without revision", &never, nil)
	t.absent(l)
	have := t.create(sample(1))
	t.conflict("replace by an Old without revision", &never, &l)
	t.conflict("delete by an Old without revision", &never, nil)
	t.stored(have)
}

func checkOldDeleted(t *tester) {
	gone := t.create(sample(1))
	t.swap(&gone, nil)
	again := gone
	t.conflict("replace of a deleted lease", &gone, &again)
	t.conflict("second deletion", &gone, nil)
	t.absent(gone)
}

func checkOnlyRevision(t *tester) {
	have := t.create(sample(1))
	old := lease.Lease{Addr: have.Addr, Revision: have.Revision}
	next := sample(2)
	next.Addr = have.Addr
	t.swap(&old, &next)
	t.stored(next)
	old = sample(3)
	old.Addr, old.Revision = next.Addr, next.Revision
	t.swap(&old, nil)
	t.absent(next)
}

func checkRevisionNew(t *tester) {
	seen := make(map[uint64]bool)
	l := t.create(sample(1))
	for range 50 {
		if seen[l.Revision] {
			t.Fatalf("revision %d came back", l.Revision)
		}
		seen[l.Revision] = true
		next := l // not a single field changes
		t.swap(&l, &next)
		t.conflict("replace with the Old of an identical lease", &l, &next)
		l = next
		next = l
		t.swap(&l, &next)
		l = next
	}
}

// checkABA deletes and creates the same lease again and again: whoever saw an
// earlier one must lose.
func checkABA(t *tester) {
	var before []lease.Lease
	for range 20 {
		l := t.create(sample(1))
		for _, b := range before {
			if b.Revision == l.Revision {
				t.Fatalf("revision %d came back after delete and create", l.Revision)
			}
			next := b
			t.conflict("replace with the Old of an earlier life", &b, &next)
			t.conflict("delete with the Old of an earlier life", &b, nil)
		}
		t.stored(l)
		before = append(before, l)
		t.swap(&l, nil)
	}
}

func checkTwoChanges(t *tester) {
	other := t.create(sample(50))
	for _, tc := range []struct {
		name   string
		create bool // there is a lease before
		make   func(have *lease.Lease) (first, second lease.Change)
		first  error
	}{
		{"create, create", false, func(*lease.Lease) (first, second lease.Change) {
			a, b := sample(1), sample(1)
			return lease.Change{New: &a}, lease.Change{New: &b}
		}, nil},
		{"create, replace what was created", false, func(*lease.Lease) (first, second lease.Change) {
			a, b := sample(1), sample(1)
			return lease.Change{New: &a}, lease.Change{Old: &a, New: &b}
		}, nil},
		{"create, delete what was created", false, func(*lease.Lease) (first, second lease.Change) {
			a := sample(1)
			return lease.Change{New: &a}, lease.Change{Old: &a}
		}, nil},
		{"replace, replace", true, func(have *lease.Lease) (first, second lease.Change) {
			a, b := *have, *have
			return lease.Change{Old: have, New: &a}, lease.Change{Old: have, New: &b}
		}, nil},
		{"replace, replace what was replaced", true, func(have *lease.Lease) (first, second lease.Change) {
			a, b := *have, *have
			return lease.Change{Old: have, New: &a}, lease.Change{Old: &a, New: &b}
		}, nil},
		{"delete, create", true, func(have *lease.Lease) (first, second lease.Change) {
			b := *have
			return lease.Change{Old: have}, lease.Change{New: &b}
		}, nil},
		{"delete, delete", true, func(have *lease.Lease) (first, second lease.Change) {
			return lease.Change{Old: have}, lease.Change{Old: have}
		}, nil},
		{"conflict, replace", true, func(have *lease.Lease) (first, second lease.Change) {
			a, b := *have, *have
			return lease.Change{New: &a}, lease.Change{Old: have, New: &b}
		}, lease.ErrConflict},
	} {
		have := sample(1)
		if tc.create {
			have = t.create(have)
		}
		a, b := tc.make(&have)
		next := other
		cs := []lease.Change{a, {Old: &other, New: &next}, b}
		t.update(cs...)
		if cs[0].Err != tc.first || cs[2].Err != lease.ErrConflict {
			t.Errorf("%s: Errs are %v and %v, want %v and ErrConflict", tc.name, cs[0].Err, cs[2].Err, tc.first)
		}
		if cs[1].Err != nil {
			t.Fatalf("%s: Err of a third change of another address is %v", tc.name, cs[1].Err)
		}
		other = next
		switch {
		case tc.first != nil:
			t.stored(have)
		case a.New != nil:
			t.stored(*a.New)
		default:
			t.absent(have)
		}
		if l, ok, _ := lease.Get(t.ctx, t.st, have.Addr); ok {
			t.swap(&l, nil)
		}
	}
}

func checkEachByItself(t *tester) {
	have := t.create(sample(1))
	stale := have
	stale.Revision++
	a, b, c := sample(2), sample(1), sample(4)
	v6 := sample(3)
	v6.Addr = netip.MustParseAddr("2001:db8::3")
	before := errors.New("from an earlier use")
	cs := []lease.Change{
		{New: &a, Err: before},
		{Old: &stale, New: &b},
		{New: &v6},
		{},
		{New: &c, Err: lease.ErrConflict},
	}
	t.update(cs...)
	if cs[0].Err != nil || cs[4].Err != nil {
		t.Errorf("Errs of two possible changes are %v and %v", cs[0].Err, cs[4].Err)
	}
	if cs[1].Err != lease.ErrConflict {
		t.Errorf("Err of a stale change is %v, want ErrConflict", cs[1].Err)
	}
	for _, i := range []int{2, 3} {
		if cs[i].Err == nil || errors.Is(cs[i].Err, lease.ErrConflict) {
			t.Errorf("Err of impossible change %d is %v, want a reason", i, cs[i].Err)
		}
	}
	t.stored(have, a, c)
	t.equal("Leases", t.all(lease.Filter{}), []lease.Lease{have, a, c})
}

func checkImpossible(t *tester) {
	edited := func(edit func(l *lease.Lease)) *lease.Lease {
		l := sample(2)
		edit(&l)
		return &l
	}
	have := t.create(sample(1))
	two := t.create(sample(2))
	t.swap(&two, nil)
	for what, c := range map[string]lease.Change{
		"neither Old nor New":        {},
		"different addresses":        {Old: &have, New: edited(func(*lease.Lease) {})},
		"no address":                 {New: edited(func(l *lease.Lease) { l.Addr = netip.Addr{} })},
		"IPv6 address":               {New: edited(func(l *lease.Lease) { l.Addr = netip.MustParseAddr("2001:db8::1") })},
		"IPv4-mapped address":        {New: edited(func(l *lease.Lease) { l.Addr = netip.AddrFrom16(l.Addr.As16()) })},
		"delete of an IPv6 address":  {Old: edited(func(l *lease.Lease) { l.Addr, l.Revision = netip.MustParseAddr("2001:db8::1"), 1 })},
		"fraction of a second":       {New: edited(func(l *lease.Lease) { l.Expires = l.Expires.Add(time.Millisecond) })},
		"time zone":                  {New: edited(func(l *lease.Lease) { l.Expires = l.Expires.In(time.FixedZone("", 3600)) })},
		"lifetime below zero":        {New: edited(func(l *lease.Lease) { l.Lifetime = -time.Second })},
		"lifetime beyond infinity":   {New: edited(func(l *lease.Lease) { l.Lifetime = lease.Infinite + time.Second })},
		"infinite but expires":       {New: edited(func(l *lease.Lease) { l.Lifetime = lease.Infinite })},
		"never expires but lifetime": {New: edited(func(l *lease.Lease) { l.Expires = time.Time{} })},
		"line break":                 {New: edited(func(l *lease.Lease) { l.Hostname = "a\nb" })},
		"nobody's": {New: edited(func(l *lease.Lease) {
			l.ClientID, l.HardwareAddr = lease.ClientID{}, lease.HardwareAddr{}
		})},
	} {
		cs := []lease.Change{c}
		t.update(cs...)
		if cs[0].Err == nil || errors.Is(cs[0].Err, lease.ErrConflict) {
			t.Errorf("%s: Err is %v, want a reason", what, cs[0].Err)
		}
	}
	t.equal("Leases", t.all(lease.Filter{}), []lease.Lease{have})
}

func checkNothingKept(t *tester) {
	l := t.create(sample(1))
	want := l
	given := l
	cs := []lease.Change{{Old: &l, New: &given}}
	t.update(cs...)
	want.Revision = given.Revision
	given.Hostname, given.ClientID, given.Addr = "scribbled", clientID(99), addr(99)
	l.Hostname = "scribbled"
	t.stored(want)

	id := []byte(want.ClientID.Octets())
	qs := []lease.Query{{ClientID: id}}
	if err := t.st.Find(t.ctx, qs); err != nil {
		t.Fatalf("Find: %v", err)
	}
	clear(id)
	qs[0].Leases[0].Hostname = "scribbled"
	t.stored(want)
	t.finds("client id", lease.Query{ClientID: []byte(want.ClientID.Octets())}, want)
}
