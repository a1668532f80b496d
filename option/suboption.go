package option

const (
	errSubCode  = reason("codes 0 and 255 are not for sub-options here")
	errSubNever = reason("sub-option was made by Never")
	errSubCut   = reason("sub-option goes on after the end")
)

// appendSubOption splits what is longer than 255 octets, as RFC 3396 does with
// options.
func appendSubOption(dst []byte, _ int, v Option) ([]byte, error) {
	if err := v.Err(); err != nil {
		return dst, err
	}
	if v.IsNever() {
		return dst, errSubNever
	}
	for rest := v.Data; ; {
		n := min(len(rest), 255)
		dst = append(append(dst, byte(v.Code), byte(n)), rest[:n]...)
		if rest = rest[n:]; len(rest) == 0 {
			return dst, nil
		}
	}
}

func nextSubOption(p []byte, off int) (Option, int, error) {
	return nextJoined(p, off, func(off int) int { return off })
}

// nextJoined reads a sub-option and joins the parts of the same code that
// follow it. Only neighbours: that is how parts are written, and it keeps the
// work proportional to the payload. more returns the offset of the next part.
func nextJoined(p []byte, off int, more func(off int) int) (v Option, end int, err error) {
	v, end, err = nextPart(p, off)
	joined := false
	for err == nil {
		at := more(end)
		if at >= len(p) || Code(p[at]) != v.Code {
			return v, end, nil
		}
		if !joined {
			joined = true
			v.Data = append([]byte(nil), v.Data...)
		}
		var part Option
		part, end, err = nextPart(p, at)
		v.Data = append(v.Data, part.Data...)
	}
	return Option{}, 0, err
}

func nextPart(p []byte, off int) (Option, int, error) {
	if len(p)-off < 2 {
		return Option{}, 0, errSubCut
	}
	begin := off + 2
	end := begin + int(p[off+1])
	if end > len(p) {
		return Option{}, 0, errSubCut
	}
	return Option{Code: Code(p[off]), Data: p[begin:end:end]}, end, nil
}

func appendVendorOption(dst []byte, start int, v Option) ([]byte, error) {
	if v.Code == Pad || v.Code == End {
		return dst, errSubCode
	}
	return appendSubOption(dst, start, v)
}

func nextVendorOption(p []byte, off int) (Option, int, error) {
	skipPads := func(off int) int {
		for off < len(p) && Code(p[off]) == Pad {
			off++
		}
		return off
	}
	off = skipPads(off)
	if off == len(p) || Code(p[off]) == End {
		return Option{}, len(p), skip
	}
	return nextJoined(p, off, skipPads)
}
