package keaconf

import (
	_ "embed" // for grammarTable
	"slices"
	"strconv"
	"strings"
)

// grammarTable says which key is legal in which scope, since it is the only
// place to change when Kea gets a new key. A line is: scope, key, the version
// that knows it (* for both), type, range of an integer or -, and must if a
// map without the key is refused. The types are
//
//	int float bool string object    one value; an object may hold anything
//	any                             any value
//	enum:a|b  enums:a|b             one of these strings; a list of them that is not empty
//	strings                         a list of strings
//	map:scope                       a map with the keys of scope
//	maps:scope  maps+:scope         a list of such maps; one that is not empty
//
// The key * stands for any other. A key that the versions know with different
// types has a line for each.
//
//go:embed grammar.tsv
var grammarTable string

// versions is a set of versions of Kea.
type versions uint8

const (
	in22 versions = 1 << iota
	in30
	inAll = in22 | in30
)

// A keySpec is a line of the table.
type keySpec struct {
	key      string
	versions versions
	kind     specKind
	scope    string   // of a map, or of the maps of a list
	words    []string // of an enumeration
	min, max int64
	ranged   bool
	must     bool
}

type specKind uint8

const (
	specInt specKind = iota
	specFloat
	specBool
	specString
	specObject
	specAny
	specEnum
	specEnums
	specStrings
	specMap
	specMaps
	specMapsNotEmpty
)

var specKinds = [...]string{
	"int", "float", "bool", "string", "object", "any", "enum", "enums", "strings", "map", "maps", "maps+",
}

// token is what a value of the kind begins with.
func (k specKind) token() tokenKind {
	switch k {
	case specInt:
		return tokInt
	case specFloat:
		return tokFloat
	case specBool:
		return tokBool
	case specObject, specMap:
		return tokOpenMap
	case specEnums, specStrings, specMaps, specMapsNotEmpty:
		return tokOpenList
	}
	return tokString
}

// A grammar knows the keys of each scope.
type grammar map[string][]keySpec

func newGrammar() grammar {
	g := make(grammar)
	for line := range strings.Lines(grammarTable) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if f[0] == "scope" {
			continue
		}
		s := keySpec{key: f[1], versions: inAll, must: f[5] == "must"}
		switch f[2] {
		case "2.2":
			s.versions = in22
		case "3.0":
			s.versions = in30
		}
		kind, arg, _ := strings.Cut(f[3], ":")
		s.kind = specKind(slices.Index(specKinds[:], kind))
		if s.scope = arg; s.kind == specEnum || s.kind == specEnums {
			s.scope, s.words = "", strings.Split(arg, "|")
		}
		if low, high, ok := strings.Cut(f[4], ".."); ok {
			s.min, _ = strconv.ParseInt(low, 10, 64)
			s.max, _ = strconv.ParseInt(high, 10, 64)
			s.ranged = true
		}
		g[f[0]] = append(g[f[0]], s)
	}
	return g
}

// lookup returns the lines that rule key in scope for one of the versions, one
// for each type that it may have.
func (g grammar) lookup(scope, key string, v versions) []keySpec {
	var specs []keySpec
	for _, s := range g[scope] {
		if s.versions&v != 0 && (s.key == key || s.key == "*" && len(specs) == 0) {
			specs = append(specs, s)
		}
	}
	return specs
}

// keys returns what may stand in scope.
func (g grammar) keys(scope string, v versions) []string {
	var keys []string
	for _, s := range g[scope] {
		if s.versions&v != 0 && s.key != "*" && !slices.Contains(keys, s.key) {
			keys = append(keys, s.key)
		}
	}
	return keys
}

// mayBeEmpty tells of the scopes whose maps may have no key at all, which Kea
// refuses everywhere else.
func mayBeEmpty(scope string) bool {
	switch scope {
	case "option-data", "option-def", "reservations", "client-classes", "":
		return true
	}
	return false
}

// refusesEarly tells of the maps where Kea stops at an unknown key before it
// sees whether a colon follows.
func refusesEarly(m *node) bool {
	switch m.scope {
	case "sanity-checks", "expired-leases-processing", "relay", "config-control", "output_options":
		return true
	case "hooks-libraries":
		return len(m.fields) > 0
	}
	return false
}

// anyCase tells of the enumerations whose words Kea takes in upper and lower
// case.
func anyCase(key string) bool {
	switch key {
	case "ncr-protocol", "ncr-format", "ddns-replace-client-name", "replace-client-name":
		return true
	}
	return false
}

// A rename is a key that got another name.
type rename struct{ older, newer string }

// other returns the other name of key, or the empty string.
func (r rename) other(key string) string {
	switch key {
	case r.older:
		return r.newer
	case r.newer:
		return r.older
	}
	return ""
}

// renamed returns the keys of scope that have two names. One map must not have
// both.
func renamed(scope string) []rename {
	classes := []rename{{"client-class", "client-classes"}, {"require-client-classes", "evaluate-additional-classes"}}
	ddns := rename{"ddns-use-conflict-resolution", "ddns-conflict-resolution-mode"}
	switch scope {
	case "Dhcp4":
		return []rename{{"control-socket", "control-sockets"}, ddns}
	case "shared-networks", "subnet4":
		return append(classes, ddns)
	case "pools":
		return classes
	case "client-classes":
		return []rename{{"only-if-required", "only-in-additional-list"}}
	case "loggers":
		return []rename{{"output_options", "output-options"}}
	}
	return nil
}
