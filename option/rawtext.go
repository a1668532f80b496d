package option

import (
	"strconv"
	"strings"
)

const errRaw = reason(`is neither hexadecimal digits, such as 0a0b, 0x0a0b, 0a:0b or 0a 0b, nor 'text'`)

// AppendRawText appends the payload that text describes in Kea's syntax for
// option data with csv-format false, which knows nothing of the option: text
// between single quotes, or hexadecimal digits. The digits stand together,
// with or without 0x before them, or in octets of one or two digits with one :
// or one blank between two. A 0 is put before an odd number of digits. The
// empty text is the empty payload. On error it returns dst as it was.
func AppendRawText(dst []byte, text string) ([]byte, error) {
	if t := strings.Trim(text, blanks); len(t) > 2 && t[0] == '\'' && t[len(t)-1] == '\'' {
		if len(t)-2 > MaxLen {
			return dst, errTooLong
		}
		return append(dst, t[1:len(t)-1]...), nil
	}
	sep := ""
	switch {
	case text == "":
		return dst, nil
	case strings.Contains(text, ":"):
		sep = ":"
	case strings.Contains(text, " "):
		sep = " "
	}
	p := dst
	if sep != "" {
		for octet := range strings.SplitSeq(text, sep) {
			v, err := strconv.ParseUint(octet, 16, 8)
			if err != nil || len(octet) > 2 {
				return dst, errRaw
			}
			p = append(p, byte(v))
		}
	} else {
		digits := strings.TrimPrefix(text, "0x")
		if digits == "" {
			return dst, errRaw
		}
		for n := 2 - len(digits)%2; digits != ""; n = 2 {
			v, err := strconv.ParseUint(digits[:n], 16, 8)
			if err != nil {
				return dst, errRaw
			}
			p = append(p, byte(v))
			digits = digits[n:]
		}
	}
	if len(p)-len(dst) > MaxLen {
		return dst, errTooLong
	}
	return p, nil
}

// FormatRawText appends payload as hexadecimal digits, of which AppendRawText
// makes the same payload.
func FormatRawText(dst, payload []byte) []byte { return appendHex(dst, payload) }
