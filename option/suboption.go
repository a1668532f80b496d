package option

const (
	errLongSub  = reason("sub-option is longer than 255 octets")
	errSubCode  = reason("codes 0 and 255 are not for sub-options here")
	errSubNever = reason("sub-option was made by Never")
	errSubCut   = reason("sub-option goes on after the end")
)

func appendSubOption(dst []byte, _ int, v Option) ([]byte, error) {
	if err := v.Err(); err != nil {
		return dst, err
	}
	if v.IsNever() {
		return dst, errSubNever
	}
	if len(v.Data) > 255 {
		return dst, errLongSub
	}
	dst = append(dst, byte(v.Code), byte(len(v.Data)))
	return append(dst, v.Data...), nil
}

func nextSubOption(p []byte, off int) (Option, int, error) {
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
	for off < len(p) {
		switch Code(p[off]) {
		case Pad:
			off++
		case End:
			return Option{}, len(p), skip
		default:
			return nextSubOption(p, off)
		}
	}
	return Option{}, len(p), skip
}
