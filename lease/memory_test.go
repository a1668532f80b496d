package lease

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var start = time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)

// of returns a lease of client i that expires d after start.
func of(i int, d time.Duration) Lease {
	b := []byte{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}
	hw, _ := HardwareAddrFrom(b)
	return Lease{
		Addr:         netip.AddrFrom4([4]byte{10, b[3], b[4], b[5]}),
		SubnetID:     1,
		HardwareAddr: hw,
		ClientID:     ClientIDFrom(append([]byte{1}, b...)),
		Hostname:     "client",
		Expires:      start.Add(d),
		Lifetime:     12 * time.Hour,
	}
}

func filled(t testing.TB, n int) *Memory {
	t.Helper()
	m := new(Memory)
	for i := range n {
		if err := m.Put(of(i, time.Duration(i%1440)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestMemoryIndexesStayConsistent(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	m := Memory{IndexHostnames: true}
	for range 200 {
		cs := make([]Change, 1+rnd.IntN(20))
		for i := range cs {
			l := of(rnd.IntN(150), time.Duration(rnd.IntN(7200)-3600)*time.Second)
			l.ClientID = of(rnd.IntN(10), 0).ClientID
			l.HardwareAddr = of(rnd.IntN(10), 0).HardwareAddr
			l.Hostname = strings.Repeat("x", rnd.IntN(4))
			l.UserContext = strings.Repeat(" ", rnd.IntN(200)*rnd.IntN(100))
			switch rnd.IntN(8) {
			case 0:
				l.SetLifetime(start, Infinite)
			case 1:
				l = Lease{Addr: l.Addr, State: StateDeclined, Expires: l.Expires}
			case 2:
				l.ClientID = ClientID{}
			}
			cs[i].New = &l
			if old, ok, _ := Get(t.Context(), &m, l.Addr); ok {
				cs[i].Old = &old
				if rnd.IntN(3) == 0 {
					cs[i].New = nil
				}
			}
		}
		if err := m.Update(t.Context(), cs); err != nil {
			t.Fatal(err)
		}
		m.consistent(t)
	}
	for l, err := range m.Leases(t.Context(), Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		m.Delete(l.Addr)
	}
	m.consistent(t)
	for k, x := range m.indexes {
		if x.count != 0 {
			t.Fatalf("empty store keeps %d keys in index %d", x.count, k)
		}
	}
	if m.arena.live != 0 || len(m.timetable.spans) != 0 {
		t.Fatalf("empty store keeps %d octets and %d spans", m.arena.live, len(m.timetable.spans))
	}
}

func TestMinutesBefore1970(t *testing.T) {
	for seconds, want := range map[int64]int64{0: 0, 59: 0, 60: 1, -1: -1, -60: -1, -61: -2} {
		if got := minuteOf(seconds); got != want {
			t.Errorf("second %d is in minute %d, want %d", seconds, got, want)
		}
	}
}

func TestPutStoresWhateverIsThere(t *testing.T) {
	var m Memory
	first, second := of(1, time.Hour), of(2, 2*time.Hour)
	second.Addr = first.Addr
	for _, l := range []Lease{first, second} {
		l.Revision = 12345
		if err := m.Put(l); err != nil {
			t.Fatal(err)
		}
		m.consistent(t)
	}
	got, ok, err := Get(t.Context(), &m, first.Addr)
	if err != nil || !ok || got.Revision == 12345 {
		t.Fatalf("Get: %+v, %v, %v", got, ok, err)
	}
	if diff := cmp.Diff(second, got, cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreFields(Lease{}, "Revision")); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if err := m.Put(Lease{Addr: first.Addr}); err == nil {
		t.Error("Put of an impossible lease succeeds")
	}
	m.Delete(first.Addr)
	m.Delete(first.Addr)
	m.Delete(netip.Addr{})
	m.consistent(t)
	if m.Len() != 0 {
		t.Errorf("Len is %d after Delete", m.Len())
	}
}

// TestLogIsReplayed puts and deletes as a log has it, so that deleted slots are
// used again while the index of addresses grows, and peeks at what is there.
func TestLogIsReplayed(t *testing.T) {
	const clients = 3000
	var m Memory
	want := make(map[netip.Addr]Lease)
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 5 * clients {
		l := of(rnd.IntN(1+i/5), time.Duration(i)*time.Minute)
		if rnd.IntN(3) == 0 {
			m.Delete(l.Addr)
			delete(want, l.Addr)
		} else if err := m.Put(l); err != nil {
			t.Fatal(err)
		} else {
			want[l.Addr] = l
		}
		seen := of(rnd.IntN(clients), 0).Addr
		got, ok := m.Peek(seen)
		expected, there := want[seen]
		if got.Revision = 0; ok != there || got != expected {
			t.Fatalf("Peek after %d rows: %+v, %v; want %+v, %v", i+1, got, ok, expected, there)
		}
	}
	if !m.loading {
		t.Error("Peek has made the other indexes")
	}
	if _, ok := m.Peek(netip.Addr{}); ok {
		t.Error("Peek finds the zero address")
	}
	m.consistent(t)
	if m.Len() != len(want) {
		t.Errorf("%d leases, want %d", m.Len(), len(want))
	}
}

// TestLeaseThatMovesOnComesInItsNewMinute moves leases of the minute that the
// loop has come to: whoever stops at the first lease that has not expired must
// not miss one that has.
func TestLeaseThatMovesOnComesInItsNewMinute(t *testing.T) {
	var m Memory
	const n = 600
	for i := range n {
		if err := m.Put(of(i, time.Duration(i*3/n)*10*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	var last time.Time
	count := 0
	for l, err := range m.Leases(t.Context(), Filter{ExpiredBefore: start.Add(time.Hour)}) {
		if err != nil {
			t.Fatal(err)
		}
		if l.Expires.Before(last) {
			t.Fatalf("lease %d expires at %v, after one at %v", count, l.Expires, last)
		}
		last = l.Expires
		if count == 0 {
			for i := range n / 3 {
				if err := m.Put(of(i, 25*time.Minute)); err != nil {
					t.Fatal(err)
				}
			}
		}
		count++
	}
	if count != n {
		t.Errorf("%d leases, want %d", count, n)
	}
	m.consistent(t)
}

func TestLoopsThatPanicOrBreakLeaveNothingBehind(t *testing.T) {
	m := filled(t, 100)
	far := Filter{ExpiredBefore: start.AddDate(1, 0, 0)}
	for range m.Leases(t.Context(), far) {
		break
	}
	func() {
		defer func() { _ = recover() }()
		for range m.Leases(t.Context(), far) {
			panic("in the body")
		}
	}()
	m.consistent(t)
}

func TestLeasesEndsWithTheCauseOfItsContext(t *testing.T) {
	m := filled(t, 2000)
	for _, f := range []Filter{{}, {ExpiredBefore: start.AddDate(1, 0, 0)}} {
		cause := errors.New("shut down")
		ctx, cancel := context.WithCancelCause(t.Context())
		n := 0
		var last error
		for _, err := range m.Leases(ctx, f) {
			n++
			last = err
			cancel(cause)
		}
		cancel(nil)
		if last != cause || n > 1000 {
			t.Errorf("after %d leases the error is %v", n, last)
		}
	}
	m.consistent(t)
}

func TestNextExpiryIsFoundWithoutScanning(t *testing.T) {
	m := filled(t, 20000)
	sc := m.begin(&Filter{ExpiredBefore: start.AddDate(1, 0, 0)}).(*expiryScan)
	defer m.end(sc)
	got, more := m.fill(sc, nil, 1)
	if len(got) != 1 || !more || !got[0].Expires.Equal(start) {
		t.Fatalf("first: %+v, %v", got, more)
	}
	if copied := cap(sc.rest); copied > 100 {
		t.Errorf("room for %d leases was copied to find one of %d", copied, m.Len())
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	m := filled(t, 1000)
	t.Run("find", func(t *testing.T) {
		f := newFinder(m)
		if n := testing.AllocsPerRun(1000, f.find); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
	t.Run("renew", func(t *testing.T) {
		r := newRenewer(t, m)
		if n := testing.AllocsPerRun(1000, r.renew); n > 0.1 {
			t.Errorf("%v allocations", n)
		}
	})
	m.consistent(t)
}

// A finder looks clients up by all three keys.
type finder struct {
	m  *Memory
	qs []Query
	i  int
}

func newFinder(m *Memory) *finder {
	f := &finder{m: m, qs: make([]Query, m.Len())}
	for i, l := range slices.Collect(leasesOf(m)) {
		f.qs[i] = Query{
			Addrs:        []netip.Addr{l.Addr},
			Subnets:      []uint32{1, 2},
			ClientID:     []byte(l.ClientID.Octets()),
			HardwareAddr: l.HardwareAddr,
			Leases:       make([]Lease, 0, 1),
		}
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(f.qs), func(i, j int) { f.qs[i], f.qs[j] = f.qs[j], f.qs[i] })
	return f
}

func (f *finder) find() {
	i := f.i % len(f.qs)
	f.i++
	if err := f.m.Find(context.Background(), f.qs[i:i+1]); err != nil || len(f.qs[i].Leases) != 1 {
		panic("lease not found")
	}
}

// A renewer renews leases, a little later each time.
type renewer struct {
	m      *Memory
	leases []Lease
	next   Lease
	cs     [1]Change
	now    time.Time
	i      int
}

func newRenewer(t testing.TB, m *Memory) *renewer {
	t.Helper()
	r := &renewer{m: m, leases: slices.Collect(leasesOf(m)), now: start}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(r.leases), func(i, j int) { r.leases[i], r.leases[j] = r.leases[j], r.leases[i] })
	return r
}

func (r *renewer) renew() {
	i := r.i % len(r.leases)
	r.i++
	r.now = r.now.Add(time.Second)
	r.next = r.leases[i]
	r.next.SetLifetime(r.now, 12*time.Hour)
	r.cs[0] = Change{Old: &r.leases[i], New: &r.next}
	if err := r.m.Update(context.Background(), r.cs[:]); err != nil || r.cs[0].Err != nil {
		panic("renewal failed")
	}
	r.leases[i] = r.next
}

func leasesOf(m *Memory) func(yield func(Lease) bool) {
	return func(yield func(Lease) bool) {
		for l := range m.Leases(context.Background(), Filter{}) {
			if !yield(l) {
				return
			}
		}
	}
}
