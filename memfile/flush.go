package memfile

import (
	"context"
	"fmt"
	"time"
)

// syncTo returns when the log up to want is as durable as the mode promises.
// The caller holds mu, which is released meanwhile.
//
// Whoever comes first writes and syncs for all who come until then; the others
// wait, and the first of them to wake does the same for those who came later.
func (s *Store) syncTo(ctx context.Context, want int64) error {
	for {
		switch {
		case s.err != nil:
			return s.err
		case s.safe() >= want:
			return nil
		case s.busy:
			if err := s.awaitIdle(ctx); err != nil {
				return err
			}
		default:
			s.busy = true
			s.flush()
			s.giveFile()
		}
	}
}

// safe returns the position up to which the mode's promise holds.
func (s *Store) safe() int64 {
	if s.opts.Sync == SyncAlways {
		return s.synced
	}
	return s.written
}

// takeFile waits until nobody writes the file, and keeps others from it until
// giveFile. The caller holds mu, which is released meanwhile.
func (s *Store) takeFile() {
	for s.busy {
		s.awaitIdle(context.Background())
	}
	s.busy = true
}

func (s *Store) giveFile() {
	s.busy = false
	if s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

func (s *Store) awaitIdle(ctx context.Context) error {
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	return await(ctx, &s.mu, s.idle)
}

// flush writes the buffer and syncs the file if the mode wants it. The caller
// holds mu, which is released meanwhile, and has set busy.
func (s *Store) flush() {
	rows, target := s.buf, s.appended
	s.buf, s.spare = s.spare[:0], nil
	s.mu.Unlock()

	err := s.write(rows)

	s.mu.Lock()
	if cap(rows) <= maxSpare {
		s.spare = rows[:0]
	}
	if err != nil {
		s.fail(err)
		return
	}
	s.written = target
	switch s.opts.Sync {
	case SyncAlways:
		s.synced = target
	case SyncNever:
	default:
		s.syncLater()
	}
	s.cleanLater()
}

// write is all that ever happens to the file after Open. The caller has set
// busy.
func (s *Store) write(rows []byte) error {
	if _, err := s.file.Write(rows); err != nil {
		return fmt.Errorf("memfile: write %s: %w", s.path, err)
	}
	if s.opts.Sync == SyncAlways {
		if err := s.file.Sync(); err != nil {
			return fmt.Errorf("memfile: sync %s: %w", s.path, err)
		}
	}
	// Rows in a file that nobody will open again are lost.
	there, err := s.file.IsAt(s.name)
	if err == nil && !there {
		err = errMoved
	}
	if err != nil {
		return fmt.Errorf("memfile: write %s: %w", s.path, err)
	}
	return nil
}

// syncLater has the file synced an interval from now, and not later for what
// is written until then. The caller holds mu.
func (s *Store) syncLater() {
	if s.syncArmed || s.closed.Load() || s.synced >= s.written {
		return
	}
	s.syncArmed = true
	if s.syncTimer == nil {
		s.syncTimer = time.AfterFunc(time.Duration(s.opts.Sync), s.syncDue)
	} else {
		s.syncTimer.Reset(time.Duration(s.opts.Sync))
	}
}

func (s *Store) syncDue() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.syncArmed = false
	if s.closed.Load() || s.err != nil {
		return
	}
	s.timers.Add(1)
	defer s.timers.Done()
	f, target := s.file, s.written
	s.mu.Unlock()
	err := f.Sync() // beside writes, which need not wait for it
	s.mu.Lock()
	switch {
	case err == nil:
		s.synced = max(s.synced, target)
		s.syncLater()
	case s.synced < target: // else all leases have gone to another file since
		s.fail(fmt.Errorf("memfile: sync %s: %w", s.path, err))
		s.startAnew() // these rows are promised already
	}
}

// fail notes that from now on nothing can be promised. The caller holds mu.
func (s *Store) fail(err error) {
	if s.err != nil {
		return
	}
	s.err = err
	s.log.Error("lease file: leases cannot be stored", "file", s.path, "err", err)
}

// startAnew writes all leases to a new file after a failure. In the meantime
// Update refuses, so they do not change. If it fails, or was tried a moment
// ago, the failure remains. The caller holds mu, which is released meanwhile.
func (s *Store) startAnew() error {
	if s.opts.ReadOnly || time.Now().Before(s.nextTry) || !s.cleanup.begin() {
		return s.err
	}
	defer s.cleanup.end()
	s.takeFile()
	defer s.giveFile()
	failed, like := s.err, s.file
	s.mu.Unlock()
	f, err := s.replaceAll(like)
	s.mu.Lock()
	if err != nil {
		s.nextTry = time.Now().Add(retryAfter)
		s.log.Error("lease file: no new file either", "file", s.path, "err", err)
		return failed
	}
	if err := s.file.Close(); err != nil {
		s.log.Warn("lease file: close", "file", s.path, "err", err)
	}
	s.file, s.name = f, s.path
	s.buf = s.buf[:0]
	s.start = s.appended - int64(len(s.header.text))
	s.written, s.synced = s.appended, s.appended
	s.err = nil
	s.log.Info("lease file: leases can be stored again", "file", s.path, "after", failed)
	return nil
}

// replaceAll makes a set of files with all leases, and returns the one to
// append to. Whatever it leaves behind when it fails is as good as what was
// there before: see Store.clean.
func (s *Store) replaceAll(like file) (file, error) {
	if err := s.dump(context.Background(), &s.mem, like); err != nil {
		return nil, err
	}
	f, err := s.createAt(s.path+suffixTemporary, like)
	if err != nil {
		return nil, err
	}
	err = s.fs.Rename(s.path+suffixTemporary, s.path)
	if err == nil {
		err = s.fs.SyncFolder(s.path)
	}
	if err != nil {
		return nil, fmt.Errorf("memfile: %w", closeAfter(err, f))
	}
	// Here the new files count. What is left to do a cleanup can do later.
	if err := s.finish(); err != nil {
		s.log.Warn("lease file: cleanup not finished", "file", s.path, "err", err)
	}
	return f, nil
}
