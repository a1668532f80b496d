//go:build !linux

package main

import (
	"errors"
	"fmt"
	"os"
)

// threadID returns the id of the process, for want of one of the thread.
func threadID() int { return os.Getpid() }

func lock(*os.File) error { return errors.ErrUnsupported }

// isServer reports whether the process may be a DHCP server.
func isServer(pid int) bool { return pid > 0 }

func openSyslog(string) (output, error) {
	return nil, fmt.Errorf("syslog: %w", errors.ErrUnsupported)
}
