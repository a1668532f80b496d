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

// keepOwner gives f the owner and the mode in fi. Only root can give a file
// away; others must leave it with themselves.
func keepOwner(f *os.File, fi os.FileInfo) error {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil && !errors.Is(err, os.ErrPermission) {
			return err
		}
	}
	return f.Chmod(fi.Mode().Perm())
}
