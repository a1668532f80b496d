package memfile

import (
	"bytes"
	"errors"
	"math"
	"net/netip"
)

var (
	errAddress = errors.New("want an IPv4 address")
	errNumber  = errors.New("want a decimal number")
	errRange   = errors.New("out of range")
	errOctets  = errors.New(`want hexadecimal octets separated by ":"`)
	errHex     = errors.New("want pairs of hexadecimal digits")
	errTooLong = errors.New("too many octets")
	errNoMap   = errors.New("not a JSON map")
)

// parseIPv4 reads a dotted quad without allocating.
func parseIPv4(b []byte) (netip.Addr, bool) {
	var quad [4]byte
	for i := range quad {
		part := b
		if i < 3 {
			dot := bytes.IndexByte(b, '.')
			if dot < 0 {
				return netip.Addr{}, false
			}
			part, b = b[:dot], b[dot+1:]
		}
		if len(part) == 0 || len(part) > 3 || len(part) > 1 && part[0] == '0' {
			return netip.Addr{}, false
		}
		v := 0
		for _, c := range part {
			if c < '0' || c > '9' {
				return netip.Addr{}, false
			}
			v = v*10 + int(c-'0')
		}
		if v > math.MaxUint8 {
			return netip.Addr{}, false
		}
		quad[i] = byte(v)
	}
	return netip.AddrFrom4(quad), true
}

// parseInt reads a decimal number with an optional sign; Kea accepts "+10" and
// "0010".
func parseInt(b []byte) (int64, error) {
	neg := false
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		neg = b[0] == '-'
		b = b[1:]
	}
	if len(b) == 0 {
		return 0, errNumber
	}
	var v int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, errNumber
		}
		d := int64(c - '0')
		if v > (math.MaxInt64-d)/10 {
			return 0, errRange
		}
		v = v*10 + d
	}
	if neg {
		v = -v
	}
	return v, nil
}

// parseUint32 reads an unsigned number. As in Kea a negative one wraps around,
// so that -1 as a lifetime is infinite.
func parseUint32(b []byte) (uint32, error) {
	v, err := parseInt(b)
	if err != nil {
		return 0, err
	}
	if v > math.MaxUint32 || v < -math.MaxUint32 {
		return 0, errRange
	}
	return uint32(v), nil
}

// parseOctets appends octets of one or two hexadecimal digits with colons
// between them. Nothing is no octets.
func parseOctets(dst, s []byte, limit int) ([]byte, error) {
	for more := len(s) > 0; more; {
		v, n := byte(0), 0
		for ; n < len(s) && s[n] != ':'; n++ {
			d, ok := hexDigit(s[n])
			if !ok || n == 2 {
				return nil, errOctets
			}
			v = v<<4 | d
		}
		if n == 0 {
			return nil, errOctets
		}
		if len(dst) == limit {
			return nil, errTooLong
		}
		dst = append(dst, v)
		if more = n < len(s); more {
			s = s[n+1:]
		}
	}
	return dst, nil
}

// parsePlainHex appends octets of two hexadecimal digits without separators.
func parsePlainHex(dst, s []byte, limit int) ([]byte, error) {
	if len(s)%2 != 0 {
		return nil, errHex
	}
	if len(s)/2 > limit {
		return nil, errTooLong
	}
	for i := 0; i < len(s); i += 2 {
		hi, ok1 := hexDigit(s[i])
		lo, ok2 := hexDigit(s[i+1])
		if !ok1 || !ok2 {
			return nil, errHex
		}
		dst = append(dst, hi<<4|lo)
	}
	return dst, nil
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// unescaped replaces each "&#x" that two hexadecimal digits follow by the byte
// they spell, and leaves everything else as it is. It returns b if there is
// nothing to replace.
func unescaped(b []byte) []byte {
	i := bytes.IndexByte(b, '&')
	if i < 0 {
		return b
	}
	out := append(make([]byte, 0, len(b)), b[:i]...)
	for i < len(b) {
		if len(b)-i >= 5 && b[i] == '&' && b[i+1] == '#' && b[i+2] == 'x' {
			hi, ok1 := hexDigit(b[i+3])
			lo, ok2 := hexDigit(b[i+4])
			if ok1 && ok2 {
				out = append(out, hi<<4|lo)
				i += 5
				continue
			}
		}
		out = append(out, b[i])
		i++
	}
	return out
}

// lowered turns ASCII letters to lower case: a host name need not be UTF-8. It
// returns b if there is nothing to do.
func lowered(b []byte) []byte {
	i := bytes.IndexFunc(b, func(r rune) bool { return 'A' <= r && r <= 'Z' })
	if i < 0 {
		return b
	}
	b = bytes.Clone(b)
	for ; i < len(b); i++ {
		b[i] = toLower(b[i])
	}
	return b
}
