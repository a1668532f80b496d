package option

import (
	"bytes"
	"math/bits"
	"slices"
)

// Limits of RFC 1035, section 2.3.4.
const (
	maxLabel = 63
	maxName  = 255 // octets on the wire, the root's label included
	// Every pointer follows at least one label, or it would be needless.
	maxPointers = 127
)

const (
	errEmptyLabel   = reason("domain name has an empty label")
	errLongLabel    = reason("domain name has a label of more than 63 octets")
	errLongName     = reason("domain name is longer than 255 octets")
	errEscape       = reason(`domain name has a \ that is not \. or \\ or \DDD`)
	errNameChar     = reason(`domain name has a character that is not printable ASCII; write it \DDD or in Punycode`)
	errNameCut      = reason("domain name goes on after the end")
	errLabelType    = reason("domain name has a label of unknown type")
	errPointer      = reason("domain name is compressed")
	errForward      = reason("compression pointer does not lead back")
	errManyPointers = reason("domain name has too many compression pointers")
)

// appendName appends name without compression. It looks at 8 octets at a time
// and leaves to appendAnyName what has escapes or is wrong.
func appendName(dst []byte, name string) ([]byte, error) {
	begin := len(dst)
	b := append(append(dst, 0), name...) // the dots become lengths
	label := begin                       // where the length of the current label stands
	for i := 0; i < len(name); i += 8 {
		for special := specials(octets(name, i)); special != 0; special &= special - 1 {
			at := i + bits.TrailingZeros64(special)/8
			if at >= len(name) {
				break
			}
			switch c := name[at]; {
			case c == '.' && uint(begin+at-label-1) < maxLabel:
				b[label] = byte(begin + at - label)
				label = begin + at + 1
			case c == '.' || c == '\\' || c <= ' ' || c > '~':
				return appendAnyName(dst, name)
			}
		}
	}
	n := len(b) - label - 1
	switch {
	case n == 0 && label > begin && len(name)+1 <= maxName: // a dot at the end
		b[label] = 0
		return b, nil
	case uint(n-1) >= maxLabel || len(name)+2 > maxName:
		return appendAnyName(dst, name)
	}
	b[label] = byte(n)
	return append(b, 0), nil
}

// octets returns up to 8 octets of s[i:], the first one lowest, and zeros.
func octets(s string, i int) (x uint64) {
	if i+8 <= len(s) {
		return little64(s[i:])
	}
	if len(s) >= 8 {
		return little64(s[len(s)-8:]) >> (8 * (i + 8 - len(s)))
	}
	for j := len(s) - 1; j >= i; j-- {
		x = x<<8 | uint64(s[j])
	}
	return x
}

func little64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// specials returns the highest bit of each octet of x that is not between the
// backslash and DEL, as lower-case letters are.
func specials(x uint64) uint64 {
	const each = 0x0101010101010101
	low := x & (0x7f * each) // no sum carries into the next octet
	above := low + (0x80-'\\'-1)*each
	del := low + each
	return ^(above &^ del &^ x) & (0x80 * each)
}

// appendAnyName is appendName, slower: it knows escapes and says what is wrong.
func appendAnyName(dst []byte, name string) ([]byte, error) {
	begin := len(dst)
	if name == "." {
		return append(dst, 0), nil
	}
	// A name without escapes and dot at the end is as long, and these two more:
	// the length of the first label and the root.
	dst = slices.Grow(dst, len(name)+2)
	p := dst[begin : begin+len(name)+2]
	label, n := 0, 1 // where the length of the current label stands, and what p holds so far
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case c > '\\' && c <= '~': // a lower-case letter, as most are
		case c == '.':
			if err := closeLabel(p[:n], label); err != nil {
				return dst[:begin], err
			}
			label = n
		case c == '\\':
			size := 0
			if c, size = unescape(name[i+1:]); size == 0 {
				return dst[:begin], errEscape
			}
			i += size
		case c <= ' ' || c > '~':
			return dst[:begin], errNameChar
		}
		p[n] = c
		n++
	}
	if label == n-1 && label > 0 { // a dot at the end
		p[label] = 0
		return dst[:begin+n], nil
	}
	if err := closeLabel(p[:n], label); err != nil {
		return dst[:begin], err
	}
	p[n] = 0
	return dst[:begin+n+1], nil
}

// closeLabel sets the length of the label that begins at name[label:] and goes
// to the end.
func closeLabel(name []byte, label int) error {
	n := len(name) - label - 1
	switch {
	case n == 0:
		return errEmptyLabel
	case n > maxLabel:
		return errLongLabel
	case len(name)+1 > maxName:
		return errLongName
	}
	name[label] = byte(n)
	return nil
}

// unescape reads what follows a backslash: three decimal digits or any other
// printable character. It returns the number of characters, 0 for none.
func unescape(s string) (c byte, n int) {
	isDigit := func(c byte) bool { return '0' <= c && c <= '9' }
	switch {
	case s == "" || s[0] <= ' ' || s[0] > '~':
		return 0, 0
	case !isDigit(s[0]):
		return s[0], 1
	case len(s) < 3 || !isDigit(s[1]) || !isDigit(s[2]):
		return 0, 0
	}
	v := int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0')
	if v > 255 {
		return 0, 0
	}
	return byte(v), 3
}

// readName reads the name at p[off:] and returns the offset behind it.
// Pointers must lead back, each further than the one before: no loop.
func readName(p []byte, off int, pointers bool) (name string, end int, err error) {
	var scratch [maxName]byte
	text := scratch[:0]
	length, hops := 1, 0 // the root's label is one octet
	back := off
	for pos := off; ; {
		if pos >= len(p) {
			return "", 0, errNameCut
		}
		n := int(p[pos])
		switch {
		case n == 0:
			if end == 0 {
				end = pos + 1
			}
			if len(text) == 0 {
				return ".", end, nil
			}
			return string(text), end, nil
		case n <= maxLabel:
			if pos+1+n > len(p) {
				return "", 0, errNameCut
			}
			if length += 1 + n; length > maxName {
				return "", 0, errLongName
			}
			if len(text) > 0 {
				text = append(text, '.')
			}
			text = appendLabelText(text, p[pos+1:pos+1+n])
			pos += 1 + n
		case n < 0xc0:
			return "", 0, errLabelType
		case !pointers:
			return "", 0, errPointer
		default:
			if pos+1 >= len(p) {
				return "", 0, errNameCut
			}
			if end == 0 {
				end = pos + 2
			}
			pos = (n&0x3f)<<8 | int(p[pos+1])
			if pos >= back {
				return "", 0, errForward
			}
			if hops++; hops > maxPointers {
				return "", 0, errManyPointers
			}
			back = pos
		}
	}
}

func appendLabelText(dst, label []byte) []byte {
	for _, c := range label {
		switch {
		case c == '.' || c == '\\':
			dst = append(dst, '\\', c)
		case c <= ' ' || c > '~':
			dst = append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

func appendFQDN(dst []byte, _ int, v string) ([]byte, error) { return appendName(dst, v) }

func nextFQDN(p []byte, off int) (string, int, error) { return readName(p, off, false) }

func nextCompressedFQDN(p []byte, off int) (string, int, error) { return readName(p, off, true) }

// appendCompressedFQDN replaces the longest end of the name that stands
// uncompressed in dst[start:] by a pointer to it: clients built on
// insomniacslk/dhcp take no list in which a pointer leads to another. Upper and
// lower case differ, so that reading returns what was written.
func appendCompressedFQDN(dst []byte, start int, v string) ([]byte, error) {
	begin := len(dst)
	dst, err := appendName(dst, v)
	if err != nil || begin == start {
		return dst, err
	}
	for pos := begin; dst[pos] != 0; pos += 1 + int(dst[pos]) {
		if at, ok := findName(dst[start:begin], dst[pos:]); ok {
			return append(dst[:pos], 0xc0|byte(at>>8), byte(at)), nil
		}
	}
	return dst, nil
}

// findName looks in the names p, as appendCompressedFQDN wrote them, for one
// that ends in the uncompressed name.
func findName(p, name []byte) (at int, ok bool) {
	for at < len(p) && at <= 0x3fff {
		switch n := int(p[at]); {
		case n == 0:
			at++
		case n > maxLabel:
			at += 2
		case p[at] == name[0] && bytes.HasPrefix(p[at:], name):
			return at, true
		default:
			at += 1 + n
		}
	}
	return 0, false
}
