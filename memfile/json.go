package memfile

import (
	"strings"

	"github.com/embedhcp/embedhcp/lease"
)

// A jsonScanner walks over JSON text as leniently as Kea's parser, which takes
// True for true and is not strict about numbers.
type jsonScanner struct {
	s     string
	i     int // next byte
	depth int
}

const maxJSONDepth = 100 // Kea's own limit is of this order

// isMap reports whether s is a JSON map, with nothing but blanks around it.
func isMap(s string) bool {
	sc := jsonScanner{s: s}
	return sc.peek() == '{' && sc.value() && sc.peek() == 0
}

// peek skips blanks and returns the byte after them, 0 at the end.
func (sc *jsonScanner) peek() byte {
	for ; sc.i < len(sc.s); sc.i++ {
		if strings.IndexByte(" \t\r\n", sc.s[sc.i]) < 0 {
			return sc.s[sc.i]
		}
	}
	return 0
}

func (sc *jsonScanner) take(c byte) bool {
	if sc.peek() != c {
		return false
	}
	sc.i++
	return true
}

func (sc *jsonScanner) value() bool {
	switch c := sc.peek(); {
	case c == '{':
		return sc.members(func(string, int) bool { return true })
	case c == '[':
		return sc.list(']', sc.value)
	case c == '"':
		_, ok := sc.text()
		return ok
	default:
		return sc.word()
	}
}

// members walks over a map and calls each with the key of every member and
// where it begins, after the value has been read.
func (sc *jsonScanner) members(each func(key string, start int) bool) bool {
	return sc.list('}', func() bool {
		sc.peek()
		start := sc.i
		key, ok := sc.text()
		return ok && sc.take(':') && sc.value() && each(key, start)
	})
}

// list reads what is between two brackets, with commas between the items.
func (sc *jsonScanner) list(end byte, item func() bool) bool {
	if sc.depth++; sc.depth > maxJSONDepth {
		return false
	}
	defer func() { sc.depth-- }()
	sc.i++ // the opening bracket
	if sc.take(end) {
		return true
	}
	for {
		if !item() {
			return false
		}
		if sc.take(end) {
			return true
		}
		if !sc.take(',') {
			return false
		}
	}
}

// text reads a string and returns it as it stands between its quotes.
func (sc *jsonScanner) text() (raw string, ok bool) {
	if !sc.take('"') {
		return "", false
	}
	for start := sc.i; sc.i < len(sc.s); sc.i++ {
		switch sc.s[sc.i] {
		case '"':
			raw = sc.s[start:sc.i]
			sc.i++
			return raw, true
		case '\\':
			sc.i++
			if sc.i == len(sc.s) || strings.IndexByte(`"\/bfnrtu`, sc.s[sc.i]) < 0 {
				return "", false
			}
		}
	}
	return "", false
}

// word reads a number, true, false or null.
func (sc *jsonScanner) word() bool {
	start := sc.i
	for sc.i < len(sc.s) && strings.IndexByte(",:]}[{\" \t\r\n", sc.s[sc.i]) < 0 {
		sc.i++
	}
	w := sc.s[start:sc.i]
	if strings.EqualFold(w, "true") || strings.EqualFold(w, "false") || strings.EqualFold(w, "null") {
		return true
	}
	return strings.ContainsAny(w, "0123456789") && strings.Trim(w, "0123456789+-.eE") == ""
}

// contextKey is the member of a user context that holds a client identifier
// which has no place in its column. Its value begins with the hardware
// address, because Kea may give the lease to another client and keep the
// context.
const contextKey = "embedhcp-client-id"

// withClientID returns the user context with the client identifier of l in it.
func withClientID(l *lease.Lease) string {
	_, context, _ := cutClientID(l.UserContext) // of somebody before
	member := `"` + contextKey + `": "` + l.HardwareAddr.String() + "/" + l.ClientID.String() + `"`
	if context == "" {
		return "{ " + member + " }"
	}
	open := strings.IndexByte(context, '{') + 1
	before, after := context[:open], context[open:]
	if rest := strings.TrimLeft(after, " \t\r\n"); rest[0] == '}' {
		return before + after[:len(after)-len(rest)] + member + rest
	}
	return before + member + "," + after
}

// cutClientID takes the member that withClientID made out of a context and
// returns its value. Kea may have moved it.
func cutClientID(context string) (value, rest string, ok bool) {
	if !strings.Contains(context, contextKey) {
		return "", context, false
	}
	sc := jsonScanner{s: context}
	from, to := 0, 0
	if sc.peek() != '{' || !sc.members(func(key string, start int) bool {
		if !ok && key == contextKey && context[sc.i-1] == '"' {
			v := jsonScanner{s: context, i: start}
			v.text()
			v.take(':')
			value, _ = v.text()
			from, to, ok = start, sc.i, true
		}
		return true
	}) || !ok {
		return "", context, false
	}
	head, tail := context[:from], context[to:]
	if t := strings.TrimLeft(tail, " \t\r\n"); t[0] == ',' {
		return value, head + t[1:], true
	}
	if h := strings.TrimRight(head, " \t\r\n"); h[len(h)-1] == ',' {
		return value, h[:len(h)-1] + tail, true
	}
	if context == `{ "`+contextKey+`": "`+value+`" }` {
		return value, "", true
	}
	return value, head + tail, true
}
