package option

const errEmptyClass = reason("class is empty")

// The payload of UserClass is a list of classes, each behind its length (RFC
// 3004, section 4). iPXE and Microsoft's clients send one class without length
// instead: what is no list is read as such.
var userClassWire = Wire[[]byte]{appendUserClass, nextUserClass}

func appendUserClass(dst []byte, _ int, v []byte) ([]byte, error) {
	if len(v) == 0 {
		return dst, errEmptyClass
	}
	return appendCounted(dst, v)
}

func nextUserClass(p []byte, off int) ([]byte, int, error) {
	if off == 0 && !isUserClassList(p) {
		if len(p) > 255 {
			return nil, 0, errLongCounted
		}
		return p[:len(p):len(p)], len(p), nil
	}
	return nextCounted(p, off)
}

func isUserClassList(p []byte) bool {
	for len(p) > 0 {
		n := int(p[0])
		if n == 0 || n >= len(p) {
			return false
		}
		p = p[1+n:]
	}
	return true
}

const (
	errLongCounted = reason("is longer than 255 octets")
	errCut         = reason("goes on after the end")
)

// appendCounted appends v behind its length in one octet.
func appendCounted(dst, v []byte) ([]byte, error) {
	if len(v) > 255 {
		return dst, errLongCounted
	}
	return append(append(dst, byte(len(v))), v...), nil
}

// nextCounted reads what appendCounted appended.
func nextCounted(p []byte, off int) ([]byte, int, error) {
	if off >= len(p) {
		return nil, 0, errCut
	}
	end := off + 1 + int(p[off])
	if end > len(p) {
		return nil, 0, errCut
	}
	return p[off+1 : end : end], end, nil
}
