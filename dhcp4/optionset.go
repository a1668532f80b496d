package dhcp4

import (
	"slices"

	"github.com/embedhcp/embedhcp/option"
)

// codeSet is a set of option codes.
type codeSet [4]uint64

func (s *codeSet) add(c option.Code)      { s[c>>6] |= 1 << (c & 63) }
func (s *codeSet) has(c option.Code) bool { return s[c>>6]>>(c&63)&1 != 0 }

func (s *codeSet) union(o *codeSet) {
	for i := range s {
		s[i] |= o[i]
	}
}

// optionSet is a configured list of options, ready to be merged into
// replies. It is immutable once compiled.
type optionSet struct {
	defined codeSet // every code that the list mentions, Never included
	never   codeSet
	always  codeSet
	sorted  option.Options // by code, without the Never elements
}

// compileOptions makes an optionSet of a checked list and copies the payloads.
func compileOptions(opts option.Options) optionSet {
	var s optionSet
	for _, o := range opts {
		o.Data = slices.Clone(o.Data)
		s.add(o)
	}
	slices.SortFunc(s.sorted, byCode)
	return s
}

// add adds o, of which there is only one, and leaves sorted to be sorted.
func (s *optionSet) add(o option.Option) {
	s.defined.add(o.Code)
	switch {
	case o.IsNever():
		s.never.add(o.Code)
		return
	case o.IsAlways():
		s.always.add(o.Code)
	}
	s.sorted = append(s.sorted, option.Option{Code: o.Code, Data: o.Data})
}

func byCode(a, b option.Option) int { return int(a.Code) - int(b.Code) }

// over returns the set that results when the elements of s hide those of
// weaker with the same code.
func (s *optionSet) over(weaker *optionSet) optionSet {
	m := optionSet{defined: s.defined, never: s.never, always: s.always}
	m.defined.union(&weaker.defined)
	m.sorted = slices.Clone(s.sorted)
	for _, o := range weaker.sorted {
		if !s.defined.has(o.Code) {
			m.sorted = append(m.sorted, o)
		}
	}
	for i := range m.never {
		hidden := s.defined[i]
		m.never[i] |= weaker.never[i] &^ hidden
		m.always[i] |= weaker.always[i]
	}
	slices.SortFunc(m.sorted, byCode)
	return m
}
