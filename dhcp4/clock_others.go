//go:build !linux

package dhcp4

import "time"

// bootTime is known on Linux only. Elsewhere the clock does without it: see
// clock.
func bootTime() (time.Duration, bool) { return 0, false }
