package memfile

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// A Store is a lease.Store that keeps all leases in memory and every change in
// a lease file. It is safe for concurrent use. Make one with Open.
//
// Update appends to a buffer; Sync writes it once for everybody who waits, and
// makes it as durable as Options.Sync says. When the file cannot be written or
// synced, or was moved or removed, both fail, and so does Err: what the disk has
// is unknown, so nothing may be promised. The next call, and later ones once a
// second, write all leases to a new file; if that works, the Store is as good
// as before.
//
// Besides what lease.Change.Check refuses, Update refuses (in Change.Err) a user
// context that is no JSON map, a host name and user context of more than
// 128 KiB together, and an expiry outside the years 1 to 9999: the file has no
// place for them. After Open a host name is in lower case, a lifetime of zero
// has become one second, and in a file without pool_id PoolID is zero.
type Store struct {
	mem     lease.Memory
	fs      fileSystem
	path    string
	opts    Options
	log     *slog.Logger
	now     func() time.Time
	release func() error // ends the claim on the file

	rowErrors int

	closed    atomic.Bool
	closeOnce sync.Once
	closeErr  error
	timers    sync.WaitGroup // what timers have started

	// mu makes a change in mem and its place in the log one step. It is not
	// held while the file is written.
	mu       sync.Mutex
	header   header
	buf      []byte        // rows that follow what was written
	spare    []byte        // the other buffer, while nobody writes it
	appended int64         // position in the log after buf
	written  int64         // up to here the kernel has it
	synced   int64         // up to here it is durable
	gate     chan struct{} // not nil: Update waits for its end
	err      error         // why nothing can be promised now
	nextTry  time.Time     // not before this moment a new file is tried

	// Whoever sets busy has the file for itself and may release mu: to write,
	// or to put another file in its place.
	busy  bool
	idle  chan struct{} // closed at the end of busy, if somebody waits for it
	file  file
	name  string // of file: path, or with ".1" while a cleanup makes a new one
	start int64  // position in the log of the file's first byte

	syncTimer *time.Timer
	syncArmed bool

	cleanup cleanup
}

var _ lease.HostnameFinder = (*Store)(nil)

const (
	maxBuffer  = 1 << 20   // Update waits for a write when so much is not written yet
	maxSpare   = 256 << 10 // larger buffers go back to the collector
	retryAfter = time.Second
)

// errMoved is what a write to a file means that has lost its name.
var errMoved = errors.New("file was moved or removed")

// RowErrors returns the number of damaged rows that Open skipped.
func (s *Store) RowErrors() int { return s.rowErrors }

// Len returns the number of leases, expired ones included.
func (s *Store) Len() int { return s.mem.Len() }

// Err returns nil while leases can be stored, or the failure that prevents it.
// It does no work: only Update and Sync try again.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return s.closedError("use")
	}
	return s.err
}

// Find implements lease.Store. After Close it returns an error that wraps
// os.ErrClosed.
func (s *Store) Find(ctx context.Context, qs []lease.Query) error {
	if s.closed.Load() {
		return s.closedError("find")
	}
	return s.mem.Find(ctx, qs)
}

// FindHostname implements lease.HostnameFinder. Without Options.IndexHostnames
// it looks at every lease. After Close it returns an error that wraps
// os.ErrClosed.
func (s *Store) FindHostname(ctx context.Context, name string, dst []lease.Lease) ([]lease.Lease, error) {
	if s.closed.Load() {
		return dst, s.closedError("find")
	}
	return s.mem.FindHostname(ctx, name, dst)
}

// Leases implements lease.Store. After Close it yields an error that wraps
// os.ErrClosed.
func (s *Store) Leases(ctx context.Context, f lease.Filter) iter.Seq2[lease.Lease, error] {
	return func(yield func(lease.Lease, error) bool) {
		if s.closed.Load() {
			yield(lease.Lease{}, s.closedError("leases"))
			return
		}
		s.mem.Leases(ctx, f)(yield)
	}
}

// Update implements lease.Store. It returns the failure of a write or sync that
// still lasts, or an error that wraps os.ErrClosed after Close; the changes
// have not been made then.
func (s *Store) Update(ctx context.Context, cs []lease.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if err := s.ready(ctx, "update"); err != nil {
			return err
		}
		if len(s.buf) < maxBuffer {
			break
		}
		if err := s.syncTo(ctx, s.appended); err != nil {
			return err
		}
	}
	refused := s.refuse(cs)
	gone := s.deletedBy(cs)
	// A Memory that stopped half-way would leave changes that are not in the
	// log, so it does not get ctx.
	err := s.mem.Update(context.WithoutCancel(ctx), cs)
	for _, r := range refused {
		cs[r.index] = r.Change
	}
	if err != nil {
		err = fmt.Errorf("memfile: update %s: %w", s.path, err)
		s.fail(err)
		return err
	}
	before, now := len(s.buf), s.now()
	for i := range cs {
		switch c := &cs[i]; {
		case c.Old != nil && c.New == nil:
			if c.Err == nil {
				s.buf = appendDeletion(s.buf, &gone[0], s.header, now)
				s.cleanup.rows++
			}
			gone = gone[1:]
		case c.Err == nil:
			s.buf = appendRow(s.buf, c.New, s.header, now)
			s.cleanup.rows++
		}
	}
	s.appended += int64(len(s.buf) - before)
	return nil
}

// A refusal is a change that the file has no row for.
type refusal struct {
	index int
	lease.Change
}

// refuse takes such changes out of cs and leaves impossible ones in their
// place, which the Memory will pass over.
func (s *Store) refuse(cs []lease.Change) []refusal {
	var rs []refusal
	for i := range cs {
		c := &cs[i]
		if c.New == nil {
			continue
		}
		err := checkLease(c.New)
		if n := len(c.New.ClientID.Octets()); err == nil && n > keaClientID && s.opts.LongClientIDs == ClientIDsRefused {
			err = fmt.Errorf("client identifier of %d octets, Kea's limit is %d", n, keaClientID)
		}
		if err != nil {
			rs = append(rs, refusal{i, lease.Change{Old: c.Old, New: c.New, Err: fmt.Errorf("memfile: %v: %w", c.New.Addr, err)}})
			c.Old, c.New = nil, nil
		}
	}
	return rs
}

// deletedBy returns what is stored where cs deletes, in the order of cs: a
// deletion has a row with all that was known, but of Old only the address and
// the revision count.
func (s *Store) deletedBy(cs []lease.Change) []lease.Lease {
	var ls []lease.Lease
	for i := range cs {
		if c := &cs[i]; c.Old != nil && c.New == nil {
			l, _, _ := lease.Get(context.Background(), &s.mem, c.Old.Addr)
			ls = append(ls, l)
		}
	}
	return ls
}

// Sync implements lease.Store: it returns nil when all that Update did and Find
// showed before the call is as durable as Options.Sync promises. Callers at
// the same time share one write and one fdatasync. If ctx ends while another
// caller's sync runs, Sync returns ctx.Err. It returns the failure of a write
// or sync that still lasts, or an error that wraps os.ErrClosed after Close.
func (s *Store) Sync(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ready(ctx, "sync"); err != nil {
		return err
	}
	return s.syncTo(ctx, s.appended)
}

// Close syncs and closes the file, and ends a cleanup before its time; the next
// Open goes on with it. Every call returns what the first one returned: the
// error of Sync, or of closing. It waits for calls of Sync.
func (s *Store) Close() error {
	s.closeOnce.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *Store) close() error {
	ctx := context.Background()
	s.mu.Lock()
	s.closed.Store(true)
	if s.opts.ReadOnly {
		s.mu.Unlock()
		return nil
	}
	s.cleanup.awaitEnd(ctx, &s.mu)
	err := s.syncTo(ctx, s.appended)
	s.takeFile()
	if err == nil && s.opts.Sync != SyncNever && s.synced < s.appended {
		if err = s.file.Sync(); err != nil {
			err = fmt.Errorf("memfile: sync %s: %w", s.path, err)
		}
	}
	s.giveFile()
	s.cleanup.stopTimer()
	if s.syncTimer != nil {
		s.syncTimer.Stop()
	}
	s.mu.Unlock()
	s.timers.Wait()
	return errors.Join(err, s.file.Close(), s.release())
}

// ready returns nil when changes can be stored, after a Restore that may run
// and on a new file if the last one failed. The caller holds mu, which may be
// released meanwhile.
func (s *Store) ready(ctx context.Context, op string) error {
	for {
		switch {
		case s.closed.Load():
			return s.closedError(op)
		case s.gate != nil:
			if err := await(ctx, &s.mu, s.gate); err != nil {
				return err
			}
		case s.err != nil:
			if err := s.startAnew(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

func (s *Store) closedError(op string) error {
	return fmt.Errorf("memfile: %s %s: %w", op, s.path, os.ErrClosed)
}

// await waits for c to be closed. The caller holds mu, which is released
// meanwhile.
func await(ctx context.Context, mu *sync.Mutex, c <-chan struct{}) error {
	mu.Unlock()
	defer mu.Lock()
	select {
	case <-c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
