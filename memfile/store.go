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

// Options tune Open. The zero value and nil both stand for the defaults.
type Options struct {
	// Schema is that of a file that is new or empty. If zero, Schema30. Any
	// other file keeps its own header, and its rows fit it. Kea 2.2 and
	// older want Schema21, in which PoolID has no place.
	Schema Schema

	// Logger is told of rows that Open skipped and of an incomplete last
	// line that it removed, with Kea's message ids in the attribute "id". If
	// nil, nothing is logged.
	Logger *slog.Logger

	// MaxRowErrors is how many malformed rows Open skips before it gives up,
	// as Kea's max-row-errors. If zero, it skips any number of them.
	MaxRowErrors int
}

// A Store is a lease.Store that keeps all leases in memory and every change in
// a lease file. It is safe for concurrent use. Make one with Open.
//
// Update appends to a buffer; Sync writes and fdatasyncs it once for everybody
// who waits, and returns when what Update did before is on the disk. After a
// failed write or sync, Update and Sync return that error until the file is
// opened anew: what the disk has is unknown, so nothing may be promised.
//
// Besides what lease.Change.Check refuses, Update refuses (in Change.Err) a user
// context that is no JSON map, a host name and user context of more than
// 128 KiB together, and an expiry outside the years 1 to 9999: the file has no
// place for them. After Open a host name is in lower case, a lifetime of zero
// has become one second, and in a file without pool_id PoolID is zero. Kea
// itself skips rows with a client identifier of more than 128 octets.
type Store struct {
	mem    lease.Memory
	name   string
	file   file
	header header
	now    func() time.Time

	rowErrors int

	closed    atomic.Bool
	closeOnce sync.Once
	closeErr  error

	// mu makes a change in mem and its place in the log one step. It is not
	// held while the file is written.
	mu       sync.Mutex
	buf      []byte // rows that follow what was written
	spare    []byte // the other buffer, while nobody writes it
	appended int64  // position in the log after buf
	synced   int64  // up to here it is durable
	flushing bool
	flushed  chan struct{} // closed at the end of the flush, if somebody waits for it
	err      error         // the first failure, for good
}

var _ lease.Store = (*Store)(nil)

const (
	maxBuffer = 1 << 20   // Update waits for the disk when so much is not written yet
	maxSpare  = 256 << 10 // larger buffers go back to the collector
)

// Open opens the lease file at path, creates it if it is not there, and reads
// it: of several rows of an address the last one counts, expired leases
// included. Malformed rows stay in the file but are skipped, logged and counted
// (RowErrors). A last line without newline, which a crash leaves behind, is
// logged and removed. A file without a valid header is left alone and refused,
// and so is one that Kea's lease file cleanup has moved rows away from (path
// with ".1", ".2" or ".completed" added).
//
// A file must have one user at a time; Open does not check it.
func Open(path string, o *Options) (*Store, error) {
	return open(osFS{}, path, o, time.Now)
}

func open(fs fileSystem, path string, o *Options, now func() time.Time) (*Store, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	switch opts.Schema {
	case 0:
		opts.Schema = Schema30
	case Schema21, Schema30:
	default:
		return nil, fmt.Errorf("memfile: schema %v: want 2.1 or 3.0", opts.Schema)
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	for _, suffix := range []string{".1", ".2", ".completed"} {
		switch there, err := fs.Exists(path + suffix); {
		case err != nil:
			return nil, fmt.Errorf("memfile: %w", err)
		case there:
			return nil, fmt.Errorf("memfile: %s%s has rows that Kea's lease file cleanup moved; they are not read", path, suffix)
		}
	}
	f, err := fs.Open(path)
	if err != nil {
		return nil, fmt.Errorf("memfile: %w", err)
	}
	s := &Store{name: path, file: f, now: now}
	if err := s.load(fs, &opts); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

func (s *Store) load(fs fileSystem, o *Options) error {
	ld := loader{name: s.name, mem: &s.mem, log: o.Logger, maxErrors: o.MaxRowErrors}
	if err := ld.load(s.file); err != nil {
		return err
	}
	if err := ld.repair(s.file, o.Schema); err != nil {
		return err
	}
	// Find shows what was read, so it must be durable; whoever wrote it may
	// have died before the sync. That goes for the file's name as well.
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("memfile: sync %s: %w", s.name, err)
	}
	if err := fs.SyncFolder(s.name); err != nil {
		return fmt.Errorf("memfile: sync folder of %s: %w", s.name, err)
	}
	s.header, s.rowErrors = ld.header, ld.errors
	s.appended, s.synced = ld.size, ld.size
	o.Logger.Info("lease file loaded", "id", "DHCPSRV_MEMFILE_LEASE_FILE_LOAD", "file", s.name,
		"schema", ld.header.schema, "leases", s.mem.Len(), "skipped", ld.errors)
	return nil
}

// RowErrors returns the number of malformed rows that Open skipped.
func (s *Store) RowErrors() int { return s.rowErrors }

// Len returns the number of leases, expired ones included.
func (s *Store) Len() int { return s.mem.Len() }

// Find implements lease.Store. After Close it returns an error that wraps
// os.ErrClosed.
func (s *Store) Find(ctx context.Context, qs []lease.Query) error {
	if s.closed.Load() {
		return s.closedError("find")
	}
	return s.mem.Find(ctx, qs)
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

// Update implements lease.Store. It returns the first error of a write or sync
// since Open, or one that wraps os.ErrClosed after Close; the changes have not
// been made then.
func (s *Store) Update(ctx context.Context, cs []lease.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if err := s.usable("update"); err != nil {
			return err
		}
		if len(s.buf) < maxBuffer {
			break
		}
		if err := s.syncTo(ctx, s.appended); err != nil {
			return err
		}
	}
	refused := refuse(cs)
	gone := s.deletedBy(cs)
	// A Memory that stopped half-way would leave changes that are not in the
	// log, so it does not get ctx.
	err := s.mem.Update(context.WithoutCancel(ctx), cs)
	for _, r := range refused {
		cs[r.index] = r.Change
	}
	if err != nil {
		s.err = fmt.Errorf("memfile: update %s: %w", s.name, err)
		return s.err
	}
	before, now := len(s.buf), s.now()
	for i := range cs {
		switch c := &cs[i]; {
		case c.Old != nil && c.New == nil:
			if c.Err == nil {
				s.buf = appendDeletion(s.buf, &gone[0], s.header, now)
			}
			gone = gone[1:]
		case c.Err == nil:
			s.buf = appendRow(s.buf, c.New, s.header, now)
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
func refuse(cs []lease.Change) []refusal {
	var rs []refusal
	for i := range cs {
		c := &cs[i]
		if c.New == nil {
			continue
		}
		if err := checkLease(c.New); err != nil {
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
// showed before the call is on the disk. Callers at the same time share one
// write and one fdatasync. If ctx ends while another caller's sync runs, Sync
// returns ctx.Err. It returns the first error of a write or sync since Open,
// or one that wraps os.ErrClosed after Close.
func (s *Store) Sync(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable("sync"); err != nil {
		return err
	}
	return s.syncTo(ctx, s.appended)
}

// Close syncs and closes the file. Every call returns what the first one
// returned: the error of Sync, or of closing. It waits for calls of Sync.
func (s *Store) Close() error {
	s.closeOnce.Do(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.closed.Store(true)
		err := s.syncTo(context.Background(), s.appended)
		for s.flushing { // only after an error
			s.awaitFlush(context.Background())
		}
		s.closeErr = errors.Join(err, s.file.Close())
	})
	return s.closeErr
}

// usable returns why nothing can be done any more. The caller holds mu.
func (s *Store) usable(op string) error {
	if s.closed.Load() {
		return s.closedError(op)
	}
	return s.err
}

func (s *Store) closedError(op string) error {
	return fmt.Errorf("memfile: %s %s: %w", op, s.name, os.ErrClosed)
}

// syncTo returns when the log is durable up to want. The caller holds mu,
// which is released meanwhile.
//
// Whoever comes first writes and syncs for all who come until then; the others
// wait, and the first of them to wake does the same for those who came later.
func (s *Store) syncTo(ctx context.Context, want int64) error {
	for {
		switch {
		case s.err != nil:
			return s.err
		case s.synced >= want:
			return nil
		case s.flushing:
			if err := s.awaitFlush(ctx); err != nil {
				return err
			}
		default:
			s.flush()
		}
	}
}

// awaitFlush waits for the end of the running flush. The caller holds mu,
// which is released meanwhile.
func (s *Store) awaitFlush(ctx context.Context) error {
	if s.flushed == nil {
		s.flushed = make(chan struct{})
	}
	done := s.flushed
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// flush writes the buffer and syncs the file. The caller holds mu, which is
// released meanwhile.
func (s *Store) flush() {
	rows, target := s.buf, s.appended
	s.buf, s.spare = s.spare[:0], nil
	s.flushing = true
	s.mu.Unlock()

	err := s.write(rows)

	s.mu.Lock()
	s.flushing = false
	if cap(rows) <= maxSpare {
		s.spare = rows[:0]
	}
	if err != nil {
		s.err = err
	} else {
		s.synced = target
	}
	if s.flushed != nil {
		close(s.flushed)
		s.flushed = nil
	}
}

// write is all that ever happens to the file after Open.
func (s *Store) write(rows []byte) error {
	if _, err := s.file.Write(rows); err != nil {
		return fmt.Errorf("memfile: write %s: %w", s.name, err)
	}
	if err := s.file.Sync(); err != nil {
		return fmt.Errorf("memfile: sync %s: %w", s.name, err)
	}
	return nil
}
