package memfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"sync"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

const (
	minCleaned = 1 << 20     // bytes; smaller files may grow by any factor
	cleanPause = time.Minute // between cleanups that growth causes, if they fail
)

// A cleanup is the state of the lease file cleanup of a Store, and is under its
// mu. One at a time touches the files beside the lease file: a cleanup, a
// Snapshot, a Restore, or a new file after a failure.
type cleanup struct {
	running chan struct{} // closed at its end; nil: nobody
	rows    int           // in the files, of all leases
	pause   time.Time     // no cleanup for growth before it
	timer   *time.Timer
	armed   bool
}

// begin reports whether the caller is the one, until end.
func (c *cleanup) begin() bool {
	if c.running != nil {
		return false
	}
	c.running = make(chan struct{})
	return true
}

func (c *cleanup) end() {
	close(c.running)
	c.running = nil
}

func (c *cleanup) awaitEnd(ctx context.Context, mu *sync.Mutex) error {
	for c.running != nil {
		if err := await(ctx, mu, c.running); err != nil {
			return err
		}
	}
	return nil
}

func (c *cleanup) stopTimer() {
	if c.timer != nil {
		c.timer.Stop()
	}
}

// beginWork waits for its turn to touch the other files. The caller calls
// endWork if it got it.
func (s *Store) beginWork(ctx context.Context, op string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.closed.Load():
			return s.closedError(op)
		case s.err != nil:
			return s.err
		case s.cleanup.begin():
			return nil
		}
		if err := s.cleanup.awaitEnd(ctx, &s.mu); err != nil {
			return err
		}
	}
}

func (s *Store) endWork() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanup.end()
}

// Cleanup does now what otherwise happens in the background: it replaces the
// rows in the lease file and beside it by one row for each lease. Find, Update
// and Sync go on meanwhile. If it fails, or ctx ends, no lease is lost; the
// next one finishes it.
func (s *Store) Cleanup(ctx context.Context) error {
	if err := s.beginWork(ctx, "clean up"); err != nil {
		return err
	}
	defer s.endWork()
	return s.clean(ctx)
}

// cleanLater sees to it that the rows just written are cleaned up in time. The
// caller holds mu.
func (s *Store) cleanLater() {
	c := &s.cleanup
	if s.closed.Load() {
		return
	}
	if g := s.opts.LFCGrowth; g > 0 && c.running == nil && s.written-s.start > minCleaned && c.rows/g > s.mem.Len() && !time.Now().Before(c.pause) {
		s.cleanInBackground()
		return
	}
	if s.opts.LFCInterval > 0 && !c.armed {
		c.armed = true
		if c.timer == nil {
			c.timer = time.AfterFunc(s.opts.LFCInterval, s.cleanDue)
		} else {
			c.timer.Reset(s.opts.LFCInterval)
		}
	}
}

func (s *Store) cleanDue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanup.armed = false
	if !s.closed.Load() {
		s.cleanInBackground()
	}
}

// cleanInBackground starts a cleanup unless there is one. The caller holds mu.
func (s *Store) cleanInBackground() {
	if s.err != nil || !s.cleanup.begin() {
		return
	}
	s.timers.Go(func() {
		defer s.endWork()
		err := s.clean(context.Background())
		if err != nil && !errors.Is(err, os.ErrClosed) {
			s.log.Error("lease file cleanup failed", "id", "LFC_FAIL_PROCESS", "file", s.path, "err", err)
			s.mu.Lock()
			s.cleanup.pause = time.Now().Add(cleanPause)
			s.mu.Unlock()
		}
	})
}

// clean is Kea's lease file cleanup, with its names, so that each of the two
// can go on where a crash has stopped the other:
//
//	rename   FILE to FILE.1, create FILE     skipped if FILE.1 is there
//	write    FILE.completed                  from here on it counts instead of .2 and .1
//	remove   FILE.2, FILE.1
//	rename   FILE.completed to FILE.2
//
// Reading is in the order .2, .1, FILE, or .completed, FILE, if there is that.
// Other than kea-lfc it does not read the files: memory has all that is in
// them. It may have more, changes that came later. That does no harm: they are
// in FILE as well, which is read last; if a crash takes them from there, nobody
// was told that they are safe.
//
// Each step is on the disk before the next one begins.
func (s *Store) clean(ctx context.Context) error {
	s.log.Info("lease file cleanup", "id", "DHCPSRV_MEMFILE_LFC_START", "file", s.path)
	if err := s.writePID(); err != nil {
		return err
	}
	err := errors.Join(s.cleanSteps(ctx), s.removePID())
	if err == nil {
		s.log.Info("lease file cleanup done", "id", "LFC_TERMINATE", "file", s.path)
	}
	return err
}

func (s *Store) cleanSteps(ctx context.Context) error {
	if _, err := s.rotate(); err != nil {
		return err
	}
	if err := s.dump(ctx, &s.mem, s.file); err != nil {
		return err
	}
	return s.finish()
}

// writePID keeps Kea away. A file that a crash leaves empty would do that for
// ever, so it gets its name when it is whole.
func (s *Store) writePID() error {
	f, err := s.create(s.path+suffixTemporary, nil)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%d\n", os.Getpid())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = s.fs.Rename(s.path+suffixTemporary, s.path+suffixPID)
	}
	if err != nil {
		return fmt.Errorf("memfile: write %s: %w", s.path+suffixPID, err)
	}
	return nil
}

// removePID lets Kea in again. If the file came back after a crash, its number
// could be that of another process then.
func (s *Store) removePID() error {
	err := s.fs.Remove(s.path + suffixPID)
	if err == nil {
		err = s.fs.SyncFolder(s.path)
	}
	if err != nil {
		return fmt.Errorf("memfile: remove %s: %w", s.path+suffixPID, err)
	}
	return nil
}

// rotate gives what was written so far the name with ".1", and makes a new
// file for what comes. If a cleanup was not finished there is such a file; then
// the current one stays.
func (s *Store) rotate() (rotated bool, err error) {
	switch completed, err := s.exists(suffixCompleted); {
	case err != nil:
		return false, err
	case completed:
		if err := s.finish(); err != nil {
			return false, err
		}
	}
	if copied, err := s.exists(suffixCopy); copied || err != nil {
		return false, err
	}
	if err := s.rename(s.path, s.path+suffixCopy); err != nil {
		return false, fmt.Errorf("memfile: %w", err)
	}
	// Rows go to the old file until the new one is ready.
	f, err := s.newFile()
	if err != nil {
		if e := s.rename(s.path+suffixCopy, s.path); e != nil {
			err = errors.Join(err, e)
			s.mu.Lock()
			s.fail(err)
			s.mu.Unlock()
		}
		return false, err
	}
	s.mu.Lock()
	s.takeFile()
	old, end := s.file, s.written
	s.file, s.name = f, s.path
	s.start = end - int64(len(s.header.text))
	s.cleanup.rows = 0
	s.giveFile()
	s.mu.Unlock()

	err = old.Sync()
	s.mu.Lock()
	if err != nil {
		err = fmt.Errorf("memfile: sync %s: %w", s.path+suffixCopy, err)
		s.fail(err)
	} else {
		s.synced = max(s.synced, end)
	}
	s.mu.Unlock()
	return true, closeAfter(err, old)
}

// rename moves the file while nobody writes it, so that nobody misses it.
func (s *Store) rename(from, to string) error {
	s.mu.Lock()
	s.takeFile()
	s.mu.Unlock()
	err := s.fs.Rename(from, to)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.name = to
	}
	s.giveFile()
	return err
}

// newFile makes the file at path, whose name has become free. The other name
// of the old one must be on the disk before that: else the old one might have
// none.
func (s *Store) newFile() (file, error) {
	if err := s.fs.SyncFolder(s.path); err != nil {
		return nil, fmt.Errorf("memfile: sync folder of %s: %w", s.path, err)
	}
	f, err := s.createAt(s.path, s.file)
	if err != nil {
		return nil, err
	}
	if err := s.fs.SyncFolder(s.path); err != nil {
		return nil, fmt.Errorf("memfile: sync folder of %s: %w", s.path, closeAfter(err, f))
	}
	return f, nil
}

// createAt makes a file that has a header, on the disk but for its name.
func (s *Store) createAt(name string, like file) (file, error) {
	create := s.create
	if name == s.path { // somebody else's file is not to be removed
		create = s.fs.Create
	}
	f, err := create(name, like)
	if err != nil {
		return nil, fmt.Errorf("memfile: %w", err)
	}
	if _, err = f.Write([]byte(s.header.text)); err == nil {
		err = f.Sync()
	}
	if err != nil {
		return nil, fmt.Errorf("memfile: write %s: %w", name, errors.Join(closeAfter(err, f), s.fs.Remove(name)))
	}
	return f, nil
}

// create makes a file in the place of one that a crash has left.
func (s *Store) create(name string, like file) (file, error) {
	if err := s.fs.Remove(name); err != nil {
		return nil, fmt.Errorf("memfile: %w", err)
	}
	f, err := s.fs.Create(name, like)
	if err != nil {
		return nil, fmt.Errorf("memfile: %w", err)
	}
	return f, nil
}

// dump writes all leases of mem to the file with ".completed", which exists
// when it is whole.
func (s *Store) dump(ctx context.Context, mem *lease.Memory, like file) error {
	name := s.path + suffixTemporary
	f, err := s.createAt(name, like)
	if err != nil {
		return err
	}
	err = s.writeLeases(ctx, f, mem)
	if err == nil {
		err = f.Sync()
	}
	err = closeAfter(err, f)
	if err == nil {
		err = s.fs.Remove(s.path + suffixOutput) // or kea-lfc would take it for its own one day
	}
	if err == nil {
		err = s.fs.Rename(name, s.path+suffixCompleted)
	}
	if err == nil {
		err = s.fs.SyncFolder(s.path)
	}
	if err != nil {
		return fmt.Errorf("memfile: write %s: %w", s.path+suffixCompleted, errors.Join(err, s.fs.Remove(name)))
	}
	return nil
}

// chunk is how much is written at a time: little enough that the disk's queue
// does not fill in front of the rows that clients wait for.
const chunk = 256 << 10

func (s *Store) writeLeases(ctx context.Context, w io.Writer, mem *lease.Memory) error {
	var buf []byte
	for l, err := range mem.Leases(ctx, lease.Filter{}) {
		if err != nil {
			return err
		}
		buf = appendRow(buf, &l, s.header, s.now())
		if len(buf) < chunk {
			continue
		}
		if s.closed.Load() {
			return s.closedError("copy")
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		buf = buf[:0]
	}
	_, err := w.Write(buf)
	return err
}

// finish takes the file with ".completed" in the place of what it was made
// from.
func (s *Store) finish() error {
	if err := s.fs.Remove(s.path + suffixPrevious); err != nil {
		return fmt.Errorf("memfile: %w", err)
	}
	if err := s.fs.Remove(s.path + suffixCopy); err != nil {
		return fmt.Errorf("memfile: %w", err)
	}
	// While one of them is there, only ".completed" keeps it from being read
	// after the new one.
	if err := s.fs.SyncFolder(s.path); err != nil {
		return fmt.Errorf("memfile: sync folder of %s: %w", s.path, err)
	}
	if err := s.fs.Rename(s.path+suffixCompleted, s.path+suffixPrevious); err != nil {
		return fmt.Errorf("memfile: %w", err)
	}
	if err := s.fs.SyncFolder(s.path); err != nil {
		return fmt.Errorf("memfile: sync folder of %s: %w", s.path, err)
	}
	return nil
}

func (s *Store) exists(suffix string) (bool, error) {
	f, err := s.fs.Open(s.path + suffix)
	if errors.Is(err, iofs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return false, fmt.Errorf("memfile: %w", err)
	}
	return true, nil
}

func closeAfter(err error, f file) error { return errors.Join(err, f.Close()) }
