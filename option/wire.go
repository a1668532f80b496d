package option

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// The Wires of this package. They are constants in all but syntax and must
// not be assigned to.
var (
	// Address is an IPv4 address in 4 octets. An IPv4-mapped IPv6 address is
	// taken for the IPv4 address in it.
	Address = Wire[netip.Addr]{appendAddress, nextAddress}
	// Address6 is an IPv6 address without zone in 16 octets.
	Address6 = Wire[netip.Addr]{appendAddress6, nextAddress6}
	// Uint8 is one octet.
	Uint8 = Wire[uint8]{appendUint8[uint8], nextUint8[uint8]}
	// Uint16 is 2 octets, the high one first.
	Uint16 = Wire[uint16]{appendUint16, nextUint16}
	// Uint32 is 4 octets, the highest first.
	Uint32 = Wire[uint32]{appendUint32[uint32], nextUint32[uint32]}
	// Int32 is 4 octets in two's complement, the highest first.
	Int32 = Wire[int32]{appendUint32[int32], nextUint32[int32]}
	// Bool is one octet, 0 or 1.
	Bool = Wire[bool]{appendBool, nextBool}
	// Seconds is a number of seconds in 4 octets. Fractions are cut off. The
	// number 0xffffffff stands for infinity (RFC 2131, section 3.3), as do all
	// durations from 0xffffffff seconds on.
	Seconds = Wire[time.Duration]{appendSeconds, nextSeconds}
	// UnixTime is a moment in whole seconds since 1970 in 4 octets, read as UTC.
	// Fractions are cut off.
	UnixTime = Wire[time.Time]{appendUnixTime, nextUnixTime}
	// Text is the whole payload as a string of at least one octet without NUL
	// (RFC 2132, section 2). NULs at the end are cut off when it is read.
	Text = Wire[string]{appendString, nextString}
	// StrictText is Text, but has no NULs at the end either.
	StrictText = Wire[string]{appendString, nextStrictString}
	// Bytes is the whole payload, which the value read shares.
	Bytes = Wire[[]byte]{appendBytes, nextBytes}
	// OptionCode is the code of an option in one octet.
	OptionCode = Wire[Code]{appendUint8[Code], nextUint8[Code]}
	// FQDN is a domain name in the form of RFC 1035, section 3.1, without
	// compression. As a string it has no dot at the end, but for the root,
	// which is "."; a dot within a label, a backslash, and octets that are not
	// printable ASCII are written \., \\ and \DDD (RFC 1035, section 5.1).
	FQDN = Wire[string]{appendFQDN, nextFQDN}
	// CompressedFQDN is FQDN with the compression of RFC 1035,
	// section 4.1.4, among the names of one payload (RFC 3397, section 2).
	CompressedFQDN = Wire[string]{appendCompressedFQDN, nextCompressedFQDN}
	// UncompressedFQDN is FQDN, but accepts compression when it reads.
	UncompressedFQDN = Wire[string]{appendFQDN, nextCompressedFQDN}
	// ClasslessRoute is a route in the form of RFC 3442.
	ClasslessRoute = Wire[Route]{appendRoute, nextRoute}
	// SubOption is an option within an option: code, length and payload, which
	// the value read shares. No code is special (RFC 3046, section 2.0). A
	// payload of more than 255 octets is split as RFC 3396 splits options; what
	// stands side by side with one code is joined when it is read, in memory of
	// its own.
	SubOption = Wire[Option]{appendSubOption, nextSubOption}
	// VendorOption is SubOption, but Pad and End are as in a message (RFC 2132,
	// section 8.4).
	VendorOption = Wire[Option]{appendVendorOption, nextVendorOption}
)

func short(has, needs int) error {
	return reason("has " + strconv.Itoa(has) + " octets, needs " + strconv.Itoa(needs))
}

func appendAddress(dst []byte, _ int, v netip.Addr) ([]byte, error) {
	if !v.Is4() && !v.Is4In6() {
		return dst, reason(v.String() + " is not an IPv4 address")
	}
	a := v.As4()
	return append(dst, a[:]...), nil
}

func nextAddress(p []byte, off int) (netip.Addr, int, error) {
	if len(p)-off < 4 {
		return netip.Addr{}, 0, short(len(p)-off, 4)
	}
	return netip.AddrFrom4([4]byte(p[off:])), off + 4, nil
}

func appendAddress6(dst []byte, _ int, v netip.Addr) ([]byte, error) {
	if !v.Is6() || v.Zone() != "" {
		return dst, reason(v.String() + " is not an IPv6 address without zone")
	}
	a := v.As16()
	return append(dst, a[:]...), nil
}

func nextAddress6(p []byte, off int) (netip.Addr, int, error) {
	if len(p)-off < 16 {
		return netip.Addr{}, 0, short(len(p)-off, 16)
	}
	return netip.AddrFrom16([16]byte(p[off:])), off + 16, nil
}

func appendUint8[T ~uint8](dst []byte, _ int, v T) ([]byte, error) { return append(dst, byte(v)), nil }

func nextUint8[T ~uint8](p []byte, off int) (T, int, error) {
	if len(p)-off < 1 {
		return 0, 0, short(len(p)-off, 1)
	}
	return T(p[off]), off + 1, nil
}

func appendUint16(dst []byte, _ int, v uint16) ([]byte, error) {
	return append(dst, byte(v>>8), byte(v)), nil
}

func nextUint16(p []byte, off int) (uint16, int, error) {
	if len(p)-off < 2 {
		return 0, 0, short(len(p)-off, 2)
	}
	return uint16(p[off])<<8 | uint16(p[off+1]), off + 2, nil
}

func appendUint32[T uint32 | int32](dst []byte, _ int, v T) ([]byte, error) {
	return append(dst, byte(v>>24), byte(v>>16), byte(v>>8), byte(v)), nil
}

func nextUint32[T uint32 | int32](p []byte, off int) (T, int, error) {
	if len(p)-off < 4 {
		return 0, 0, short(len(p)-off, 4)
	}
	return T(p[off])<<24 | T(p[off+1])<<16 | T(p[off+2])<<8 | T(p[off+3]), off + 4, nil
}

func appendBool(dst []byte, _ int, v bool) ([]byte, error) {
	if v {
		return append(dst, 1), nil
	}
	return append(dst, 0), nil
}

func nextBool(p []byte, off int) (bool, int, error) {
	switch {
	case len(p)-off < 1:
		return false, 0, short(len(p)-off, 1)
	case p[off] > 1:
		return false, 0, reason("is neither 0 nor 1")
	}
	return p[off] == 1, off + 1, nil
}

const infinity = 0xffffffff * time.Second

func appendSeconds(dst []byte, start int, v time.Duration) ([]byte, error) {
	if v < 0 {
		return dst, reason(v.String() + " is negative")
	}
	return appendUint32(dst, start, uint32(min(v, infinity)/time.Second))
}

func nextSeconds(p []byte, off int) (time.Duration, int, error) {
	n, end, err := nextUint32[uint32](p, off)
	return time.Duration(n) * time.Second, end, err
}

const (
	errEmptyText = reason("is empty")
	errNUL       = reason("has a NUL within the text")
)

func appendString(dst []byte, _ int, v string) ([]byte, error) {
	if v == "" {
		return dst, errEmptyText
	}
	if strings.IndexByte(v, 0) >= 0 {
		return dst, errNUL
	}
	return append(dst, v...), nil
}

func nextString(p []byte, off int) (string, int, error) {
	end := len(p)
	for end > off && p[end-1] == 0 {
		end--
	}
	v, _, err := nextStrictString(p[:end], off)
	return v, len(p), err
}

func nextStrictString(p []byte, off int) (string, int, error) {
	if off == len(p) {
		return "", 0, errEmptyText
	}
	for _, c := range p[off:] {
		if c == 0 {
			return "", 0, errNUL
		}
	}
	return string(p[off:]), len(p), nil
}

func appendBytes(dst []byte, _ int, v []byte) ([]byte, error) { return append(dst, v...), nil }

func nextBytes(p []byte, off int) ([]byte, int, error) { return p[off:len(p):len(p)], len(p), nil }
