package memfile

import (
	"bytes"
	"fmt"
)

// A Schema is a version of the columns of Kea's lease file. It decides which
// releases of Kea read the file without converting it first.
type Schema uint8

// The schemas that a new file may get. Files of the older schemas 1.0 and 2.0
// are read and appended to as well.
const (
	Schema21 Schema = 21 // Kea 2.0 to 2.2: without pool_id
	Schema30 Schema = 30 // Kea 2.4 and later: with pool_id
)

// What only old files have: 1.0 ends with hostname, 2.0 with state.
const (
	schema10 Schema = 10
	schema20 Schema = 20
)

// String returns the number that Kea gives to the schema, such as "2.1".
func (s Schema) String() string { return fmt.Sprintf("%d.%d", s/10, s%10) }

// The columns of schema 3.0. The older ones are prefixes of it.
const (
	colAddress = iota
	colHwaddr
	colClientID
	colValidLifetime
	colExpire
	colSubnetID
	colFQDNForward
	colFQDNReverse
	colHostname
	colState
	colUserContext
	colPoolID
	columns
)

// columnNames is the header of schema 3.0.
const columnNames = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id"

// columnName returns the name of column i, or a number for one that no schema
// has.
func columnName(i int) string {
	names := []byte(columnNames)
	for range i {
		_, rest, ok := bytes.Cut(names, []byte{','})
		if !ok {
			return fmt.Sprintf("number %d", i+1)
		}
		names = rest
	}
	name, _, _ := bytes.Cut(names, []byte{','})
	return string(name)
}

// A header is what the first line of a file says about its rows.
type header struct {
	schema Schema
	extra  int    // columns after those of the schema, which nobody here knows
	text   string // the line itself, with its newline

	longIDs ClientIDRule // how its rows are written, of which the line says nothing
}

// newHeader returns the header of a new file of schema s.
func newHeader(s Schema) header { return header{schema: s, text: s.line()} }

// line returns the first line of a new file of schema s.
func (s Schema) line() string {
	names := columnNames
	if s == Schema21 {
		names = names[:len(names)-len(",pool_id")]
	}
	return names + "\n"
}

// parseHeader reads the first line of a file. Names are compared as bytes, in
// their order, the way Kea does; unknown columns may only follow the known
// ones.
func parseHeader(line []byte) (header, error) {
	h := header{text: string(line) + "\n"}
	n := 0
	names, rest, more := []byte(columnNames), line, true
	for more && n < columns {
		var want, got []byte
		want, names, _ = bytes.Cut(names, []byte{','})
		got, rest, more = bytes.Cut(rest, []byte{','})
		if !bytes.Equal(got, want) {
			if n == colPoolID {
				h.schema, h.extra = Schema21, 1+extraColumns(rest, more)
				return h, nil
			}
			return header{}, fmt.Errorf("header: column %d is %s, want %q", n+1, excerpt(got), want)
		}
		n++
	}
	switch n {
	case colHostname + 1:
		h.schema = schema10
	case colState + 1:
		h.schema = schema20
	case colUserContext + 1:
		h.schema = Schema21
	case columns:
		h.schema, h.extra = Schema30, extraColumns(rest, more)
	default:
		return header{}, fmt.Errorf("header: %d columns, want at least %d", n, colHostname+1)
	}
	return h, nil
}

func extraColumns(rest []byte, more bool) int {
	if !more {
		return 0
	}
	return 1 + bytes.Count(rest, []byte{','})
}

// excerpt quotes the start of b for a message.
func excerpt(b []byte) string {
	const limit = 200
	if len(b) > limit {
		return fmt.Sprintf("%q and %d more bytes", b[:limit], len(b)-limit)
	}
	return fmt.Sprintf("%q", b)
}
