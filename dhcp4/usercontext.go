package dhcp4

import (
	"encoding/hex"
	"strings"
)

// Kea keeps the relay agent information of a lease in its user context:
//
//	{ "ISC": { "relay-agent-info": "0x0104AABBCCDD" } }
//
// and, from version 2.3.8 on, in an object of its own, as its "sub-options".
const (
	contextISC        = "ISC"
	contextAgentInfo  = "relay-agent-info"
	contextSubOptions = "sub-options"
)

// appendAgentInfo appends the relay agent information in a lease's user context
// to dst; nothing if there is none.
func appendAgentInfo(dst []byte, context string) []byte {
	value, _ := jsonMember(context, contextISC)
	value, _ = jsonMember(value, contextAgentInfo)
	if inner, ok := jsonMember(value, contextSubOptions); ok {
		value = inner
	}
	digits, ok := strings.CutPrefix(value, `"0x`)
	if !ok || len(digits)%2 == 0 { // the closing quote counts
		return dst
	}
	start := len(dst)
	for i := 0; i+1 < len(digits); i += 2 {
		high, low := hexDigit(digits[i]), hexDigit(digits[i+1])
		if high < 0 || low < 0 {
			return dst[:start]
		}
		dst = append(dst, byte(high<<4|low))
	}
	return dst
}

// hexDigit returns the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c - 'a' + 10)
	case 'A' <= c && c <= 'F':
		return int(c - 'A' + 10)
	}
	return -1
}

// withAgentInfo returns a lease's user context with the relay agent information
// info in it, in place of what it had of that; the rest stays as it is. A
// context that is no JSON object is left alone.
func withAgentInfo(context string, info []byte) string {
	value := `"0x` + strings.ToUpper(hex.EncodeToString(info)) + `"`
	if strings.TrimSpace(context) == "" {
		return `{ "` + contextISC + `": { "` + contextAgentInfo + `": ` + value + ` } }`
	}
	isc, ok := jsonMember(context, contextISC)
	if !ok || !strings.HasPrefix(isc, "{") {
		return setJSONMember(context, contextISC, `{ "`+contextAgentInfo+`": `+value+` }`)
	}
	if old, _ := jsonMember(isc, contextAgentInfo); old == value {
		return context
	}
	return setJSONMember(context, contextISC, setJSONMember(isc, contextAgentInfo, value))
}

// jsonMember returns the text of the value of a member of a JSON object. ok is
// false if there is none, or object is not one.
func jsonMember(object, name string) (value string, ok bool) {
	start, end, ok := findJSONMember(object, name)
	if !ok || start == end {
		return "", false
	}
	return object[start:end], true
}

// setJSONMember returns a JSON object with the value of one member replaced or
// added in front. What is no object comes back as it is.
func setJSONMember(object, name, value string) string {
	start, end, ok := findJSONMember(object, name)
	switch {
	case !ok:
		return object
	case start < end:
		return object[:start] + value + object[end:]
	}
	open := strings.IndexByte(object, '{') + 1
	comma := ","
	if rest := strings.TrimLeft(object[open:], jsonSpace); rest[0] == '}' {
		comma = ""
	}
	return object[:open] + ` "` + name + `": ` + value + comma + object[open:]
}

const jsonSpace = " \t\r\n"

// findJSONMember finds where the value of a member is in a JSON object; start
// is end if the object has no such member. ok is false if object is not one.
func findJSONMember(object, name string) (start, end int, ok bool) {
	i := skipSpace(object, 0)
	if i == len(object) || object[i] != '{' {
		return 0, 0, false
	}
	i = skipSpace(object, i+1)
	if i < len(object) && object[i] == '}' {
		return 0, 0, skipSpace(object, i+1) == len(object)
	}
	for i < len(object) {
		key := i
		if i = skipString(object, i); i < 0 {
			return 0, 0, false
		}
		found := object[key+1:i-1] == name
		if i = skipSpace(object, i); i == len(object) || object[i] != ':' {
			return 0, 0, false
		}
		first := skipSpace(object, i+1)
		if i = skipValue(object, first); i < 0 {
			return 0, 0, false
		}
		if found {
			start, end = first, i
		}
		if i = skipSpace(object, i); i == len(object) {
			return 0, 0, false
		}
		switch object[i] {
		case '}':
			return start, end, skipSpace(object, i+1) == len(object)
		case ',':
			i = skipSpace(object, i+1)
		default:
			return 0, 0, false
		}
	}
	return 0, 0, false
}

func skipSpace(s string, i int) int {
	for i < len(s) && strings.IndexByte(jsonSpace, s[i]) >= 0 {
		i++
	}
	return i
}

// skipString returns the index behind the JSON string at s[i], or -1.
func skipString(s string, i int) int {
	if i >= len(s) || s[i] != '"' {
		return -1
	}
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// skipValue returns the index behind the JSON value at s[i], or -1. It looks
// no closer at objects and arrays than their brackets.
func skipValue(s string, i int) int {
	start, depth := i, 0
	for i < len(s) {
		switch s[i] {
		case '"':
			if i = skipString(s, i); i < 0 || depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return endOf(start, i)
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return endOf(start, i)
			}
		}
		i++
	}
	return -1
}

func endOf(start, end int) int {
	if start == end {
		return -1
	}
	return end
}
