package option

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"
)

const (
	errHex       = reason("is not pairs of hexadecimal digits")
	errBoolean   = reason("is not true, false, 1 or 0")
	errPSID      = reason("is not a port set id and its length of at most 16 bits, such as 3/4")
	errLongTuple = reason("is longer than 255 octets")
	errHostBits  = reason("has bits beyond its length")
	errKind      = reason("the kind has no values")
	errIPv6      = reason("is not an IPv6 address")
	errPrefix6   = reason("is not an IPv6 prefix")
	errRoute     = reason(`is not a route such as "10.0.0.0/8 - 192.0.2.1"`)
)

// intRange returns the octets and the limits of an integer kind; size 0 means
// that k is none.
func intRange(k Kind) (size int, low, high int64) {
	switch k {
	case KindInt8:
		return 1, -1 << 7, 1<<7 - 1
	case KindInt16:
		return 2, -1 << 15, 1<<15 - 1
	case KindInt32:
		return 4, -1 << 31, 1<<31 - 1
	case KindUint8:
		return 1, 0, 1<<8 - 1
	case KindUint16:
		return 2, 0, 1<<16 - 1
	case KindUint32:
		return 4, 0, 1<<32 - 1
	}
	return 0, 0, 0
}

// appendTextValue appends the value of kind k that s, trimmed, describes. A
// blank is an empty binary, string or tuple.
func appendTextValue(dst []byte, k Kind, s string) ([]byte, error) {
	switch k {
	case KindBinary:
		return appendHexText(dst, s)
	case KindBoolean:
		return appendBooleanText(dst, s)
	case KindIPv4Address:
		a, err := netip.ParseAddr(s)
		if err != nil || !a.Is4() {
			return dst, reason(strconv.Quote(s) + " is not an IPv4 address")
		}
		return appendAddress(dst, 0, a)
	case KindIPv6Address:
		a, err := netip.ParseAddr(s)
		if err != nil || !a.Is6() || a.Zone() != "" {
			return dst, errIPv6
		}
		b := a.As16()
		return append(dst, b[:]...), nil
	case KindIPv6Prefix:
		p, err := netip.ParsePrefix(s)
		if err != nil || !p.Addr().Is6() {
			return dst, errPrefix6
		}
		b := p.Masked().Addr().As16()
		return append(append(dst, byte(p.Bits())), b[:(p.Bits()+7)/8]...), nil
	case KindPSID:
		return appendPSIDText(dst, s)
	case KindString:
		if strings.IndexByte(s, 0) >= 0 {
			return dst, errNUL
		}
		return append(dst, s...), nil
	case KindTuple:
		if len(s) > 255 {
			return dst, errLongTuple
		}
		return append(append(dst, byte(len(s))), s...), nil
	case kindURI:
		if len(s) > MaxLen {
			return dst, errLongURI
		}
		return append(append(dst, byte(len(s)>>8), byte(len(s))), s...), nil
	case KindFQDN:
		return appendName(dst, s)
	case kindRoute:
		return appendRouteText(dst, s)
	}
	return appendIntText(dst, k, s)
}

func appendIntText(dst []byte, k Kind, s string) ([]byte, error) {
	size, low, high := intRange(k)
	if size == 0 {
		return dst, errKind
	}
	v, ok := parseInt(s)
	if !ok || v < low || v > high {
		return dst, reason(strconv.Quote(s) + " is not a number from " + strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10))
	}
	for size--; size >= 0; size-- {
		dst = append(dst, byte(v>>(8*size)))
	}
	return dst, nil
}

// parseInt reads s as decimal if it is, else as hexadecimal.
func parseInt(s string) (v int64, ok bool) {
	if v, err := strconv.ParseInt(s, 10, 64); err == nil {
		return v, true
	}
	digits, negative := s, false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		digits, negative = s[1:], s[0] == '-'
	}
	if len(digits) > 2 && digits[0] == '0' && digits[1]|0x20 == 'x' {
		digits = digits[2:]
	}
	u, err := strconv.ParseUint(digits, 16, 63)
	if negative {
		return -int64(u), err == nil
	}
	return int64(u), err == nil
}

func appendBooleanText(dst []byte, s string) ([]byte, error) {
	v, err := strconv.ParseUint(s, 10, 64)
	switch {
	case err == nil && v == 1 || strings.EqualFold(s, "true"):
		return append(dst, 1), nil
	case err == nil && v == 0 || strings.EqualFold(s, "false"):
		return append(dst, 0), nil
	}
	return dst, errBoolean
}

// appendHexText accepts blanks between the octets.
func appendHexText(dst []byte, s string) ([]byte, error) {
	p := dst
	for i := 0; i < len(s); i += 2 {
		for strings.IndexByte(blanks, s[i]) >= 0 {
			i++ // s is trimmed: it does not end in a blank
		}
		if i+2 > len(s) {
			return dst, errHex
		}
		v, err := strconv.ParseUint(s[i:i+2], 16, 8)
		if err != nil {
			return dst, errHex
		}
		p = append(p, byte(v))
	}
	return p, nil
}

func appendPSIDText(dst []byte, s string) ([]byte, error) {
	id, length, _ := strings.Cut(s, "/")
	bits, ok := parseInt(length)
	if !ok || bits < 0 || bits > 16 {
		return dst, errPSID
	}
	v, ok := parseInt(id)
	if !ok || v < 0 || v>>bits != 0 {
		return dst, errPSID
	}
	v <<= 16 - bits
	return append(dst, byte(bits), byte(v>>8), byte(v)), nil
}

func appendRouteText(dst []byte, s string) ([]byte, error) {
	destination, router, _ := strings.Cut(s, "-")
	prefix, err := netip.ParsePrefix(strings.Trim(destination, blanks))
	if err != nil || !prefix.Addr().Is4() {
		return dst, errRoute
	}
	addr, err := netip.ParseAddr(strings.Trim(router, blanks))
	if err != nil || !addr.Is4() {
		return dst, errRoute
	}
	return appendRoute(dst, 0, Route{prefix, addr})
}

// formatTextValue appends the text of the value of kind k at p[off:] and
// returns the offset behind the value.
func formatTextValue(dst []byte, k Kind, p []byte, off int) (out []byte, end int, err error) {
	switch k {
	case KindBinary:
		if off == len(p) {
			return append(dst, ' '), off, nil
		}
		return appendHex(dst, p[off:]), len(p), nil
	case KindBoolean:
		v, end, err := nextBool(p, off)
		if err != nil {
			return dst, 0, err
		}
		return strconv.AppendBool(dst, v), end, nil
	case KindIPv4Address:
		a, end, err := nextAddress(p, off)
		if err != nil {
			return dst, 0, err
		}
		return a.AppendTo(dst), end, nil
	case KindIPv6Address:
		if len(p)-off < 16 {
			return dst, 0, short(len(p)-off, 16)
		}
		return netip.AddrFrom16([16]byte(p[off:])).AppendTo(dst), off + 16, nil
	case KindIPv6Prefix:
		return formatIPv6Prefix(dst, p, off)
	case KindPSID:
		return formatPSID(dst, p, off)
	case KindString:
		if bytes.IndexByte(p[off:], 0) >= 0 {
			return dst, 0, errNUL
		}
		dst, err = appendCSV(dst, p[off:])
		return dst, len(p), err
	case KindTuple:
		return formatTuple(dst, p, off, 1)
	case kindURI:
		return formatTuple(dst, p, off, 2)
	case KindFQDN:
		name, end, err := readName(p, off, true)
		if err != nil {
			return dst, 0, err
		}
		dst, err = appendCSV(dst, []byte(name))
		return dst, end, err
	case kindRoute:
		r, end, err := nextRoute(p, off)
		if err != nil {
			return dst, 0, err
		}
		return r.Router.AppendTo(append(r.Destination.AppendTo(dst), " - "...)), end, nil
	}
	return formatInt(dst, k, p, off)
}

func formatInt(dst []byte, k Kind, p []byte, off int) (out []byte, end int, err error) {
	size, low, _ := intRange(k)
	if size == 0 {
		return dst, 0, errKind
	}
	if len(p)-off < size {
		return dst, 0, short(len(p)-off, size)
	}
	var v int64
	for _, c := range p[off : off+size] {
		v = v<<8 | int64(c)
	}
	if low < 0 && v >= -low {
		v += 2 * low
	}
	return strconv.AppendInt(dst, v, 10), off + size, nil
}

func formatIPv6Prefix(dst, p []byte, off int) (out []byte, end int, err error) {
	if off >= len(p) {
		return dst, 0, short(0, 1)
	}
	bits := int(p[off])
	n := 1 + (bits+7)/8
	switch {
	case bits > 128:
		return dst, 0, errPrefix6
	case len(p)-off < n:
		return dst, 0, short(len(p)-off, n)
	}
	var a [16]byte
	copy(a[:], p[off+1:off+n])
	prefix := netip.PrefixFrom(netip.AddrFrom16(a), bits)
	if prefix.Masked() != prefix {
		return dst, 0, errHostBits
	}
	return prefix.AppendTo(dst), off + n, nil
}

func formatPSID(dst, p []byte, off int) (out []byte, end int, err error) {
	if len(p)-off < 3 {
		return dst, 0, short(len(p)-off, 3)
	}
	bits, v := int(p[off]), uint16(p[off+1])<<8|uint16(p[off+2])
	switch {
	case bits > 16:
		return dst, 0, errPSID
	case v<<bits != 0:
		return dst, 0, errHostBits
	}
	dst = strconv.AppendUint(dst, uint64(v>>(16-bits)), 10)
	return strconv.AppendInt(append(dst, '/'), int64(bits), 10), off + 3, nil
}

// formatTuple formats text behind its length in size octets.
func formatTuple(dst, p []byte, off, size int) (out []byte, end int, err error) {
	if len(p)-off < size {
		return dst, 0, short(len(p)-off, size)
	}
	n := int(p[off])
	if size == 2 {
		n = n<<8 | int(p[off+1])
	}
	begin := off + size
	if end = begin + n; end > len(p) {
		return dst, 0, short(len(p)-off, end-off)
	}
	dst, err = appendCSV(dst, p[begin:end])
	return dst, end, err
}
