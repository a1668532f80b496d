package memfile

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
)

// A simLife is the server's process from its start to its end.
type simLife struct {
	s       *simulation
	fs      *fakeFS
	store   *Store
	view    lease.Store // the store as the server sees it, with a bug if one is planted
	srv     *dhcp4.Server
	conns   [len(simLinks)]*simConn
	serving sync.WaitGroup
	buried  bool

	// Under simulation.mu:
	dead    bool // from now on it has no effect
	faulty  bool // a file call has failed
	closing bool // file calls take no time: the store's lock may be held

	// Until the crash, if not 0.
	callsLeft, acksLeft int
	cleanupCall         int // callsLeft, as soon as a cleanup begins
}

// boot starts the server on what is on the disk.
func (s *simulation) boot() {
	l := &simLife{s: s, fs: s.disk, closing: true}
	if !s.calm && s.rnd.IntN(10) == 0 {
		l.callsLeft = 1 + s.rnd.IntN(12) // crash again while it starts
	} else if !s.calm && s.rnd.IntN(8) == 0 {
		l.acksLeft = 1 + s.rnd.IntN(8)
	}
	s.life = l
	s.trace("the server starts")
	l.fs.hook, l.fs.fault = l.takeTime, l.fault
	st, err := open(l.fs, testFile, &s.options, time.Now)
	if err != nil {
		if !l.faulty && !l.dead {
			s.ledger.note("lost", "Open: %v", err)
		}
		l.bury()
		return
	}
	synctest.Wait() // a cleanup may have begun
	s.mu.Lock()
	l.closing = false
	s.mu.Unlock()
	l.store, l.view = st, s.plant(st)
	s.ledger.check(st, "lost", "after a start")
	c := s.config
	c.Leases = l.slow(l.view)
	if l.srv, err = dhcp4.NewServer(c); err != nil {
		s.ledger.note("server", "NewServer: %v", err)
		l.bury()
		return
	}
	for i := range l.conns {
		conn := newSimConn(l, simLinks[i])
		l.conns[i] = conn
		l.serving.Go(func() {
			if err := l.srv.Serve(context.Background(), conn); err != dhcp4.ErrServerClosed {
				s.t.Errorf("Serve: %v", err)
			}
		})
	}
}

// slow has calls of the store take some milliseconds now and then, so that
// others come in between. Few updates fail, some of them although they are made.
func (l *simLife) slow(st lease.Store) lease.Store {
	s := l.s
	key := func(about netip.Addr, call uint64) uint64 {
		if !about.Is4() {
			return call
		}
		b := about.As4()
		return mix(call, uint64(b[2])<<8|uint64(b[3]))
	}
	wait := func(about netip.Addr, call uint64) {
		if k := key(about, call); s.chance(0.3, k) {
			time.Sleep(time.Duration(mix(s.hash(k), 1) % uint64(5*time.Millisecond)))
		}
	}
	refuse := func(about netip.Addr, call uint64) error {
		if !s.chance(0.001, key(about, call)) {
			return nil
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.calm {
			return nil
		}
		s.count.refused++
		return errFault
	}
	ofQuery := func(qs []lease.Query) netip.Addr {
		for i := range qs {
			for _, a := range qs[i].Addrs {
				return a
			}
		}
		return netip.Addr{}
	}
	return &leasetest.Hooks{
		Store:      st,
		BeforeFind: func(_ context.Context, qs []lease.Query) error { wait(ofQuery(qs), 1); return nil },
		AfterFind:  func(_ context.Context, qs []lease.Query, err error) error { wait(ofQuery(qs), 2); return err },
		BeforeUpdate: func(_ context.Context, cs []lease.Change) error {
			wait(cs[0].Addr(), 3)
			return refuse(cs[0].Addr(), 5)
		},
		AfterUpdate: func(_ context.Context, cs []lease.Change, err error) error {
			wait(cs[0].Addr(), 4)
			return errors.Join(err, refuse(cs[0].Addr(), 6))
		},
	}
}

// takeTime is called before every file call.
func (l *simLife) takeTime(op, name string) {
	s := l.s
	about := uint64(len(op))<<8 + uint64(len(name))
	s.mu.Lock()
	wait := !l.closing && !l.dead && s.chance(0.1, about)
	if op == "rename" && name == testFile {
		s.count.cleanups++
		if l.callsLeft == 0 {
			l.callsLeft = l.cleanupCall
		}
	}
	s.mu.Unlock()
	if wait {
		time.Sleep(time.Duration(mix(s.hash(about), 1) % uint64(20*time.Millisecond)))
	}
}

// fault decides whether a file call fails.
func (l *simLife) fault(call int) *fakeFault {
	s := l.s
	s.mu.Lock()
	defer s.mu.Unlock()
	bytes := int(s.hash(uint64(call)) % 200)
	switch {
	case l.dead:
		return &fakeFault{}
	case l.callsLeft > 0:
		if l.callsLeft--; l.callsLeft == 0 {
			l.die()
			return &fakeFault{bytes}
		}
	}
	if s.calm || !s.chance(s.faults, uint64(call)) {
		return nil
	}
	l.faulty = true
	s.count.faults++
	return &fakeFault{bytes}
}

// die is the moment of a crash. The caller holds simulation.mu.
func (l *simLife) die() {
	if !l.dead {
		l.dead = true
		l.s.after(0, l.bury)
	}
}

// bury comes after a crash: what is left in the folder is what the server will
// find when it starts again.
func (l *simLife) bury() {
	s := l.s
	if l.buried {
		return
	}
	l.buried = true
	s.mu.Lock()
	l.dead, l.closing = true, true
	s.count.crashes++
	kill := s.rnd.IntN(3) == 0
	if kill {
		s.count.kills++
	}
	s.mu.Unlock()
	l.end(func() { l.srv.Close() })
	if kill {
		s.disk = l.fs.afterKill()
	} else {
		s.disk = l.fs.afterPowerCut(s.rnd)
	}
	s.later(s.downtime(), s.boot)
}

// shutDown ends the server's process orderly.
func (s *simulation) shutDown() {
	l := s.life
	l.end(func() {
		if s.rnd.IntN(2) == 0 {
			l.srv.Close()
		} else if err := l.srv.Shutdown(context.Background()); err != nil {
			s.t.Errorf("Shutdown: %v", err)
		}
	})
	s.mu.Lock()
	l.buried, l.dead = true, true
	s.mu.Unlock()
	s.disk = l.fs.afterPowerCut(s.rnd)
}

// end stops everything that runs.
func (l *simLife) end(stop func()) {
	s := l.s
	if l.srv != nil {
		stop()
		l.serving.Wait()
		s.ledger.check(l.view, "stored", "before the end")
		s.mu.Lock()
		s.count.conflicts += int(l.srv.Conflicts())
		s.count.full += int(l.srv.Count(dhcp4.ReasonNoAddress))
		s.mu.Unlock()
	}
	s.trace("the server stops, by a crash: %v", l.dead)
	if l.store != nil {
		synctest.Wait()
		s.mu.Lock()
		l.closing = true
		s.mu.Unlock()
		if err := l.store.Close(); err != nil && !l.dead && !l.faulty {
			s.t.Errorf("closing the store: %v", err)
		}
	}
	if l.fs.misused != "" {
		s.ledger.note("lost", "the lease file saw a %s", l.fs.misused)
	}
	s.life = nil
}

// afterKill returns the folder as it is for the next process when the last one
// was killed: the kernel still has what was written.
func (fs *fakeFS) afterKill() *fakeFS {
	next := &fakeFS{names: make(map[string]*fakeNode), onDisk: make(map[string]*fakeNode)}
	nodes := make(map[*fakeNode]*fakeNode)
	copied := func(n *fakeNode) *fakeNode {
		if nodes[n] == nil && n != nil {
			nodes[n] = &fakeNode{cached: n.cached, durable: n.durable, pending: n.pending}
		}
		return nodes[n]
	}
	for name, n := range fs.names {
		next.names[name] = copied(n)
	}
	for name, n := range fs.onDisk {
		next.onDisk[name] = copied(n)
	}
	for _, op := range fs.ops {
		op.node = copied(op.node)
		next.ops = append(next.ops, op)
	}
	return next
}

// afterPowerCut returns the folder as a power cut may leave it: any of the
// changes of names that are not durable, in their order, and of each file some
// first bytes of what was not synced, or any of its sectors.
func (fs *fakeFS) afterPowerCut(rnd *rand.Rand) *fakeFS {
	names := maps.Clone(fs.onDisk)
	for _, op := range fs.ops {
		if rnd.IntN(2) == 0 {
			op.apply(names)
		}
	}
	files := make(map[string]string)
	for _, name := range sortedKeys(names) {
		n := names[name]
		content := n.durable
		switch rnd.IntN(4) {
		case 0:
			content = n.cached
		case 1:
			left := rnd.IntN(400)
			for _, op := range n.pending {
				if left < len(op.data) {
					op.data = op.data[:left]
				}
				content = op.apply(content)
				if left -= len(op.data); left <= 0 {
					break
				}
			}
		case 2:
			for content = range n.subsets(2, rnd.Uint64) {
			}
		}
		files[name] = string(content)
	}
	return newFakeFolder(files)
}

// A simConn is the server's Conn on a link.
type simConn struct {
	life *simLife
	link *dhcp4.Link

	mu     sync.Mutex
	ready  sync.Cond
	queue  []dhcp4.Packet
	past   bool // the deadline is over
	closed bool
}

func newSimConn(l *simLife, link *dhcp4.Link) *simConn {
	c := &simConn{life: l, link: link}
	c.ready.L = &c.mu
	return c
}

// put brings a packet in.
func (c *simConn) put(p dhcp4.Packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.Link = c.link
	c.queue = append(c.queue, p)
	c.ready.Signal()
}

func (c *simConn) ReadBatch(ps []dhcp4.Packet) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.queue) == 0 && !c.past && !c.closed {
		c.ready.Wait()
	}
	switch {
	case c.closed:
		return 0, net.ErrClosed
	case c.past:
		return 0, os.ErrDeadlineExceeded
	}
	n := min(len(ps), len(c.queue))
	for i, p := range c.queue[:n] {
		p.Data = ps[i].Data[:copy(ps[i].Data, p.Data)]
		ps[i] = p
	}
	c.queue = c.queue[n:]
	return n, nil
}

func (c *simConn) WriteBatch(ps []dhcp4.Packet) (int, error) {
	for i := range ps {
		if err := c.life.s.reply(c.life, &ps[i]); err != nil {
			return i, err
		}
	}
	return len(ps), nil
}

func (c *simConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.past = !t.IsZero() && !t.After(time.Now()); !c.past && !t.IsZero() {
		return errors.New("only a deadline in the past is served here")
	}
	c.ready.Broadcast()
	return nil
}

func (c *simConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.ready.Broadcast()
	return nil
}
