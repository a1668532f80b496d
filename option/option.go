package option

import (
	"errors"
	"strconv"
)

// A Code is the number of an option (RFC 2132) or of a sub-option.
type Code uint8

// The codes that have no length octet and no payload (RFC 2132, section 3).
const (
	Pad Code = 0   // fills
	End Code = 255 // ends the options
)

// MaxLen is the length in octets of the longest payload. Payloads of more
// than 255 octets travel in several options of one code (RFC 3396).
const MaxLen = 65535

// An Option is one option: its code and its payload without code and length.
// The zero Option is Pad without a payload and means nothing.
type Option struct {
	Code  Code
	flags uint8
	Data  []byte // not copied; at most MaxLen octets
}

// What an Option carries besides its payload.
const (
	flagInvalid = 1 << iota // the value could not be encoded; Data holds the error text
	flagAlways              // configuration: send it unasked
	flagNever               // configuration: do not send it even if asked
)

// Err returns why the value given to New could not be encoded, or nil.
func (o Option) Err() error {
	if o.flags&flagInvalid == 0 {
		return nil
	}
	return errors.New(string(o.Data))
}

// Always marks o as to be sent even if the client does not ask for it. It
// means something in a server's configuration only.
func Always(o Option) Option { o.flags |= flagAlways; return o }

// Never makes an element of a server's configuration that keeps the option c
// out of replies even if the client asks for it.
func Never(c Code) Option { return Option{Code: c, flags: flagNever} }

// IsAlways reports whether o was made by Always.
func (o Option) IsAlways() bool { return o.flags&flagAlways != 0 }

// IsNever reports whether o was made by Never.
func (o Option) IsNever() bool { return o.flags&flagNever != 0 }

// Equal reports whether o and p have the same code, the same payload and the
// same marks of Always and Never. A nil payload equals an empty one.
func (o Option) Equal(p Option) bool {
	return o.Code == p.Code && o.flags == p.flags && string(o.Data) == string(p.Data)
}

// String returns the name of o as [Code.String] gives it and its payload in
// hexadecimal digits, followed by the text if the payload is printable ASCII.
// It is for options of a message; it does not know sub-options by name.
func (o Option) String() string {
	b := append([]byte(o.Code.String()), ' ')
	switch {
	case o.flags&flagInvalid != 0:
		return string(append(append(b, "invalid: "...), o.Data...))
	case o.flags&flagNever != 0:
		return string(append(b, "never"...))
	case len(o.Data) == 0:
		b = append(b, "empty"...)
	default:
		b = appendHex(b, o.Data)
		if isPrintable(o.Data) {
			b = strconv.AppendQuote(append(b, ' '), string(o.Data))
		}
	}
	if o.flags&flagAlways != 0 {
		b = append(b, " always"...)
	}
	return string(b)
}

// Options is a list of options in wire order. A code stands in it at most
// once: the parts of a split option (RFC 3396) are joined when a message is
// decoded.
type Options []Option

// Lookup returns the payload of c as it is; it is not copied. An option made
// by Never, or whose Err is not nil, has no payload and is not found. Lookup
// never allocates.
func (o Options) Lookup(c Code) ([]byte, bool) {
	for i := range o {
		if o[i].Code == c && o[i].flags&(flagInvalid|flagNever) == 0 {
			return o[i].Data, true
		}
	}
	return nil, false
}

// Equal reports whether o and p hold equal options in the same order.
func (o Options) Equal(p Options) bool {
	if len(o) != len(p) {
		return false
	}
	for i := range o {
		if !o[i].Equal(p[i]) {
			return false
		}
	}
	return true
}

func appendHex(dst, p []byte) []byte {
	const digits = "0123456789abcdef"
	for _, c := range p {
		dst = append(dst, digits[c>>4], digits[c&15])
	}
	return dst
}

func isPrintable(p []byte) bool {
	for _, c := range p {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
