package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// The patterns that Kea uses where a configuration names none.
const (
	linePattern   = "%D{%Y-%m-%d %H:%M:%S.%q} %-5p [%c/%i.%t] %m\n"
	syslogPattern = "%-5p [%c.%t] %m\n"
)

// An event is one log message, ready to be written.
type event struct {
	time   time.Time
	level  string
	logger string // such as "kea-dhcp4.leases"
	text   string
}

// A pattern is the layout of log lines as "pattern" in a Kea configuration
// says: text and conversions such as %-5p, in the syntax of log4cplus.
type pattern []field

type field struct {
	left     bool // pad on the right
	min, max int  // width; max 0: any
	value    func(dst []byte, e *event) []byte
}

// append writes the event to dst.
func (p pattern) append(dst []byte, e *event) []byte {
	for _, f := range p {
		start := len(dst)
		dst = f.value(dst, e)
		if n := len(dst) - start - f.max; f.max > 0 && n > 0 {
			dst = append(dst[:start], dst[start+n:]...) // the end is what tells
		}
		if n := f.min - (len(dst) - start); n > 0 {
			pad := strings.Repeat(" ", n)
			if f.left {
				dst = append(dst, pad...)
			} else {
				dst = append(dst[:start], pad+string(dst[start:])...)
			}
		}
	}
	return dst
}

// parsePattern parses the text of a pattern.
func parsePattern(s string) (pattern, error) {
	var p pattern
	for s != "" {
		text, rest, found := strings.Cut(s, "%")
		if text != "" {
			p = append(p, field{value: literal(text)})
		}
		if !found {
			break
		}
		f, n, err := parseField(rest)
		if err != nil {
			return nil, fmt.Errorf("pattern: %w", err)
		}
		p = append(p, f)
		s = rest[n:]
	}
	return p, nil
}

func literal(s string) func([]byte, *event) []byte {
	return func(dst []byte, _ *event) []byte { return append(dst, s...) }
}

// parseField parses what follows a per cent sign and returns how long it is.
func parseField(s string) (f field, n int, err error) {
	if f.left = strings.HasPrefix(s, "-"); f.left {
		n++
	}
	if f.min, n, err = width(s, n); err != nil {
		return f, n, err
	}
	if n < len(s) && s[n] == '.' {
		if f.max, n, err = width(s, n+1); err != nil {
			return f, n, err
		}
	}
	if n == len(s) {
		return f, n, errors.New("a % at the end says nothing")
	}
	conversion := s[n]
	n++
	argument := ""
	if strings.HasPrefix(s[n:], "{") {
		end := strings.IndexByte(s[n:], '}')
		if end < 0 {
			return f, n, errors.New("a { is not closed")
		}
		argument = s[n+1 : n+end]
		n += end + 1
	}
	f.value, err = convert(conversion, argument)
	return f, n, err
}

const maxWidth = 1000

func width(s string, n int) (w, end int, err error) {
	for end = n; end < len(s) && '0' <= s[end] && s[end] <= '9'; end++ {
		if w = 10*w + int(s[end]-'0'); w > maxWidth {
			return 0, end, fmt.Errorf("a width is more than %d", maxWidth)
		}
	}
	return w, end, nil
}

func convert(conversion byte, argument string) (func([]byte, *event) []byte, error) {
	switch conversion {
	case 'm':
		return func(dst []byte, e *event) []byte { return append(dst, e.text...) }, nil
	case 'p':
		return func(dst []byte, e *event) []byte { return append(dst, e.level...) }, nil
	case 'c':
		return func(dst []byte, e *event) []byte { return append(dst, e.logger...) }, nil
	case 't', 'T':
		return func(dst []byte, _ *event) []byte { return strconv.AppendInt(dst, int64(threadID()), 10) }, nil
	case 'i':
		return literal(strconv.Itoa(os.Getpid())), nil
	case 'h':
		name, err := os.Hostname()
		return literal(name), err
	case 'n':
		return literal("\n"), nil
	case '%':
		return literal("%"), nil
	case 'd', 'D':
		if argument == "" {
			argument = "%Y-%m-%d %H:%M:%S"
		}
		parts, err := parseTime(argument)
		if err != nil {
			return nil, err
		}
		return func(dst []byte, e *event) []byte {
			t := e.time.UTC()
			if conversion == 'D' {
				t = e.time.Local()
			}
			for _, part := range parts {
				dst = part(dst, t)
			}
			return dst
		}, nil
	}
	return nil, fmt.Errorf("%%%c is not supported: %%c, %%D, %%d, %%h, %%i, %%m, %%n, %%p, %%T, %%t and %%%% are", conversion)
}

// layouts are Go's for the conversions of strftime, and for log4cplus's %q,
// the milliseconds.
var layouts = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'j': "002",
	'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM",
	'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January",
	'z': "-0700", 'Z': "MST", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'D': "01/02/06",
}

// parseTime parses the argument of %D and %d.
func parseTime(s string) (parts []func([]byte, time.Time) []byte, err error) {
	text := func(s string) {
		parts = append(parts, func(dst []byte, _ time.Time) []byte { return append(dst, s...) })
	}
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			text(s[i : i+1])
			continue
		}
		if i++; i == len(s) {
			return nil, errors.New("a % at the end of the time says nothing")
		}
		layout, ok := layouts[s[i]]
		switch {
		case ok:
			parts = append(parts, func(dst []byte, t time.Time) []byte { return t.AppendFormat(dst, layout) })
		case s[i] == '%':
			text("%")
		case s[i] == 'q':
			parts = append(parts, func(dst []byte, t time.Time) []byte {
				return fmt.Appendf(dst, "%03d", t.Nanosecond()/1e6)
			})
		case s[i] == 'Q':
			parts = append(parts, func(dst []byte, t time.Time) []byte {
				return fmt.Appendf(dst, "%03d.%03d", t.Nanosecond()/1e6, t.Nanosecond()/1e3%1000)
			})
		case s[i] == 's':
			parts = append(parts, func(dst []byte, t time.Time) []byte { return strconv.AppendInt(dst, t.Unix(), 10) })
		default:
			return nil, fmt.Errorf("%%%c in a time is not supported", s[i])
		}
	}
	return parts, nil
}
