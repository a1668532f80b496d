package dhcp4

import (
	"time"

	"golang.org/x/sys/unix"
)

// bootTime returns the time since the machine was booted, sleep included.
func bootTime() (time.Duration, bool) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0, false
	}
	return time.Duration(ts.Nano()), true
}
