package memfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/embedhcp/embedhcp/lease"
)

// Snapshot writes a lease file to w that has all leases as they were at one
// moment during the call, with the schema of the Store's own file. Find,
// Update and Sync go on meanwhile; cleanups wait. Kea, Open and Restore read
// it.
func (s *Store) Snapshot(ctx context.Context, w io.Writer) error {
	if s.opts.ReadOnly {
		if s.closed.Load() {
			return s.closedError("snapshot")
		}
		if _, err := io.WriteString(w, s.header.text); err != nil {
			return err
		}
		return s.writeLeases(ctx, w, &s.mem)
	}
	if err := s.beginWork(ctx, "snapshot"); err != nil {
		return err
	}
	defer s.endWork()
	s.mu.Lock()
	from := s.appended
	s.mu.Unlock()
	// Of the leases that change meanwhile this may have either form; the rows
	// of the changes, which follow, set it right.
	if _, err := io.WriteString(w, s.header.text); err != nil {
		return err
	}
	if err := s.writeLeases(ctx, w, &s.mem); err != nil {
		return err
	}
	s.mu.Lock()
	to, offset := s.appended, s.start
	err := s.syncTo(ctx, to)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	_, err = io.Copy(w, io.NewSectionReader(s.file, from-offset, to-from))
	return err
}

// Restore replaces all leases by those of the lease file that r yields, such as
// a Snapshot. Any damaged or incomplete row makes it fail. Until it returns,
// Update and Sync wait; what they do then is refused with lease.ErrConflict if
// it is about a lease that Restore has changed. If Restore fails nothing has
// changed, if the process dies meanwhile either nothing or everything has.
//
// It needs memory for the new leases beside the old ones. A running
// dhcp4.Server has counted its free addresses before and notices a lease that
// it did not make when it is about to give the address away.
func (s *Store) Restore(ctx context.Context, r io.Reader) error {
	next := new(lease.Memory)
	ld := loader{name: "restored file", mem: next, log: slog.New(slog.DiscardHandler), maxErrors: 0}
	ld.keep = func(row []byte) error { return fmt.Errorf("memfile: restore: damaged row %s", excerpt(row)) }
	if err := ld.load(r); err != nil {
		return err
	}
	switch {
	case !ld.hasHeader:
		return errors.New("memfile: restore: not a lease file: no header")
	case ld.tailSize > 0:
		return fmt.Errorf("memfile: restore: incomplete last line %s", excerpt(ld.tail))
	}
	if err := s.beginWork(ctx, "restore"); err != nil {
		return err
	}
	defer s.endWork()
	s.mu.Lock()
	gate := make(chan struct{})
	s.gate = gate
	err := s.syncTo(ctx, s.appended)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.gate = nil
		s.mu.Unlock()
		close(gate)
	}()
	if err != nil {
		return err
	}
	if err := s.writePID(); err != nil {
		return err
	}
	err = s.replace(ctx, next)
	if e := s.removePID(); e != nil {
		s.log.Warn("lease file: pid file stays", "file", s.path, "err", e)
	}
	return err
}

// replace is a cleanup that has other leases. Their moment is when
// ".completed" appears: for that the current file must have no rows.
func (s *Store) replace(ctx context.Context, next *lease.Memory) error {
	for rotated := false; !rotated; {
		var err error
		if rotated, err = s.rotate(); err != nil {
			return err
		}
		if !rotated { // there is an unfinished cleanup in the way
			if err := s.dump(ctx, &s.mem, s.file); err != nil {
				return err
			}
			if err := s.finish(); err != nil {
				return err
			}
		}
	}
	if err := s.dump(ctx, next, s.file); err != nil {
		if there, e := s.exists(suffixCompleted); there || e != nil {
			// It may or may not come back after a crash. All files are to be
			// written anew, with what memory has.
			s.mu.Lock()
			s.fail(err)
			s.mu.Unlock()
		}
		return err
	}
	if err := replaceLeases(&s.mem, next); err != nil {
		return err
	}
	if err := s.finish(); err != nil { // the next cleanup does it
		s.log.Warn("lease file: cleanup not finished", "file", s.path, "err", err)
	}
	return nil
}

// replaceLeases makes have equal to want. Leases that are the same keep their
// revision.
func replaceLeases(have, want *lease.Memory) error {
	ctx := context.Background()
	for l := range have.Leases(ctx, lease.Filter{}) {
		if _, ok, _ := lease.Get(ctx, want, l.Addr); !ok {
			have.Delete(l.Addr)
		}
	}
	for l := range want.Leases(ctx, lease.Filter{}) {
		old, ok, _ := lease.Get(ctx, have, l.Addr)
		if old.Revision = l.Revision; ok && old == l {
			continue
		}
		if err := have.Put(l); err != nil {
			return err
		}
	}
	return nil
}
