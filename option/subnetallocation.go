package option

// A SubnetRequest is the value of SubnetAllocation (RFC 6656).
type SubnetRequest struct {
	Flags   uint8
	Options []Option // sub-options: 1 request, 2 information, 3 name, 4 suggested lifetime
}

var subnetRequestWire = Wire[SubnetRequest]{appendSubnetRequest, nextSubnetRequest}

func appendSubnetRequest(dst []byte, start int, v SubnetRequest) ([]byte, error) {
	dst = append(dst, v.Flags)
	for _, o := range v.Options {
		var err error
		if dst, err = appendSubOption(dst, start, o); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func nextSubnetRequest(p []byte, off int) (v SubnetRequest, end int, err error) {
	if len(p)-off < 1 {
		return v, 0, short(len(p)-off, 1)
	}
	v.Flags = p[off]
	v.Options, err = appendAll(nil, p[off+1:], nextSubOption)
	return v, len(p), err
}
