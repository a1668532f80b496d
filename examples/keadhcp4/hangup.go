//go:build !js

package main

import "syscall"

// hangup makes the daemon read its configuration again.
const hangup = syscall.SIGHUP
