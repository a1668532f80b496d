package memfile

import (
	"errors"
	"io"
	"os"
)

// A fileSystem is all that a Store asks of the operating system. Tests put one
// in its place that fails, and that loses what was not synced.
type fileSystem interface {
	// Open opens the file for reading and appending and creates it if it is
	// not there.
	Open(name string) (file, error)

	// Exists reports whether there is such a file.
	Exists(name string) (bool, error)

	// SyncFolder makes the entry of the file in its folder durable.
	SyncFolder(name string) error
}

// A file is read once from its start, then written at its end.
type file interface {
	io.ReadWriteCloser

	// Truncate cuts the file to size bytes.
	Truncate(size int64) error

	// Sync returns when what was written is durable. After an error nobody
	// knows what is, and a second try proves nothing: the kernel reports a
	// lost page once.
	Sync() error
}

// osFS is the real thing.
type osFS struct{}

func (osFS) Open(name string) (file, error) {
	// Kea's mode. Appending at the kernel's hand keeps a second writer, a
	// mistake, from overwriting rows.
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Exists(name string) (bool, error) {
	_, err := os.Stat(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (osFS) SyncFolder(name string) error { return syncFolder(name) }

type osFile struct{ *os.File }

// Truncate goes by name: on Windows a file opened for appending cannot be cut.
func (f osFile) Truncate(size int64) error { return os.Truncate(f.Name(), size) }

func (f osFile) Sync() error { return datasync(f.File) }
