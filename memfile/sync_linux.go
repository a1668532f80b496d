package memfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// datasync leaves out what File.Sync adds: the file's times.
func datasync(f *os.File) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = c.Control(func(fd uintptr) { // meanwhile nobody can close it
		for {
			if failed = unix.Fdatasync(int(fd)); failed != unix.EINTR { // else it did not run
				return
			}
		}
	})
	return errors.Join(err, os.NewSyscallError("fdatasync", failed))
}
