package memfile

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"time"
)

// Open opens the lease file at path, creates it if it is not there, and reads
// it: of several rows of an address the last one counts, expired leases
// included. Files that a lease file cleanup, Kea's or ours, has left beside it
// are read first, as Kea does; a cleanup of ours that begins at once finishes
// what is unfinished.
//
// Damaged rows are skipped, logged, counted (RowErrors) and added to the file
// path with ".damaged". A last line without newline, which a crash leaves
// behind, is logged and removed. A file without a valid header is left alone
// and refused, and so is what is no regular file, and a place where Open may
// not write.
//
// With Options.ReadOnly none of that happens on the disk: see there.
//
// A file has one Store at a time: the error wraps ErrInUse if there is another,
// in any process, or a Kea that works with the file, as far as it can be seen.
// The other Store is known by a lock on the file path with ".lock".
func Open(path string, o *Options) (*Store, error) {
	return open(osFS{}, path, o, time.Now)
}

func open(fs fileSystem, path string, o *Options, now func() time.Time) (*Store, error) {
	opts, err := o.resolved()
	if err != nil {
		return nil, err
	}
	s := &Store{fs: fs, path: path, name: path, opts: opts, log: opts.Logger, now: now}
	s.mem.IndexHostnames = opts.IndexHostnames
	if opts.ReadOnly {
		if err := s.loadReadOnly(); err != nil {
			return nil, err
		}
		return s, nil
	}
	release, err := fs.Claim(path)
	if err != nil {
		return nil, fmt.Errorf("memfile: open %s: %w", path, err)
	}
	s.release = release
	if err := s.load(); err != nil {
		if s.file != nil {
			err = closeAfter(err, s.file)
		}
		return nil, errors.Join(err, release())
	}
	return s, nil
}

// load reads all files and makes the last one ready for rows.
func (s *Store) load() (err error) {
	damaged := &damagedFile{fs: s.fs, name: s.path + suffixDamaged, limited: s.opts.MaxRowErrors > 0}
	defer func() { err = errors.Join(err, damaged.close()) }()

	var last file // for a header, a mode and an owner
	defer func() {
		if last != nil {
			err = closeAfter(err, last)
		}
	}()
	h, unfinished := newHeader(Schema30), false
	if s.opts.Schema != 0 {
		h = newHeader(s.opts.Schema)
	}
	for _, suffix := range []string{suffixCompleted, suffixPrevious, suffixCopy} {
		f, err := s.fs.Open(s.path + suffix)
		if errors.Is(err, iofs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("memfile: %w", err)
		}
		if last != nil {
			last.Close()
		}
		last, damaged.like = f, f
		ld := s.loader(s.path+suffix, damaged.keep)
		if err := ld.loadWhole(f); err != nil {
			return err
		}
		if ld.hasHeader && s.opts.Schema == 0 {
			h = ld.header
		}
		if err := s.secure(ld, f); err != nil {
			return err
		}
		unfinished = unfinished || suffix != suffixPrevious
		if suffix == suffixCompleted {
			break // it has the others in it
		}
	}

	s.file, err = s.fs.Open(s.path)
	if errors.Is(err, iofs.ErrNotExist) {
		s.file, err = s.fs.Create(s.path, last)
	}
	if err != nil {
		return fmt.Errorf("memfile: %w", err)
	}
	damaged.like = s.file
	ld := s.loader(s.path, damaged.keep)
	if err := ld.load(s.file); err != nil {
		return err
	}
	if err := damaged.commit(); err != nil { // before any cleanup drops them
		return err
	}
	if err := ld.repair(s.file, h); err != nil {
		return err
	}
	if err := s.secure(ld, s.file); err != nil {
		return err
	}
	if err := s.fs.SyncFolder(s.path); err != nil {
		return fmt.Errorf("memfile: sync folder of %s: %w", s.path, err)
	}
	s.header = ld.header
	s.header.longIDs = s.opts.LongClientIDs
	s.appended, s.written, s.synced = ld.size, ld.size, ld.size
	return s.tidy(unfinished)
}

func (s *Store) loader(name string, keep func(row []byte) error) *loader {
	return &loader{name: name, mem: &s.mem, log: s.log, maxErrors: s.opts.MaxRowErrors, keep: keep}
}

// secure makes what was read from f durable: Find shows it, and whoever wrote
// it may have died before the sync.
func (s *Store) secure(ld *loader, f file) error {
	if err := f.Sync(); err != nil {
		return fmt.Errorf("memfile: sync %s: %w", ld.name, err)
	}
	s.loaded(ld)
	return nil
}

// loaded counts what was read.
func (s *Store) loaded(ld *loader) {
	s.rowErrors += ld.errors
	s.cleanup.rows += ld.rows
	s.log.Info("lease file loaded", "id", "DHCPSRV_MEMFILE_LEASE_FILE_LOAD", "file", ld.name,
		"schema", ld.header.schema, "leases", s.mem.Len(), "skipped", ld.errors)
}

// tidy converts the files to the schema that was asked for, and finishes a
// cleanup that was begun.
func (s *Store) tidy(unfinished bool) error {
	if want := s.opts.Schema; want != 0 && s.header.schema != want {
		s.header = newHeader(want)
		s.header.longIDs = s.opts.LongClientIDs
		s.log.Info("lease file is converted", "id", "DHCPSRV_MEMFILE_CONVERTING_LEASE_FILES", "file", s.path, "schema", want)
		if unfinished { // such a cleanup leaves the current file as it is
			if err := s.Cleanup(context.Background()); err != nil {
				return err
			}
		}
		return s.Cleanup(context.Background())
	}
	if unfinished && s.opts.LFCInterval > 0 {
		s.mu.Lock()
		s.cleanInBackground()
		s.mu.Unlock()
	}
	return nil
}
