package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
)

// An output is one place that log lines go to.
type output interface {
	write(level slog.Level, line []byte) error
	// reopen is for files that somebody has moved away.
	reopen() error
	close() error
}

// A stream is standard output or standard error.
type stream struct{ w io.Writer }

func (s stream) write(_ slog.Level, line []byte) error {
	_, err := s.w.Write(line)
	return err
}
func (stream) reopen() error { return nil }
func (stream) close() error  { return nil }

// Kea's limits for log files: one that may not even become as big as
// minMaxSize may become as big as it likes.
const (
	defaultMaxSize = 10_240_000
	minMaxSize     = 204_800
	defaultMaxVer  = 1
)

// A logFile is a file that gives way to a new one when it has become too big;
// the old ones are called path.1 (the newest), path.2 and so on.
type logFile struct {
	path    string
	maxSize int64 // zero: any
	maxVer  int

	mu   sync.Mutex
	file *os.File
	size int64
}

func openLogFile(path string, maxSize int64, maxVer int) (*logFile, error) {
	if maxSize < minMaxSize {
		maxSize = 0
	}
	f := &logFile{path: path, maxSize: maxSize, maxVer: max(maxVer, 1)}
	return f, f.reopen()
}

// open opens the file in place of the one that is open, which stays if that
// fails.
func (f *logFile) open() error {
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return err
	}
	if f.file != nil {
		f.file.Close()
	}
	f.file, f.size = file, info.Size()
	return nil
}

func (f *logFile) reopen() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open()
}

func (f *logFile) write(_ slog.Level, line []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var rotated error
	if f.maxSize > 0 && f.size > 0 && f.size+int64(len(line)) > f.maxSize {
		rotated = f.rotate() // on failure the file grows on
	}
	n, err := f.file.Write(line)
	f.size += int64(n)
	return errors.Join(rotated, err)
}

func (f *logFile) rotate() error {
	for i := f.maxVer; i > 0; i-- {
		from := f.path
		if i > 1 {
			from = fmt.Sprintf("%s.%d", f.path, i-1)
		}
		if err := os.Rename(from, fmt.Sprintf("%s.%d", f.path, i)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return f.open()
}

func (f *logFile) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.file.Close()
}

// openOutput opens what "output" in a configuration names.
func openOutput(o outputSpec, stdout, stderr io.Writer) (output, error) {
	switch {
	case o.Output == "stdout":
		return stream{stdout}, nil
	case o.Output == "stderr":
		return stream{stderr}, nil
	case isSyslog(o.Output):
		return openSyslog(strings.TrimPrefix(strings.TrimPrefix(o.Output, "syslog"), ":"))
	}
	return openLogFile(o.Output, o.MaxSize, o.MaxVer)
}

func isSyslog(name string) bool {
	return name == "syslog" || strings.HasPrefix(name, "syslog:")
}

// A sink is an output together with the format of its lines.
type sink struct {
	spec  outputSpec
	out   output
	write func(e *event, level slog.Level, own string, attrs []slog.Attr) error
}

// newSink makes the sink of an output that is open.
func newSink(spec outputSpec, out output, format string) (*sink, error) {
	s := &sink{spec: spec, out: out}
	if format != "kea" {
		s.write = structured(out, format)
		return s, nil
	}
	text := spec.Pattern
	if text == "" {
		text = linePattern
		if isSyslog(spec.Output) {
			text = syslogPattern
		}
	}
	p, err := parsePattern(text)
	if err != nil {
		return nil, err
	}
	s.write = func(e *event, level slog.Level, _ string, _ []slog.Attr) error {
		return out.write(level, p.append(nil, e))
	}
	return s, nil
}

// structured writes records with the handlers of log/slog.
func structured(out output, format string) func(*event, slog.Level, string, []slog.Attr) error {
	var (
		mu      sync.Mutex
		line    bytes.Buffer
		handler slog.Handler
	)
	options := &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.LevelKey {
			return slog.String(slog.LevelKey, strings.TrimSpace(levelName(a.Value.Any().(slog.Level))))
		}
		return a
	}}
	if format == "json" {
		handler = slog.NewJSONHandler(&line, options)
	} else {
		handler = slog.NewTextHandler(&line, options)
	}
	return func(e *event, level slog.Level, own string, attrs []slog.Attr) error {
		mu.Lock()
		defer mu.Unlock()
		line.Reset()
		r := slog.NewRecord(e.time, level, own, 0)
		r.AddAttrs(slog.String("logger", e.logger))
		r.AddAttrs(attrs...)
		if err := handler.Handle(background, r); err != nil {
			return err
		}
		return out.write(level, line.Bytes())
	}
}
