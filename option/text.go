package option

import (
	"bytes"
	"strconv"
	"strings"
)

// Kinds without a name.
const (
	kindRoute = KindInternal + 1 + iota // the values of ClasslessStaticRoute, a KindInternal
	kindURI                             // KindTuple with a length of 2 octets, V4SZTPRedirect
)

const (
	errNotInArray = reason("values of this kind cannot stand in a list")
	errNotLast    = reason("the record has a string or binary that is not its last field")
	errNotInText  = reason("the option has no text form")
	errNoFields   = reason("the record has no fields")
	errHasValue   = reason("the option has no value")
	errBlankText  = reason("begins or ends with a blank, which the text form cannot tell")
)

// AppendText appends the payload that csv describes, in Kea's syntax for
// option data with csv-format true: values separated by commas, without the
// blanks around them; \, is a comma within a value. Nothing between two commas
// is no value, blanks are an empty one. The values are as the constants of
// [Kind] show them. Values beyond the one of an option that is no array, or
// beyond the fields of a record, are ignored. An array of no values is the
// empty payload. A route of ClasslessStaticRoute is "10.0.0.0/8 - 192.0.2.1".
// The resolvers of V4DNR have | between them, and each up to four values: its
// priority, its name, its addresses with blanks between them, and its service
// parameters alpn, port and dohpath, so that \| is a |:
//
//	100, dot.example., 192.0.2.1 192.0.2.2, alpn=dot\,doq port=8530 | 200, doh.example.
//
// Unlike Kea it refuses an IPv6 address for an IPv4 one, an IPv6 zone, a NUL
// in a string, and a prefix or PSID length that does not fit.
//
// On error, which is a *[ValueError], it returns dst as it was.
func (d *Definition) AppendText(dst []byte, csv string) ([]byte, error) {
	if err := d.checkKinds(); err != nil {
		return dst, d.valueError(0, err)
	}
	if d.isDNR() {
		p, off, err := appendDNRText(dst, csv)
		if err == nil && len(p)-len(dst) > MaxLen {
			err = errTooLong
		}
		if err != nil {
			return dst, d.valueError(off, err)
		}
		return p, nil
	}
	p, n := dst, 0
	values := csvValues{text: csv}
	for {
		value, off, ok := values.next()
		if !ok {
			break
		}
		k, ok := d.kindAt(n)
		if !ok {
			if d.Kind == KindEmpty {
				return dst, d.valueError(off, errHasValue)
			}
			break
		}
		var err error
		if p, err = appendTextValue(p, k, value); err != nil {
			return dst, d.valueError(off, err)
		}
		n++
	}
	if d.Kind == KindString && n == 1 && len(p) == len(dst) {
		return dst, d.valueError(0, errEmptyText)
	}
	if n < d.minValues() {
		return dst, d.valueError(len(csv), reason("needs "+strconv.Itoa(d.minValues())+" values, has "+strconv.Itoa(n)))
	}
	if len(p)-len(dst) > MaxLen {
		return dst, d.valueError(0, errTooLong)
	}
	return p, nil
}

// FormatText appends payload in the syntax of AppendText. AppendText makes the
// same payload of it, but for compressed domain names and for the bits beyond
// the length of a route's prefix. What no text stands for is an error, a
// *[ValueError], and dst returned as it was: a payload that is malformed or
// has sub-options, and texts that begin or end with a blank.
func (d *Definition) FormatText(dst, payload []byte) ([]byte, error) {
	if err := d.checkKinds(); err != nil {
		return dst, d.valueError(0, err)
	}
	if d.isDNR() {
		out, off, err := formatDNRs(dst, payload)
		if err != nil {
			return dst, d.valueError(off, err)
		}
		return out, nil
	}
	if d.Kind == KindString && len(payload) == 0 {
		return dst, d.valueError(0, errEmptyText)
	}
	out := dst
	for off, n := 0, 0; off < len(payload) || n < d.minValues(); n++ {
		k, ok := d.kindAt(n)
		if !ok {
			return dst, d.valueError(off, errEnd)
		}
		if n > 0 {
			if out[len(out)-1] == '\\' {
				out = append(out, ' ') // or the comma would be part of the value
			}
			out = append(out, ", "...)
		}
		var end int
		var err error
		if out, end, err = formatTextValue(out, k, payload, off); err != nil {
			return dst, d.valueError(off, err)
		}
		off = end
	}
	return out, nil
}

// checkKinds refuses definitions that have no text form.
func (d *Definition) checkKinds() error {
	last := d.Kind
	switch d.Kind {
	case KindInternal:
		if _, ok := d.kindAt(0); !ok && !d.isDNR() {
			return errNotInText
		}
		return nil
	case KindRecord:
		if len(d.Fields) == 0 {
			return errNoFields
		}
		for i, k := range d.Fields {
			if k == KindEmpty || k >= KindRecord {
				return reason("the record has a field of kind " + k.String())
			}
			if i < len(d.Fields)-1 && (k == KindString || k == KindBinary) {
				return errNotLast
			}
		}
		last = d.Fields[len(d.Fields)-1]
	default:
		if d.Kind > KindInternal {
			return reason("there is no " + d.Kind.String())
		}
	}
	if d.Array && (last == KindEmpty || last == KindBinary || last == KindString) {
		return errNotInArray
	}
	return nil
}

// kindAt returns the kind of the value n of the payload, unless there can be
// none.
func (d *Definition) kindAt(n int) (k Kind, ok bool) {
	switch {
	case d.Kind == KindInternal:
		return kindRoute, d.Space == "dhcp4" && d.Code == 121
	case d.Kind == KindTuple && d.Space == "dhcp4" && d.Code == 143:
		return kindURI, d.Array || n == 0
	case d.Kind == KindRecord && n < len(d.Fields):
		return d.Fields[n], true
	case d.Kind == KindRecord:
		return d.Fields[len(d.Fields)-1], d.Array
	}
	return d.Kind, d.Kind != KindEmpty && (d.Array || n == 0)
}

// isDNR reports whether d is V4DNR, whose text has a form of its own.
func (d *Definition) isDNR() bool {
	return d.Kind == KindInternal && d.Space == "dhcp4" && d.Code == 162
}

// minValues returns the number of values below which a payload is malformed.
func (d *Definition) minValues() int {
	switch {
	case d.Kind == KindRecord:
		return len(d.Fields)
	case d.Kind == KindInternal:
		return 1
	case d.Array || d.Kind == KindEmpty:
		return 0
	}
	return 1
}

// csvValues reads the values of a text one after the other.
type csvValues struct {
	text string
	pos  int
}

func (c *csvValues) next() (value string, offset int, ok bool) {
	for c.pos < len(c.text) {
		begin := c.pos
		end := begin
		for end < len(c.text) && (c.text[end] != ',' || end > begin && c.text[end-1] == '\\') {
			end++
		}
		c.pos = end + 1
		if begin == end {
			continue
		}
		raw := c.text[begin:end]
		offset = begin + len(raw) - len(strings.TrimLeft(raw, blanks))
		return strings.ReplaceAll(strings.Trim(raw, blanks), `\,`, ","), offset, true
	}
	return "", 0, false
}

const blanks = " \t\r\n\v\f"

// appendCSV appends text so that csvValues returns it.
func appendCSV(dst, text []byte) ([]byte, error) {
	if len(text) == 0 {
		return append(dst, ' '), nil
	}
	if len(bytes.Trim(text, blanks)) != len(text) {
		return dst, errBlankText
	}
	for _, c := range text {
		if c == ',' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return dst, nil
}
