package dhcp4

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// The layout of a message (RFC 2131, section 2).
const (
	offSecs   = 8
	offFlags  = 10
	offCIAddr = 12
	offYIAddr = 16
	offSIAddr = 20
	offGIAddr = 24
	offCHAddr = 28
	offSName  = 44
	offFile   = 108
	offCookie = 236
	headerLen = 240

	maxCHAddr = 16
	maxSName  = offFile - offSName
	maxFile   = offCookie - offFile

	magicCookie = 0x63825363 // RFC 2131, section 3
)

// The options that the codec itself looks at.
const (
	codeOverload    option.Code = 52
	codeMessageType option.Code = 53
)

// A ParseError tells why Unmarshal rejected a packet.
type ParseError struct {
	Offset int         // octets from the start of the message
	Code   option.Code // the option at Offset, or 0
	Reason string
}

// Error returns the reason and where.
func (e *ParseError) Error() string {
	s := "dhcp4: parse message: " + e.Reason + " at offset " + strconv.Itoa(e.Offset)
	if e.Code != 0 {
		s += ", option " + e.Code.String()
	}
	return s
}

// Unmarshal sets all of m to the message in p. It borrows from p. It does not
// allocate if m was used for a similar message before; it overwrites the
// elements of m.Options, so m.Options must not be a slice that somebody else
// still uses.
//
// A packet that it rejects gives a *ParseError and an empty m. What it rejects
// and what it tolerates, because real clients send it, is a table in the
// documentation of the package. Payloads are as they came: a text keeps the
// NUL at its end.
//
// Options are read from the options field, then, as option 52 says, from the
// file field and the sname field (RFC 2131, section 4.1). Parts of an option
// are joined in this order (RFC 3396, section 7).
func (m *Message) Unmarshal(p []byte) error {
	m.Options = m.Options[:0]
	if err := m.unmarshal(p); err != nil {
		m.Reset()
		return err // not nil: no typed nil in the interface
	}
	return nil
}

func (m *Message) unmarshal(p []byte) *ParseError {
	if len(p) < headerLen {
		return &ParseError{Offset: len(p), Reason: "message ends within the fixed header"}
	}
	hlen := p[2]
	if hlen > maxCHAddr {
		return &ParseError{Offset: 2, Reason: "hardware address longer than 16 octets"}
	}
	if binary.BigEndian.Uint32(p[offCookie:]) != magicCookie {
		return &ParseError{Offset: offCookie, Reason: "no magic cookie"}
	}
	m.Op, m.HType, m.Hops = p[0], p[1], p[3]
	m.XID = binary.BigEndian.Uint32(p[4:])
	m.Secs = binary.BigEndian.Uint16(p[offSecs:])
	m.Flags = binary.BigEndian.Uint16(p[offFlags:])
	m.CIAddr = netip.AddrFrom4([4]byte(p[offCIAddr:]))
	m.YIAddr = netip.AddrFrom4([4]byte(p[offYIAddr:]))
	m.SIAddr = netip.AddrFrom4([4]byte(p[offSIAddr:]))
	m.GIAddr = netip.AddrFrom4([4]byte(p[offGIAddr:]))
	m.HardwareAddr, _ = lease.HardwareAddrFrom(p[offCHAddr : offCHAddr+int(hlen)])

	d := optionDecoder{options: m.Options}
	d.read(p[headerLen:])
	m.SName, m.File = nil, nil
	if d.overload&overloadFile == 0 {
		m.File = untilNUL(p[offFile:offCookie])
	} else if n := d.read(p[offFile:offCookie]); n >= 0 {
		return overrun(p, offFile+n)
	}
	if d.overload&overloadSName == 0 {
		m.SName = untilNUL(p[offSName:offFile])
	} else if n := d.read(p[offSName:offFile]); n >= 0 {
		return overrun(p, offSName+n)
	}
	m.Options = d.options
	if d.split != (codeSet{}) {
		m.join(p, &d)
	}
	return nil
}

// The bits of option 52 (RFC 2132, section 9.3).
const (
	overloadFile  = 1
	overloadSName = 2
)

func overrun(p []byte, off int) *ParseError {
	return &ParseError{Offset: off, Code: option.Code(p[off]), Reason: "option runs past the end of the file or sname field"}
}

// untilNUL returns b up to its first NUL, or all of it; nil if that is empty.
func untilNUL(b []byte) []byte {
	if b[0] == 0 {
		return nil
	}
	n := bytes.IndexByte(b, 0)
	if n < 0 {
		n = len(b)
	}
	return b[:n:n]
}

// An optionDecoder collects options from one field after another.
type optionDecoder struct {
	options  option.Options
	seen     codeSet
	split    codeSet // the codes that came more than once
	overload uint8   // the first valid option 52; the fields that it names are read after it
}

// read appends the options of one field; of an option in several parts the
// first. It returns the offset of an option that runs past the end of the
// field, which is not appended, or -1.
func (d *optionDecoder) read(field []byte) (overrun int) {
	for start, next := nextOption(field, 0); start < next; start, next = nextOption(field, next) {
		if next > len(field) {
			return start
		}
		code, data := option.Code(field[start]), field[start+2:next:next]
		switch {
		case code == codeOverload:
			if d.overload == 0 && len(data) == 1 && data[0] <= overloadFile|overloadSName {
				d.overload = data[0]
			}
		case d.seen.has(code):
			d.split.add(code)
		default:
			d.seen.add(code)
			d.options = append(d.options, option.Option{Code: code, Data: data})
		}
	}
	return -1
}

// nextOption returns where the first option at or after field[i] starts and
// where it ends, which is beyond the field if it is cut off. At the end of
// the options both are the same.
func nextOption(field []byte, i int) (start, next int) {
	for i < len(field) && option.Code(field[i]) == option.Pad {
		i++
	}
	if i == len(field) || option.Code(field[i]) == option.End {
		return i, i
	}
	if i+1 == len(field) || plantedBug && i+2 == len(field) && field[i+1] == 0 {
		return i, len(field) + 1
	}
	return i, i + 2 + int(field[i+1])
}

// join puts the parts of each split option together in m.scratch. It walks
// the packet twice, however many options are split.
func (m *Message) join(p []byte, d *optionDecoder) {
	var fields [3][]byte // nil: holds no options
	fields[0] = p[headerLen:]
	if d.overload&overloadFile != 0 {
		fields[1] = p[offFile:offCookie]
	}
	if d.overload&overloadSName != 0 {
		fields[2] = p[offSName:offFile]
	}

	var size [256]int
	total := 0
	eachPart(fields, &d.split, func(c option.Code, part []byte) {
		size[c] += len(part)
		total += len(part)
	})
	room := slices.Grow(m.scratch[:0], total)[:total]
	m.scratch = room
	var at [256]uint8 // index in m.Options, which has at most 254 elements
	for i := range m.Options {
		if c := m.Options[i].Code; d.split.has(c) {
			at[c] = uint8(i)
			m.Options[i].Data, room = room[:0:size[c]], room[size[c]:]
		}
	}
	eachPart(fields, &d.split, func(c option.Code, part []byte) {
		o := &m.Options[at[c]]
		o.Data = append(o.Data, part...) // fits
	})
}

// eachPart calls f with every whole option in fields that is in set.
func eachPart(fields [3][]byte, set *codeSet, f func(c option.Code, part []byte)) {
	for _, field := range fields {
		for start, next := nextOption(field, 0); start < next && next <= len(field); start, next = nextOption(field, next) {
			if c := option.Code(field[start]); set.has(c) {
				f(c, field[start+2:next])
			}
		}
	}
}
