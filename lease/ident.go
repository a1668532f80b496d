package lease

import "fmt"

// maxHardwareAddr is what fits: 16 octets of chaddr, 20 of an InfiniBand
// address in Kea's lease file.
const maxHardwareAddr = 20

// A HardwareAddr is a link-layer address of 0 to 20 octets without its type.
// It is comparable and may be a map key. The zero value has no octets.
type HardwareAddr struct {
	b [maxHardwareAddr]byte
	n uint8
}

// HardwareAddrFrom copies b; ok is false if b is longer than 20 octets.
func HardwareAddrFrom(b []byte) (h HardwareAddr, ok bool) {
	if len(b) > maxHardwareAddr {
		return HardwareAddr{}, false
	}
	h.n = uint8(copy(h.b[:], b))
	return h, true
}

// ParseHardwareAddr reads hexadecimal octets of one or two digits with ":" or
// "-" between them, as in "00:0c:29:aa:bb:cc". The empty string is the zero
// value.
func ParseHardwareAddr(s string) (HardwareAddr, error) {
	var h HardwareAddr
	b, err := appendHexOctets(h.b[:0], s, maxHardwareAddr)
	if err != nil {
		return HardwareAddr{}, fmt.Errorf("lease: hardware address %q: %w", s, err)
	}
	h.n = uint8(len(b))
	return h, nil
}

// MustParseHardwareAddr is ParseHardwareAddr for constants; it panics on an error.
func MustParseHardwareAddr(s string) HardwareAddr {
	h, err := ParseHardwareAddr(s)
	if err != nil {
		panic(err)
	}
	return h
}

// IsZero reports whether h has no octets.
func (h HardwareAddr) IsZero() bool { return h.n == 0 }

// Len returns the number of octets.
func (h HardwareAddr) Len() int { return int(h.n) }

// AppendBinary appends the octets to dst. The error is always nil.
func (h HardwareAddr) AppendBinary(dst []byte) ([]byte, error) {
	return append(dst, h.b[:h.n]...), nil
}

// AppendText appends the form that String returns. The error is always nil.
func (h HardwareAddr) AppendText(dst []byte) ([]byte, error) {
	return appendHex(dst, h.b[:h.n]), nil
}

// String returns lower-case hexadecimal octets with colons between them.
func (h HardwareAddr) String() string { return string(appendHex(nil, h.b[:h.n])) }

// Equal reports whether h and o have the same octets.
func (h HardwareAddr) Equal(o HardwareAddr) bool { return h == o }

// MarshalText returns the form that String returns, for JSON and logs.
func (h HardwareAddr) MarshalText() ([]byte, error) { return h.AppendText(nil) }

// UnmarshalText reads what ParseHardwareAddr reads.
func (h *HardwareAddr) UnmarshalText(text []byte) error {
	v, err := ParseHardwareAddr(string(text))
	if err == nil {
		*h = v
	}
	return err
}

// A ClientID is the payload of the client identifier option (61), its type
// octet included (RFC 2132, section 9.14). It is comparable and may be a map
// key. The zero value stands for "none".
type ClientID struct{ octets string }

// ClientIDFrom copies b.
func ClientIDFrom(b []byte) ClientID { return ClientID{string(b)} }

// ClientIDFromString returns the ClientID whose Octets are s. It does not
// allocate.
func ClientIDFromString(s string) ClientID { return ClientID{s} }

// ParseClientID reads hexadecimal octets as in "01:00:0c:29:aa:bb:cc".
func ParseClientID(s string) (ClientID, error) {
	b, err := appendHexOctets(nil, s, 255)
	if err != nil {
		return ClientID{}, fmt.Errorf("lease: client identifier %q: %w", s, err)
	}
	return ClientID{string(b)}, nil
}

// MustParseClientID is ParseClientID for constants; it panics on an error.
func MustParseClientID(s string) ClientID {
	c, err := ParseClientID(s)
	if err != nil {
		panic(err)
	}
	return c
}

// IsZero reports whether c has no octets.
func (c ClientID) IsZero() bool { return c.octets == "" }

// Octets returns the raw octets as a string, without allocating: compare it
// with string(b), or index it.
func (c ClientID) Octets() string { return c.octets }

// AppendText appends the form that String returns. The error is always nil.
func (c ClientID) AppendText(dst []byte) ([]byte, error) {
	return appendHex(dst, c.octets), nil
}

// String returns lower-case hexadecimal octets with colons between them.
func (c ClientID) String() string { return string(appendHex(nil, c.octets)) }

// Equal reports whether c and o have the same octets.
func (c ClientID) Equal(o ClientID) bool { return c == o }

// MarshalText returns the form that String returns, for JSON and logs.
func (c ClientID) MarshalText() ([]byte, error) { return c.AppendText(nil) }

// UnmarshalText reads what ParseClientID reads.
func (c *ClientID) UnmarshalText(text []byte) error {
	v, err := ParseClientID(string(text))
	if err == nil {
		*c = v
	}
	return err
}

func appendHex[T ~string | ~[]byte](dst []byte, b T) []byte {
	const digits = "0123456789abcdef"
	for i := range len(b) {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, digits[b[i]>>4], digits[b[i]&15])
	}
	return dst
}

// appendHexOctets appends what s spells. Octets have one or two digits; the
// separator is ":" or "-", the same throughout.
func appendHexOctets(dst []byte, s string, limit int) ([]byte, error) {
	if s == "" {
		return dst, nil
	}
	var sep byte
	for i, n := 0, 0; ; n++ {
		if n == limit {
			return nil, fmt.Errorf("more than %d octets", limit)
		}
		start, v := i, byte(0)
		for i < len(s) && i-start < 2 {
			d, ok := hexDigit(s[i])
			if !ok {
				break
			}
			v = v<<4 | d
			i++
		}
		if i == start {
			return nil, fmt.Errorf("want a hexadecimal digit at offset %d", i)
		}
		dst = append(dst, v)
		if i == len(s) {
			return dst, nil
		}
		if sep == 0 {
			sep = s[i]
		}
		if s[i] != sep || sep != ':' && sep != '-' {
			return nil, fmt.Errorf("want a separator at offset %d", i)
		}
		i++
	}
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
