package memfile

import (
	"errors"
	"fmt"
	iofs "io/fs"
)

// ErrReadOnly is wrapped by the errors of Update, Sync, Cleanup and Restore,
// and by Err, if Options.ReadOnly is set.
var ErrReadOnly = errors.New("lease file is open for reading only")

// A source is one of the files that Open reads. Its file is nil if there is
// none.
type source struct {
	name string
	file file
}

// loadReadOnly reads what load reads and changes nothing.
func (s *Store) loadReadOnly() (err error) {
	sources, err := s.sources()
	defer func() { err = errors.Join(err, closeAll(sources)) }()
	if err != nil {
		return err
	}
	s.header = newHeader(Schema30)
	found := false
	for _, src := range sources {
		if src.file == nil {
			continue
		}
		found = true
		ld := s.loader(src.name, func([]byte) error { return nil })
		if err := ld.loadWhole(src.file); err != nil {
			return err
		}
		if ld.hasHeader {
			s.header = ld.header
		}
		s.loaded(ld)
	}
	if !found {
		return fmt.Errorf("memfile: open %s: %w", s.path, iofs.ErrNotExist)
	}
	if s.opts.Schema != 0 {
		s.header = newHeader(s.opts.Schema)
	}
	s.header.longIDs = s.opts.LongClientIDs
	s.err = fmt.Errorf("memfile: %s: %w", s.path, ErrReadOnly)
	return nil
}

// sources opens the files that count, in the order of their reading, as the
// folder had them at one moment: a server may rotate them meanwhile. What is
// renamed or removed after that remains what it was.
func (s *Store) sources() ([]source, error) {
	const tries = 100 // a cleanup moves files for milliseconds, then not for minutes
	for range tries {
		sources, err := s.openSources()
		if err != nil {
			return sources, err
		}
		same, err := s.stillThere(sources)
		if same || err != nil {
			return sources, err
		}
		if err := closeAll(sources); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("memfile: open %s: the files change all the time", s.path)
}

func (s *Store) openSources() (sources []source, err error) {
	for _, suffix := range []string{suffixCompleted, suffixPrevious, suffixCopy, ""} {
		if suffix != suffixCompleted && suffix != "" && sources[0].file != nil {
			continue // it is in the first one
		}
		name := s.path + suffix
		f, err := s.fs.OpenRead(name)
		if err != nil && !errors.Is(err, iofs.ErrNotExist) {
			return sources, fmt.Errorf("memfile: %w", err)
		}
		sources = append(sources, source{name, f})
	}
	return sources, nil
}

// stillThere reports whether each name is still that of the same file, or of
// none.
func (s *Store) stillThere(sources []source) (bool, error) {
	for _, src := range sources {
		if src.file != nil {
			same, err := src.file.IsAt(src.name)
			if err != nil {
				return false, fmt.Errorf("memfile: %w", err)
			}
			if !same {
				return false, nil
			}
			continue
		}
		f, err := s.fs.OpenRead(src.name)
		if err == nil {
			return false, f.Close()
		}
		if !errors.Is(err, iofs.ErrNotExist) {
			return false, fmt.Errorf("memfile: %w", err)
		}
	}
	return true, nil
}

func closeAll(sources []source) error {
	var errs []error
	for _, src := range sources {
		if src.file != nil {
			errs = append(errs, src.file.Close())
		}
	}
	return errors.Join(errs...)
}
