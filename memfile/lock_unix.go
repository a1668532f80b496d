//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package memfile

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"syscall"
)

// lock makes and locks a file. The lock ends with the process at the latest,
// the file may stay.
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
			return fmt.Errorf("%w: %s is locked by another Store", ErrInUse, f.Name())
		case !errors.Is(err, syscall.EINTR):
			return os.NewSyscallError("flock", err)
		}
	}
}
