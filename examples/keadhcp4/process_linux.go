package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"log/syslog"
	"os"
	"strings"
	"syscall"
)

// threadID returns the id of the calling thread.
func threadID() int { return syscall.Gettid() }

// lock takes the exclusive lock of a file, or fails at once.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

var facilities = map[string]syslog.Priority{
	"kern": syslog.LOG_KERN, "user": syslog.LOG_USER, "mail": syslog.LOG_MAIL, "daemon": syslog.LOG_DAEMON,
	"auth": syslog.LOG_AUTH, "syslog": syslog.LOG_SYSLOG, "lpr": syslog.LOG_LPR, "news": syslog.LOG_NEWS,
	"uucp": syslog.LOG_UUCP, "cron": syslog.LOG_CRON, "authpriv": syslog.LOG_AUTHPRIV, "ftp": syslog.LOG_FTP,
	"local0": syslog.LOG_LOCAL0, "local1": syslog.LOG_LOCAL1, "local2": syslog.LOG_LOCAL2, "local3": syslog.LOG_LOCAL3,
	"local4": syslog.LOG_LOCAL4, "local5": syslog.LOG_LOCAL5, "local6": syslog.LOG_LOCAL6, "local7": syslog.LOG_LOCAL7,
}

// A syslogOutput sends lines to the system's log.
type syslogOutput struct{ w *syslog.Writer }

func openSyslog(facility string) (output, error) {
	if facility == "" {
		facility = "local0"
	}
	f, ok := facilities[strings.ToLower(facility)]
	if !ok {
		return nil, fmt.Errorf("%q is not a facility of syslog", facility)
	}
	w, err := syslog.New(f|syslog.LOG_INFO, rootLogger)
	return syslogOutput{w}, err
}

func (s syslogOutput) write(level slog.Level, line []byte) error {
	text := string(line)
	switch {
	case level >= levelFatal:
		return s.w.Crit(text)
	case level >= slog.LevelError:
		return s.w.Err(text)
	case level >= slog.LevelWarn:
		return s.w.Warning(text)
	case level >= slog.LevelInfo:
		return s.w.Info(text)
	}
	return s.w.Debug(text)
}

func (syslogOutput) reopen() error  { return nil } // the writer connects anew by itself
func (s syslogOutput) close() error { return s.w.Close() }

// isServer reports whether the process runs and may be a DHCP server like
// Kea or this one. The number in a pid file that was left behind may belong to
// any program by now.
func isServer(pid int) bool {
	if pid <= 0 || pid == os.Getpid() {
		return false
	}
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return !errors.Is(err, os.ErrNotExist) || !hasProc()
	}
	own, err := os.ReadFile("/proc/self/comm")
	return err != nil || bytes.Equal(name, own) || bytes.HasPrefix(name, []byte("kea-dhcp4"))
}

func hasProc() bool {
	_, err := os.Stat("/proc/self/comm")
	return err == nil
}
