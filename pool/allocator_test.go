package pool

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func mustNew(t testing.TB, order Order, ranges string) *Allocator {
	t.Helper()
	a, err := New(order, parseRanges(t, ranges)...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func nextN(t testing.TB, a *Allocator, n int) []string {
	t.Helper()
	var got []string
	for range n {
		ip, ok := a.Next(netip.Addr{}, 0)
		if !ok {
			break
		}
		got = append(got, ip.String())
	}
	return got
}

func TestNewNamesTheWrongRange(t *testing.T) {
	addr := netip.MustParseAddr
	for _, tt := range []struct {
		name   string
		order  Order
		ranges []Range
		want   string
	}{
		{"overlap", 0, []Range{MustParseRange("10.0.0.5-10.0.0.9"), MustParseRange("10.0.0.1-10.0.0.5")},
			"pool: range 10.0.0.5-10.0.0.9 overlaps 10.0.0.1-10.0.0.5"},
		{"twice", 0, []Range{MustParseRange("10.0.0.5"), MustParseRange("10.0.0.5")},
			"pool: range 10.0.0.5-10.0.0.5 overlaps 10.0.0.5-10.0.0.5"},
		{"inside another", 0, []Range{MustParseRange("10.0.0.0/8"), MustParseRange("10.2.0.0/16")},
			"pool: range 10.2.0.0-10.2.255.255 overlaps 10.0.0.0-10.255.255.255"},
		{"IPv6", 0, []Range{{addr("2001:db8::1"), addr("2001:db8::2")}},
			"pool: range 2001:db8::1-2001:db8::2 is not IPv4"},
		{"IPv4 in IPv6", 0, []Range{{addr("::ffff:10.0.0.1"), addr("::ffff:10.0.0.2")}},
			"pool: range ::ffff:10.0.0.1-::ffff:10.0.0.2 is not IPv4"},
		{"zero", 0, []Range{MustParseRange("10.0.0.5"), {}},
			"pool: range invalid IP-invalid IP is not IPv4"},
		{"reversed", 0, []Range{{addr("10.0.0.2"), addr("10.0.0.1")}},
			"pool: range 10.0.0.2-10.0.0.1: the first address is above the last"},
		{"too many", 0, []Range{MustParseRange("10.0.0.0/8"), MustParseRange("64.0.0.0/4")},
			"pool: range 64.0.0.0-79.255.255.255: more than 268435456 addresses"},
		{"everything", 0, []Range{MustParseRange("0.0.0.0/0")},
			"pool: range 0.0.0.0-255.255.255.255: more than 268435456 addresses"},
		{"unknown order", Hash + 1, nil, "pool: unknown order 5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := New(tt.order, tt.ranges...)
			if err == nil || a != nil {
				t.Fatalf("got %v, %v", a, err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWithoutRangesNothingIsFree(t *testing.T) {
	for order := LeastRecentlyUsed; order <= Hash; order++ {
		a := mustNew(t, order, "")
		ip := netip.MustParseAddr("192.0.2.1")
		a.Conflict(ip)
		if got, ok := a.Next(ip, 1); ok || a.Take(ip) || a.Release(ip) || a.Contains(ip) {
			t.Errorf("%v: something is there: %v", order, got)
		}
		if free, total := a.Counts(); free != 0 || total != 0 {
			t.Errorf("%v: Counts %d, %d", order, free, total)
		}
	}
}

func TestNewTakesTheLargestRange(t *testing.T) {
	a := mustNew(t, LeastRecentlyUsed, "240.0.0.0/4")
	last := netip.MustParseAddr("255.255.255.255")
	if !a.Take(last) || a.Take(last) || !a.Release(last) {
		t.Error("the last address cannot be taken")
	}
	if free, total := a.Counts(); free != 1<<28 || total != 1<<28 {
		t.Errorf("Counts %d, %d", free, total)
	}
}

// TestOrders shows each order on ten addresses in two ranges, of which 192.0.2.3
// was freed just now and 192.0.2.1 and .7 before it.
func TestOrders(t *testing.T) {
	for _, tt := range []struct {
		order Order
		want  string
	}{
		{LeastRecentlyUsed, "6 8 9 10 11 7 1 3"},
		{Lowest, "1 3 6 7 8 9 10 11"},
		{Sequential, "6 7 8 9 10 11 1 3"},
	} {
		t.Run(tt.order.String(), func(t *testing.T) {
			a := mustNew(t, tt.order, "192.0.2.6-192.0.2.11 192.0.2.1-192.0.2.4")
			seven := netip.MustParseAddr("192.0.2.7")
			if !a.Take(seven) {
				t.Fatal("not taken")
			}
			nextN(t, a, 4)
			for _, ip := range []string{"192.0.2.7", "192.0.2.1", "192.0.2.3"} {
				if !a.Release(netip.MustParseAddr(ip)) {
					t.Fatal("not released")
				}
			}
			got := strings.ReplaceAll(strings.Join(nextN(t, a, 20), " "), "192.0.2.", "")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHashGivesTheSameClientTheSameAddress(t *testing.T) {
	a, b := mustNew(t, Hash, "10.0.0.0/22"), mustNew(t, Hash, "10.0.0.0/22")
	distinct := map[netip.Addr]bool{}
	for seed := range uint64(300) {
		first, _ := a.Next(netip.Addr{}, seed)
		other, _ := b.Next(netip.Addr{}, seed)
		a.Release(first)
		again, _ := a.Next(netip.Addr{}, seed)
		if first != again || first != other {
			t.Errorf("seed %d: %v, %v and elsewhere %v", seed, first, again, other)
		}
		a.Release(first)
		distinct[first] = true
		b.Release(other)
	}
	if len(distinct) < 220 { // 260 are to be expected
		t.Errorf("300 clients share %d addresses", len(distinct))
	}
}

func TestRandomDependsOnAllSeedsSoFar(t *testing.T) {
	run := func(seeds ...uint64) []string {
		a := mustNew(t, Random, "10.0.0.0/8")
		var got []string
		for _, s := range seeds {
			ip, _ := a.Next(netip.Addr{}, s)
			got = append(got, ip.String())
		}
		return got
	}
	got := run(1, 1, 1, 2)
	if diff := cmp.Diff(got, run(1, 1, 1, 2)); diff != "" {
		t.Errorf("not repeatable: %s", diff)
	}
	distinct := map[string]bool{}
	for _, ip := range append(got, run(3, 1, 1)...) {
		distinct[ip] = true
	}
	if len(distinct) != 7 {
		t.Errorf("7 calls, but %v", distinct)
	}
}

// TestConflictLooksAround stands for a program that starts beside one which has
// given out the first n addresses.
func TestConflictLooksAround(t *testing.T) {
	const n = 10000
	others := func(ip netip.Addr) bool { return toUint32(ip)-10<<24 < n }
	for order := LeastRecentlyUsed; order <= Hash; order++ {
		t.Run(order.String(), func(t *testing.T) {
			a := mustNew(t, order, "10.0.0.0/16")
			for range 1000 {
				ip, _ := a.Next(netip.Addr{}, 0)
				conflicts := 0
				for ; others(ip); conflicts++ {
					a.Conflict(ip)
					ip, _ = a.Next(netip.Addr{}, 0)
				}
				if conflicts > 10 {
					t.Fatalf("%d conflicts before %v", conflicts, ip)
				}
			}
		})
	}
}

func TestConflictStepsDoubleAndEnd(t *testing.T) {
	for _, tt := range []struct {
		order Order
		want  string
		after string // when all is calm again
	}{
		{LeastRecentlyUsed, "10.0.0.0 10.0.0.65 10.0.0.194 10.0.1.195", "10.0.2.3"},
		{Sequential, "10.0.0.0 10.0.0.65 10.0.0.194 10.0.1.195", "10.0.2.3"},
		{Lowest, "10.0.0.0 10.0.0.64 10.0.0.192 10.0.1.192", "10.0.0.1"},
	} {
		t.Run(tt.order.String(), func(t *testing.T) {
			a := mustNew(t, tt.order, "10.0.0.0/16")
			var got []string
			for range 4 {
				ip, _ := a.Next(netip.Addr{}, 0)
				got = append(got, ip.String())
				if len(got) < 4 {
					a.Conflict(ip)
					a.Conflict(ip) // the same row: counts once
					if a.Take(ip) {
						t.Errorf("%v is not taken", ip)
					}
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
			nextN(t, a, calmAfter-1) // one was above
			ip, _ := a.Next(netip.Addr{}, 0)
			if diff := cmp.Diff(tt.after, ip.String()); diff != "" {
				t.Error(diff)
			}
			a.Conflict(ip)
			if a.step != firstStep {
				t.Errorf("the next row begins with a step of %d", a.step)
			}
		})
	}
}

func TestConflictStepsBeginAgainAtHalfThePool(t *testing.T) {
	a := mustNew(t, Lowest, "10.0.0.0/24")
	var got []string
	for range 5 {
		ip, _ := a.Next(netip.Addr{}, 0)
		a.Conflict(ip)
		got = append(got, ip.String())
	}
	if diff := cmp.Diff([]string{"10.0.0.0", "10.0.0.64", "10.0.0.192", "10.0.0.1", "10.0.0.128"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestConflictAmongFreedAddresses(t *testing.T) {
	a := mustNew(t, LeastRecentlyUsed, "10.0.0.0/22")
	for _, ip := range nextN(t, a, 1024) {
		a.Release(netip.MustParseAddr(ip))
	}
	var got []string
	for range 3 {
		ip, _ := a.Next(netip.Addr{}, 0)
		a.Conflict(ip)
		got = append(got, ip.String())
	}
	if diff := cmp.Diff([]string{"10.0.0.0", "10.0.0.65", "10.0.0.194"}, got); diff != "" {
		t.Error(diff)
	}
	seen := map[string]bool{}
	for _, ip := range nextN(t, a, 2000) {
		seen[ip] = true
	}
	if len(seen) != 1024-3 {
		t.Errorf("%d addresses came back", len(seen))
	}
}

// TestConflictsOfAllNeverLoseAnAddress ends with every address taken, whatever the
// size and order.
func TestConflictsOfAllNeverLoseAnAddress(t *testing.T) {
	for order := LeastRecentlyUsed; order <= Hash; order++ {
		for _, ranges := range modelRanges {
			for worn := range 2 {
				a := mustNew(t, order, ranges)
				_, total := a.Counts()
				if worn == 1 {
					for _, ip := range nextN(t, a, total) {
						a.Release(netip.MustParseAddr(ip))
					}
				}
				n := 0
				for ; ; n++ {
					ip, ok := a.Next(netip.Addr{}, uint64(n))
					if !ok {
						break
					}
					a.Conflict(ip)
				}
				if free, _ := a.Counts(); n != total || free != 0 {
					t.Errorf("%v %s: %d of %d, %d free", order, ranges, n, total, free)
				}
			}
		}
	}
}

func TestConcurrentUseGivesNoAddressTwice(t *testing.T) {
	for order := LeastRecentlyUsed; order <= Hash; order++ {
		t.Run(order.String(), func(t *testing.T) {
			t.Parallel()
			a := mustNew(t, order, "10.0.0.0/24 10.0.2.0/24")
			var owned sync.Map
			var wg sync.WaitGroup
			for g := range uint64(4) {
				wg.Go(func() {
					rnd := rand.New(rand.NewPCG(g, 0))
					var mine []netip.Addr
					for range 3000 {
						hint := toAddr(10<<24 + rnd.Uint32N(1024))
						switch op := rnd.IntN(8); {
						case op < 3 && len(mine) > 0:
							ip := mine[0]
							mine = mine[1:]
							owned.Delete(ip)
							if !a.Release(ip) {
								t.Errorf("%v was free", ip)
							}
						case op < 5:
							if a.Take(hint) {
								mine = append(mine, hint)
								if _, twice := owned.LoadOrStore(hint, g); twice {
									t.Errorf("%v taken twice", hint)
								}
							}
						case op < 7:
							if ip, ok := a.Next(hint, rnd.Uint64()); ok {
								mine = append(mine, ip)
								if _, twice := owned.LoadOrStore(ip, g); twice {
									t.Errorf("%v given twice", ip)
								}
							}
						default:
							if free, total := a.Counts(); free < 0 || free > total || a.Contains(hint) != (hint.As4()[2]%2 == 0) {
								t.Errorf("%d of %d free", free, total)
							}
						}
					}
					for _, ip := range mine {
						owned.Delete(ip)
						if !a.Release(ip) {
							t.Errorf("%v was free", ip)
						}
					}
				})
			}
			wg.Wait()
			if free, total := a.Counts(); free != total {
				t.Errorf("%d of %d free in the end", free, total)
			}
		})
	}
}

// heapOf returns the bytes that stay on the heap for what f returns.
func heapOf[T any](f func() T) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	x := f()
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(x)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

func TestMemory(t *testing.T) {
	const many = 10000
	prefix := MustParseRange("10.0.0.0/24")
	small := heapOf(func() []*Allocator {
		as := make([]*Allocator, many)
		for i := range as {
			as[i], _ = New(LeastRecentlyUsed, prefix)
		}
		return as
	})/many - 8
	if t.Logf("a /24: %d bytes", small); small >= 200 {
		t.Error("want less than 200")
	}
	all := MustParseRange("10.0.0.0/8")
	large := heapOf(func() *Allocator {
		a, _ := New(LeastRecentlyUsed, all)
		return a
	})
	if t.Logf("a /8: %d bytes", large); large > 3<<20 {
		t.Error("want at most 3 MB")
	}

	const used = 1 << 18
	a := mustNew(t, LeastRecentlyUsed, "10.0.0.0/13")
	use := func() *freed {
		var ips []netip.Addr
		for range used {
			ip, _ := a.Next(netip.Addr{}, 0)
			ips = append(ips, ip)
		}
		for _, ip := range ips {
			a.Release(ip)
		}
		return a.freed
	}
	each := float64(heapOf(use)) / used
	if t.Logf("an address that was freed: %.2f bytes", each); each > 5.2 {
		t.Error("want about 5")
	}
	// Clients that come back by name leave void entries behind.
	churn := heapOf(func() *freed {
		rnd := rand.New(rand.NewPCG(1, 1))
		for range 4 * used {
			ip := toAddr(10<<24 + rnd.Uint32N(used))
			if a.Take(ip) {
				a.Release(ip)
			}
		}
		return a.freed
	})
	if t.Logf("and after they came and went: %.2f bytes", each+float64(churn)/used); each+float64(churn)/used > 6.5 {
		t.Error("want about 6")
	}
	runtime.KeepAlive(a)
}

func TestNoAllocationInSteadyState(t *testing.T) {
	for order := LeastRecentlyUsed; order <= Hash; order++ {
		a := mustNew(t, order, "10.0.0.0/16")
		hint := netip.MustParseAddr("10.0.200.1")
		cycle := func() {
			ip, _ := a.Next(netip.Addr{}, 7)
			a.Release(ip)
			if a.Take(hint) {
				a.Release(hint)
			}
		}
		for range 70000 {
			cycle()
		}
		if n := testing.AllocsPerRun(1000, cycle); n != 0 {
			t.Errorf("%v: %v allocations", order, n)
		}
	}
}

func TestParseOrderReadsString(t *testing.T) {
	got := map[string]Order{}
	for o := LeastRecentlyUsed; o <= Hash; o++ {
		back, err := ParseOrder(o.String())
		if err != nil {
			t.Error(err)
		}
		got[o.String()] = back
	}
	for _, kea := range []string{"flq", "iterative"} {
		got[kea], _ = ParseOrder(kea)
	}
	want := map[string]Order{
		"least-recently-used": LeastRecentlyUsed, "lowest": Lowest, "sequential": Sequential, "random": Random, "hash": Hash,
		"flq": LeastRecentlyUsed, "iterative": Sequential,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := ParseOrder("Order(7)"); err == nil || Order(7).String() != "Order(7)" {
		t.Error("an order that is none")
	}
}

func TestRangesAreSortedByAddress(t *testing.T) {
	a := mustNew(t, Lowest, "10.0.1.1-10.0.1.2 10.0.0.9 10.0.2.0/31")
	want := []netip.Addr{toAddr(0x0a000009), toAddr(0x0a000101), toAddr(0x0a000102), toAddr(0x0a000200), toAddr(0x0a000201)}
	var got []netip.Addr
	for {
		ip, ok := a.Next(netip.Addr{}, 0)
		if !ok {
			break
		}
		got = append(got, ip)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Error(diff)
	}
}

// BenchmarkNext is one Next and one Release in a /8.
func BenchmarkNext(b *testing.B) {
	all := MustParseRange("10.0.0.0/8")
	for order := LeastRecentlyUsed; order <= Hash; order++ {
		for _, level := range []string{"empty", "half", "one free", "full"} {
			b.Run(fmt.Sprintf("%v/%s", order, level), func(b *testing.B) {
				a, err := New(order, all)
				if err != nil {
					b.Fatal(err)
				}
				n := toUint32(all.First)
				for i := range uint32(all.Len()) {
					switch {
					case level == "empty", level == "half" && i%2 == 0, level == "one free" && i == 11184810:
					default:
						a.Take(toAddr(n + i))
					}
				}
				b.ReportAllocs()
				seed := uint64(0)
				for b.Loop() {
					seed++
					if ip, ok := a.Next(netip.Addr{}, seed); ok {
						a.Release(ip)
					}
				}
			})
		}
	}
}

// BenchmarkReturn is a client that comes back for its address and leaves, in a /8
// with a million addresses freed.
func BenchmarkReturn(b *testing.B) {
	a := mustNew(b, LeastRecentlyUsed, "10.0.0.0/8")
	var ips []netip.Addr
	for range 1 << 20 {
		ip, _ := a.Next(netip.Addr{}, 0)
		ips = append(ips, ip)
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	rnd.Shuffle(len(ips), func(i, j int) { ips[i], ips[j] = ips[j], ips[i] })
	for _, ip := range ips {
		a.Release(ip)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		ip := ips[n*7919%len(ips)]
		n++
		if _, ok := a.Next(ip, 0); ok {
			a.Release(ip)
		}
	}
}
