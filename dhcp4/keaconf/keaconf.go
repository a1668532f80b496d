package keaconf

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
)

// A Version is the version of Kea whose rules a file must follow.
type Version uint8

// The versions. A file for Any may be what either of the others takes, keys
// of both side by side, but for the old and the new name of one key.
const (
	Any   Version = iota
	Kea22         // 2.2.0
	Kea30         // 3.0.4
)

var errVersion = errors.New(`keaconf: the version is neither "2.2" nor "3.0"`)

// ParseVersion returns the version that s names: "2.2", "3.0", or Any for the
// empty string.
func ParseVersion(s string) (Version, error) {
	switch s {
	case "":
		return Any, nil
	case "2.2":
		return Kea22, nil
	case "3.0":
		return Kea30, nil
	}
	return Any, errVersion
}

// String returns what ParseVersion takes, and "any" for Any.
func (v Version) String() string {
	switch v {
	case Any:
		return "any"
	case Kea22:
		return "2.2"
	case Kea30:
		return "3.0"
	}
	return fmt.Sprintf("Version(%d)", uint8(v))
}

func (v Version) set() versions {
	switch v {
	case Kea22:
		return in22
	case Kea30:
		return in30
	}
	return inAll
}

// Options are for Parse and Load. The zero Options, and a nil pointer to
// them, judge the file without a look at the host.
type Options struct {
	// Version is whose rules apply. If zero, a file that either version
	// takes is taken.
	Version Version
	// ReadFile reads a file that an include directive names; a relative name
	// is relative to the working directory, as in Kea. If nil, os.ReadFile.
	ReadFile func(name string) ([]byte, error)
	// Interface reports why the interface cannot be used, or nil. If addr is
	// valid, the interface must have it. If nil, interfaces are not checked.
	Interface func(name string, addr netip.Addr) error
	// Library reports why the hooks library cannot be opened, or nil. If
	// nil, libraries are not checked.
	Library func(path string) error
}

// A Config is a file that was read and found right.
type Config struct {
	// Version is the one that was asked for.
	Version Version
	// Warnings are what Kea takes but is likely a mistake, in the order of
	// the file.
	Warnings []Problem

	dhcp4 *node
}

// Load reads the file path and parses it. If the file is wrong, the error is an
// *[Error].
func Load(path string, o *Options) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, o)
}

// Parse parses the text of a file and judges all of it, as kea-dhcp4 -t does.
// Name is for messages. If the file is wrong, the error is an *[Error]. Parse
// does not keep data.
func Parse(name string, data []byte, o *Options) (*Config, error) {
	if o == nil {
		o = &Options{}
	}
	readFile := o.ReadFile
	if readFile == nil {
		readFile = os.ReadFile
	}
	p := &parser{lex: newLexer(name, data, readFile), grammar: newGrammar(), versions: o.Version.set()}
	c := &Config{Version: o.Version, dhcp4: p.parse()}
	checks := checker{grammar: p.grammar, versions: p.versions, options: o}
	if c.dhcp4 != nil {
		checks.document(c.dhcp4)
	}
	c.Warnings = append(p.warnings, checks.warnings...)
	if problems := append(p.problems, checks.problems...); len(problems) > 0 {
		return nil, &Error{Problems: problems}
	}
	return c, nil
}
