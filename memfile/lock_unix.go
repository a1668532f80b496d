//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package memfile

import (
	"bytes"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lock makes and locks a file, which says who has it. The lock ends with the
// process at the latest, the file may stay.
func lock(name string) (release func() error, err error) {
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err := flock(f); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		// Who had it may have removed it after we opened it: then it locks
		// nothing.
		ours, err1 := f.Stat()
		there, err2 := os.Stat(name)
		if err1 == nil && err2 == nil && os.SameFile(ours, there) {
			// On a full disk it is locked as well.
			if f.Truncate(0) == nil {
				_, _ = f.WriteString(owner() + "\n")
			}
			return func() error { return errors.Join(os.Remove(name), f.Close()) }, nil
		}
		err = errors.Join(err1, f.Close())
		if err2 != nil && !errors.Is(err2, iofs.ErrNotExist) {
			err = errors.Join(err, err2)
		}
		if err != nil {
			return nil, err
		}
	}
}

func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return fmt.Errorf("%w: %s is locked by %s", ErrInUse, f.Name(), ownerIn(f))
		case !errors.Is(err, syscall.EINTR):
			return os.NewSyscallError("flock", err)
		}
	}
}

// owner names this process, for people.
func owner() string {
	return fmt.Sprintf("process %d (%s)", os.Getpid(), filepath.Base(os.Args[0]))
}

// ownerIn returns who has locked the file, as far as it says.
func ownerIn(f *os.File) string {
	var text [128]byte
	n, _ := f.ReadAt(text[:], 0)
	who, _, whole := bytes.Cut(text[:n], []byte("\n"))
	switch {
	case !whole:
		return "another process"
	case string(who) == owner():
		return "another Store of this process"
	}
	return strings.ToValidUTF8(string(who), "?")
}
