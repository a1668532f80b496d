package option

const errLongURI = reason("is longer than 65535 octets")

// An element of V4SZTPRedirect is a URI behind its length in 2 octets (RFC
// 8572, section 8.3).
var uriWire = Wire[string]{appendURI, nextURI}

func appendURI(dst []byte, start int, v string) ([]byte, error) {
	if len(v) > MaxLen {
		return dst, errLongURI
	}
	dst, _ = appendUint16(dst, start, uint16(len(v)))
	return appendString(dst, start, v)
}

func nextURI(p []byte, off int) (string, int, error) {
	n, off, err := nextUint16(p, off)
	if err != nil {
		return "", 0, err
	}
	end := off + int(n)
	if end > len(p) {
		return "", 0, errCut
	}
	v, _, err := nextString(p[:end], off)
	return v, end, err
}
