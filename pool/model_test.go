package pool

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// subject is what the model is compared with: an Allocator, or one with a bug.
type subject interface {
	Next(hint netip.Addr, seed uint64) (netip.Addr, bool)
	Take(ip netip.Addr) bool
	Release(ip netip.Addr) bool
	Contains(ip netip.Addr) bool
	Counts() (free, total int)
}

// A model does what an Allocator does, in the plainest way.
type model struct {
	order  Order
	addrs  []netip.Addr // sorted
	taken  map[netip.Addr]bool
	freed  []netip.Addr // free and taken before, the longest free one first
	cursor int
	place  func(seed uint64) netip.Addr // where Hash begins
}

func newModel(order Order, ranges []Range) *model {
	m := &model{order: order, taken: map[netip.Addr]bool{}}
	for _, r := range ranges {
		for ip := r.First; r.Contains(ip); ip = ip.Next() {
			m.addrs = append(m.addrs, ip)
		}
	}
	slices.SortFunc(m.addrs, netip.Addr.Compare)
	m.place = func(seed uint64) netip.Addr {
		a, err := New(order, ranges...)
		if err != nil {
			panic(err)
		}
		ip, _ := a.Next(netip.Addr{}, seed)
		return ip
	}
	return m
}

func (m *model) contains(ip netip.Addr) bool {
	_, found := slices.BinarySearchFunc(m.addrs, ip, netip.Addr.Compare)
	return found
}

func (m *model) isFree(ip netip.Addr) bool { return m.contains(ip) && !m.taken[ip] }

// expect returns what Next must propose. sure is false where the order leaves it
// open.
func (m *model) expect(hint netip.Addr, seed uint64) (ip netip.Addr, ok, sure bool) {
	switch {
	case m.isFree(hint):
		return hint, true, true
	case len(m.taken) == len(m.addrs):
		return netip.Addr{}, false, true
	}
	from := 0
	switch m.order {
	case LeastRecentlyUsed:
		if len(m.taken)+len(m.freed) == len(m.addrs) {
			return m.freed[0], true, true
		}
		from = m.cursor
	case Sequential:
		from = m.cursor
	case Hash:
		from, _ = slices.BinarySearchFunc(m.addrs, m.place(seed), netip.Addr.Compare)
	case Random:
		return netip.Addr{}, true, false
	}
	for k := range m.addrs {
		ip := m.addrs[(from+k)%len(m.addrs)]
		if m.taken[ip] || m.order == LeastRecentlyUsed && slices.Contains(m.freed, ip) {
			continue
		}
		return ip, true, true
	}
	panic("counted wrongly")
}

func (m *model) next(ip, hint netip.Addr) {
	wasFresh := !slices.Contains(m.freed, ip)
	m.take(ip)
	if ip != hint && (m.order == Sequential || m.order == LeastRecentlyUsed && wasFresh) {
		m.cursor, _ = slices.BinarySearchFunc(m.addrs, ip, netip.Addr.Compare)
		m.cursor++
	}
}

func (m *model) take(ip netip.Addr) bool {
	if !m.isFree(ip) {
		return false
	}
	m.taken[ip] = true
	m.freed = slices.DeleteFunc(m.freed, func(f netip.Addr) bool { return f == ip })
	return true
}

func (m *model) release(ip netip.Addr) bool {
	if !m.contains(ip) || m.isFree(ip) {
		return false
	}
	delete(m.taken, ip)
	m.freed = append(m.freed, ip)
	return true
}

// compare runs a random schedule on s and the model and returns the first
// difference. Phases that mostly take and phases that mostly release alternate,
// so that full, empty and worn-out pools are all visited.
func compare(s subject, m *model, rnd *rand.Rand, steps int) error {
	anyAddr := func() netip.Addr {
		switch rnd.IntN(20) {
		case 0:
			return m.addrs[0].Prev()
		case 1:
			return m.addrs[len(m.addrs)-1].Next()
		case 2:
			return netip.MustParseAddr("2001:db8::1")
		case 3:
			return netip.AddrFrom16(m.addrs[0].As16()) // the same address in other clothes is not ours
		case 4:
			return netip.Addr{}
		}
		return m.addrs[rnd.IntN(len(m.addrs))]
	}
	fill, wish, phase := 0, 0, 0
	for step := range steps {
		if phase--; phase < 0 {
			phase, fill, wish = rnd.IntN(2*len(m.addrs)+10), rnd.IntN(101), rnd.IntN(101)
		}
		ip, seed := anyAddr(), rnd.Uint64N(50)
		var got, want any
		var what string
		switch {
		case rnd.IntN(100) >= fill:
			what, got, want = "Release "+ip.String(), s.Release(ip), m.release(ip)
		case rnd.IntN(100) < wish/2:
			what, got, want = "Take "+ip.String(), s.Take(ip), m.take(ip)
		default:
			hint := netip.Addr{}
			if rnd.IntN(100) < wish {
				hint = ip
			}
			what = fmt.Sprint("Next ", hint, " ", seed)
			wantIP, wantOK, sure := m.expect(hint, seed)
			gotIP, gotOK := s.Next(hint, seed)
			if !sure && gotOK && m.isFree(gotIP) {
				wantIP = gotIP
			}
			got, want = fmt.Sprint(gotIP, gotOK), fmt.Sprint(wantIP, wantOK)
			if wantOK && got == want {
				m.next(gotIP, hint)
			}
		}
		if got != want {
			return fmt.Errorf("step %d, %s: got %v, want %v", step, what, got, want)
		}
		if got, want := s.Contains(ip), m.contains(ip); got != want {
			return fmt.Errorf("step %d: Contains(%v) = %v", step, ip, got)
		}
		if free, total := s.Counts(); free != len(m.addrs)-len(m.taken) || total != len(m.addrs) {
			return fmt.Errorf("step %d, after %s: Counts %d of %d, want %d of %d",
				step, what, free, total, len(m.addrs)-len(m.taken), len(m.addrs))
		}
		if a, ok := s.(*Allocator); ok && a.freed != nil && step%16 == 0 {
			if err := a.freed.check(); err != nil {
				return fmt.Errorf("step %d, after %s: %w", step, what, err)
			}
		}
	}
	return nil
}

// check returns what is wrong with the inside of the queue.
func (q *freed) check() error {
	perID, live := map[uint8]int{}, 0
	for _, page := range q.marks {
		for _, id := range page {
			if id != 0 {
				perID[id]++
				live++
			}
		}
	}
	if live != q.live {
		return fmt.Errorf("%d marks, %d counted", live, q.live)
	}
	if len(q.order)+len(q.idle) != len(q.chunks)-1 || len(q.order) > maxChunks || q.cur > len(q.order) {
		return fmt.Errorf("%d chunks used, %d idle, %d made; at %d", len(q.order), len(q.idle), len(q.chunks)-1, q.cur)
	}
	for k, id := range q.order {
		c := q.chunks[id]
		isOpen := q.open && k == len(q.order)-1
		seen := map[uint32]bool{}
		for _, i := range c.entries {
			if *q.mark(i) == id {
				seen[i] = true
			}
		}
		switch {
		case c.live != perID[id] || c.live != len(seen) || c.live == 0 && !isOpen:
			return fmt.Errorf("chunk %d of %d: %d counted, %d marks, %d found", k, len(q.order), c.live, perID[id], len(seen))
		case len(c.entries) > q.limit || c.head > len(c.entries):
			return fmt.Errorf("chunk %d: %d entries, at %d", k, len(c.entries), c.head)
		}
	}
	return nil
}

var modelRanges = []string{
	"192.0.2.7",
	"192.0.2.0/29",
	"255.255.255.250-255.255.255.254",
	"0.0.0.1-0.0.0.64",
	"192.0.2.100-192.0.2.200 192.0.2.1-192.0.2.20 198.51.100.0/26",
	"10.0.0.0-10.0.1.44",
}

func parseRanges(t testing.TB, s string) []Range {
	t.Helper()
	var rs []Range
	for f := range strings.FieldsSeq(s) {
		r, err := ParseRange(f)
		if err != nil {
			t.Fatal(err)
		}
		rs = append(rs, r)
	}
	return rs
}

func TestDoesWhatTheModelDoes(t *testing.T) {
	steps := 10000
	if testing.Short() {
		steps = 2000
	}
	for order := LeastRecentlyUsed; order <= Hash; order++ {
		for _, text := range modelRanges {
			t.Run(order.String()+" "+text, func(t *testing.T) {
				t.Parallel()
				seed := rand.Uint64()
				ranges := parseRanges(t, text)
				a, err := New(order, ranges...)
				if err != nil {
					t.Fatal(err)
				}
				if err := compare(a, newModel(order, ranges), rand.New(rand.NewPCG(seed, 0)), steps); err != nil {
					t.Errorf("seed %d: %v", seed, err)
				}
			})
		}
	}
}

// The bugs that a caller would suffer from, each rare.
type (
	releasesTwice struct{ *Allocator } // says true for a free address
	ignoresHint   struct{ *Allocator } // once in a while
	losesRelease  struct {
		*Allocator
		n int
	}
	keepsPlace struct { // an address that was taken by name and freed is not the last in the queue
		*Allocator
		n int
	}
)

func (b *releasesTwice) Release(ip netip.Addr) bool { return b.Allocator.Release(ip) || b.Contains(ip) }

func (b *ignoresHint) Next(hint netip.Addr, seed uint64) (netip.Addr, bool) {
	if hint.Is4() && hint.As4()[3]%16 == 3 {
		hint = netip.Addr{}
	}
	return b.Allocator.Next(hint, seed)
}

func (b *losesRelease) Release(ip netip.Addr) bool {
	if b.n++; b.n%200 == 0 {
		return true
	}
	return b.Allocator.Release(ip)
}

func (b *keepsPlace) Release(ip netip.Addr) bool {
	ok := b.Allocator.Release(ip)
	if b.n++; b.n%50 == 0 && ok {
		q := b.freed // as if ip had been freed at the beginning
		q.remove(b.index(ip))
		*q.mark(b.index(ip)) = q.order[0]
		c := &q.chunks[q.order[0]]
		c.entries = append([]uint32{b.index(ip)}, c.entries[c.head:]...)
		c.head = 0
		c.live++
		q.live++
	}
	return ok
}

func (b *keepsPlace) index(ip netip.Addr) uint32 {
	i, _ := b.locate(ip)
	return i
}

func TestModelFindsPlantedBugs(t *testing.T) {
	for name, plant := range map[string]func(*Allocator) subject{
		"a free address is released": func(a *Allocator) subject { return &releasesTwice{a} },
		"a hint is ignored":          func(a *Allocator) subject { return &ignoresHint{a} },
		"a release is lost":          func(a *Allocator) subject { return &losesRelease{Allocator: a} },
		"a place in line is kept":    func(a *Allocator) subject { return &keepsPlace{Allocator: a} },
	} {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			ranges := parseRanges(t, "192.0.2.100-192.0.2.200 192.0.2.1-192.0.2.20")
			a, err := New(LeastRecentlyUsed, ranges...)
			if err != nil {
				t.Fatal(err)
			}
			err = compare(plant(a), newModel(LeastRecentlyUsed, ranges), rand.New(rand.NewPCG(seed, 0)), 20000)
			if err == nil {
				t.Errorf("seed %d: not found", seed)
			}
			t.Log(err)
		})
	}
}

// FuzzOperations lets the fuzzer choose the schedule.
func FuzzOperations(f *testing.F) {
	f.Add(uint8(0), uint64(1))
	f.Add(uint8(4), uint64(2))
	f.Fuzz(func(t *testing.T, order uint8, seed uint64) {
		ranges := parseRanges(t, modelRanges[seed%uint64(len(modelRanges))])
		o := Order(order % uint8(Hash+1))
		a, err := New(o, ranges...)
		if err != nil {
			t.Fatal(err)
		}
		if err := compare(a, newModel(o, ranges), rand.New(rand.NewPCG(seed, 1)), 300); err != nil {
			t.Error(err)
		}
	})
}
