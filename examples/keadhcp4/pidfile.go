package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// defaultPIDDir is where Debian's Kea has its pid file.
const defaultPIDDir = "/run/kea"

// pidPath returns the path of the pid file that Kea has for a configuration
// file, in $KEA_PIDFILE_DIR if that is set.
func pidPath(config string) string {
	dir := os.Getenv("KEA_PIDFILE_DIR")
	if dir == "" {
		dir = defaultPIDDir
	}
	base := filepath.Base(config)
	return filepath.Join(dir, strings.TrimSuffix(base, filepath.Ext(base))+".kea-dhcp4.pid")
}

// A runningError tells that a server has the pid file.
type runningError struct {
	path string
	pid  int // zero: not known
}

func (e *runningError) Error() string {
	return fmt.Sprintf("process %d is serving already: it has the pid file %s", e.pid, e.path)
}

// A pidFile holds the number of this process. It is locked, so that of two
// processes that start at once one gives up.
type pidFile struct {
	file *os.File
	path string
}

// takePIDFile makes the pid file, unless a live server has it; the error is
// then a *runningError.
func takePIDFile(path string) (*pidFile, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, fmt.Errorf("pid file: %w (KEA_PIDFILE_DIR names another directory)", err)
		}
		p := &pidFile{f, path}
		err = p.take()
		if err == nil {
			return p, nil
		}
		f.Close()
		if !errors.Is(err, errRemoved) {
			return nil, err
		}
	}
}

var errRemoved = errors.New("the pid file was removed meanwhile")

func (p *pidFile) take() error {
	locked := lock(p.file)
	text, err := io.ReadAll(io.LimitReader(p.file, 32))
	if err != nil {
		return err
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	if locked != nil {
		return &runningError{p.path, pid}
	}
	opened, err := p.file.Stat()
	if err != nil {
		return err
	}
	if now, err := os.Stat(p.path); err != nil || !os.SameFile(opened, now) {
		return errRemoved
	}
	if isServer(pid) {
		return &runningError{p.path, pid}
	}
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	_, err = p.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// release removes the file.
func (p *pidFile) release() error {
	return errors.Join(os.Remove(p.path), p.file.Close())
}
