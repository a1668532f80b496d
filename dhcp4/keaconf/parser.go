package keaconf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxDepth is how deep maps and lists may be nested; Kea has no limit.
const maxDepth = 500

// A parser reads the document and judges its form, in the order of the text.
type parser struct {
	lex      *lexer
	tok      token
	grammar  grammar
	versions versions
	problems []Problem
	warnings []Problem
	depth    int
}

// parse returns the map Dhcp4, or nil if the text ends early. What is wrong is
// in p.problems.
func (p *parser) parse() (dhcp4 *node) {
	err := p.advance()
	if err == nil {
		dhcp4, err = p.document()
	}
	if err != nil {
		p.problems = append(p.problems, Problem{Pos: err.pos, Text: err.text, Syntax: true})
		return nil // what is missing in it is not wrong
	}
	return dhcp4
}

func (p *parser) advance() (err *syntaxError) {
	p.tok, err = p.lex.next()
	return err
}

func (p *parser) unexpected(want string) *syntaxError {
	return &syntaxError{p.tok.pos, fmt.Sprintf("%s expected instead of %s", want, p.tok.describe())}
}

func (p *parser) expect(kind tokenKind) *syntaxError {
	if p.tok.kind != kind {
		return p.unexpected(kind.String())
	}
	return p.advance()
}

// document reads { "Dhcp4": { ... } }.
func (p *parser) document() (dhcp4 *node, err *syntaxError) {
	root := &node{kind: tokOpenMap, pos: p.tok.pos, scope: "root"}
	if err := p.expect(tokOpenMap); err != nil {
		return nil, err
	}
	if p.tok.kind != tokString || p.tok.text != "Dhcp4" {
		return nil, p.unexpected(`the key "Dhcp4"`)
	}
	dhcp4 = &node{kind: tokOpenMap, pos: p.tok.pos, parent: root, key: "Dhcp4"}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.expect(tokColon); err != nil {
		return nil, err
	}
	if p.tok.kind != tokOpenMap {
		return nil, p.unexpected(tokOpenMap.String())
	}
	if err := p.keyedMap(dhcp4, "Dhcp4"); err != nil {
		return nil, err
	}
	done, err := p.separator(tokCloseMap)
	if err == nil && !done {
		err = p.unexpected(`"}", as "Dhcp4" stands alone,`)
	}
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokEnd {
		return nil, p.unexpected(tokEnd.String())
	}
	return dhcp4, nil
}

// separator steps over the comma between two values of a map or list, or over
// the end. Commas that nothing follows but the next comma or the end are taken
// with a warning.
func (p *parser) separator(end tokenKind) (done bool, err *syntaxError) {
	if p.tok.kind != end && p.tok.kind != tokComma {
		return false, p.unexpected(`"," or ` + end.String())
	}
	for p.tok.kind == tokComma {
		pos := p.tok.pos
		if err := p.advance(); err != nil {
			return false, err
		}
		if p.tok.kind != end && p.tok.kind != tokComma {
			return false, nil
		}
		p.warnings = append(p.warnings, Problem{Pos: pos, Text: "this comma separates nothing: is something missing?", Syntax: true})
	}
	return true, p.advance()
}

// report notes a problem that the parser can go on after.
func (p *parser) report(pos Pos, path, format string, args ...any) *Problem {
	p.problems = append(p.problems, Problem{Pos: pos, Path: path, Text: fmt.Sprintf(format, args...), Syntax: true})
	return &p.problems[len(p.problems)-1]
}

// reportAt is report for what Kea says with the other style of position.
func (p *parser) reportAt(pos Pos, path, format string, args ...any) {
	p.report(pos, path, format, args...).Syntax = false
}

func (p *parser) nest() *syntaxError {
	if p.depth++; p.depth > maxDepth {
		return &syntaxError{p.tok.pos, fmt.Sprintf("maps and lists are nested more than %d deep", maxDepth)}
	}
	return nil
}

// keyedMap reads a map with the keys of scope into m.
func (p *parser) keyedMap(m *node, scope string) *syntaxError {
	m.scope = scope
	open := p.tok.pos
	if err := p.nest(); err != nil {
		return err
	}
	defer func() { p.depth-- }()
	if err := p.advance(); err != nil {
		return err
	}
	if p.tok.kind == tokCloseMap {
		if !mayBeEmpty(scope) {
			p.report(p.tok.pos, m.path(), "the map must not be empty")
		} else {
			p.missing(m, open)
		}
		return p.advance()
	}
	var context contextKeys
	for {
		if p.tok.kind != tokString {
			return p.unexpected("a key")
		}
		if scope == "relay" && len(m.fields) > 0 {
			p.report(p.tok.pos, m.path(), "a relay has one key only")
		}
		if err := p.member(m, &context); err != nil {
			return err
		}
		comma := p.tok.pos
		done, err := p.separator(tokCloseMap)
		if err != nil {
			return err
		}
		if scope == "relay" && done && p.endsInComma(comma) {
			p.report(comma, m.path(), "a relay must not end in a comma")
		}
		if done {
			break
		}
	}
	p.missing(m, open)
	return nil
}

// endsInComma tells whether the last warning is about the comma at pos.
func (p *parser) endsInComma(pos Pos) bool {
	n := len(p.warnings)
	return n > 0 && p.warnings[n-1].Pos == pos
}

// missing reports the keys that m must have and has not.
func (p *parser) missing(m *node, open Pos) {
	for _, s := range p.grammar[m.scope] {
		if s.must && s.versions&p.versions != 0 && !m.hasKey(s.key) {
			p.reportAt(m.pos, m.path(), "the key %q is missing in the map that begins in line %d", s.key, open.Line)
		}
	}
}

// member reads a key and its value.
func (p *parser) member(m *node, context *contextKeys) *syntaxError {
	key, pos := p.tok.text, p.tok.pos
	specs := p.grammar.lookup(m.scope, key, p.versions)
	isContext := key == "user-context" || key == "comment"
	// Of two mistakes in a member Kea finds the one of the key first, but for
	// these.
	unknown := len(specs) == 0
	early := !unknown && !isContext && specs[0].kind > specBool || unknown && refusesEarly(m)
	if early && unknown {
		p.unknown(m, key, pos)
	} else if early {
		p.unique(m, key, pos)
	}
	if err := p.advance(); err != nil {
		return err
	}
	if p.tok.kind != tokColon {
		return p.unexpected(tokColon.String())
	}
	if unknown {
		if !early {
			p.unknown(m, key, pos)
		}
		m.add(field{key: key, pos: pos})
		if err := p.advance(); err != nil {
			return err
		}
		_, err := p.anyValue(&node{parent: m, key: key})
		return err
	}
	if err := p.advance(); err != nil {
		return err
	}
	n := &node{pos: pos, parent: m, key: key}
	ok, err := p.value(n, specs)
	if err != nil {
		return err
	}
	if !ok {
		n = nil
	}
	if isContext {
		p.context(context, m, n, key, pos)
	} else if !early {
		p.unique(m, key, pos)
	}
	m.add(field{key: key, pos: pos, value: n})
	return nil
}

func (p *parser) unknown(m *node, key string, pos Pos) {
	problem := p.report(pos, join(m.path(), key), "there is no key %q in %s", key, m.scope)
	for _, other := range [...]struct {
		v    versions
		text string
	}{{in22, "Kea 2.2 knows it, 3.0 does not"}, {in30, "Kea 3.0 knows it, 2.2 does not"}} {
		if len(p.grammar.lookup(m.scope, key, other.v)) > 0 {
			problem.Hint = other.text
			return
		}
	}
	if word := closest(key, p.grammar.keys(m.scope, p.versions)); word != "" {
		problem.Hint = fmt.Sprintf("did you mean %q?", word)
		return
	}
	var scopes []string
	for scope := range p.grammar {
		if slices.Contains(p.grammar.keys(scope, p.versions), key) {
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) > 0 && len(scopes) < 6 {
		slices.Sort(scopes)
		problem.Hint = "it belongs into " + strings.Join(scopes, " or ")
	}
}

// unique reports a key that m has already, under this name or its other one.
func (p *parser) unique(m *node, key string, pos Pos) {
	if first := m.find(key); first != nil {
		p.reportAt(pos, join(m.path(), key), "the key %q is here for the second time, first in line %d", key, first.pos.Line)
	}
	for _, pair := range renamed(m.scope) {
		if other := pair.other(key); other != "" && m.find(other) != nil {
			p.reportAt(pos, join(m.path(), key), "%q and %q are two names of one key: use one of them", other, key)
		}
	}
}

// contextKeys are the keys that the user-context of a map has so far; nil: it
// has none yet. A comment is one of them: Kea puts it there.
type contextKeys []string

// context notes the user-context n, or the comment, of m.
func (p *parser) context(old *contextKeys, m, n *node, key string, pos Pos) {
	keys := []string{"comment"}
	twice := slices.Contains(*old, "comment")
	if key == "user-context" {
		keys = nil
		if n != nil {
			for _, f := range n.fields {
				keys = append(keys, f.key)
			}
		}
		twice = *old != nil && (len(*old) != 1 || (*old)[0] != "comment")
	}
	if twice {
		p.report(pos, join(m.path(), key), "the map has a %s already", key)
	}
	*old = append(contextKeys{}, append(keys, *old...)...)
}

// value reads the value of a key into n. ok tells that it has the right form.
func (p *parser) value(n *node, specs []keySpec) (ok bool, err *syntaxError) {
	at := slices.IndexFunc(specs, func(s keySpec) bool { return s.kind == specAny || s.kind.token() == p.tok.kind })
	if at < 0 {
		p.wrongType(n, specs[0])
		if !p.tok.kind.beginsValue() {
			wrong := &p.problems[len(p.problems)-1]
			p.problems = p.problems[:len(p.problems)-1]
			return false, &syntaxError{wrong.Pos, wrong.Text}
		}
		_, err := p.anyValue(n)
		return false, err
	}
	switch s := specs[at]; s.kind {
	case specMap:
		n.kind = tokOpenMap
		return true, p.keyedMap(n, s.scope)
	case specMaps, specMapsNotEmpty:
		return p.maps(n, specs[at:])
	case specStrings, specEnums:
		return p.strings(n, s)
	case specEnum:
		return p.word(n, specs[at:])
	case specAny:
		return p.anyValue(n)
	}
	return p.anyValue(n)
}

func (p *parser) wrongType(n *node, s keySpec) {
	want := s.kind.token().String()
	switch {
	case s.kind == specEnum:
		want = oneOf(s.words)
	case s.kind.token() == tokOpenMap:
		want = `a map, "{",`
	case s.kind.token() == tokOpenList:
		want = `a list, "[",`
	}
	problem := p.report(p.tok.pos, n.path(), "%s expected instead of %s", want, p.tok.describe())
	switch {
	case p.tok.kind == tokInt && s.kind == specFloat:
		problem.Hint = fmt.Sprintf("write %d.0", p.tok.num)
	case p.tok.kind == tokString && (s.kind == specInt || s.kind == specBool || s.kind == specFloat):
		problem.Hint = "without quotes"
	}
}

func oneOf(words []string) string {
	if len(words) == 1 {
		return strconv.Quote(words[0])
	}
	return `one of "` + strings.Join(words, `", "`) + `"`
}

// word reads one of the words of an enumeration. One of specs may be for any
// string.
func (p *parser) word(n *node, specs []keySpec) (ok bool, err *syntaxError) {
	n.kind, n.pos, n.str = tokString, p.tok.pos, p.tok.text
	for _, s := range specs {
		if s.kind == specString {
			return true, p.advance()
		}
		for _, w := range s.words {
			if n.str == w || anyCase(n.key) && strings.EqualFold(n.str, w) {
				n.str = w
				return true, p.advance()
			}
		}
	}
	problem := p.report(p.tok.pos, n.path(), "%s expected instead of %s", oneOf(specs[0].words), p.tok.describe())
	if w := closest(n.str, specs[0].words); w != "" {
		problem.Hint = fmt.Sprintf("did you mean %q?", w)
	}
	return false, p.advance()
}

// strings reads a list of strings.
func (p *parser) strings(n *node, s keySpec) (ok bool, err *syntaxError) {
	n.kind, ok = tokOpenList, true
	if err := p.advance(); err != nil {
		return false, err
	}
	if p.tok.kind == tokCloseList {
		if s.kind == specEnums {
			p.report(p.tok.pos, n.path(), "the list must not be empty")
		}
		return true, p.advance()
	}
	for {
		item := &node{pos: p.tok.pos, parent: n, index: len(n.items)}
		switch {
		case p.tok.kind == tokComma || p.tok.kind == tokCloseMap || p.tok.kind == tokColon || p.tok.kind == tokEnd:
			return false, p.unexpected("a string")
		case p.tok.kind != tokString:
			p.report(p.tok.pos, item.path(), "a string expected instead of %s", p.tok.describe())
			ok = false
		case s.kind == specEnums && !slices.Contains(s.words, p.tok.text):
			problem := p.report(p.tok.pos, item.path(), "%s expected instead of %s", oneOf(s.words), p.tok.describe())
			if w := closest(p.tok.text, s.words); w != "" {
				problem.Hint = fmt.Sprintf("did you mean %q?", w)
			}
			ok = false
		}
		if _, err := p.anyValue(item); err != nil {
			return false, err
		}
		n.items = append(n.items, item)
		if done, err := p.separator(tokCloseList); done || err != nil {
			return ok, err
		}
	}
}

// maps reads a list of maps.
func (p *parser) maps(n *node, specs []keySpec) (ok bool, err *syntaxError) {
	n.kind = tokOpenList
	if err := p.nest(); err != nil {
		return false, err
	}
	defer func() { p.depth-- }()
	if err := p.advance(); err != nil {
		return false, err
	}
	if p.tok.kind == tokCloseList {
		if !slices.ContainsFunc(specs, func(s keySpec) bool { return s.kind == specMaps }) {
			p.report(p.tok.pos, n.path(), "the list must not be empty")
		}
		return true, p.advance()
	}
	for i := 0; ; i++ {
		item := &node{kind: tokOpenMap, pos: p.tok.pos, parent: n, index: i}
		switch p.tok.kind {
		case tokOpenMap:
			if err := p.keyedMap(item, specs[0].scope); err != nil {
				return false, err
			}
			n.items = append(n.items, item)
		case tokComma, tokColon, tokCloseMap, tokEnd:
			return false, p.unexpected(`a map, "{",`)
		default:
			p.report(p.tok.pos, item.path(), `a map, "{", expected instead of %s`, p.tok.describe())
			if _, err := p.anyValue(item); err != nil {
				return false, err
			}
		}
		if done, err := p.separator(tokCloseList); done || err != nil {
			return true, err
		}
	}
}

// anyValue reads a value of any form into n.
func (p *parser) anyValue(n *node) (ok bool, err *syntaxError) {
	n.kind = p.tok.kind
	switch p.tok.kind {
	case tokOpenMap:
		return true, p.object(n)
	case tokOpenList:
		return true, p.array(n)
	case tokNull, tokBool, tokInt, tokFloat, tokString:
		n.pos, n.str, n.num, n.flt, n.b = p.tok.pos, p.tok.text, p.tok.num, p.tok.flt, p.tok.b
		return true, p.advance()
	}
	return false, p.unexpected("a value")
}

func (p *parser) object(n *node) *syntaxError {
	return p.members(n, tokCloseMap, func() *syntaxError {
		if p.tok.kind != tokString {
			return p.unexpected("a key")
		}
		value := &node{parent: n, key: p.tok.text}
		pos := p.tok.pos
		if err := p.advance(); err != nil {
			return err
		}
		if err := p.expect(tokColon); err != nil {
			return err
		}
		if _, err := p.anyValue(value); err != nil {
			return err
		}
		p.unique(n, value.key, pos)
		n.add(field{value.key, pos, value})
		return nil
	})
}

func (p *parser) array(n *node) *syntaxError {
	return p.members(n, tokCloseList, func() *syntaxError {
		item := &node{parent: n, index: len(n.items)}
		_, err := p.anyValue(item)
		if err == nil {
			n.items = append(n.items, item)
		}
		return err
	})
}

// members reads a map or a list of any form to its end; one reads what is
// between two commas.
func (p *parser) members(n *node, end tokenKind, one func() *syntaxError) *syntaxError {
	n.pos = p.tok.pos
	if err := p.nest(); err != nil {
		return err
	}
	defer func() { p.depth-- }()
	if err := p.advance(); err != nil {
		return err
	}
	if p.tok.kind == end {
		return p.advance()
	}
	for {
		if err := one(); err != nil {
			return err
		}
		if done, err := p.separator(end); done || err != nil {
			return err
		}
	}
}
