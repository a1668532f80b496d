package memfile

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
)

// What is beside a lease file, with Kea's names. Two more have none in Kea: a
// file in the making is not called ".output", because kea-lfc appends to one
// that a crash has left there.
const (
	suffixCopy      = ".1"          // the log before the current one, being cleaned up
	suffixPrevious  = ".2"          // what the last cleanup made
	suffixOutput    = ".output"     // what kea-lfc is making
	suffixCompleted = ".completed"  // made, but the first two are not yet removed
	suffixPID       = ".pid"        // who is cleaning up
	suffixDamaged   = ".damaged"    // rows that could not be read
	suffixTemporary = ".output.tmp" // what we are making
)

// A fileSystem is all that a Store asks of the operating system. Tests put one
// in its place that fails, and that loses what was not synced.
type fileSystem interface {
	// Claim makes this process the only user of the lease file, until release
	// is called. It refuses what is no regular file.
	Claim(name string) (release func() error, err error)

	// Open opens a file for reading and appending. If there is none, the
	// error is fs.ErrNotExist.
	Open(name string) (file, error)

	// OpenRead opens a file for reading alone. If there is none, the error is
	// fs.ErrNotExist.
	OpenRead(name string) (file, error)
	// Create makes a file and opens it for reading and appending. It has mode
	// and owner of like, if that is not nil. If the name is taken, the error
	// is fs.ErrExist.
	Create(name string, like file) (file, error)

	// Rename moves a file, over another one if there is.
	Rename(from, to string) error

	// Remove deletes a file if there is one.
	Remove(name string) error

	// SyncFolder makes all that happened to names in the folder of name
	// durable.
	SyncFolder(name string) error
}

// A file is read once from its start, then written at its end.
type file interface {
	io.ReadWriteCloser
	io.ReaderAt

	// Truncate cuts the file to size bytes.
	Truncate(size int64) error

	// Sync returns when what was written is durable. After an error nobody
	// knows what is, and a second try proves nothing: the kernel reports a
	// lost page once.
	Sync() error

	// IsAt reports whether this file, and not another one or none, has that
	// name.
	IsAt(name string) (bool, error)
}

// osFS is the real thing.
type osFS struct{}

func (osFS) Claim(name string) (func() error, error) {
	if err := checkRegular(name); err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return nil, err
	}
	release, err := lock(name + ".lock")
	if err != nil {
		return nil, err
	}
	if err := checkKea(name); err != nil {
		return nil, errors.Join(err, release())
	}
	return release, nil
}

// Appending at the kernel's hand keeps a second writer, a mistake, from
// overwriting rows.
const openFlags = os.O_RDWR | os.O_APPEND

func (osFS) Open(name string) (file, error) { return opened(os.OpenFile(name, openFlags, 0)) }

func (osFS) OpenRead(name string) (file, error) {
	if err := checkRegular(name); err != nil { // before a FIFO waits for a writer
		return nil, err
	}
	return opened(os.Open(name))
}

func checkRegular(name string) error {
	fi, err := os.Stat(name)
	if err == nil {
		err = regular(name, fi)
	}
	return err
}

func regular(name string, fi os.FileInfo) error {
	if fi.Mode().IsRegular() {
		return nil
	}
	return fmt.Errorf("%s: not a regular file but %v", name, fi.Mode().Type())
}

func (osFS) Create(name string, like file) (file, error) {
	f, err := opened(os.OpenFile(name, openFlags|os.O_CREATE|os.O_EXCL, 0o644)) // Kea's mode
	if err != nil || like == nil {
		return f, err
	}
	model := like.(osFile)
	fi, err := model.Stat() // it may have been changed since
	if err != nil {
		fi = model.info // like is closed
	}
	if err := keepOwner(f.(osFile).File, fi); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(name))
	}
	return f, nil
}

func (osFS) Rename(from, to string) error { return os.Rename(from, to) }

func (osFS) Remove(name string) error {
	err := os.Remove(name)
	if errors.Is(err, iofs.ErrNotExist) {
		return nil
	}
	return err
}

func (osFS) SyncFolder(name string) error { return syncFolder(name) }

type osFile struct {
	*os.File
	name string
	info os.FileInfo
}

func opened(f *os.File, err error) (file, error) {
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil {
		err = regular(f.Name(), fi)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return osFile{f, f.Name(), fi}, nil
}

// Truncate goes by name, before the file gets another one: on Windows a file
// opened for appending cannot be cut.
func (f osFile) Truncate(size int64) error { return os.Truncate(f.name, size) }

func (f osFile) Sync() error { return datasync(f.File) }

func (f osFile) IsAt(name string) (bool, error) {
	fi, err := os.Stat(name)
	if errors.Is(err, iofs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(fi, f.info), err
}
