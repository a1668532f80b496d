package dhcp4

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/pool"
)

// ErrServerClosed is what Serve and ListenAndServe return after Shutdown or
// Close.
var ErrServerClosed = errors.New("dhcp4: Server closed")

// A Server answers DHCP clients. It is made by NewServer and safe for
// concurrent use. Without a call in progress it has no goroutine; a timer
// fires when a lease is due. It must be ended by Shutdown or Close.
type Server struct {
	store       lease.Store
	log         *slog.Logger
	loops       int
	groupWindow time.Duration
	seed        maphash.Seed

	started time.Time
	clock   *clock
	gate    gate
	step    step
	health  health
	doubts  doubts

	snapshot atomic.Pointer[snapshot]
	changing sync.Mutex // held while the snapshot is replaced
	pending  pending
	events   *events
	budget   writeBudget
	expiry   expiry
	lastHint atomic.Int64 // when seldom last said yes, since started
	count    counters
	batches  sync.Pool // of *batch

	// ctx ends when the Server is closed; store calls hang on it.
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	servings map[*serving]struct{}
	closing  bool          // no new Serve
	idle     chan struct{} // closed when closing and no Serve is left
}

// counters count what the Server did.
type counters struct {
	reasons   [numReasons]atomic.Uint64
	conflicts atomic.Uint64
}

// NewServer makes a Server that is ready for Respond, Serve and
// ListenAndServe. It reads the leases in the store once. The error is a
// *ConfigError that lists every mistake in c, or that of the store.
func NewServer(c Config) (*Server, error) {
	return newServer(c, newSystemClock(c.Now))
}

func newServer(c Config, source clockSource) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s := &Server{
		store:       c.Leases,
		log:         c.Logger,
		loops:       max(c.Loops, 1),
		groupWindow: cmp.Or(c.GroupWindow, time.Millisecond),
		seed:        maphash.MakeSeed(),
		events:      newEvents(),
		servings:    make(map[*serving]struct{}),
		idle:        make(chan struct{}),
	}
	if s.store == nil {
		s.store = new(lease.Memory)
	}
	s.started = time.Now()
	s.clock = newClock(source, c.Now != nil)
	s.gate.changed.L = &s.gate.mu
	s.pending.parked = make(map[parkKey]*parkedExchange)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.expiry.server = s

	snap := compile(&c, s.seed, trie[*hostOverlay]{}, (*snapshot).newLive)
	s.budget.limit(c.WriteBudget)
	s.snapshot.Store(snap)
	if err := s.learn(snap); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// Reconfigure replaces the configuration while the Server goes on: a request
// is answered by the old one or the new one as a whole. If c has a mistake, or
// the store fails, nothing changes and the error is that of NewServer. Leases
// and offers stay, but for offers that c no longer allows; a client learns
// with its next request that its address is no longer allowed.
//
// What PutReservation added stays until it is deleted, if its subnet does; if it
// does not go with c, that is a mistake of c. Subnets that AddSubnet added and c
// does not have are gone, and what DeleteReservation deleted and c has is back.
//
// Leases, Loops, GroupWindow, Logger and Now stay as NewServer got them.
func (s *Server) Reconfigure(c Config) error {
	if err := c.check(); err != nil {
		return err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.isClosed() {
		return ErrServerClosed
	}
	old := s.snapshot.Load()
	var updates []func()
	var kept []*liveSubnet
	snap := compile(&c, s.seed, old.put(), func(snap *snapshot, n *subnet) *liveSubnet {
		fresh := snap.newLive(n)
		before := old.subnets.id(n.id)
		if before == nil {
			return fresh
		}
		updates = append(updates, func() { before.live.replace(fresh) })
		kept = append(kept, before.live)
		return before.live
	})
	if err := snap.keptConflict(); err != nil {
		return err
	}
	for _, n := range kept {
		n.beginRead()
		defer n.endRead()
	}
	// What is taken is read before anything changes: it may fail.
	occupied, err := s.occupied(s.ctx, lease.Filter{})
	if err != nil {
		return fmt.Errorf("dhcp4: reading the leases: %w", err)
	}
	for _, update := range updates {
		update()
	}
	for i := range c.Subnets {
		id := c.Subnets[i].ID
		snap.subnets.id(id).live.occupy(occupied[id])
	}
	s.budget.limit(c.WriteBudget)
	s.snapshot.Store(snap)
	s.expiry.note(s.now()) // Config.HoldReclaimed may have changed
	s.pending.forget()
	return nil
}

// newAllocator makes the allocator of the pools of a checked subnet.
func newAllocator(n *Subnet) *pool.Allocator {
	alloc, err := pool.New(n.Order, n.poolRanges()...)
	if err != nil {
		panic(err) // the ranges have been checked
	}
	return alloc
}

// Count returns how many messages were dropped, or answered with a NAK, for
// the reason r.
func (s *Server) Count(r Reason) uint64 {
	if r >= numReasons {
		return 0
	}
	return s.count.reasons[r].Load()
}

// Conflicts returns how often a change was decided anew because the lease had
// changed in the store meanwhile.
func (s *Server) Conflicts() uint64 { return s.count.conflicts.Load() }

// now returns the Server's time: see clock.
func (s *Server) now() time.Time {
	now, _ := s.clock.now()
	return now
}

// keepTime lets exchanges that got their time from a clock that has been
// shifted since have it from the one of now. The caller is in the gate.
func (s *Server) keepTime(xs []*Exchange) {
	if s.clock.changed.Load() {
		s.expiry.clockChanged()
	}
	line := s.clock.line.Load()
	for _, x := range xs {
		if x.timeline != nil && x.timeline != line {
			x.Time, x.timeline = x.Time.Add(line.zero.Sub(x.timeline.zero)), line
		}
	}
}

func (s *Server) countReason(r Reason) {
	if r != reasonNone {
		s.count.reasons[r].Add(1)
	}
}

// PoolCounts returns how many addresses of the pools of the subnet with the
// given ID are free, and how many there are. Addresses on offer are not free.
func (s *Server) PoolCounts(subnetID uint32) (free, total int) {
	n := s.snapshot.Load().subnets.id(subnetID)
	if n == nil {
		return 0, 0
	}
	n.live.mu.Lock()
	defer n.live.mu.Unlock()
	n.live.endExpired(s.now())
	return n.live.alloc.Counts()
}

// Respond answers one packet, without a socket and without a goroutine: it is
// a batch of one through the same steps as Serve. The reply is encoded into
// reply[:0], which grows if it is too short. out.Data empty means silence;
// err is then a Reason. in is borrowed until Respond returns; out.Link is
// in.Link. A HostFinder is called on the caller's goroutine.
//
// With ParseFrame and AppendFrame it serves link-layer frames. Respond believes
// that in is meant for it: pass what was sent to UDP port 67, by broadcast or
// to an address of the link, and answer ARP for those yourself, or else no
// renewal comes.
func (s *Server) Respond(ctx context.Context, in Packet, reply []byte) (out Packet, err error) {
	if s.isClosed() {
		return Packet{}, ErrServerClosed
	}
	b := s.getBatch()
	defer s.putBatch(b)
	x := b.next()
	ready := s.prepare(x, &in)
	if ready && s.needsHost(x) {
		h := s.pending.recall(x)
		if h == nil {
			h, err = s.findHost(ctx, x)
		}
		ready = s.setFound(x, h, err)
	}
	if !ready {
		s.finish(x)
		return Packet{}, x.reason
	}
	b.ready = append(b.ready, x)
	b.kept = packetKeeper{}
	b.run(ctx, &b.kept)
	if !b.kept.ok {
		return Packet{}, x.reason
	}
	out = b.kept.packet
	out.Data = append(reply[:0], out.Data...)
	return out, nil
}

// packetKeeper is the writer of Respond.
type packetKeeper struct {
	packet Packet
	ok     bool
}

// WriteBatch keeps the one packet that there is.
func (k *packetKeeper) WriteBatch(ps []Packet) (int, error) {
	k.packet, k.ok = ps[0], true
	return len(ps), nil
}

func (s *Server) getBatch() *batch {
	if b, ok := s.batches.Get().(*batch); ok {
		return b
	}
	return &batch{s: s}
}

func (s *Server) putBatch(b *batch) {
	b.clear()
	s.batches.Put(b)
}

// finish counts, logs and publishes what became of x.
func (s *Server) finish(x *Exchange) {
	if x.verdict == served {
		x.reason = ReasonUnanswered
	}
	s.countReason(x.reason)
	s.logOutcome(x)
	if x.cached && x.verdict == answered {
		s.budget.saved.Add(1)
	}
	switch {
	case x.committed:
		s.eventsOf(x)
	case x.verdict == served && x.stateless:
		s.statelessEvent(x)
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// Shutdown ends every Serve: it stops reading, lets the running batches and
// the exchanges that wait for the HostFinder come to their end, and closes
// the Conns. If ctx ends first, it closes at once, as Close does, and returns
// ctx's error. The store stays open. Shutdown may be called more than once.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop(func(on *serving) { on.interrupt() })
	select {
	case <-s.idle:
	case <-ctx.Done():
		s.Close()
		return context.Cause(ctx)
	}
	s.end()
	return nil
}

// Close ends every Serve at once. Replies that are not sent yet are lost, the
// leases that they would confirm are not. The store stays open. Close may be
// called more than once, and after Shutdown. The error is always nil.
func (s *Server) Close() error {
	s.cancel()
	s.stop(func(on *serving) { on.abort() })
	<-s.idle
	s.end()
	return nil
}

// stop forbids new Serves and applies f to the running ones.
func (s *Server) stop(f func(*serving)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		s.closing = true
		if len(s.servings) == 0 {
			close(s.idle)
		}
	}
	for on := range s.servings {
		f(on)
	}
}

// end releases what outlives the Serves.
func (s *Server) end() {
	s.expiry.stop()
	s.events.close()
	s.cancel()
}
