package dhcp4

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"github.com/embedhcp/embedhcp/option"
)

const (
	// minLen is what a BOOTP message has at least; some relays and boot
	// ROMs drop shorter ones (RFC 1542, section 2.1).
	minLen = 300
	// maxLen is what fits into a UDP datagram over IPv4.
	maxLen = 65_535 - 20 - 8
	// maxPart is the most that the length octet of an option can say.
	maxPart = 255
)

// An EncodeError tells why a Message or a Packet cannot be written.
type EncodeError struct {
	Field  string      // as in RFC 2131: "yiaddr", "chaddr", "options"; of a Packet its field
	Code   option.Code // the option, if Field is "options", or 0
	Reason string
}

// Error returns the field or option and the reason.
func (e *EncodeError) Error() string {
	what := e.Field
	if e.Code != 0 {
		what = e.Code.String()
	}
	return "dhcp4: encode " + what + ": " + e.Reason
}

// AppendBinary appends m as it goes into a UDP datagram and returns the
// extended slice. It does not allocate if dst has room for 300 octets and the
// options.
//
// Options are written in their order, those with more than 255 octets in
// several parts (RFC 3396), then End and zeros up to 300 octets. The file and
// sname fields hold no options; AppendBinaryLimit uses them when a receiver
// takes no message of this size.
//
// An address that is neither IPv4 nor the 16-byte form of an IPv4 address,
// a hardware address of more than 16 octets, an sname of more than 64 or a
// file of more than 128 octets or with a NUL in it, an option that occurs
// twice, that option.Option.Err refuses, that option.Never made or that is
// Pad, End or Option Overload, and more than 65,507 octets in all give an
// *EncodeError and dst as it was.
func (m *Message) AppendBinary(dst []byte) ([]byte, error) {
	n, err := m.check()
	if err != nil {
		return dst, err
	}
	if n > maxLen {
		return dst, &EncodeError{Field: "options", Reason: "message longer than 65,507 octets"}
	}
	return m.appendTo(dst, n), nil
}

// appendTo appends the whole of m in n octets, which is its encodedLen.
func (m *Message) appendTo(dst []byte, n int) []byte {
	b, p := m.appendHeader(dst, n)
	at := headerLen
	options := m.Options
	for i := range options {
		o := &options[i]
		if len(o.Data) == 4 { // an address or a number, as most are: without a call
			b := (*[6]byte)(p[at:])
			b[0], b[1] = uint8(o.Code), 4
			*(*[4]byte)(b[2:]) = [4]byte(o.Data)
			at += 6
			continue
		}
		at += putOption(p[at:], uint8(o.Code), o.Data)
	}
	p[at] = uint8(option.End)
	return b
}

// appendHeader extends dst by n octets, p, that hold the fixed header of m
// and zeros.
func (m *Message) appendHeader(dst []byte, n int) (b, p []byte) {
	b = slices.Grow(dst, n)[:len(dst)+n]
	p = b[len(dst):]
	clear(p)
	m.putHeader((*[headerLen]byte)(p))
	return b, p
}

// check returns the encodedLen of m, or why m cannot be encoded but for that.
func (m *Message) check() (n int, err error) {
	field, reason := "", ""
	switch {
	case !is4OrNone(m.CIAddr):
		field, reason = "ciaddr", notIPv4
	case !is4OrNone(m.YIAddr):
		field, reason = "yiaddr", notIPv4
	case !is4OrNone(m.SIAddr):
		field, reason = "siaddr", notIPv4
	case !is4OrNone(m.GIAddr):
		field, reason = "giaddr", notIPv4
	case m.HardwareAddr.Len() > maxCHAddr:
		field, reason = "chaddr", "more than 16 octets"
	case len(m.SName) > maxSName:
		field, reason = "sname", "more than 64 octets"
	case len(m.File) > maxFile:
		field, reason = "file", "more than 128 octets"
	case len(m.SName) > 0 && bytes.IndexByte(m.SName, 0) >= 0:
		field, reason = "sname", hasNUL
	case len(m.File) > 0 && bytes.IndexByte(m.File, 0) >= 0:
		field, reason = "file", hasNUL
	}
	if field != "" {
		return 0, &EncodeError{Field: field, Reason: reason}
	}
	var seen [256]bool // or never allowed
	seen[option.Pad], seen[option.End], seen[codeOverload] = true, true, true
	n = headerLen + 1 // End
	options := m.Options
	for i := range options {
		o := &options[i]
		if seen[o.Code] || o.IsNever() || o.Err() != nil {
			return 0, &EncodeError{Field: "options", Code: o.Code, Reason: unencodable(o)}
		}
		seen[o.Code] = true
		n += optionLen(len(o.Data))
	}
	return max(n, minLen), nil
}

// unencodable returns why o cannot be written.
func unencodable(o *option.Option) string {
	if err := o.Err(); err != nil {
		// It names the option as EncodeError does.
		return strings.TrimPrefix(err.Error(), o.Code.String()+": ")
	}
	switch {
	case o.IsNever():
		return "made by Never, which is for a configuration only"
	case o.Code == option.Pad || o.Code == option.End || o.Code == codeOverload:
		return "not an option of its own but part of the layout"
	}
	return "occurs twice"
}

// encodedLen is how many octets AppendBinary appends for m.
func (m *Message) encodedLen() int {
	n := headerLen + 1 // End
	for i := range m.Options {
		n += optionLen(len(m.Options[i].Data))
	}
	return max(n, minLen)
}

// optionLen is how many octets an option with a payload of that size takes.
func optionLen(size int) int {
	n := 2 + size
	for ; size > maxPart; size -= maxPart {
		n += 2
	}
	return n
}

// putHeader writes the fixed header over zeros.
func (m *Message) putHeader(h *[headerLen]byte) {
	h[0], h[1], h[2], h[3] = m.Op, m.HType, uint8(m.HardwareAddr.Len()), m.Hops
	binary.BigEndian.PutUint32(h[4:], m.XID)
	binary.BigEndian.PutUint16(h[offSecs:], m.Secs)
	binary.BigEndian.PutUint16(h[offFlags:], m.Flags)
	put4(h[offCIAddr:], m.CIAddr)
	put4(h[offYIAddr:], m.YIAddr)
	put4(h[offSIAddr:], m.SIAddr)
	put4(h[offGIAddr:], m.GIAddr)
	m.HardwareAddr.AppendBinary(h[offCHAddr:offCHAddr])
	copy(h[offSName:offFile], m.SName)
	copy(h[offFile:offCookie], m.File)
	binary.BigEndian.PutUint32(h[offCookie:], magicCookie)
}

// putOption writes an option at the start of b, which has room, and returns
// how many octets it takes.
func putOption(b []byte, code uint8, data []byte) int {
	n := 0
	for len(data) > maxPart {
		b[n], b[n+1] = code, maxPart
		copy(b[n+2:], data[:maxPart])
		data = data[maxPart:]
		n += 2 + maxPart
	}
	b[n], b[n+1] = code, uint8(len(data))
	return n + 2 + copy(b[n+2:], data)
}

const (
	notIPv4 = "not an IPv4 address"
	hasNUL  = "NUL inside"
)

func is4(a netip.Addr) bool { return a.Is4() || a.Is4In6() }

func is4OrNone(a netip.Addr) bool { return is4(a) || !a.IsValid() }

// put4 writes an IPv4 address into b; the zero Addr leaves b as it is.
func put4(b []byte, a netip.Addr) {
	if a.IsValid() {
		a4 := a.As4()
		copy(b, a4[:])
	}
}
