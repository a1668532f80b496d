package dhcp4

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

const (
	bufferSize  = 2048 // of one datagram; what is longer is dropped
	maxBatch    = 32   // datagrams read or answered at a time
	maxFailures = 10   // reads that fail one after another before Serve gives up
)

// Serve answers what comes in on conn until ctx ends, and then returns its
// cause; until Shutdown or Close, and then returns ErrServerClosed; or until
// conn fails for good (ErrLinkGone: its interface vanished). It closes conn.
// Serve may be called many times at once, each with a Conn of its own; the
// goroutine that calls it does the work (Config.Loops adds more).
func (s *Server) Serve(ctx context.Context, conn Conn) error {
	on, err := s.startServing(conn)
	if err != nil {
		conn.Close()
		return err
	}
	stop := context.AfterFunc(ctx, on.abort)
	defer stop()
	s.logServing(conn)

	errs := make(chan error, s.loops)
	for range s.loops - 1 {
		go func() { errs <- on.loop() }()
	}
	errs <- on.loop()
	err = nil
	for range s.loops {
		// All end as soon as one does, for it stops the others.
		err = errors.Join(err, <-errs)
	}
	on.drained()
	closeErr := conn.Close()
	s.endServing(on)
	switch {
	case s.isClosed():
		return ErrServerClosed
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return err
	}
	return closeErr
}

// serving is one call of Serve.
type serving struct {
	s      *Server
	conn   Conn
	ctx    context.Context // ends with abort; what the HostFinder gets
	cancel context.CancelFunc

	// reading is full while a loop reads: they take turns. (In a bubble, who
	// waits for a mutex stops the time.)
	reading  chan struct{}
	stopping chan struct{} // closed when there shall be no more reads

	mu       sync.Mutex
	changed  sync.Cond
	ready    []readyExchange // back from the HostFinder
	draining bool            // a goroutine answers what is ready
	parked   int             // goroutines at the HostFinder
	stopped  bool            // stopping is closed
	aborted  bool            // no waiting for the HostFinder
}

// A readyExchange is a packet whose client the HostFinder knows, or not.
type readyExchange struct {
	packet Packet
	host   *host
	err    error
}

func (s *Server) startServing(conn Conn) (*serving, error) {
	on := &serving{s: s, conn: conn, reading: make(chan struct{}, 1), stopping: make(chan struct{})}
	on.changed.L = &on.mu
	on.ctx, on.cancel = context.WithCancel(s.ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		on.cancel()
		return nil, ErrServerClosed
	}
	s.servings[on] = struct{}{}
	return on, nil
}

func (s *Server) endServing(on *serving) {
	on.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.servings, on)
	if s.closing && len(s.servings) == 0 {
		close(s.idle)
	}
}

// interrupt makes the loops end after their current batch.
func (on *serving) interrupt() {
	on.mu.Lock()
	if !on.stopped {
		on.stopped = true
		close(on.stopping)
	}
	on.changed.Broadcast()
	on.mu.Unlock()
	on.conn.SetReadDeadline(time.Unix(1, 0))
}

// abort is interrupt, and what waits for the HostFinder is given up.
func (on *serving) abort() {
	on.mu.Lock()
	on.aborted = true
	on.mu.Unlock()
	on.cancel()
	on.interrupt()
}

func (on *serving) isStopping() bool {
	select {
	case <-on.stopping:
		return true
	default:
		return false
	}
}

// drained waits until nobody uses the Conn any more.
func (on *serving) drained() {
	on.mu.Lock()
	defer on.mu.Unlock()
	for on.draining || on.parked > 0 && !on.aborted {
		on.changed.Wait()
	}
	on.aborted = true // late answers of the HostFinder are not wanted
	on.ready = nil
}

func (on *serving) begin() {
	on.mu.Lock()
	on.parked++
	on.mu.Unlock()
}

func (on *serving) end() {
	on.mu.Lock()
	on.parked--
	on.changed.Broadcast()
	on.mu.Unlock()
}

// loop reads, answers and reads again until it is interrupted.
func (on *serving) loop() error {
	defer on.interrupt() // the others end too
	b := on.s.getBatch()
	defer on.s.putBatch(b)
	var (
		buffers [][]byte
		packets []Packet
		rate    rateMeter
		fails   int
	)
	grow := func(n int) {
		for len(buffers) < n {
			buffers = append(buffers, make([]byte, bufferSize))
		}
		packets = make([]Packet, n)
	}
	grow(1)
	for {
		for i := range packets {
			packets[i] = Packet{Data: buffers[i]}
		}
		on.reading <- struct{}{}
		var n int
		var err error
		if on.isStopping() {
			<-on.reading
			return nil
		}
		n, err = on.conn.ReadBatch(packets)
		<-on.reading
		if n > 0 {
			fails = 0
			on.answer(b, packets[:n])
			if n == len(packets) && n < maxBatch {
				grow(2 * n)
			}
		}
		switch {
		case err == nil:
		case on.isStopping():
			return nil
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrClosed), errors.Is(err, ErrLinkGone):
			return fmt.Errorf("dhcp4: read: %w", err)
		default:
			if fails++; fails == maxFailures {
				return fmt.Errorf("dhcp4: read: %w", err)
			}
			on.s.logRead(err)
			on.pause(5 * time.Millisecond << fails)
			continue
		}
		if on.s.groupWindow > 0 && rate.busy(time.Now(), n, on.s.groupWindow) && !on.isStopping() {
			time.Sleep(on.s.groupWindow)
		}
	}
}

// pause waits for d or until the loops have to end.
func (on *serving) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-on.stopping:
	}
}

// answer takes packets through the batch b.
func (on *serving) answer(b *batch, packets []Packet) {
	s := on.s
	defer b.clear()
	for i := range packets {
		if len(packets[i].Data) >= bufferSize {
			s.countReason(ReasonTooLong)
			continue
		}
		x := b.next()
		if !s.prepare(x, &packets[i]) {
			s.finish(x)
			continue
		}
		if s.needsHost(x) {
			h := s.pending.recall(x)
			if h == nil {
				if !s.park(on, x, &packets[i]) {
					x.drop(ReasonPendingFull)
					s.finish(x)
				}
				continue
			}
			if !s.setFound(x, h, nil) {
				s.finish(x)
				continue
			}
		}
		b.ready = append(b.ready, x)
	}
	if len(b.ready) > 0 {
		b.run(s.ctx, on.conn)
	}
}

// resume takes an exchange on that comes back from the HostFinder. If another
// goroutine is at it already, that one takes this exchange into its next
// batch; the reading goroutine is not woken.
func (on *serving) resume(r readyExchange) {
	on.mu.Lock()
	defer on.mu.Unlock()
	if on.aborted {
		on.s.countReason(ReasonClosed)
		return
	}
	if len(on.ready) >= max(on.s.snapshot.Load().maxPending, maxBatch) {
		// The store is slower than the HostFinder.
		on.s.countReason(ReasonPendingFull)
		return
	}
	on.ready = append(on.ready, r)
	if on.draining {
		return
	}
	on.draining = true
	defer func() {
		on.draining = false
		on.changed.Broadcast()
	}()
	b := on.s.getBatch()
	defer on.s.putBatch(b)
	for len(on.ready) > 0 {
		n := min(len(on.ready), maxBatch)
		batch := on.ready[:n:n]
		on.ready = on.ready[n:]
		on.mu.Unlock()
		on.answerReady(b, batch)
		on.mu.Lock()
	}
	on.ready = nil
}

// answerReady is answer for what comes back from the HostFinder. Each packet
// is prepared anew, for the configuration may have changed.
func (on *serving) answerReady(b *batch, ready []readyExchange) {
	s := on.s
	defer b.clear()
	for i := range ready {
		x := b.next()
		if !s.prepare(x, &ready[i].packet) || s.needsHost(x) && !s.setFound(x, ready[i].host, ready[i].err) {
			s.finish(x)
			continue
		}
		b.ready = append(b.ready, x)
	}
	if len(b.ready) > 0 {
		b.run(s.ctx, on.conn)
	}
}

// A rateMeter tells whether packets come so fast that it pays to wait for
// more: it remembers when the last reads returned and how many they brought.
type rateMeter struct {
	reads [64]struct {
		at time.Time
		n  int
	}
	next int
}

// busy notes n packets read at now. It reports whether the packets of the
// last 10 ms promise at least four in the given window. When no time has
// passed between them, as in a bubble with a virtual clock, nothing is known
// and it reports false.
func (m *rateMeter) busy(now time.Time, n int, window time.Duration) bool {
	const horizon = 10 * time.Millisecond
	m.reads[m.next].at, m.reads[m.next].n = now, n
	m.next = (m.next + 1) % len(m.reads)
	var sum int
	var elapsed time.Duration
	for i := range m.reads {
		r := &m.reads[i]
		if age := now.Sub(r.at); r.n > 0 && age < horizon {
			sum += r.n
			elapsed = max(elapsed, age)
		}
	}
	return elapsed > 0 && time.Duration(sum)*window >= 4*horizon
}

// ListenAndServe listens on the interfaces with the given names, on port 67,
// or with the one name "*" on all that there are and will be, and serves them
// until ctx ends or the Server is shut down. If one cannot be opened it serves
// none; if one fails later it ends the others. It returns what Serve returns.
func (s *Server) ListenAndServe(ctx context.Context, interfaces ...string) error {
	if len(interfaces) == 0 {
		return errors.New("dhcp4: ListenAndServe: name at least one interface")
	}
	conns := make([]Conn, 0, len(interfaces))
	lc := ListenConfig{Logger: s.log}
	for _, name := range interfaces {
		c, err := lc.Listen(name)
		if err != nil {
			for _, open := range conns {
				open.Close()
			}
			return err
		}
		conns = append(conns, c)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	errs := make(chan error, len(conns))
	for _, c := range conns {
		go func() { errs <- s.Serve(ctx, c) }()
	}
	err := <-errs
	cancel(err) // the others return this error as the cause
	for range conns[1:] {
		<-errs
	}
	return err
}
