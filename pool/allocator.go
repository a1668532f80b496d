package pool

import (
	"cmp"
	"errors"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"sync"
)

const (
	maxAddrs = 1 << 28 // a /4: 34 MB of bits

	// After a conflict the search goes on firstStep addresses away. The next
	// conflict is of the same row if at most calmAfter proposals were made
	// in between.
	firstStep = 64
	calmAfter = 64
)

// An Allocator knows which addresses of some ranges are free, and proposes free
// ones. All methods are safe for concurrent use.
//
// It needs one bit an address and, in the order LeastRecentlyUsed, 5 to 6 bytes
// more for an address that was freed. Every method takes constant time, in that
// order on average: a few calls tidy up a hundredth of the ranges each.
type Allocator struct {
	mu    sync.Mutex
	spans []span // by address

	// taken holds the index of each address that is taken. In the order
	// LeastRecentlyUsed it holds those of freed, too.
	taken bitmap
	freed *freed // LeastRecentlyUsed only; nil until an address is released

	state       uint64 // of Random
	total, free uint32
	cursor      uint32 // where Sequential and LeastRecentlyUsed go on
	skip, step  uint32 // how far to look around, see Conflict
	calm        uint8  // proposals since the last conflict
	order       Order
}

// A span is one range; index counts addresses through all spans.
type span struct{ first, last, index uint32 }

// New returns an Allocator with every address of the ranges free. The ranges may
// come in any sequence; ranges that overlap, are not valid, or have more than
// 2^28 addresses together are an error that names the range. Without ranges the
// Allocator is empty.
func New(order Order, ranges ...Range) (*Allocator, error) {
	if order > Hash {
		return nil, errors.New("pool: unknown order " + strconv.Itoa(int(order)))
	}
	sorted := slices.SortedFunc(slices.Values(ranges), func(x, y Range) int { return x.First.Compare(y.First) })
	a := &Allocator{order: order, spans: make([]span, 0, len(ranges))}
	for i, r := range sorted {
		switch {
		case !r.First.Is4() || !r.Last.Is4():
			return nil, errors.New("pool: range " + r.String() + " is not IPv4")
		case !r.IsValid():
			return nil, errors.New("pool: range " + r.String() + ": the first address is above the last")
		case i > 0 && r.Overlaps(sorted[i-1]):
			return nil, errors.New("pool: range " + r.String() + " overlaps " + sorted[i-1].String())
		case uint64(a.total)+r.Len() > maxAddrs:
			return nil, errors.New("pool: range " + r.String() + ": more than " + strconv.Itoa(maxAddrs) + " addresses")
		}
		a.spans = append(a.spans, span{toUint32(r.First), toUint32(r.Last), a.total})
		a.total += uint32(r.Len())
	}
	a.free = a.total
	a.taken = newBitmap(a.total)
	return a, nil
}

// Next proposes a free address and takes it: hint if that is free, otherwise one
// by the order. A hint that is zero or outside the ranges is ignored. ok is
// false if no address is free.
//
// The seed is used by Hash, where it stands for the client, and by Random, where
// it may be any number that others cannot guess.
func (a *Allocator) Next(hint netip.Addr, seed uint64) (ip netip.Addr, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i, ok := a.locate(hint); ok && a.isFree(i) {
		a.take(i)
		return hint, true
	}
	if a.free == 0 {
		return netip.Addr{}, false
	}
	if a.calm++; a.calm > calmAfter {
		a.calm, a.step, a.skip = calmAfter, 0, 0
	}
	return a.addr(a.choose(seed)), true
}

// choose takes a free address by the order. There must be one.
func (a *Allocator) choose(seed uint64) uint32 {
	var from uint32
	switch a.order {
	case LeastRecentlyUsed:
		if a.freed != nil && a.freed.live == int(a.free) {
			i := a.freed.pop(int(a.skip))
			a.skip = 0
			a.free--
			return i
		}
		from = a.cursor
	case Sequential:
		from = a.cursor
	case Random:
		a.state = mix(a.state ^ seed)
		from = a.scale(a.state)
	case Hash:
		from = a.scale(mix(seed))
	}
	i, ok := a.taken.nextAbsent((from + a.skip) % a.total)
	if !ok {
		i, _ = a.taken.nextAbsent(0)
	}
	a.take(i)
	if a.order == LeastRecentlyUsed || a.order == Sequential {
		a.cursor, a.skip = i+1, 0
	}
	return i
}

// scale maps a random number to an index.
func (a *Allocator) scale(x uint64) uint32 {
	hi, _ := bits.Mul64(x, uint64(a.total))
	return uint32(hi)
}

// mix makes every bit of the result depend on every bit of x: neighbours, as
// hardware addresses are, come to lie far apart.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>32) * 0xd6e8feb86659fd93
	x = (x ^ x>>32) * 0xd6e8feb86659fd93
	return x ^ x>>32
}

// Conflict tells that ip, which Next proposed, is in use by a client of somebody
// else, as the lease store says. It stays taken, and belongs to that lease from
// now on; whoever called Next must not Release it.
//
// Another program that shares the store goes through the same addresses in the
// same order, so the ones next to ip are likely to be in use too: Next looks 64
// addresses further on, and twice as far each time while conflicts follow one
// another. Several conflicts without a call of Next in between count as one.
func (a *Allocator) Conflict(ip netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i, ok := a.locate(ip)
	if !ok {
		return
	}
	if a.isFree(i) {
		a.take(i)
	}
	if a.step != 0 && a.calm == 0 {
		return
	}
	a.calm = 0
	if a.step *= 2; a.step == 0 || a.step > a.total/2 {
		a.step = firstStep
	}
	a.skip = (a.skip + a.step) % a.total
}

// Take marks ip as taken: an exclusion, a reservation, or a lease that is known
// from elsewhere. It returns false if ip is outside the ranges or taken already.
func (a *Allocator) Take(ip netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	i, ok := a.locate(ip)
	if !ok || !a.isFree(i) {
		return false
	}
	a.take(i)
	return true
}

// Release marks ip as free again. It returns false if ip is outside the ranges or
// free already.
func (a *Allocator) Release(ip netip.Addr) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	i, ok := a.locate(ip)
	if !ok || a.isFree(i) {
		return false
	}
	a.free++
	if a.order != LeastRecentlyUsed {
		a.taken.remove(i)
		return true
	}
	if a.freed == nil {
		a.freed = newFreed(a.total)
	}
	a.freed.push(i)
	return true
}

// Contains reports whether ip is in one of the ranges, free or not.
func (a *Allocator) Contains(ip netip.Addr) bool {
	_, ok := a.locate(ip) // reads nothing that changes
	return ok
}

// Counts returns how many addresses are free, and how many there are.
func (a *Allocator) Counts() (free, total int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return int(a.free), int(a.total)
}

func (a *Allocator) isFree(i uint32) bool {
	return !a.taken.has(i) || a.freed != nil && a.freed.has(i)
}

// take takes i, which must be free.
func (a *Allocator) take(i uint32) {
	a.free--
	if a.taken.has(i) {
		a.freed.remove(i)
		return
	}
	a.taken.add(i)
}

// locate returns the index of ip.
func (a *Allocator) locate(ip netip.Addr) (i uint32, ok bool) {
	if !ip.Is4() {
		return 0, false
	}
	n := toUint32(ip)
	k, found := slices.BinarySearchFunc(a.spans, n, func(s span, n uint32) int { return cmp.Compare(s.first, n) })
	if !found {
		k-- // the last span that begins below n
	}
	if k < 0 || n > a.spans[k].last {
		return 0, false
	}
	return a.spans[k].index + n - a.spans[k].first, true
}

// addr returns the address with index i.
func (a *Allocator) addr(i uint32) netip.Addr {
	k, found := slices.BinarySearchFunc(a.spans, i, func(s span, i uint32) int { return cmp.Compare(s.index, i) })
	if !found {
		k--
	}
	return toAddr(a.spans[k].first + i - a.spans[k].index)
}
