package memfile

import (
	"container/heap"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/pool"
)

// A simulation is three weeks of a server, its lease file and its clients, in
// a bubble. One goroutine, the driver, does in the order of time what clients,
// network and crashes do; a packet is handled by the server before the driver
// goes on. What happens depends on the seed alone: no two things that matter to
// each other happen in the same nanosecond, and chances that the server's
// goroutines take depend on what they are about, not on who comes first.
const (
	simTime    = 21 * 24 * time.Hour
	simClients = 100
	simPool    = 50 // addresses in the pool of each of the two links

	// No packet is under way for longer than simTravel. Clients wait for
	// simSettle between two things that contradict each other: DHCP has
	// nothing against a RELEASE or REQUEST of an earlier life of the client
	// that comes in late (RFC 2131 has no sequence numbers).
	simTravel = 250 * time.Millisecond
	simSettle = 3 * time.Second
)

// The server has two links. On the first one are clients; on the second one is
// a relay with the other clients behind it.
var (
	simLinks = [2]*dhcp4.Link{
		{Name: "lan", Index: 1, Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.1.1/24")}},
		{Name: "wan", Index: 2, Addrs: []netip.Prefix{netip.MustParsePrefix("10.0.9.1/24")}},
	}
	simRelay     = netip.MustParseAddr("10.0.2.1")
	simBroadcast = netip.MustParseAddr("255.255.255.255")
)

type simulation struct {
	t       testing.TB
	seed    uint64
	rnd     *rand.Rand // the driver's
	plant   func(lease.Store) lease.Store
	config  dhcp4.Config
	options Options
	faults  float64 // the chance of a file call to fail
	network simNetwork
	start   time.Time
	disk    *fakeFS
	clients []*simClient
	life    *simLife // of the server; nil while it is off
	calm    bool     // no more crashes and faults
	wake    chan struct{}
	traced  netip.Addr // what happens about it is logged

	// mu guards what the goroutines of the server touch as well. It is never
	// held while time passes, nor while the Store is called.
	mu        sync.Mutex
	events    simEvents
	scheduled uint64
	waiting   time.Duration // what the driver waits for; 0: it does not
	exchanges map[uint32]*simExchange
	ledger    simLedger
	count     simCounts
}

// newSimulation makes a simulation whose parameters depend on the seed.
func newSimulation(t testing.TB, seed uint64, plant func(lease.Store) lease.Store) *simulation {
	s := &simulation{
		t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 0)), plant: plant,
		start: time.Now(), disk: newFakeFolder(nil),
		wake: make(chan struct{}, 1), exchanges: make(map[uint32]*simExchange),
	}
	rnd := s.rnd
	s.ledger = simLedger{s: s, claims: make(map[netip.Addr]*simClaim)}
	s.network = simNetwork{loss: 0.15 * rnd.Float64(), duplicate: 0.15 * rnd.Float64(), delay: 0.3 * rnd.Float64()}
	s.faults = 0.002 * rnd.Float64()
	s.options = Options{LFCInterval: between(rnd, 30*time.Minute, 4*time.Hour)}
	order := []pool.Order{pool.LeastRecentlyUsed, pool.Lowest, pool.Sequential}[rnd.IntN(3)]
	s.config = dhcp4.Config{
		Lifetime:         between(rnd, 4*time.Hour, 24*time.Hour).Truncate(time.Second),
		OfferLifetime:    between(rnd, 20*time.Second, 2*time.Minute),
		DeclineProbation: between(rnd, time.Hour, 24*time.Hour).Truncate(time.Second),
		Authoritative:    rnd.IntN(2) == 0,
		Loops:            1 + rnd.IntN(3),
	}
	for i := range simClients {
		s.clients = append(s.clients, newSimClient(s, i))
	}
	for i := range simLinks {
		n := dhcp4.Subnet{
			ID: uint32(1 + i), Prefix: netip.PrefixFrom(simAddr(i, 0), 24), Order: order,
			Pools:    []dhcp4.Pool{{Range: pool.Range{First: simAddr(i, 10), Last: simAddr(i, 10+simPool-1)}}},
			Lifetime: (s.config.Lifetime / time.Duration(1+i)).Truncate(time.Second),
		}
		// Some are reserved inside the pool, some outside.
		for j := range 6 {
			c := s.clients[10+j+3*i]
			r := dhcp4.Reservation{Addr: simAddr(i, 10+simPool-3+j), ClientID: c.clientID}
			if c.clientID.IsZero() {
				r.HardwareAddr = c.mac
			}
			n.Reservations = append(n.Reservations, r)
		}
		s.config.Subnets = append(s.config.Subnets, n)
	}
	return s
}

// simReservedInPool is how many of the reserved addresses are in each pool.
const simReservedInPool = 3

// simAddr is the n-th address of a link's clients.
func simAddr(link, n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(1 + link), byte(n)}) }

func between(rnd *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rnd.Int64N(int64(most-least)))
}

// around is a random time with the given mean.
func around(rnd *rand.Rand, mean time.Duration) time.Duration {
	return time.Duration(rnd.ExpFloat64() * float64(mean))
}

// traces reports whether what happens about an address is logged.
func (s *simulation) traces(a netip.Addr) bool { return s.traced.IsValid() && a == s.traced }

func (s *simulation) trace(format string, args ...any) {
	if s.traced.IsValid() {
		s.t.Logf("%v: %s", time.Since(s.start), fmt.Sprintf(format, args...))
	}
}

// chance is true with probability p, for goroutines whose order is not known:
// it depends on the seed, the time and what it is about.
func (s *simulation) chance(p float64, about uint64) bool {
	return float64(s.hash(about)>>11)/(1<<53) < p
}

func (s *simulation) hash(about uint64) uint64 {
	return mix(mix(s.seed, uint64(time.Since(s.start))), about)
}

// mix spreads two numbers over 64 bits (the finalizer of SplitMix64).
func mix(a, b uint64) uint64 {
	z := a + (b+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// A simEvent is something that the driver does at a moment.
type simEvent struct {
	at  time.Duration // since the start
	seq uint64
	do  func()
}

type simEvents []simEvent

func (e simEvents) Len() int      { return len(e) }
func (e simEvents) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e simEvents) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e *simEvents) Push(x any) { *e = append(*e, x.(simEvent)) }
func (e *simEvents) Pop() any {
	last := (*e)[len(*e)-1]
	(*e)[len(*e)-1] = simEvent{}
	*e = (*e)[:len(*e)-1]
	return last
}

// after has the driver do something. The caller holds mu.
func (s *simulation) after(d time.Duration, do func()) {
	s.scheduled++
	at := time.Since(s.start) + d
	heap.Push(&s.events, simEvent{at, s.scheduled, do})
	if at < s.waiting {
		s.waiting = 0
		s.wake <- struct{}{}
	}
}

// later is after for the driver itself.
func (s *simulation) later(d time.Duration, do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after(d, do)
}

// drive does what is due until the given time since the start, or until an
// invariant is broken.
func (s *simulation) drive(until time.Duration) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := time.Since(s.start)
		next, do := until, func() {}
		s.mu.Lock()
		broken := len(s.ledger.violations) > 0
		if len(s.events) > 0 && s.events[0].at <= until {
			if next = s.events[0].at; next <= now {
				do = heap.Pop(&s.events).(simEvent).do
			}
		}
		s.waiting = 0
		if !broken && next > now {
			s.waiting = next
		}
		s.mu.Unlock()
		switch {
		case broken, next == until && now >= until:
			return
		case next <= now:
			do()
			continue
		}
		timer.Reset(next - now)
		select {
		case <-timer.C:
		case <-s.wake:
		}
	}
}

// play runs the whole simulation.
func (s *simulation) play() {
	s.boot()
	for _, c := range s.clients {
		s.later(around(c.rnd, time.Hour), c.turnOn)
	}
	s.later(around(s.rnd, 24*time.Hour), s.disaster)
	s.later(around(s.rnd, 30*time.Hour), s.storm)
	s.drive(simTime)
	for _, c := range s.clients {
		c.turnOff()
	}
	s.mu.Lock()
	s.calm = true
	if l := s.life; l != nil {
		l.callsLeft, l.acksLeft, l.cleanupCall = 0, 0, 0
	}
	s.mu.Unlock()
	s.drive(simTime + time.Minute) // what is under way, a crash among it
	for i := 0; s.life == nil && i < 100 && !s.ledger.isBroken(); i++ {
		s.drive(time.Since(s.start) + time.Hour)
	}
	switch {
	case s.life == nil && !s.ledger.isBroken():
		s.ledger.note("server", "it does not come back")
	case s.life != nil:
		if !s.ledger.isBroken() {
			s.checkPools()
		}
		s.shutDown()
	}
}

// checkPools waits until all leases are over: all addresses must come back.
func (s *simulation) checkPools() {
	const patience = 5 * 24 // hours; all leases, probations and whatever is remembered are shorter
	for range patience {
		if s.leaks() == "" {
			return
		}
		time.Sleep(time.Hour)
	}
	s.ledger.note("leak", "in the end %s", s.leaks())
}

// leaks returns what is not as it is when all leases are over.
func (s *simulation) leaks() string {
	for i := range simLinks {
		if free, _ := s.life.srv.PoolCounts(uint32(1 + i)); free != simPool-simReservedInPool {
			return fmt.Sprintf("%d addresses of subnet %d are free, want %d", free, 1+i, simPool-simReservedInPool)
		}
	}
	for l, err := range s.life.view.Leases(context.Background(), lease.Filter{}) {
		if err != nil || l.State == lease.StateDefault || l.State == lease.StateDeclined {
			return fmt.Sprintf("there is %+v (%v)", l, err)
		}
	}
	return ""
}

// storm is when all clients of a link lose their power, and get it back at the
// same time. It may hit the server as well.
func (s *simulation) storm() {
	if s.calm {
		return
	}
	s.later(around(s.rnd, 30*time.Hour), s.storm)
	both, off := s.rnd.IntN(2) == 0, between(s.rnd, simSettle, 10*time.Minute)
	link := s.rnd.IntN(2)
	for _, c := range s.clients {
		if c.state != simOff && (both || c.link == link) {
			c.turnOff()
			s.later(off+between(s.rnd, 0, 2*time.Second), c.turnOn)
		}
	}
	if l := s.life; l != nil && s.rnd.IntN(3) == 0 {
		s.mu.Lock()
		l.die()
		s.mu.Unlock()
	}
}

// disaster stops the server: orderly, or by a crash at this moment, at one of
// the next file calls, at one in the next cleanup, or when one of the next ACKs
// has left.
func (s *simulation) disaster() {
	if s.calm {
		return
	}
	s.later(around(s.rnd, 24*time.Hour), s.disaster)
	l, n := s.life, s.rnd.IntN(20)
	if l == nil {
		return
	}
	if s.rnd.IntN(6) == 0 {
		s.shutDown()
		s.mu.Lock()
		s.count.restarts++
		s.mu.Unlock()
		s.later(s.downtime(), s.boot)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.rnd.IntN(4) {
	case 0:
		l.die()
	case 1:
		l.callsLeft = 1 + n
	case 2:
		l.acksLeft = 1 + n/4
	case 3:
		l.cleanupCall = 1 + n
	}
}

// downtime is mostly short, and now and then longer than a lease.
func (s *simulation) downtime() time.Duration {
	switch s.rnd.IntN(8) {
	case 0:
		return around(s.rnd, 6*time.Hour)
	case 1, 2:
		return around(s.rnd, 10*time.Minute)
	}
	return between(s.rnd, time.Second, 20*time.Second)
}

// simulate plays the seed in a bubble of its own and returns what it came to.
func simulate(t *testing.T, seed uint64, plant func(lease.Store) lease.Store) (counts simCounts, violations []simViolation) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulation(t, seed, plant)
		s.traced, _ = netip.ParseAddr(os.Getenv("EMBEDHCP_SIM_TRACE"))
		s.play()
		counts, violations = s.count, s.ledger.violations
	})
	return counts, violations
}

// simCounts is what happened in a simulation, or in several.
type simCounts struct {
	crashes, kills, restarts, faults, refused, cleanups int
	sent, lost, duplicated, reordered, missed           int
	offers, acks, naks, releases, declines, renewed     int
	conflicts, full                                     int

	trail uint64 // of all replies: what was sent when
}

func (c *simCounts) each(do func(name string, n *int)) {
	do("crashes", &c.crashes)
	do("of them kills", &c.kills)
	do("restarts", &c.restarts)
	do("failed file calls", &c.faults)
	do("failed updates", &c.refused)
	do("cleanups", &c.cleanups)
	do("packets", &c.sent)
	do("lost", &c.lost)
	do("duplicated", &c.duplicated)
	do("out of order", &c.reordered)
	do("while the server was off", &c.missed)
	do("OFFERs", &c.offers)
	do("ACKs", &c.acks)
	do("of them renewals", &c.renewed)
	do("NAKs", &c.naks)
	do("RELEASEs", &c.releases)
	do("DECLINEs", &c.declines)
	do("conflicts", &c.conflicts)
	do("times no free address", &c.full)
}

func (c *simCounts) add(o *simCounts) {
	var ns []*int
	o.each(func(_ string, n *int) { ns = append(ns, n) })
	c.each(func(_ string, n *int) { *n += *ns[0]; ns = ns[1:] })
}

func (c *simCounts) String() string {
	var text []byte
	c.each(func(name string, n *int) { text = fmt.Appendf(text, ", %d %s", *n, name) })
	return string(text[2:])
}
