package option

import "time"

// A Status is the value of StatusCode (RFC 6926, section 6.2.2).
type Status struct {
	Code    uint8  // 0 success, 1 unspecified failure, 2 query terminated, 3 malformed query, 4 not allowed
	Message string // for people; may be empty
}

var statusWire = Wire[Status]{appendStatus, nextStatus}

func appendStatus(dst []byte, _ int, v Status) ([]byte, error) {
	return appendOptionalText(append(dst, v.Code), v.Message)
}

func nextStatus(p []byte, off int) (v Status, end int, err error) {
	if len(p)-off < 1 {
		return v, 0, short(len(p)-off, 1)
	}
	v.Code = p[off]
	v.Message, err = readOptionalText(p[off+1:])
	return v, len(p), err
}

func appendUnixTime(dst []byte, start int, v time.Time) ([]byte, error) {
	sec := v.Unix()
	if sec < 0 || sec > 0xffffffff {
		return dst, reason("the time is not between 1970 and 2106")
	}
	return appendUint32(dst, start, uint32(sec))
}

func nextUnixTime(p []byte, off int) (time.Time, int, error) {
	sec, end, err := nextUint32[uint32](p, off)
	if err != nil {
		return time.Time{}, 0, err
	}
	return time.Unix(int64(sec), 0).UTC(), end, nil
}
