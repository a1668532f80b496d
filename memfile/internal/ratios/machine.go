//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// circumstances tells what the table depends on.
func circumstances(s *settings, before string) string {
	return fmt.Sprintf("commit %s, %s, %s/%s, %s, %d cores, files on %s; load average %s before, %s after; mode: %g of a million leases, %d rounds",
		commit(), runtime.Version(), runtime.GOOS, runtime.GOARCH, processor(), runtime.NumCPU(),
		fileSystemOf(s.folder), before, loadAverage(), s.scale, s.rounds)
}

// commit asks git, because go run leaves it out of the program.
func commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	if name, ok := field(string(text), "model name"); ok {
		return name
	}
	return "unknown processor"
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if fields := strings.Fields(string(text)); err == nil && len(fields) >= 3 {
		return strings.Join(fields[:3], " ")
	}
	return "unknown"
}

func fileSystemOf(folder string) string {
	var fs unix.Statfs_t
	if err := unix.Statfs(folder, &fs); err != nil {
		return "unknown"
	}
	switch uint32(fs.Type) {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlay"
	case unix.TMPFS_MAGIC, unix.RAMFS_MAGIC:
		return inMemory
	}
	return fmt.Sprintf("file system %#x", uint32(fs.Type))
}

// inMemory is a file system where fdatasync costs nothing.
const inMemory = "tmpfs"

// peakMemory returns VmHWM of a process, in octets.
func peakMemory(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	value, _ := field(string(text), "VmHWM")
	kb, err := strconv.Atoi(strings.TrimSuffix(value, " kB"))
	return float64(kb) * 1024, err
}

// field finds "name: value" in a text of such lines.
func field(text, name string) (value string, ok bool) {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// processorTime returns what this process has used of the processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it has no cause to fail
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
