//go:build unix

package memfile

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

func syncFolder(name string) error {
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil // some network file systems cannot
	}
	return errors.Join(err, d.Close())
}
