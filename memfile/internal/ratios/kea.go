//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// keaProgram returns the path of one of Kea's programs.
func keaProgram(name string) (string, error) {
	for _, folder := range []string{"", "/usr/sbin/", "/usr/local/sbin/"} {
		if path, err := exec.LookPath(folder + name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: %s is not installed", errAbsent, name)
}

// keaOpen starts a kea-dhcp4 that serves nobody on the lease file at path, and
// adds how long it takes until it has started, and its memory.
func keaOpen(v values, program, path string) error {
	folder := filepath.Dir(path)
	config := fmt.Sprintf(`{ "Dhcp4": {
		"interfaces-config": { "interfaces": [ ] },
		"lease-database": { "type": "memfile", "name": %q, "lfc-interval": 0 },
		"sanity-checks": { "lease-checks": "none" },
		"subnet4": [ { "id": 1, "subnet": "10.0.0.0/8" } ] } }`, path)
	file := filepath.Join(folder, "kea.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return err
	}
	cmd := exec.Command(program, "-c", file)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+folder, "KEA_LOCKFILE_DIR="+folder, "KEA_LOGGER_DESTINATION=stderr")
	out, err := cmd.StderrPipe() // what goes to stdout stays in a buffer
	if err != nil {
		return err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	// A file that it refuses shall not leave us waiting.
	patience := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	defer patience.Stop()
	var log strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		if !strings.Contains(lines.Text(), "DHCP4_STARTED") {
			continue
		}
		v.add("ready", time.Since(start).Seconds())
		peak, err := peakMemory(cmd.Process.Pid)
		v.add("peak", peak)
		return err
	}
	return fmt.Errorf("kea-dhcp4 does not start:\n%s", log.String())
}

// keaCleanup runs kea-lfc on the files of path.
func keaCleanup(v values, program, path string) error {
	cmd := exec.Command(program, "-4", "-x", path+".2", "-i", path+".1", "-o", path+".output",
		"-f", path+".completed", "-p", path+".pid", "-c", "none", "-d")
	cmd.Env = append(os.Environ(), "KEA_LOCKFILE_DIR="+filepath.Dir(path))
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err == nil && !strings.Contains(string(out), "LFC_TERMINATE") {
		err = errors.New("it did not finish")
	}
	if err != nil {
		return fmt.Errorf("kea-lfc: %w\n%s", err, out)
	}
	v.add("wall", time.Since(start).Seconds())
	v.add("processor", (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
	v.add("peak", float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)*1024)
	return nil
}
