//go:build !linux

package memfile

import "os"

func datasync(f *os.File) error { return f.Sync() }
