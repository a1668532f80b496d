package lease

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A naive is the slow store that a Memory is compared with.
type naive struct {
	revision uint64
	leases   map[netip.Addr]Lease
}

func (n *naive) put(l Lease) {
	n.revision++
	l.Revision = n.revision
	n.leases[l.Addr] = l
}

func (n *naive) update(cs []Change) {
	touched := make(map[netip.Addr]bool)
	for i := range cs {
		c := &cs[i]
		have, ok := n.leases[c.Addr()]
		switch {
		case touched[c.Addr()], ok != (c.Old != nil), ok && have.Revision != c.Old.Revision:
			c.Err = ErrConflict
		case c.New == nil:
			delete(n.leases, c.Addr())
		default:
			n.put(*c.New)
		}
		touched[c.Addr()] = true
	}
}

func (n *naive) selected(f func(l *Lease) bool) []Lease {
	var ls []Lease
	for _, l := range n.leases {
		if f(&l) {
			ls = append(ls, l)
		}
	}
	return ls
}

// A churn makes random changes in a Memory and in a naive.
type churn struct {
	t   *testing.T
	rnd *rand.Rand
	m   *Memory
	n   naive

	addrs, clients int
}

func newChurn(t *testing.T, m *Memory, addrs, clients int) *churn {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return &churn{t, rand.New(rand.NewPCG(seed, 0)), m, naive{leases: make(map[netip.Addr]Lease)}, addrs, clients}
}

func (c *churn) lease() Lease {
	l := of(c.rnd.IntN(c.addrs), time.Duration(c.rnd.IntN(1<<uint(c.rnd.IntN(30))))*time.Second)
	who := of(c.rnd.IntN(c.clients), 0)
	l.HardwareAddr, l.ClientID = who.HardwareAddr, who.ClientID
	l.SubnetID = 1 + c.rnd.Uint32N(3)
	l.Hostname = fmt.Sprintf("Host-%d", c.rnd.IntN(c.clients))
	switch c.rnd.IntN(20) {
	case 0:
		l.Hostname = ""
	case 1:
		l.HardwareAddr = HardwareAddr{}
	case 2:
		l.ClientID = ClientID{}
	case 3:
		l.ClientID = ClientIDFrom([]byte(strings.Repeat("i", 2+c.rnd.IntN(254))))
	case 4:
		l.SetLifetime(start, Infinite)
	case 5:
		l.UserContext = fmt.Sprintf(`{"text": %q}`, strings.Repeat("long ", c.rnd.IntN(300)))
	case 6:
		if c.rnd.IntN(20) == 0 {
			l.UserContext = fmt.Sprintf(`{"text": %q}`, strings.Repeat("very long ", c.rnd.IntN(9000)))
		}
	}
	return l
}

// load puts leases as a store does that replays a log.
func (c *churn) load(rows int) {
	for range rows {
		l := c.lease()
		if c.rnd.IntN(10) == 0 {
			c.m.Delete(l.Addr)
			delete(c.n.leases, l.Addr)
			continue
		}
		if err := c.m.Put(l); err != nil {
			c.t.Fatal(err)
		}
		c.n.put(l)
	}
}

func (c *churn) update() {
	cs := make([]Change, 1+c.rnd.IntN(8))
	for i := range cs {
		l := c.lease()
		if have, ok := c.n.leases[l.Addr]; ok {
			cs[i].Old = &have
			if c.rnd.IntN(20) == 0 {
				have.Revision--
			}
		}
		switch next := l; {
		case cs[i].Old == nil || c.rnd.IntN(2) == 0:
			cs[i].New = &next
		case c.rnd.IntN(4) > 0: // a renewal
			next = *cs[i].Old
			next.Expires, next.Lifetime = l.Expires, l.Lifetime
			cs[i].New = &next
		}
	}
	want := make([]Change, len(cs))
	for i, ch := range cs {
		want[i] = ch
		if ch.New != nil {
			l := *ch.New
			want[i].New = &l
		}
	}
	c.n.update(want)
	if err := c.m.Update(c.t.Context(), cs); err != nil {
		c.t.Fatal(err)
	}
	for i := range cs {
		if cs[i].Err != want[i].Err {
			c.t.Fatalf("change %d of %v: Err is %v, want %v", i, cs[i].Addr(), cs[i].Err, want[i].Err)
		}
	}
}

func (c *churn) find() {
	l := c.lease()
	q := Query{ClientID: []byte(l.ClientID.Octets()), HardwareAddr: l.HardwareAddr}
	for range c.rnd.IntN(3) {
		q.Addrs = append(q.Addrs, c.lease().Addr)
	}
	if c.rnd.IntN(2) == 0 {
		q.Subnets = []uint32{l.SubnetID}
	}
	qs := []Query{q}
	if err := c.m.Find(c.t.Context(), qs); err != nil {
		c.t.Fatal(err)
	}
	c.equal("Find", qs[0].Leases, func(l *Lease) bool {
		return slices.Contains(q.Addrs, l.Addr) || (q.Subnets == nil || slices.Contains(q.Subnets, l.SubnetID)) &&
			(len(q.ClientID) > 0 && l.ClientID.Octets() == string(q.ClientID) || !q.HardwareAddr.IsZero() && l.HardwareAddr == q.HardwareAddr)
	})
	named, err := c.m.FindHostname(c.t.Context(), strings.ToUpper(l.Hostname), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.equal("FindHostname", named, func(o *Lease) bool { return l.Hostname != "" && o.Hostname == l.Hostname })
}

// iterate compares what expires before a random moment, and its order.
func (c *churn) iterate() {
	before := c.lease().Expires.Add(time.Duration(c.rnd.IntN(2)))
	var since time.Time
	if c.rnd.IntN(2) == 0 {
		since = c.lease().Expires.Add(time.Duration(c.rnd.IntN(2)))
	}
	var got []Lease
	for l, err := range c.m.Leases(c.t.Context(), Filter{ExpiredBefore: before, ExpiredSince: since}) {
		if err != nil {
			c.t.Fatal(err)
		}
		if n := len(got); n > 0 && !before.IsZero() && minuteOf(l.Expires.Unix()) < minuteOf(got[n-1].Expires.Unix()) {
			c.t.Fatalf("%v comes after %v", l.Expires, got[n-1].Expires)
		}
		got = append(got, l)
	}
	c.equal("Leases", got, func(l *Lease) bool {
		return before.IsZero() || !l.Expires.IsZero() && l.Expires.Before(before) && !l.Expires.Before(since)
	})
}

func (c *churn) equal(what string, got []Lease, f func(*Lease) bool) {
	c.t.Helper()
	want := c.n.selected(f)
	for _, ls := range [][]Lease{got, want} {
		slices.SortFunc(ls, func(a, b Lease) int { return a.Addr.Compare(b.Addr) })
	}
	if !slices.Equal(got, want) {
		c.t.Fatalf("%s (-want +got):\n%s", what, cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})))
	}
}

func TestMemoryAgreesWithNaiveStore(t *testing.T) {
	for _, tc := range []struct {
		name           string
		m              *Memory
		addrs, clients int
		rows           int
	}{
		{"few clients", &Memory{}, 100, 5, 0},
		{"many clients", &Memory{IndexHostnames: true}, 3000, 2000, 0},
		{"loaded", &Memory{IndexHostnames: true}, 2000, 1000, 5000},
		{"loaded, few clients", &Memory{}, 500, 3, 700},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newChurn(t, tc.m, tc.addrs, tc.clients)
			c.load(tc.rows)
			for i := range 1000 {
				c.update()
				switch i % 300 {
				case 0:
					c.iterate()
				case 1:
					c.equal("all", slices.Collect(leasesOf(c.m)), func(*Lease) bool { return true })
				case 2:
					c.m.consistent(t)
				default:
					c.find()
				}
			}
			c.load(tc.rows) // into a store that is in use
			c.find()
			c.m.consistent(t)
			if c.m.Len() != len(c.n.leases) {
				t.Errorf("Len is %d, want %d", c.m.Len(), len(c.n.leases))
			}
		})
	}
}

// TestTextThatChangesLeavesLittleGarbage renames clients at random, so that in
// every chunk something stays.
func TestTextThatChangesLeavesLittleGarbage(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	m := filled(t, 5000)
	for i := range 20_000 {
		l := of(rnd.IntN(5000), time.Hour)
		l.Hostname = fmt.Sprintf("client-%d", i)
		if err := m.Put(l); err != nil {
			t.Fatal(err)
		}
		if i%1000 > 0 {
			continue
		}
		total := 0
		for _, c := range m.arena.chunks {
			total += len(c.text)
		}
		if limit := m.arena.live/3*4 + 2*largestChunk; total > limit {
			t.Fatalf("after %d changes: %d octets for %d in use, limit %d", i, total, m.arena.live, limit)
		}
	}
	m.consistent(t)
}

// TestResultsStayWhatTheyAre keeps results while what they are about is
// replaced and moved around; with -race it finds a write to what is shared.
func TestResultsStayWhatTheyAre(t *testing.T) {
	m := filled(t, 1000)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			var kept, copies []Lease
			for done := false; !done; {
				select {
				case <-stop:
					done = true
				default:
				}
				kept, copies = kept[:0], copies[:0]
				for l := range leasesOf(m) {
					kept = append(kept, l)
					l.Hostname, l.ClientID = strings.Clone(l.Hostname), ClientIDFrom([]byte(l.ClientID.Octets()))
					copies = append(copies, l)
				}
				time.Sleep(time.Millisecond)
				if !slices.Equal(kept, copies) {
					t.Error("a result has changed")
					return
				}
			}
		})
	}
	for i := range 30_000 {
		l := of(i%1000, time.Hour)
		l.Hostname = fmt.Sprintf("client-%d", i)
		if err := m.Put(l); err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	wg.Wait()
}

// TestClientsWithTheSameTagAreNotMistaken finds client identifiers, hardware
// addresses and host names that have the same hash.
func TestClientsWithTheSameTagAreNotMistaken(t *testing.T) {
	m := &Memory{IndexHostnames: true}
	first := of(1<<22, time.Hour)
	if err := m.Put(first); err != nil {
		t.Fatal(err)
	}
	m.Len() // the seed is chosen, the indexes are made
	for k := byClient; k <= byHostname; k++ {
		seen := make(map[uint32]Lease)
		for i := 0; ; i++ {
			a := of(i, time.Hour)
			a.Hostname = fmt.Sprintf("host-%d", i)
			tag := m.tagOf(k, &a)
			b, ok := seen[tag]
			seen[tag] = a
			if !ok {
				continue
			}
			for _, l := range []Lease{a, b} {
				if err := m.Put(l); err != nil {
					t.Fatal(err)
				}
			}
			for _, l := range []Lease{a, b} {
				found := findBy(t, m, k, &l)
				if len(found) != 1 || found[0].Addr != l.Addr {
					t.Errorf("index %d finds %+v for %+v", k, found, l)
				}
			}
			m.Delete(a.Addr)
			if found := findBy(t, m, k, &a); len(found) != 0 {
				t.Errorf("index %d finds %+v for one that is gone", k, found)
			}
			m.Delete(b.Addr)
			break
		}
	}
	m.consistent(t)
}

func findBy(t *testing.T, m *Memory, k int, l *Lease) []Lease {
	qs := []Query{{ClientID: []byte(l.ClientID.Octets())}}
	switch k {
	case byHardware:
		qs[0] = Query{HardwareAddr: l.HardwareAddr}
	case byHostname:
		ls, err := m.FindHostname(t.Context(), l.Hostname, nil)
		if err != nil {
			t.Fatal(err)
		}
		return ls
	}
	if err := m.Find(t.Context(), qs); err != nil {
		t.Fatal(err)
	}
	return qs[0].Leases
}
