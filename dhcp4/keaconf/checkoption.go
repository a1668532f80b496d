package keaconf

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/embedhcp/embedhcp/option"
)

const dhcp4Space = "dhcp4"

// Options of package option that Kea does not define: all versions, and 2.2.
const (
	unknownToKea   = "\x50\x53\x5f\x6d\x78\x7b\x80\x81\x82\x83\x84\x85\x86\x87\x8b\x8c\x8e\x90\x91\x93\x94\x96\x9e\xa1\xaf\xb0\xb1\xd0\xd1\xd2\xd3\xdc\xdd"
	unknownToKea22 = "\x79\x7a\x8f\x97\x98\x99\x9a\x9b\x9c\x9d\xa2"
)

// keaDefines tells whether the version defines the option itself.
func keaDefines(d *option.Definition, v versions) bool {
	switch d.Space {
	case dhcp4Space:
		return strings.IndexByte(unknownToKea, byte(d.Code)) < 0 && (v != in22 || !only30(d.Code))
	case "dhcp-agent-options-space":
		return v != in22
	case "cablelabs-client-conf":
		return v != in22 && d.Code != 3
	}
	return d.Space == "vendor-4491"
}

func only30(code option.Code) bool { return strings.IndexByte(unknownToKea22, byte(code)) >= 0 }

// A definitions is a set of definitions in front of another.
type definitions struct {
	outer  *definitions // nil: none
	byCode map[optionCode]*option.Definition
	byName map[optionName]*option.Definition
}

type optionCode struct {
	space string
	code  option.Code
}

type optionName struct{ space, name string }

func newDefinitions(outer *definitions) *definitions {
	return &definitions{outer, make(map[optionCode]*option.Definition), make(map[optionName]*option.Definition)}
}

// keaDefinitions returns what the version defines itself.
func keaDefinitions(v versions) *definitions {
	ds := newDefinitions(nil)
	for d := range option.Standard().All() {
		if keaDefines(&d, v) {
			ds.add(&d)
			if d.Space == "vendor-4491" { // has two names
				docsis := d
				docsis.Space = "docsis3-v4"
				ds.add(&docsis)
			}
		}
	}
	return ds
}

func (ds *definitions) add(d *option.Definition) {
	ds.byCode[optionCode{d.Space, d.Code}] = d
	ds.byName[optionName{d.Space, d.Name}] = d
}

func (ds *definitions) code(space string, code option.Code) *option.Definition {
	for ; ds != nil; ds = ds.outer {
		if d := ds.byCode[optionCode{space, code}]; d != nil {
			return d
		}
	}
	return nil
}

func (ds *definitions) name(space, name string) *option.Definition {
	for ; ds != nil; ds = ds.outer {
		if d := ds.byName[optionName{space, name}]; d != nil {
			return d
		}
	}
	return nil
}

// names returns the names in a space.
func (ds *definitions) names(space string) []string {
	var names []string
	for ; ds != nil; ds = ds.outer {
		for n := range ds.byName {
			if n.space == space {
				names = append(names, n.name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// optionDefs checks definitions and returns them in front of outer. In a
// class Kea allows few codes.
func (c *checker) optionDefs(list []*node, outer *definitions, inClass bool) *definitions {
	ds := newDefinitions(outer)
	for _, n := range list {
		d, ok := c.optionDef(n)
		switch {
		case !ok:
		case inClass && (d.Space != dhcp4Space || d.Code != 43 && (d.Code < 224 || d.Code > 254)):
			c.fail(n, "a class may define the codes 43 and 224 to 254 in the space dhcp4 only")
		case ds.byCode[optionCode{d.Space, d.Code}] != nil:
			c.fail(n, "the code %d of the space %s is defined already", d.Code, d.Space)
		case ds.byName[optionName{d.Space, d.Name}] != nil:
			c.fail(n, "the name %q of the space %s is defined already", d.Name, d.Space)
		default:
			ds.add(d)
		}
	}
	return ds
}

func (c *checker) optionDef(n *node) (d *option.Definition, ok bool) {
	name, code, typ := n.get("name"), n.get("code"), n.get("type")
	if name == nil || code == nil || typ == nil {
		return nil, false // the parser has said so
	}
	d = &option.Definition{Name: name.str, Space: dhcp4Space, Code: option.Code(code.num)}
	if code.num < 0 || code.num > 255 {
		c.fail(code, "the code is not between 0 and 255")
		return d, false
	}
	if s := n.get("space"); s != nil {
		d.Space = s.str
		if !isSpaceName(s.str) {
			c.fail(s, "the name of the space is not letters, digits, - and _, with a letter or digit at both ends")
			return d, false
		}
	}
	if d.Space == dhcp4Space && (code.num == 0 || code.num == 255) {
		c.fail(code, "the code %d is PAD or END and cannot be defined", code.num)
		return d, false
	}
	d.Array = n.get("array") != nil && n.get("array").b
	if e := n.get("encapsulate"); e != nil {
		d.Encapsulates = e.str
	}
	records, recordTypes := n.get("record-types"), ""
	if records != nil {
		recordTypes = records.str
	}
	var err error
	d.Kind, d.Fields, err = option.ParseKinds(typ.str, recordTypes)
	switch {
	case err != nil:
	case d.Kind != option.KindInternal:
		err = d.Validate()
	case c.is22():
		err = errors.New("the type internal is not for option-def")
	}
	if err != nil {
		at := n
		if _, known := option.ParseKind(typ.str); known && strings.TrimSpace(recordTypes) != "" &&
			(d.Fields == nil || d.Kind != option.KindRecord || slices.ContainsFunc(d.Fields, isNoField)) {
			at = records
		}
		c.fail(at, "the definition is wrong: %v", err)
		return d, false
	}
	if d.Space != dhcp4Space {
		return d, true
	}
	v := c.versions
	if v == inAll {
		v = in22 // which defines less
	}
	if own := c.kea.code(d.Space, d.Code); own != nil && keaDefines(own, v) && d.Code != 43 {
		c.fail(n, "Kea defines the code %d itself: %s", d.Code, own.Name)
		return d, false
	}
	if own := c.kea.name(d.Space, d.Name); own != nil && own.Code != 43 && keaDefines(own, v) {
		c.fail(n, "Kea defines the option %q itself: it has the code %d", d.Name, own.Code)
		return d, false
	}
	return d, true
}

func isNoField(k option.Kind) bool { return k == option.KindEmpty || k >= option.KindRecord }

func isSpaceName(s string) bool {
	d := option.Definition{Name: "x", Space: s, Code: 1, Kind: option.KindUint8}
	return d.Validate() == nil
}

// optionList checks the option-data of m.
func (c *checker) optionList(m *node, ds *definitions, global bool) {
	for _, n := range m.list("option-data") {
		c.optionData(n, ds, global)
	}
}

func (c *checker) optionData(n *node, ds *definitions, global bool) {
	name, code, space := n.get("name"), n.get("code"), dhcp4Space
	if s := n.get("space"); s != nil {
		space = s.str
		if !isSpaceName(space) {
			c.fail(s, "the name of the space is not letters, digits, - and _, with a letter or digit at both ends")
			return
		}
		if space == "dhcp6" {
			c.fail(s, "the space dhcp6 is for DHCPv6")
			return
		}
	}
	switch {
	case name == nil && code == nil:
		if !n.hasKey("name") && !n.hasKey("code") {
			c.fail(n, "the option needs a code or a name")
		}
		return
	case code != nil && uint32(code.num) > 255: // Kea keeps 32 bits
		c.fail(code, "the code is not between 0 and 255")
		return
	case code != nil && space == dhcp4Space && (uint32(code.num) == 0 || code.num == 255):
		c.fail(n, "the code %d is PAD or END", code.num)
		return
	case name != nil && strings.Contains(name.str, " "):
		c.fail(name, "the name has a blank")
		return
	}
	var d *option.Definition
	if code != nil {
		d = ds.code(space, option.Code(code.num))
	} else {
		d = ds.name(space, name.str)
	}
	if d == nil && c.undefined(n, ds, space, global) {
		return
	}
	if d != nil && name != nil && d.Name != name.str && !c.unknownTo22(d) {
		c.fail(name, "the code %d of the space %s has the name %q", d.Code, space, d.Name)
		return
	}
	err := payload(n, d)
	if err != nil && c.unknownTo22(d) {
		err = payload(n, nil)
	}
	if err != nil {
		at := n.get("data")
		if at == nil {
			at = n
		}
		c.fail(at, "the data does not fit the option: %v", err)
	}
}

// unknownTo22 tells of options for which what 2.2 takes, having no definition,
// is good enough.
func (c *checker) unknownTo22(d *option.Definition) bool {
	return c.versions == inAll && d != nil && c.kea.code(d.Space, d.Code) == d && !keaDefines(d, in22)
}

// undefined reports an option without a definition, unless it is told by its
// code in raw form.
func (c *checker) undefined(n *node, ds *definitions, space string, global bool) bool {
	name, code, csv := n.get("name"), n.get("code"), n.get("csv-format")
	at := n
	if code == nil || name != nil {
		at = name
	}
	if code != nil && (csv != nil && !csv.b || csv == nil && !global) {
		return false
	}
	if code != nil {
		p := c.fail(at, "no option has the code %d in the space %s", code.num, space)
		p.Hint = `define it with option-def, or give its payload in hexadecimal digits with "csv-format": false`
		return true
	}
	p := c.fail(at, "there is no option %q in the space %s", name.str, space)
	if w := closest(name.str, ds.names(space)); w != "" {
		p.Hint = fmt.Sprintf("did you mean %q?", w)
	}
	return true
}

var (
	errNoValue      = errors.New("it has no value")
	errTruncated    = errors.New("it is too short")
	errNoDefinition = errors.New("it has no definition")
)

// payload checks the data of an option; d is nil if it has no definition.
func payload(n *node, d *option.Definition) error {
	p, err := encode(n, d)
	switch {
	case err != nil || d == nil:
		return err
	case !isCSV(n, d):
		return fits(d, p)
	case d.Kind == option.KindFQDN && len(p) == 0:
		return errNoValue
	}
	return nil
}

// isCSV tells how the data of an option is written.
func isCSV(n *node, d *option.Definition) bool {
	if f := n.get("csv-format"); f != nil {
		return f.b
	}
	return d != nil
}

// encode returns the payload of an option.
func encode(n *node, d *option.Definition) ([]byte, error) {
	text := n.get("data").text()
	switch {
	case !isCSV(n, d):
		return option.AppendRawText(nil, text)
	case d == nil:
		return nil, errNoDefinition
	}
	return d.AppendText(nil, text)
}

// fits reports why p cannot be the payload of d. Like Kea it takes octets
// beyond those of a value that is no array.
func fits(d *option.Definition, p []byte) error {
	if d.Space == dhcp4Space {
		switch d.Code {
		case 81:
			return atLeast(p, 3)
		case 124:
			return atLeast(p, 5)
		case 125:
			return atLeast(p, 4)
		}
	}
	switch d.Kind {
	case option.KindEmpty, option.KindBinary:
		return nil
	case option.KindInternal:
		_, err := d.FormatText(nil, p)
		return err
	case option.KindString:
		if len(strings.TrimRight(string(p), "\x00")) == 0 {
			return errNoValue
		}
		return nil
	case option.KindFQDN:
		_, err := d.FormatText(nil, p)
		if err == nil && len(p) == 0 {
			err = errNoValue
		}
		return err
	case option.KindRecord:
		for _, k := range d.Fields {
			n := sizeOf(k, p)
			if n > len(p) {
				return errTruncated
			}
			p = p[n:]
		}
		return nil
	}
	n := sizeOf(d.Kind, p)
	switch {
	case !d.Array:
		return atLeast(p, n)
	case d.Kind == option.KindIPv4Address && len(p)%4 == 0:
		return nil
	case len(p) == 0 || len(p)%n != 0:
		return errTruncated
	}
	return nil
}

func atLeast(p []byte, n int) error {
	if len(p) < n {
		return errTruncated
	}
	return nil
}

// sizeOf returns how many octets a value of the kind at the begin of p has.
func sizeOf(k option.Kind, p []byte) int {
	switch k {
	case option.KindBoolean, option.KindInt8, option.KindUint8:
		return 1
	case option.KindInt16, option.KindUint16:
		return 2
	case option.KindInt32, option.KindUint32, option.KindIPv4Address:
		return 4
	case option.KindIPv6Address:
		return 16
	case option.KindPSID:
		return 3
	case option.KindIPv6Prefix:
		if len(p) > 0 {
			return 1 + (int(p[0])+7)/8
		}
		return 1
	case option.KindTuple:
		if len(p) > 0 {
			return 1 + int(p[0])
		}
		return 1
	case option.KindFQDN:
		n := 0
		for n < len(p) && p[n] != 0 {
			n += 1 + int(p[n])
		}
		return n + 1
	}
	return len(p)
}
