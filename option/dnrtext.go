package option

import (
	"net/netip"
	"strconv"
	"strings"
)

const (
	errDNRFields   = reason("a resolver has a priority, a name and at most two values more")
	errDNRPriority = reason("the priority is not a number from 0 to 65535")
	errDNRParam    = reason("a service parameter is not alpn=, port= or dohpath= and a value, each once")
	errDNRNoText   = reason("a service parameter has no text form")
)

// appendDNRText appends the payload of V4DNR that text describes; on error off
// is the offset in text of the wrong resolver.
func appendDNRText(dst []byte, text string) (p []byte, off int, err error) {
	p = dst
	for rest, more := text, true; more; {
		off = len(text) - len(rest)
		var s string
		s, rest, more = cutEscaped(rest, '|')
		var v DNR
		if v, err = parseDNR(s); err == nil {
			p, err = appendDNR(p, 0, v)
		}
		if err != nil {
			return dst, off, err
		}
	}
	return p, 0, nil
}

func parseDNR(s string) (v DNR, err error) {
	var fields [4]string
	n := 0
	for more := true; more; n++ {
		if n == len(fields) {
			return v, errDNRFields
		}
		var f string
		f, s, more = cutEscaped(s, ',')
		fields[n] = unescapeDNR(strings.Trim(f, blanks))
	}
	if n < 2 {
		return v, errDNRFields
	}
	priority, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil {
		return v, errDNRPriority
	}
	v.Priority, v.Name = uint16(priority), fields[1]
	if n == 2 {
		return v, nil
	}
	for s := range strings.SplitSeq(fields[2], " ") {
		if s = strings.Trim(s, blanks); s == "" {
			continue
		}
		a, err := netip.ParseAddr(s)
		if err != nil || !a.Is4() {
			return v, reason(strconv.Quote(s) + " is not an IPv4 address")
		}
		v.Addrs = append(v.Addrs, a)
	}
	if len(v.Addrs) == 0 {
		return v, errDNRNoAddrs
	}
	v.Params, err = parseServiceParams(fields[3])
	return v, err
}

func parseServiceParams(s string) (params []ServiceParam, err error) {
	var values [ParamDoHPath + 1][]byte // by key
	for pair := range strings.SplitSeq(s, " ") {
		if pair = strings.Trim(pair, blanks); pair == "" {
			continue
		}
		name, text, _ := strings.Cut(pair, "=")
		key, value := 0, []byte(nil)
		switch name {
		case "alpn":
			key = ParamALPN
			for id := range strings.SplitSeq(text, ",") {
				if value, err = appendCounted(value, []byte(id)); err != nil || id == "" {
					return nil, errDNRParam
				}
			}
		case "port":
			key = ParamPort
			port, err := strconv.ParseUint(text, 10, 16)
			if err != nil {
				return nil, errDNRParam
			}
			value = []byte{byte(port >> 8), byte(port)}
		case "dohpath":
			key, value = ParamDoHPath, []byte(text)
		}
		if len(value) == 0 || values[key] != nil {
			return nil, errDNRParam
		}
		values[key] = value
	}
	for key, value := range values {
		if value != nil {
			params = append(params, ServiceParam{uint16(key), value})
		}
	}
	return params, nil
}

// formatDNRs is the inverse of appendDNRText; on error off is the offset of
// the resolver in payload.
func formatDNRs(dst, payload []byte) (out []byte, off int, err error) {
	if len(payload) == 0 {
		return dst, 0, errDNRFields
	}
	for out = dst; off < len(payload); {
		v, end, err := nextDNR(payload, off)
		if err == nil {
			if off > 0 {
				out = append(out, " | "...)
			}
			out, err = formatDNR(out, v)
		}
		if err != nil {
			return dst, off, err
		}
		off = end
	}
	return out, 0, nil
}

func formatDNR(dst []byte, v DNR) ([]byte, error) {
	dst = append(strconv.AppendUint(dst, uint64(v.Priority), 10), ", "...)
	dst = escapeDNR(dst, []byte(v.Name))
	if dst[len(dst)-1] == '\\' {
		dst = append(dst, ' ') // or it would escape what follows
	}
	for i, a := range v.Addrs {
		if i == 0 {
			dst = append(dst, ',')
		}
		dst = a.AppendTo(append(dst, ' '))
	}
	for i, p := range v.Params {
		if i == 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = formatServiceParam(append(dst, ' '), p); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func formatServiceParam(dst []byte, p ServiceParam) ([]byte, error) {
	switch {
	case p.Key == ParamALPN && len(p.Value) > 0:
		dst = append(dst, "alpn="...)
		for off := 0; off < len(p.Value); {
			id, end, err := nextCounted(p.Value, off)
			if err != nil || !isWord(id) || strings.IndexByte(string(id), ',') >= 0 {
				return dst, errDNRNoText
			}
			if off > 0 {
				dst = append(dst, `\,`...)
			}
			dst = escapeDNR(dst, id)
			off = end
		}
		return dst, nil
	case p.Key == ParamPort && len(p.Value) == 2:
		return strconv.AppendUint(append(dst, "port="...), uint64(p.Value[0])<<8|uint64(p.Value[1]), 10), nil
	case p.Key == ParamDoHPath && isWord(p.Value):
		return escapeDNR(append(dst, "dohpath="...), p.Value), nil
	}
	return dst, errDNRNoText
}

// isWord reports whether p is printable ASCII without blanks, and not empty.
func isWord(p []byte) bool {
	return len(p) > 0 && isPrintable(p) && strings.IndexByte(string(p), ' ') < 0
}

// cutEscaped cuts s at the first sep without a backslash before it.
func cutEscaped(s string, sep byte) (before, after string, found bool) {
	for i := 0; i < len(s); i++ {
		switch {
		case isEscape(s, i):
			i++
		case s[i] == sep:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// isEscape reports whether a backslash at s[i] escapes what follows it.
func isEscape(s string, i int) bool {
	return s[i] == '\\' && i+1 < len(s) && (s[i+1] == ',' || s[i+1] == '|')
}

func unescapeDNR(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		if isEscape(s, i) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

func escapeDNR(dst, text []byte) []byte {
	for _, c := range text {
		if c == ',' || c == '|' {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return dst
}
