package keaconf

import (
	"fmt"
	"strings"
)

// A Pos is a place in a file. Lines and columns count from 1, columns in
// octets.
type Pos struct {
	File      string
	Line, Col int
	End       int // the last column of what is there, on the same line; zero: Col
}

// String returns file:line:col.
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// A Problem is one thing that is wrong with a file, or doubtful.
type Problem struct {
	Pos    Pos
	Path   string // what it is about, as in "Dhcp4.subnet4[0].pools[1].pool"
	Text   string // what is wrong, in one line
	Hint   string // what to write instead; may be empty
	Syntax bool   // it is about the form, not about a value
}

// Error returns the problem in one line, with the position in the style that
// Kea has for it: file:line.col-col in front if Syntax, else file:line:col in
// parentheses behind.
func (p *Problem) Error() string {
	text := p.Text
	if p.Path != "" {
		text = p.Path + ": " + text
	}
	if p.Hint != "" {
		text += ": " + p.Hint
	}
	switch {
	case p.Pos.Line == 0:
		return text
	case !p.Syntax:
		return fmt.Sprintf("%s (%v)", text, p.Pos)
	case p.Pos.End > p.Pos.Col:
		return fmt.Sprintf("%s:%d.%d-%d: %s", p.Pos.File, p.Pos.Line, p.Pos.Col, p.Pos.End, text)
	}
	return fmt.Sprintf("%s:%d.%d: %s", p.Pos.File, p.Pos.Line, p.Pos.Col, text)
}

// An Error lists all that is wrong with a file, the one first at which Kea
// would stop.
type Error struct {
	Problems []Problem
}

// Error returns one line for each problem.
func (e *Error) Error() string {
	var b strings.Builder
	for i := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Problems[i].Error())
	}
	return b.String()
}

// Unwrap returns the problems, each a *[Problem], for errors.As.
func (e *Error) Unwrap() []error {
	errs := make([]error, len(e.Problems))
	for i := range e.Problems {
		errs[i] = &e.Problems[i]
	}
	return errs
}

// closest returns the one of words that word was most likely meant to be, or
// the empty string.
func closest(word string, words []string) string {
	if len(word) > 64 { // nobody misspells so much
		return ""
	}
	best, found := 1+len(word)/3, ""
	word = normal(word)
	for _, w := range words {
		if d := distance(word, normal(w)); d < best {
			best, found = d, w
		}
	}
	return found
}

// normal takes away how people write one key differently.
func normal(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }

// distance is how many octets must be inserted, deleted, replaced or swapped
// with their neighbour to make b of a.
func distance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			same := 1
			if a[i-1] == b[j-1] {
				same = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+same)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
