package option

import "strings"

const (
	errName         = reason("the name is not letters, digits, - and _, with a letter or digit at both ends")
	errSpaceName    = reason("the space is not letters, digits, - and _, with a letter or digit at both ends")
	errEncapsulated = reason("the encapsulated space is not letters, digits, - and _, with a letter or digit at both ends")
	errCode         = reason("codes 0 and 255 are Pad and End")
	errOwnSpace     = reason("the option encapsulates the space that it belongs to")
	errArraySubs    = reason("an array cannot encapsulate a space")
	errFewFields    = reason("a record needs two fields")
	errFieldsOfNone = reason("only a record has fields")
)

// ParseKinds returns the Kind and the Fields of a [Definition] from the values
// of type and record-types in one of Kea's option-defs: "record" and "uint8,
// string", or "uint8" and "".
func ParseKinds(typ, recordTypes string) (k Kind, fields []Kind, err error) {
	k, ok := ParseKind(typ)
	if !ok {
		return 0, nil, reason("there is no type " + typ)
	}
	for name := range strings.SplitSeq(recordTypes, ",") {
		if name = strings.Trim(name, blanks); name == "" {
			continue
		}
		f, ok := ParseKind(name)
		if !ok {
			return 0, nil, reason("there is no type " + name)
		}
		fields = append(fields, f)
	}
	return k, fields, nil
}

// Validate reports why d cannot be used, or nil. Its rules are those of Kea
// for an option-def, but that it lets definitions of this package be replaced;
// [Registry.With] does not call it. Every definition of this package is valid.
func (d *Definition) Validate() error {
	err := d.checkKinds()
	switch {
	case !isIdentifier(d.Name):
		err = errName
	case !isIdentifier(d.Space):
		err = errSpaceName
	case d.Encapsulates != "" && !isIdentifier(d.Encapsulates):
		err = errEncapsulated
	case d.Space == "dhcp4" && (d.Code == Pad || d.Code == End):
		err = errCode
	case d.Encapsulates == d.Space:
		err = errOwnSpace
	case d.Encapsulates != "" && d.Array:
		err = errArraySubs
	case d.Kind == KindRecord && len(d.Fields) < 2:
		err = errFewFields
	case d.Kind != KindRecord && len(d.Fields) > 0:
		err = errFieldsOfNone
	}
	if err != nil {
		return reason(title(d.Name, d.Code) + ": " + err.Error())
	}
	return nil
}

func isIdentifier(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', 'a' <= c|0x20 && c|0x20 <= 'z':
		case c != '-' && c != '_', i == 0, i == len(s)-1:
			return false
		}
	}
	return s != ""
}
