package memfile

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// isKea reports whether process pid is one of Kea's.
func isKea(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && strings.HasPrefix(string(name), "kea-")
}

// keaWith returns the number of a process of Kea that has the file open, 0 if
// none is seen. What belongs to other users is seen by root alone.
func keaWith(name string) int {
	want, err := os.Stat(name)
	if err != nil {
		return 0
	}
	proc, err := os.Open("/proc")
	if err != nil {
		return 0
	}
	defer proc.Close()
	processes, _ := proc.Readdirnames(-1)
	for _, p := range processes {
		pid, err := strconv.Atoi(p)
		if err != nil || !isKea(pid) {
			continue
		}
		folder := "/proc/" + p + "/fd/"
		fds, _ := os.ReadDir(folder)
		for _, fd := range fds {
			if have, err := os.Stat(folder + fd.Name()); err == nil && os.SameFile(want, have) {
				return pid
			}
		}
	}
	return 0
}
