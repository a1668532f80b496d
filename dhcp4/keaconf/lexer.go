package keaconf

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

const (
	maxIncludes = 11       // nested, as in Kea
	maxText     = 64 << 20 // octets of all files together; Kea has no limit
)

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokComma
	tokColon
	tokOpenList
	tokCloseList
	tokOpenMap
	tokCloseMap
	tokNull
	tokBool
	tokInt
	tokFloat
	tokString
)

var tokenNames = [...]string{
	"the end of the file", `","`, `":"`, `"["`, `"]"`, `"{"`, `"}"`, "null", "a boolean", "an integer", "a floating point number", "a string",
}

func (k tokenKind) String() string { return tokenNames[k] }

func (k tokenKind) beginsValue() bool { return k >= tokNull || k == tokOpenList || k == tokOpenMap }

type token struct {
	kind tokenKind
	pos  Pos
	text string // of a string, escapes resolved
	num  int64
	flt  float64
	b    bool
}

// describe is the token as error texts call it.
func (t token) describe() string {
	switch {
	case t.kind != tokString:
		return t.kind.String()
	case len(t.text) > 40:
		return "the string " + strconv.Quote(strings.ToValidUTF8(t.text[:40], "")) + "..."
	}
	return "the string " + strconv.Quote(t.text)
}

// A source is a file that is being read.
type source struct {
	name string
	text []byte
	off  int
	line int
	col  int
}

// A lexer makes tokens of a file and of those that it includes. It stops at
// the first thing that is no token.
type lexer struct {
	readFile func(string) ([]byte, error)
	files    []*source // the innermost include is the last
	total    int
}

func newLexer(name string, text []byte, readFile func(string) ([]byte, error)) *lexer {
	return &lexer{readFile: readFile, total: len(text), files: []*source{newSource(name, text)}}
}

func newSource(name string, text []byte) *source {
	return &source{name: name, text: text, line: 1, col: 1}
}

func (s *source) pos() Pos { return Pos{File: s.name, Line: s.line, Col: s.col} }

func (s *source) rest() []byte { return s.text[s.off:] }

// advance steps over n octets.
func (s *source) advance(n int) {
	for _, c := range s.text[s.off : s.off+n] {
		if s.col++; c == '\n' {
			s.line, s.col = s.line+1, 1
		}
	}
	s.off += n
}

// take steps over n octets and returns where they are. What spans lines ends
// with its first one.
func (s *source) take(n int) Pos {
	p := s.pos()
	s.advance(n)
	if p.End = s.col - 1; s.line != p.Line || p.End <= p.Col {
		p.End = 0
	}
	return p
}

// A syntaxError is what stops the parser.
type syntaxError struct {
	pos  Pos
	text string
}

func (e *syntaxError) Error() string { return e.text }

func (s *source) fail(n int, format string, args ...any) *syntaxError {
	return &syntaxError{pos: s.take(n), text: fmt.Sprintf(format, args...)}
}

// next returns the next token; past the last one it is tokEnd again and again.
func (l *lexer) next() (token, *syntaxError) {
	for {
		s := l.files[len(l.files)-1]
		if err := l.skip(s); err != nil {
			return token{}, err
		}
		if s.off == len(s.text) {
			if len(l.files) == 1 {
				return token{kind: tokEnd, pos: s.pos()}, nil
			}
			l.files = l.files[:len(l.files)-1]
			if err := l.closeDirective(l.files[len(l.files)-1]); err != nil {
				return token{}, err
			}
			continue
		}
		if bytes.HasPrefix(s.rest(), []byte("<?")) {
			if err := l.include(s); err != nil {
				return token{}, err
			}
			continue
		}
		return s.token()
	}
}

// skip steps over blanks and comments.
func (l *lexer) skip(s *source) *syntaxError {
	for s.off < len(s.text) {
		rest := s.rest()
		switch c := rest[0]; {
		case isBlank(c):
			s.advance(1)
		case c == '#' || bytes.HasPrefix(rest, []byte("//")):
			n := bytes.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			s.advance(n)
		case bytes.HasPrefix(rest, []byte("/*")):
			n := bytes.Index(rest[2:], []byte("*/"))
			if n < 0 {
				return s.fail(2, "the comment is never closed")
			}
			s.advance(2 + n + 2)
		default:
			return nil
		}
	}
	return nil
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func (s *source) skipBlanks() {
	for s.off < len(s.text) && isBlank(s.text[s.off]) {
		s.advance(1)
	}
}

// include reads <?include "name" and opens the file. What follows it, ?>, is
// read when the file has ended.
func (l *lexer) include(s *source) *syntaxError {
	s.advance(2)
	s.skipBlanks()
	if !bytes.HasPrefix(s.rest(), []byte("include")) {
		return l.badDirective(s, "include")
	}
	s.advance(len("include"))
	s.skipBlanks()
	rest := s.rest()
	if len(rest) == 0 || rest[0] != '"' {
		return l.badDirective(s, "the name of a file in quotes")
	}
	n := bytes.IndexAny(rest[1:], "\"\n")
	if n < 1 || rest[1+n] != '"' {
		return l.badDirective(s, "the name of a file in quotes")
	}
	name := string(rest[1 : 1+n])
	pos := s.take(n + 2)
	if len(l.files) > maxIncludes {
		return &syntaxError{pos, fmt.Sprintf("includes are nested more than %d deep", maxIncludes)}
	}
	text, err := l.readFile(name)
	if err != nil {
		return &syntaxError{pos, "cannot include the file: " + err.Error()}
	}
	if l.total += len(text); l.total > maxText {
		return &syntaxError{pos, fmt.Sprintf("the file and its includes have more than %d octets", maxText)}
	}
	l.files = append(l.files, newSource(name, text))
	return nil
}

func (l *lexer) closeDirective(s *source) *syntaxError {
	s.skipBlanks()
	if !bytes.HasPrefix(s.rest(), []byte("?>")) {
		return l.badDirective(s, "?>")
	}
	s.advance(2)
	return nil
}

func (l *lexer) badDirective(s *source, want string) *syntaxError {
	n := 1
	if s.off == len(s.text) {
		n = 0
	}
	return s.fail(n, "the include directive goes wrong here: %s expected", want)
}

const punctuation = ",:[]{}" // in the order of their kinds

// token reads the token at the begin of the rest, which is not empty.
func (s *source) token() (token, *syntaxError) {
	rest := s.rest()
	c := rest[0]
	if i := strings.IndexByte(punctuation, c); i >= 0 {
		return token{kind: tokComma + tokenKind(i), pos: s.take(1)}, nil
	}
	switch {
	case c == '"':
		return s.string()
	case '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.':
		return s.number()
	}
	for _, w := range [...]struct {
		word string
		kind tokenKind
		b    bool
	}{{"true", tokBool, true}, {"false", tokBool, false}, {"null", tokNull, false}} {
		if len(rest) < len(w.word) || !strings.EqualFold(string(rest[:len(w.word)]), w.word) {
			continue
		}
		if string(rest[:len(w.word)]) != w.word {
			return token{}, s.fail(len(w.word), "%s is written in lower case only", w.word)
		}
		return token{kind: w.kind, b: w.b, pos: s.take(len(w.word))}, nil
	}
	return token{}, s.fail(1, "no value and no key can begin with %q", rune(c))
}

// number reads the longest number. One with a sign +, a point or an exponent
// is a floating point number, even if its value is whole.
func (s *source) number() (token, *syntaxError) {
	rest := s.rest()
	digits := func(i int) int {
		for i < len(rest) && '0' <= rest[i] && rest[i] <= '9' {
			i++
		}
		return i
	}
	n, whole := 0, rest[0] != '+'
	if rest[0] == '-' || rest[0] == '+' {
		n = 1
	}
	first := n
	if n = digits(n); n == first {
		whole = false
	}
	if n < len(rest) && rest[n] == '.' {
		n, whole = digits(n+1), false
	}
	if n < len(rest) && (rest[n] == 'e' || rest[n] == 'E') {
		e := n + 1
		if e < len(rest) && (rest[e] == '-' || rest[e] == '+') {
			e++
		}
		if end := digits(e); end > e {
			n, whole = end, false
		}
	}
	text := string(rest[:n])
	if whole {
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return token{}, s.fail(n, "%s does not fit into 64 bits", text)
		}
		return token{kind: tokInt, num: v, pos: s.take(n)}, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return token{}, s.fail(n, "%s is not a number", text)
	}
	return token{kind: tokFloat, flt: v, pos: s.take(n)}, nil
}

// string reads a string. Kea knows \u escapes up to \u00ff, as one octet each.
func (s *source) string() (token, *syntaxError) {
	rest := s.rest()
	n, plain := 1, true
	for ; n < len(rest) && rest[n] != '"'; n++ {
		if rest[n] == '\\' {
			plain = false
			n++
		}
	}
	if n >= len(rest) {
		return token{}, s.fail(1, "the string is never closed")
	}
	raw := rest[1:n]
	if i := bytes.IndexFunc(raw, func(r rune) bool { return r < ' ' }); i >= 0 {
		return token{}, s.fail(n+1, "the string has the control character %#02x: write it as an escape", raw[i])
	}
	if plain {
		return token{kind: tokString, text: string(raw), pos: s.take(n + 1)}, nil
	}
	text := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			text = append(text, raw[i])
			continue
		}
		i++
		const escapes, values = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
		if j := strings.IndexByte(escapes, raw[i]); j >= 0 {
			text = append(text, values[j])
			continue
		}
		if raw[i] != 'u' {
			return token{}, s.fail(n+1, `the string has the unknown escape \%c`, raw[i])
		}
		if i+4 >= len(raw) {
			return token{}, s.fail(n+1, `the string has a \u with fewer than four digits`)
		}
		v, err := strconv.ParseUint(string(raw[i+1:i+5]), 16, 16)
		if err != nil {
			return token{}, s.fail(n+1, `the string has a \u with fewer than four digits`)
		}
		if v > 0xff {
			return token{}, s.fail(n+1, `the string has an escape above \u00ff: write the character itself`)
		}
		text = append(text, byte(v))
		i += 4
	}
	return token{kind: tokString, text: string(text), pos: s.take(n + 1)}, nil
}
