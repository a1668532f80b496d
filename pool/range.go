package pool

import (
	"errors"
	"net/netip"
	"strings"
)

// A Range is an inclusive range of IPv4 addresses. The zero value is not valid.
type Range struct {
	First, Last netip.Addr
}

// ParseRange reads "192.0.2.10-192.0.2.20", a prefix as "192.0.2.0/24", or one
// address. Blanks and tabs may surround the text and the hyphen. Bits of a
// prefix beyond its length are ignored, and its first and last address belong
// to the range (Kea does both).
func ParseRange(s string) (Range, error) {
	r, reason := parseRange(strings.Trim(s, blanks))
	if reason != "" {
		return Range{}, errors.New("pool: range \"" + s + "\": " + reason)
	}
	return r, nil
}

const blanks = " \t"

// parseRange returns what is wrong with s, or "".
func parseRange(s string) (r Range, reason string) {
	const notAddr = " is not an IPv4 address"
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		if err != nil || !p.Addr().Is4() {
			return Range{}, "not an IPv4 prefix"
		}
		return RangeFrom(p), ""
	}
	first, last, isPair := strings.Cut(s, "-")
	if !isPair {
		last = first
	}
	first, last = strings.TrimRight(first, blanks), strings.TrimLeft(last, blanks)
	var err error
	if r.First, err = netip.ParseAddr(first); err != nil || !r.First.Is4() {
		return Range{}, "\"" + first + "\"" + notAddr
	}
	if r.Last, err = netip.ParseAddr(last); err != nil || !r.Last.Is4() {
		return Range{}, "\"" + last + "\"" + notAddr
	}
	if !r.IsValid() {
		return Range{}, "the first address is above the last"
	}
	return r, ""
}

// MustParseRange is ParseRange for constants; it panics on an error.
func MustParseRange(s string) Range {
	r, err := ParseRange(s)
	if err != nil {
		panic(err)
	}
	return r
}

// RangeFrom returns all addresses of p, the first and the last included. It is
// the zero Range if p is not an IPv4 prefix.
func RangeFrom(p netip.Prefix) Range {
	if !p.IsValid() || !p.Addr().Is4() {
		return Range{}
	}
	first := toUint32(p.Masked().Addr())
	return Range{toAddr(first), toAddr(first | uint32(uint64(1)<<(32-p.Bits())-1))}
}

// IsValid reports whether both ends are IPv4 addresses and First is not above
// Last.
func (r Range) IsValid() bool {
	return r.First.Is4() && r.Last.Is4() && r.First.Compare(r.Last) <= 0
}

// Contains reports whether ip is in r. An invalid Range contains nothing.
func (r Range) Contains(ip netip.Addr) bool {
	return r.IsValid() && ip.Is4() && r.First.Compare(ip) <= 0 && ip.Compare(r.Last) <= 0
}

// Overlaps reports whether r and o have an address in common.
func (r Range) Overlaps(o Range) bool {
	return r.IsValid() && o.IsValid() && r.First.Compare(o.Last) <= 0 && o.First.Compare(r.Last) <= 0
}

// Len returns the number of addresses; 0 if r is not valid.
func (r Range) Len() uint64 {
	if !r.IsValid() {
		return 0
	}
	return uint64(toUint32(r.Last)) - uint64(toUint32(r.First)) + 1
}

// String returns "first-last", which ParseRange reads back if r is valid.
func (r Range) String() string { return r.First.String() + "-" + r.Last.String() }

func toUint32(ip netip.Addr) uint32 {
	b := ip.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func toAddr(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}
