package dhcp4

import (
	"cmp"
	"container/list"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/embedhcp/embedhcp/pool"
)

// A liveSubnet is what a subnet knows beside its configuration: which
// addresses look free, and which are on offer. It survives Reconfigure.
//
// A taken bit of the allocator has exactly one owner: a reservation, an
// offer in the table, or a stored lease. An offer that becomes a lease hands
// its bit over; any other end of an offer releases it.
type liveSubnet struct {
	mu          sync.Mutex
	first, last uint32       // all pools are between these addresses
	count       atomic.Int32 // of offers, to be read without mu
	alloc       *pool.Allocator
	lifetime    time.Duration // of an offer
	max         int

	// All offers live equally long, so the order of their last use is that of
	// their expiry.
	byClient map[string]*list.Element // of *offer
	byAddr   map[netip.Addr]*list.Element
	order    list.List // oldest first

	resynced time.Time   // when the allocator was last compared with the store
	unread   atomic.Bool // it never was

	// While somebody reads the store to make a new allocator, what happens to
	// leases is noted: true: leased, false: no longer.
	readers   int
	meanwhile map[netip.Addr]bool
}

type offer struct {
	key     string // the client: Exchange.key
	addr    netip.Addr
	expires time.Time
}

func newLiveSubnet(alloc *pool.Allocator, n *subnet, c *Config) *liveSubnet {
	return &liveSubnet{
		first:    n.poolsFirst,
		last:     n.poolsLast,
		alloc:    alloc,
		lifetime: cmp.Or(c.OfferLifetime, time.Minute),
		max:      cmp.Or(c.MaxOffers, 1024),
		byClient: make(map[string]*list.Element),
		byAddr:   make(map[netip.Addr]*list.Element),
	}
}

// contains reports whether a is in one of the pools.
func (l *liveSubnet) contains(a netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.alloc.Contains(a)
}

// hasFree reports whether an address looks free.
func (l *liveSubnet) hasFree() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	free, _ := l.alloc.Counts()
	return free > 0
}

// offered returns the address that the client has on offer, if any.
func (l *liveSubnet) offered(key []byte) (netip.Addr, bool) {
	if l.count.Load() == 0 {
		return netip.Addr{}, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.byClient[string(key)]; e != nil {
		return e.Value.(*offer).addr, true
	}
	return netip.Addr{}, false
}

// offer returns the address on offer for the client, choosing one if there
// is none; it is not avoid. With force it takes the oldest offer away from its
// client when no address is free. ok is false if there is nothing to offer.
func (l *liveSubnet) offer(key []byte, hint, avoid netip.Addr, seed uint64, now time.Time, force bool) (a netip.Addr, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.byClient[string(key)]; e != nil {
		o := e.Value.(*offer)
		if o.addr != avoid {
			o.expires = now.Add(l.lifetime)
			l.order.MoveToBack(e)
			return o.addr, true
		}
		l.end(e)
	}
	l.endExpired(now)
	if l.order.Len() >= l.max {
		l.end(l.order.Front())
	}
	a, ok = l.next(hint, avoid, seed)
	if !ok && force && l.order.Len() > 0 {
		l.end(l.order.Front())
		a, ok = l.next(hint, avoid, seed)
	}
	if !ok {
		return netip.Addr{}, false
	}
	o := &offer{key: string(key), addr: a, expires: now.Add(l.lifetime)}
	e := l.order.PushBack(o)
	l.byClient[o.key] = e
	l.byAddr[a] = e
	l.count.Store(int32(l.order.Len()))
	return a, true
}

// next takes a free address other than avoid.
func (l *liveSubnet) next(hint, avoid netip.Addr, seed uint64) (a netip.Addr, ok bool) {
	if a, ok = l.alloc.Next(hint, seed); ok && a == avoid {
		a, ok = l.alloc.Next(netip.Addr{}, seed)
		l.alloc.Release(avoid)
	}
	return a, ok
}

// withdraw ends the client's offer, if there is one: its address is free again.
func (l *liveSubnet) withdraw(key []byte) {
	if l.count.Load() == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.byClient[string(key)]; e != nil {
		l.end(e)
	}
}

// leased notes that the store has a lease of a, which owns a's bit from now
// on. An offer of a, whoever has it, is over.
func (l *liveSubnet) leased(a netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(a, true)
	l.take(a)
}

func (l *liveSubnet) take(a netip.Addr) {
	if n := addrBits(a); n < l.first || n > l.last {
		return
	}
	if l.order.Len() > 0 {
		if e := l.byAddr[a]; e != nil {
			l.forget(e)
			return
		}
	}
	l.alloc.Take(a)
}

// conflict notes that a, which was on offer, is leased by somebody else, as
// the store says.
func (l *liveSubnet) conflict(a netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(a, true)
	if e := l.byAddr[a]; e != nil {
		l.forget(e)
	}
	l.alloc.Conflict(a)
}

// released notes that the store no longer has a lease of a.
func (l *liveSubnet) released(a netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note(a, false)
	if l.byAddr[a] == nil {
		l.alloc.Release(a)
	}
}

func (l *liveSubnet) note(a netip.Addr, leased bool) {
	if l.readers > 0 {
		l.meanwhile[a] = leased
	}
}

// beginRead is called before the leases of l are read in the store, for occupy
// or resync, and endRead when what was read has been used.
func (l *liveSubnet) beginRead() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readers++; l.meanwhile == nil {
		l.meanwhile = make(map[netip.Addr]bool)
	}
}

func (l *liveSubnet) endRead() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readers--; l.readers == 0 {
		l.meanwhile = nil
	}
}

// isGone reports whether a lease of a has ended since it was read.
func (l *liveSubnet) isGone(a netip.Addr) bool {
	leased, ok := l.meanwhile[a]
	return ok && !leased
}

// endExpired ends the offers whose time is over at now.
func (l *liveSubnet) endExpired(now time.Time) {
	for e := l.order.Front(); e != nil && !e.Value.(*offer).expires.After(now); e = l.order.Front() {
		l.end(e)
	}
}

// end removes an offer and frees its address.
func (l *liveSubnet) end(e *list.Element) {
	l.forget(e)
	l.alloc.Release(e.Value.(*offer).addr)
}

// forget removes an offer; its bit has another owner.
func (l *liveSubnet) forget(e *list.Element) {
	o := l.order.Remove(e).(*offer)
	delete(l.byClient, o.key)
	delete(l.byAddr, o.addr)
	l.count.Store(int32(l.order.Len()))
}

// wasUsed notes that a is free, but was somebody's: it is given out last.
func (l *liveSubnet) wasUsed(a netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.alloc.Take(a) {
		l.alloc.Release(a)
	}
}

// occupy makes free addresses of l what the store says that they are, nil being
// that no lease is there.
func (l *liveSubnet) occupy(o *occupancy) {
	if o != nil {
		for _, a := range o.taken {
			l.mu.Lock() // each time: others need it too
			if !l.isGone(a) {
				l.take(a)
			}
			l.mu.Unlock()
		}
		for _, a := range o.over {
			l.wasUsed(a)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for a, leased := range l.meanwhile {
		if leased {
			l.take(a)
		}
	}
}

// resync replaces the allocator by a fresh one, from which the addresses that
// are taken, nil being none, and those on offer are missing. It repairs what
// other servers on the same store have changed.
func (l *liveSubnet) resync(fresh *pool.Allocator, o *occupancy) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for e := l.order.Front(); e != nil; e = e.Next() {
		fresh.Take(e.Value.(*offer).addr)
	}
	if o != nil {
		for _, a := range o.taken {
			if !l.isGone(a) {
				fresh.Take(a)
			}
		}
		for _, a := range o.over {
			if fresh.Take(a) {
				fresh.Release(a)
			}
		}
	}
	for a, leased := range l.meanwhile {
		if leased {
			fresh.Take(a)
		}
	}
	l.alloc = fresh
}

// shift moves the time by which offers end, with the clock.
func (l *liveSubnet) shift(by time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for e := l.order.Front(); e != nil; e = e.Next() {
		o := e.Value.(*offer)
		o.expires = o.expires.Add(by)
	}
	l.resynced = time.Time{}
}

// replace makes l what fresh is, for a new configuration, but for the offers:
// they stay as far as their addresses are in the new pools and not reserved.
func (l *liveSubnet) replace(fresh *liveSubnet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alloc, l.first, l.last, l.lifetime, l.max = fresh.alloc, fresh.first, fresh.last, fresh.lifetime, fresh.max
	l.unread.Store(false) // it comes with what the store says
	for e := l.order.Front(); e != nil; {
		next := e.Next()
		if !l.alloc.Take(e.Value.(*offer).addr) {
			l.forget(e)
		}
		e = next
	}
}

// resyncDue reports whether a resync may be made at now, at most one in ten
// seconds, and notes that it is.
func (l *liveSubnet) resyncDue(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.resynced.IsZero() && now.Sub(l.resynced) < 10*time.Second && !now.Before(l.resynced) {
		return false
	}
	l.resynced = now
	return true
}
