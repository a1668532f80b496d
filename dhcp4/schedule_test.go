package dhcp4_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/dhcp4test"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
	"github.com/embedhcp/embedhcp/pool"

	"github.com/google/go-cmp/cmp"
)

// A schedule is the life of one link with fewer addresses than clients, three
// servers on one store and a network that loses, duplicates and reorders. What
// happens depends on the seed alone: no two things that matter to each other
// happen at the same instant, where the order of goroutines would tell.
const (
	scheduleServers = 3
	scheduleClients = 12
	scheduleTime    = 80 * time.Second // virtual

	// No packet and no answer is under way for longer. Clients wait that long
	// between two steps: DHCP has nothing against a RELEASE or REQUEST of
	// an earlier life of the client that comes in late (RFC 2131 has no
	// sequence numbers), so that a test must not send them.
	scheduleSettle = 500 * time.Millisecond
)

var schedulePool = pool.MustParseRange("10.0.0.10-10.0.0.17")

// TestAddressIsNeverLeasedToTwoClients plays random schedules.
//
// EMBEDHCP_SCHEDULES is how many, 300 by default, and EMBEDHCP_SEED the seed of
// the first one: the n-th has the seed of the first plus n. A failure tells
// the seed, EMBEDHCP_SCHEDULES=1 EMBEDHCP_SEED=x repeats it.
func TestAddressIsNeverLeasedToTwoClients(t *testing.T) {
	n, seed := envUint(t, "EMBEDHCP_SCHEDULES", 300), envUint(t, "EMBEDHCP_SEED", uint64(rand.Uint32()))
	if testing.Short() {
		n = min(n, 30)
	}
	t.Logf("%d schedules from seed %d on", n, seed)
	var sum scheduleResult
	for i := range n {
		r := playSchedule(t, seed+i, func(st lease.Store) lease.Store { return st })
		for _, v := range slices.Concat(r.violations, r.broken) {
			t.Errorf("EMBEDHCP_SCHEDULES=1 EMBEDHCP_SEED=%d: %s", seed+i, v)
		}
		if t.Failed() {
			break
		}
		sum.add(&r)
	}
	t.Log(&sum)
	if n < 30 || t.Failed() {
		return
	}
	for what, n := range map[string]uint64{
		"conflicts": sum.conflicts, "losses": sum.stats.Lost, "duplicates": sum.stats.Duplicated, "packets out of order": sum.stats.Reordered,
	} {
		if n == 0 {
			t.Errorf("the schedules had no %s", what)
		}
	}
	if sum.contention > 0 {
		t.Errorf("%d requests were dropped because conflicts did not end", sum.contention)
	}
	for _, s := range scheduleSteps {
		if sum.steps[s.name] == 0 {
			t.Errorf("no client did the step %q", s.name)
		}
	}
}

// TestScheduleRepeats holds the promise that a seed repeats a failure.
func TestScheduleRepeats(t *testing.T) {
	seed := rand.Uint64()
	honest := func(st lease.Store) lease.Store { return st }
	first, second := playSchedule(t, seed, honest), playSchedule(t, seed, honest)
	if diff := cmp.Diff(first.String(), second.String()); diff != "" {
		t.Errorf("seed %d, first and second time:\n%s", seed, diff)
	}
}

// TestSchedulesFindStoreThatDoesNotCompareRevisions shows that the schedules
// are hard enough: they find what happens on a store with a planted bug.
func TestSchedulesFindStoreThatDoesNotCompareRevisions(t *testing.T) {
	const limit = 60 // each schedule finds it with a chance of a third
	seed := envUint(t, "EMBEDHCP_SEED", uint64(rand.Uint32()))
	t.Logf("at most %d schedules from seed %d on", limit, seed)
	for i := range uint64(limit) {
		if r := playSchedule(t, seed+i, leasetest.Unchecked); len(r.violations) > 0 {
			t.Logf("schedule %d: %s", i+1, r.violations[0])
			return
		}
	}
	t.Error("the planted bug was not found")
}

func envUint(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// A scheduleResult is what a schedule came to, or several.
type scheduleResult struct {
	violations []string // of invariant 1: an address that two clients have
	broken     []string // ACKs of what is not stored
	conflicts  uint64
	contention uint64 // conflicts that did not end
	restarts   int
	stats      dhcp4test.Stats
	steps      map[string]int // that did what the client wanted
	failed     map[string]int
}

func (r *scheduleResult) add(o *scheduleResult) {
	r.conflicts += o.conflicts
	r.contention += o.contention
	r.restarts += o.restarts
	r.stats.Sent += o.stats.Sent
	r.stats.Delivered += o.stats.Delivered
	r.stats.Lost += o.stats.Lost
	r.stats.Duplicated += o.stats.Duplicated
	r.stats.Reordered += o.stats.Reordered
	if r.steps == nil {
		r.steps, r.failed = make(map[string]int), make(map[string]int)
	}
	for s, n := range o.steps {
		r.steps[s] += n
	}
	for s, n := range o.failed {
		r.failed[s] += n
	}
}

func (r *scheduleResult) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d packets sent, %d received, %d lost, %d duplicated, %d out of order; %d conflicts, %d without end, %d restarts;",
		r.stats.Sent, r.stats.Delivered, r.stats.Lost, r.stats.Duplicated, r.stats.Reordered, r.conflicts, r.contention, r.restarts)
	for _, s := range slices.Sorted(maps.Keys(r.steps)) {
		fmt.Fprintf(&b, " %s: %d (%d failed)", s, r.steps[s], r.failed[s])
	}
	return b.String()
}

// playSchedule plays the schedule of the seed in a bubble of its own. plant may
// put a bug between each server and the common store.
func playSchedule(t *testing.T, seed uint64, plant func(lease.Store) lease.Store) (r scheduleResult) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchedule(t, seed, plant)
		s.play()
		r = s.result()
	})
	return r
}

type schedule struct {
	t       *testing.T
	rnd     *rand.Rand
	seed    uint64
	config  dhcp4.Config
	plant   func(lease.Store) lease.Store
	store   *lease.Memory
	net     *dhcp4test.Network
	ledger  ledger
	clients []*scheduleClient

	done     sync.WaitGroup // the calls of Serve
	restarts int

	conflicts, contention uint64 // of servers that were closed
}

func newSchedule(t *testing.T, seed uint64, plant func(lease.Store) lease.Store) *schedule {
	s := &schedule{t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 0)), plant: plant, store: new(lease.Memory)}
	faults := func() dhcp4test.Faults {
		return dhcp4test.Faults{
			Loss:      0.2 * s.rnd.Float64(),
			Duplicate: 0.2 * s.rnd.Float64(),
			Delay:     0.5 * s.rnd.Float64(),
			Jitter:    50 * time.Millisecond,
		}
	}
	s.net = dhcp4test.NewNetwork(&dhcp4test.NetworkOptions{
		Seed: seed, Latency: 217 * time.Microsecond, ToServer: faults(), ToClient: faults(),
	})
	s.config = dhcp4.Config{
		Lifetime:         time.Duration(15+s.rnd.IntN(30)) * time.Second,
		OfferLifetime:    time.Duration(2+s.rnd.IntN(20)) * time.Second,
		DeclineProbation: time.Duration(5+s.rnd.IntN(20)) * time.Second,
		Authoritative:    s.rnd.IntN(2) == 0,
		Subnets: []dhcp4.Subnet{{
			ID: 1, Prefix: netip.MustParsePrefix("10.0.0.0/24"), Interface: "lan",
			Pools: []dhcp4.Pool{{Range: schedulePool}},
			Order: []pool.Order{pool.LeastRecentlyUsed, pool.Lowest, pool.Sequential}[s.rnd.IntN(3)],
		}},
	}
	if s.rnd.IntN(2) == 0 {
		s.config.Hosts = dhcp4.HostFinderFunc(knowNobody)
	}
	s.config.Loops = 1 + s.rnd.IntN(3)
	s.ledger = ledger{store: s.store, holders: make(map[netip.Addr]claim)}
	for i := range scheduleClients {
		s.clients = append(s.clients, newScheduleClient(s, i))
	}
	return s
}

// knowNobody is a HostFinder that takes up to 30 ms, differently for each
// message, so that answers overtake each other.
func knowNobody(_ context.Context, x *dhcp4.Exchange) (*dhcp4.Reservation, error) {
	time.Sleep(time.Duration(x.Request.XID) * time.Microsecond % (30 * time.Millisecond))
	return nil, nil
}

// play runs servers and clients until the time is over and all have ended.
func (s *schedule) play() {
	end := time.Now().Add(scheduleTime)
	var clients sync.WaitGroup
	for _, c := range s.clients {
		clients.Go(func() { c.run(end) })
	}
	servers := make([]*dhcp4.Server, scheduleServers)
	for i := range servers {
		servers[i] = s.start(i)
	}
	for {
		time.Sleep(between(s.rnd, 5*time.Second, 40*time.Second))
		if !time.Now().Before(end) {
			break
		}
		i := s.rnd.IntN(len(servers))
		s.stop(servers[i])
		time.Sleep(between(s.rnd, 0, 5*time.Second))
		servers[i] = s.start(i)
		s.restarts++
	}
	clients.Wait()
	for i := range servers {
		s.stop(servers[i])
	}
	s.done.Wait()
	s.net.Close()
}

// start starts server i, on the link that all share and on the store that all
// share. Its calls of the store take up to some milliseconds, so that the
// servers get in between each other's.
func (s *schedule) start(i int) *dhcp4.Server {
	rnd := rand.New(rand.NewPCG(s.seed, uint64(100+i+10*s.restarts)))
	var mu sync.Mutex // the timer of the leases calls beside Serve
	wait := func() {
		mu.Lock()
		d := between(rnd, 0, 3*time.Millisecond)
		mu.Unlock()
		time.Sleep(d)
	}
	c := s.config
	c.Leases = &leasetest.Hooks{
		Store:        s.plant(s.store),
		BeforeFind:   func(context.Context, []lease.Query) error { wait(); return nil },
		AfterFind:    func(_ context.Context, _ []lease.Query, err error) error { wait(); return err },
		BeforeUpdate: func(context.Context, []lease.Change) error { wait(); return nil },
		AfterUpdate:  func(_ context.Context, _ []lease.Change, err error) error { wait(); return err },
	}
	srv, err := dhcp4.NewServer(c)
	if err != nil {
		s.t.Fatal(err)
	}
	conn := s.net.Server(&dhcp4.Link{
		Name: "lan", Index: 1 + i, HardwareAddr: lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:00:%02x", i)),
		Addrs: []netip.Prefix{netip.PrefixFrom(scheduleServer(i), 24)},
	})
	s.done.Go(func() {
		if err := srv.Serve(context.Background(), conn); err != dhcp4.ErrServerClosed {
			s.t.Errorf("Serve: %v", err)
		}
	})
	return srv
}

// scheduleServer is the address of server i.
func scheduleServer(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + i)}) }

func (s *schedule) stop(srv *dhcp4.Server) {
	if s.rnd.IntN(2) == 0 {
		srv.Close()
	} else if err := srv.Shutdown(context.Background()); err != nil {
		s.t.Errorf("Shutdown: %v", err)
	}
	s.conflicts += srv.Conflicts()
	s.contention += srv.Count(dhcp4.ReasonContention)
}

func (s *schedule) result() scheduleResult {
	r := scheduleResult{
		violations: s.ledger.violations, broken: s.ledger.broken, conflicts: s.conflicts, contention: s.contention, restarts: s.restarts, stats: s.net.Stats(),
		steps: make(map[string]int), failed: make(map[string]int),
	}
	for _, c := range s.clients {
		for name, n := range c.steps {
			r.steps[name] += n
		}
		for name, n := range c.failed {
			r.failed[name] += n
		}
	}
	return r
}

func between(rnd *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rnd.Int64N(int64(most-least)))
}

// A ledger knows which client has which address, as far as the clients know.
type ledger struct {
	store      *lease.Memory
	mu         sync.Mutex
	holders    map[netip.Addr]claim
	violations []string
	broken     []string
}

type claim struct {
	client int
	until  time.Time
}

// acked notes that a client got an ACK for an address.
func (l *ledger) acked(c *scheduleClient, a netip.Addr, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	after := now.Sub(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) // when time begins in a bubble
	if h, ok := l.holders[a]; ok && h.client != c.id && now.Before(h.until) {
		l.violations = append(l.violations, fmt.Sprintf("after %v: %v was ACKed to client %d, but client %d has it for %v more",
			after, a, c.id, h.client, h.until.Sub(now)))
	}
	l.holders[a] = claim{c.id, until}
	stored, ok, err := lease.Get(context.Background(), l.store, a)
	if err != nil || !ok || stored.HardwareAddr != c.HardwareAddr || stored.State != lease.StateDefault || stored.Expires.Before(until) {
		l.broken = append(l.broken, fmt.Sprintf("after %v: %v was ACKed to client %d until %v, but stored is %+v (%v)",
			after, a, c.id, until, stored, err))
	}
}

// gaveUp notes that a client no longer uses an address.
func (l *ledger) gaveUp(client int, a netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holders[a].client == client {
		delete(l.holders, a)
	}
}
