package leasetest

import (
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

func findChecks() []check {
	return []check{
		{name: "EveryFieldRoundTrips", run: checkRoundTrip},
		{name: "FindByEachKey", run: checkFindByEachKey},
		{name: "FindBySeveralKeysYieldsEachOnce", run: checkFindOnce},
		{name: "FindManyLeasesOfOneClient", run: checkFindMany},
		{name: "EmptyIdentifiersMatchNothing", run: checkEmptyIdentifiers},
		{name: "IdentifiersMatchWhole", run: checkWholeIdentifiers},
		{name: "SubnetsRestrictIdentifiersOnly", run: checkSubnets},
		{name: "FindReusesCapacity", run: checkCapacity},
		{name: "QueriesOfOneCallAreIndependent", run: checkQueries},
		{name: "FindAfterLeaseChangedHands", run: checkChangedHands},
	}
}

func idOf(l lease.Lease) []byte { return []byte(l.ClientID.Octets()) }

func checkRoundTrip(t *tester) {
	for _, want := range extremes() {
		got := t.create(want)
		if !same(got, want) {
			t.Fatalf("Update changed New to\n%+v from\n%+v", got, want)
		}
		t.stored(got)
		for _, l := range t.find(lease.Query{Addrs: []netip.Addr{want.Addr}}) {
			if l.Expires.Location() != time.UTC {
				t.Errorf("Expires of %v is in %v, want UTC", l.Addr, l.Expires.Location())
			}
		}
	}
	t.equal("Leases", t.all(lease.Filter{}), extremes())
}

func checkFindByEachKey(t *tester) {
	for i := range 20 {
		t.create(sample(i))
	}
	expired := t.create(until(sample(30), time.Unix(1e6, 0).UTC()))
	for _, l := range []lease.Lease{sample(7), sample(0), expired} {
		t.finds("address", lease.Query{Addrs: []netip.Addr{l.Addr}}, l)
		t.finds("client id", lease.Query{ClientID: idOf(l)}, l)
		t.finds("hardware address", lease.Query{HardwareAddr: l.HardwareAddr}, l)
	}
	t.finds("unknown keys", lease.Query{
		Addrs:        []netip.Addr{addr(99), {}, netip.MustParseAddr("2001:db8::1"), netip.AddrFrom16(addr(1).As16())},
		ClientID:     []byte("unknown"),
		HardwareAddr: hardwareAddr(99),
	})
	t.finds("two addresses", lease.Query{Addrs: []netip.Addr{addr(3), addr(99), addr(5)}}, sample(3), sample(5))
}

func checkFindOnce(t *tester) {
	mine := sample(1)
	sameID, sameHW := sample(2), sample(3)
	sameID.ClientID = mine.ClientID
	sameHW.HardwareAddr = mine.HardwareAddr
	bothTwice := sample(4)
	bothTwice.ClientID, bothTwice.HardwareAddr = mine.ClientID, mine.HardwareAddr
	noID := sample(5)
	noID.ClientID, noID.HardwareAddr = lease.ClientID{}, mine.HardwareAddr
	other := sample(6)
	for _, l := range []lease.Lease{mine, sameID, sameHW, bothTwice, noID, other} {
		t.create(l)
	}
	client := lease.Query{ClientID: idOf(mine), HardwareAddr: mine.HardwareAddr}
	t.finds("client id and hardware address", client, mine, sameID, sameHW, bothTwice, noID)
	client.Addrs = []netip.Addr{other.Addr, mine.Addr, other.Addr, sameHW.Addr, sameID.Addr}
	t.finds("all keys, addresses twice", client, mine, sameID, sameHW, bothTwice, noID, other)
	client.ClientID = []byte("unknown")
	client.Addrs = []netip.Addr{bothTwice.Addr}
	t.finds("another client id", client, mine, sameHW, bothTwice, noID)
}

func checkFindMany(t *tester) {
	var want []lease.Lease
	for i := range 300 {
		l := sample(i)
		l.HardwareAddr = hardwareAddr(1)
		if i%2 == 0 {
			l.ClientID = clientID(1)
		}
		want = append(want, t.create(l))
	}
	q := lease.Query{ClientID: []byte(clientID(1).Octets()), HardwareAddr: hardwareAddr(1), Addrs: []netip.Addr{addr(4), addr(5)}}
	t.finds("keys of 300 leases", q, want...)
	for i := 0; i < 300; i += 3 {
		t.swap(&want[i], nil)
	}
	var left []lease.Lease
	for i, l := range want {
		if i%3 != 0 {
			left = append(left, l)
		}
	}
	t.finds("keys of 300 leases, 100 of them deleted", q, left...)
}

func checkEmptyIdentifiers(t *tester) {
	noID, noHW := sample(1), sample(2)
	noID.ClientID = lease.ClientID{}
	noHW.HardwareAddr = lease.HardwareAddr{}
	for _, l := range []lease.Lease{noID, noHW, declined(sample(3)), sample(4)} {
		t.create(l)
	}
	t.finds("nothing", lease.Query{})
	t.finds("empty identifiers", lease.Query{ClientID: []byte{}, Addrs: []netip.Addr{}})
	t.finds("empty client id", lease.Query{ClientID: []byte{}, HardwareAddr: noID.HardwareAddr}, noID)
	t.finds("no hardware address", lease.Query{ClientID: idOf(noHW)}, noHW)
}

func checkWholeIdentifiers(t *tester) {
	ids := []string{"\x01\x02", "\x01\x02\x00", "\x01\x02\x00\x00", "\x00\x01\x02", "AB", "ab", "\xc3\x84"}
	hws := [][]byte{{1}, {1, 0}, {1, 0, 0}, {0, 1}, {'A'}, {'a'}, {0}}
	for i, id := range ids {
		l := sample(i)
		l.ClientID = lease.ClientIDFrom([]byte(id))
		l.HardwareAddr, _ = lease.HardwareAddrFrom(hws[i])
		t.create(l)
	}
	for i, id := range ids {
		want := sample(i)
		want.ClientID = lease.ClientIDFrom([]byte(id))
		want.HardwareAddr, _ = lease.HardwareAddrFrom(hws[i])
		t.finds("client id", lease.Query{ClientID: []byte(id)}, want)
		t.finds("hardware address", lease.Query{HardwareAddr: want.HardwareAddr}, want)
	}
}

func checkSubnets(t *tester) {
	var ls [4]lease.Lease
	for i := range ls {
		ls[i] = sample(i)
		ls[i].SubnetID = uint32(10 + i)
		ls[i].ClientID, ls[i].HardwareAddr = clientID(1), hardwareAddr(1)
		if i%2 == 0 {
			ls[i].ClientID = lease.ClientID{}
		}
		t.create(ls[i])
	}
	q := lease.Query{ClientID: []byte(clientID(1).Octets()), HardwareAddr: hardwareAddr(1)}
	t.finds("client in all subnets", q, ls[:]...)
	q.Subnets = []uint32{10, 13, 99, 13}
	t.finds("client in some subnets", q, ls[0], ls[3])
	q.Addrs = []netip.Addr{ls[1].Addr, ls[3].Addr}
	t.finds("client in some subnets and addresses in others", q, ls[0], ls[1], ls[3])
	q.Subnets = []uint32{}
	t.finds("client in no subnet and addresses", q, ls[1], ls[3])
	q.Subnets, q.Addrs = []uint32{99}, nil
	t.finds("client in an unknown subnet", q)
}

func checkCapacity(t *tester) {
	l := t.create(sample(1))
	room := make([]lease.Lease, 3, 8)
	for i := range room {
		room[i] = sample(70 + i)
	}
	qs := []lease.Query{{Addrs: []netip.Addr{l.Addr}, Leases: room}}
	for range 2 {
		if err := t.st.Find(t.ctx, qs); err != nil {
			t.Fatalf("Find: %v", err)
		}
		t.equal("Find into a used result", qs[0].Leases, []lease.Lease{l})
		if &qs[0].Leases[0] != &room[0] {
			t.Fatal("Find did not reuse the capacity of Leases")
		}
	}
	qs[0].Addrs = []netip.Addr{addr(99)}
	if err := t.st.Find(t.ctx, qs); err != nil || len(qs[0].Leases) != 0 {
		t.Fatalf("Find of nothing into a used result: %v, %v", qs[0].Leases, err)
	}
}

func checkQueries(t *tester) {
	for i := range 10 {
		t.create(sample(i))
	}
	var qs []lease.Query
	for i := range 40 {
		l := sample(i % 13) // some are unknown
		switch i % 3 {
		case 0:
			qs = append(qs, lease.Query{Addrs: []netip.Addr{l.Addr}})
		case 1:
			qs = append(qs, lease.Query{ClientID: idOf(l)})
		default:
			qs = append(qs, lease.Query{HardwareAddr: l.HardwareAddr})
		}
	}
	if err := t.st.Find(t.ctx, qs); err != nil {
		t.Fatalf("Find: %v", err)
	}
	for i := range qs {
		var want []lease.Lease
		if i%13 < 10 {
			want = append(want, sample(i%13))
		}
		t.equal("one Find of many queries", qs[i].Leases, want)
	}
}

// checkChangedHands gives an address to another client and checks that no
// index remembers the former one.
func checkChangedHands(t *tester) {
	before := t.create(sample(1))
	neighbour := t.create(sample(2))
	after := sample(3)
	after.Addr, after.SubnetID = before.Addr, before.SubnetID+7
	after.SetLifetime(epoch, 9*time.Hour)
	t.swap(&before, &after)
	t.finds("former client id", lease.Query{ClientID: idOf(before)})
	t.finds("former hardware address", lease.Query{HardwareAddr: before.HardwareAddr})
	t.finds("client id", lease.Query{ClientID: idOf(after)}, after)
	t.finds("hardware address", lease.Query{HardwareAddr: after.HardwareAddr}, after)
	t.finds("former subnet", lease.Query{HardwareAddr: after.HardwareAddr, Subnets: []uint32{before.SubnetID}})
	t.finds("subnet", lease.Query{HardwareAddr: after.HardwareAddr, Subnets: []uint32{after.SubnetID}}, after)
	t.equal("Leases that expire before the new expiry",
		t.all(lease.Filter{ExpiredBefore: after.Expires}), []lease.Lease{neighbour})

	gone := declined(after)
	t.swap(&after, &gone)
	t.finds("client id of a declined lease", lease.Query{ClientID: idOf(after)})
	t.finds("hardware address of a declined lease", lease.Query{HardwareAddr: after.HardwareAddr})
	t.finds("address of a declined lease", lease.Query{Addrs: []netip.Addr{after.Addr}}, gone)
	t.swap(&gone, nil)
	back := t.create(sample(1))
	t.finds("client id of a lease that came back", lease.Query{ClientID: idOf(back), HardwareAddr: back.HardwareAddr}, back)
}
