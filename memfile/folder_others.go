//go:build !unix

package memfile

import "os"

// syncFolder does nothing: these systems cannot sync a folder.
func syncFolder(string) error { return nil }

// keepOwner does nothing: these systems have other rules.
func keepOwner(*os.File, os.FileInfo) error { return nil }
