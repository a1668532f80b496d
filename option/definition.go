package option

import "strconv"

// A Kind is the type of a payload or of a part of it, as Kea's option
// definitions name it. It rules the text syntax, see [Definition.AppendText].
type Kind uint8

// The kinds. What follows each is Kea's name and the text of a value.
const (
	KindEmpty       Kind = iota // empty: no payload
	KindBinary                  // binary: hexadecimal digits
	KindBoolean                 // boolean: true, false, 1 or 0
	KindInt8                    // int8: decimal, 0x and hexadecimal, or hexadecimal alone
	KindInt16                   // int16: as int8
	KindInt32                   // int32: as int8
	KindUint8                   // uint8: as int8
	KindUint16                  // uint16: as int8
	KindUint32                  // uint32: as int8
	KindIPv4Address             // ipv4-address: 192.0.2.1
	KindIPv6Address             // ipv6-address: 2001:db8::1
	KindIPv6Prefix              // ipv6-prefix: 2001:db8::/33
	KindPSID                    // psid: port set id and its length in bits, 3/4
	KindString                  // string: the rest of the payload as text, without NUL
	KindTuple                   // tuple: text of at most 255 octets behind its length
	KindFQDN                    // fqdn: a domain name, a.example
	KindRecord                  // record: the kinds of Definition.Fields, one after the other
	KindInternal                // internal: a syntax of the option's own
)

// Kea's names, in the order of the constants.
var kindNames = [...]string{
	"empty", "binary", "boolean", "int8", "int16", "int32", "uint8", "uint16", "uint32", "ipv4-address",
	"ipv6-address", "ipv6-prefix", "psid", "string", "tuple", "fqdn", "record", "internal",
}

// String returns Kea's name of k.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// ParseKind returns the kind that has Kea's name s; ok is false if there is
// none.
func ParseKind(s string) (k Kind, ok bool) {
	for i, name := range kindNames {
		if name == s {
			return Kind(i), true
		}
	}
	return 0, false
}

// A Definition describes an option for those who handle it without its Go
// type: configuration files and tools. It must not be changed once in use.
type Definition struct {
	Space        string // where Code and Name are unique: "dhcp4", or a space of sub-options
	Name         string // Kea's name, "routers"
	Code         Code
	Kind         Kind
	Array        bool   // any number of values of Kind; of a record, of its last field
	Fields       []Kind // the parts of a KindRecord; none may be empty, record or internal
	Encapsulates string // the space of the sub-options in the payload; if empty, there are none
}

// A ValueError says what is wrong with a payload or with the text of one.
type ValueError struct {
	Name   string // of the option; may be empty
	Code   Code   // of the option
	Offset int    // in octets from the begin of the payload, or of the text, to the wrong value
	Reason string
}

// Error returns name, code, offset and reason in one line.
func (e *ValueError) Error() string {
	return title(e.Name, e.Code) + ": offset " + strconv.Itoa(e.Offset) + ": " + e.Reason
}

func (d *Definition) valueError(offset int, err error) *ValueError {
	return &ValueError{Name: d.Name, Code: d.Code, Offset: offset, Reason: err.Error()}
}

// invalid makes the Option whose Err says what is wrong with a value.
func (d *Definition) invalid(err error) Option {
	return Option{Code: d.Code, flags: flagInvalid, Data: []byte(title(d.Name, d.Code) + ": " + err.Error())}
}

// invalidValue is invalid for the value i of a list.
func (d *Definition) invalidValue(i int, err error) Option {
	return d.invalid(reason("value " + strconv.Itoa(i) + ": " + err.Error()))
}

func title(name string, c Code) string {
	n := strconv.Itoa(int(c))
	if name == "" {
		return "option " + n
	}
	return name + " (" + n + ")"
}

// A reason is an error that needs no memory while it is constant.
type reason string

func (r reason) Error() string { return string(r) }
