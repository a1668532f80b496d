package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// rootLogger is the logger above all others.
const rootLogger = "kea-dhcp4"

var background = context.Background()

// Levels beyond those of log/slog.
const (
	levelFatal = slog.LevelError + 4
	levelNone  = slog.Level(1000)
)

func levelName(l slog.Level) string {
	switch {
	case l >= levelFatal:
		return "FATAL"
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARN"
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}

// A loggerSpec is one entry of "loggers".
type loggerSpec struct {
	Name       string
	Level      slog.Level
	DebugLevel int          // 0 to 99, of what level debug has, the rank it may have
	Outputs    []outputSpec // empty: those of the nearest logger above it
}

// An outputSpec is one entry of "output-options".
type outputSpec struct {
	Output  string // stdout, stderr, syslog, syslog:facility, or a path
	Pattern string // empty: Kea's
	MaxSize int64
	MaxVer  int
}

// defaultLoggers is what Kea does until it has read its configuration.
// $KEA_LOGGER_DESTINATION says where to.
func defaultLoggers() []loggerSpec {
	to := cmp.Or(os.Getenv("KEA_LOGGER_DESTINATION"), "stdout")
	return []loggerSpec{{Name: rootLogger, Level: slog.LevelInfo,
		Outputs: []outputSpec{{Output: to, MaxSize: defaultMaxSize, MaxVer: defaultMaxVer}}}}
}

// A logSystem routes records to the outputs of the loggers that a Kea
// configuration names. What handles records is made by handler.
type logSystem struct {
	format         string // kea, text or json
	verbose        bool   // everything is logged, whatever the configuration says
	stdout, stderr io.Writer

	level atomic.Int64 // the lowest that any logger takes

	mu      sync.RWMutex // held for writing while the outputs change
	loggers loggers
}

// loggers are open, the longest names first.
type loggers []logger

type logger struct {
	loggerSpec
	sinks []*sink
}

func newLogSystem(format string, verbose bool, stdout, stderr io.Writer) *logSystem {
	return &logSystem{format: format, verbose: verbose, stdout: stdout, stderr: stderr}
}

// open opens the outputs of all loggers, to be used or closed.
func (s *logSystem) open(specs []loggerSpec) (loggers, error) {
	if !slices.ContainsFunc(specs, func(l loggerSpec) bool { return l.Name == rootLogger }) {
		specs = append(slices.Clone(specs), defaultLoggers()...)
	}
	var (
		errs   []error
		opened = make(map[string]output) // two writers of one file would not rotate it well
		all    loggers
	)
	for _, spec := range specs {
		if s.verbose {
			spec.Level, spec.DebugLevel = slog.LevelDebug, 99
		}
		l := logger{loggerSpec: spec}
		for _, o := range spec.Outputs {
			out := opened[o.Output]
			if out == nil {
				var err error
				if out, err = openOutput(o, s.stdout, s.stderr); err != nil {
					errs = append(errs, fmt.Errorf("logger %s: output %s: %w", spec.Name, o.Output, err))
					continue
				}
				opened[o.Output] = out
			}
			k, err := newSink(o, out, s.format)
			if err != nil {
				errs = append(errs, fmt.Errorf("logger %s: output %s: %w", spec.Name, o.Output, err))
				continue
			}
			l.sinks = append(l.sinks, k)
		}
		all = append(all, l)
	}
	if len(errs) > 0 {
		for _, out := range opened {
			out.close()
		}
		return nil, errors.Join(errs...)
	}
	slices.SortStableFunc(all, func(a, b logger) int { return len(b.Name) - len(a.Name) })
	return all, nil
}

// use replaces all loggers and closes the old ones.
func (s *logSystem) use(all loggers) error {
	lowest := levelNone
	for _, l := range all {
		lowest = min(lowest, l.Level)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.loggers
	s.loggers = all
	s.level.Store(int64(lowest))
	return old.close()
}

// configure opens and uses loggers.
func (s *logSystem) configure(specs []loggerSpec) error {
	all, err := s.open(specs)
	if err != nil {
		return err
	}
	return s.use(all)
}

// reopen opens the log files anew, for something may have moved them away.
func (s *logSystem) reopen() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.loggers.each(output.reopen)
}

// close closes all outputs; what is logged from then on is lost.
func (s *logSystem) close() error { return s.use(nil) }

func (all loggers) close() error { return all.each(output.close) }

// each calls do for every output once.
func (all loggers) each(do func(output) error) error {
	var errs []error
	seen := make(map[output]bool)
	for _, l := range all {
		for _, k := range l.sinks {
			if !seen[k.out] {
				seen[k.out] = true
				errs = append(errs, do(k.out))
			}
		}
	}
	return errors.Join(errs...)
}

// write logs to the outputs of the logger with the name.
func (s *logSystem) write(e *event, level slog.Level, debug int, own string, attrs []slog.Attr) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := false
	var errs []error
	for i := range s.loggers {
		l := &s.loggers[i]
		if l.Name != e.logger && !strings.HasPrefix(e.logger, l.Name+".") {
			continue
		}
		// The nearest logger decides; without outputs it has those of the
		// next one above it.
		if !found && (level < l.Level || level <= slog.LevelDebug && debug > l.DebugLevel) {
			return nil
		}
		found = true
		if len(l.sinks) == 0 {
			continue
		}
		for _, k := range l.sinks {
			errs = append(errs, k.write(e, level, own, attrs))
		}
		break
	}
	return errors.Join(errs...)
}

// handler returns what puts records into the log system.
func (s *logSystem) handler() slog.Handler { return logHandler{system: s} }

// A logHandler is a slog.Handler on a logSystem. The attribute "id" is one of
// Kea's message ids.
type logHandler struct {
	system *logSystem
	prefix string // of the names of attributes
	attrs  []slog.Attr
}

func (h logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return int64(level) >= h.system.level.Load()
}

func (h logHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.prefix += name + "."
	}
	return h
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	h.attrs = slices.Clip(h.attrs)
	for _, a := range attrs {
		a.Key = h.prefix + a.Key
		h.attrs = append(h.attrs, a)
	}
	return h
}

func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	var (
		id    string
		attrs = make([]slog.Attr, 0, len(h.attrs)+r.NumAttrs())
	)
	add := func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(func(a slog.Attr) bool {
		a.Key = h.prefix + a.Key
		return add(a)
	})
	named := slices.IndexFunc(attrs, func(a slog.Attr) bool { return a.Key == "id" })
	if named >= 0 {
		id = attrs[named].Value.String()
	}
	m := messageOf(id)
	e := &event{time: r.Time, level: levelName(r.Level), logger: rootLogger + "." + m.logger}
	if h.system.format == "kea" {
		if named >= 0 {
			attrs = slices.Delete(attrs, named, named+1)
		}
		e.text = m.tell(id, r.Message, attrs)
	}
	return h.system.write(e, r.Level, m.debug, r.Message, attrs)
}
