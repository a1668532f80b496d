package option

// VendorData is what one vendor has in VIVCOSuboptions, VIVSOSuboptions (RFC
// 3925, sections 3 and 4) or AgentVendorSpecificInfo (RFC 4243).
// Data of more than 255 octets is split when it is written; what stands side
// by side of one enterprise is joined when it is read.
type VendorData struct {
	Enterprise uint32 // IANA's number of the vendor
	Data       []byte // see AppendOptions and AppendClasses; shared with the payload unless joined
}

// NewVendorOptions makes the VendorData of sub-options, for VIVSOSuboptions.
func NewVendorOptions(enterprise uint32, subs ...Option) (VendorData, error) {
	v := VendorData{Enterprise: enterprise}
	var err error
	for _, o := range subs {
		if v.Data, err = appendSubOption(v.Data, 0, o); err != nil {
			return VendorData{}, err
		}
	}
	return v, nil
}

// NewVendorClasses makes the VendorData of classes, for VIVCOSuboptions. A
// class has at most 255 octets.
func NewVendorClasses(enterprise uint32, classes ...[]byte) (VendorData, error) {
	v := VendorData{Enterprise: enterprise}
	var err error
	for _, c := range classes {
		if v.Data, err = appendCounted(v.Data, c); err != nil {
			return VendorData{}, err
		}
	}
	return v, nil
}

// AppendOptions reads Data as sub-options and appends them to dst. They share
// memory with Data unless they were joined (see SubOption). On error it
// returns dst as it was.
func (v VendorData) AppendOptions(dst []Option) ([]Option, error) {
	return appendAll(dst, v.Data, nextSubOption)
}

// AppendClasses reads Data as classes, each behind its length, and appends
// them to dst. They share memory with Data. On error it returns dst as it was.
func (v VendorData) AppendClasses(dst [][]byte) ([][]byte, error) {
	return appendAll(dst, v.Data, nextCounted)
}

var vendorDataWire = Wire[VendorData]{appendVendorData, nextVendorData}

// appendAll appends the values of which p consists.
func appendAll[T any](dst []T, p []byte, next func(p []byte, off int) (T, int, error)) ([]T, error) {
	n := len(dst)
	for off := 0; off < len(p); {
		v, end, err := next(p, off)
		switch {
		case err == skip:
		case err != nil:
			return dst[:n], err
		default:
			dst = append(dst, v)
		}
		off = end
	}
	return dst, nil
}

func appendVendorData(dst []byte, start int, v VendorData) ([]byte, error) {
	for rest := v.Data; ; {
		n := min(len(rest), 255)
		dst, _ = appendUint32(dst, start, v.Enterprise)
		dst = append(append(dst, byte(n)), rest[:n]...)
		if rest = rest[n:]; len(rest) == 0 {
			return dst, nil
		}
	}
}

func nextVendorData(p []byte, off int) (v VendorData, end int, err error) {
	v, end, err = nextVendorPart(p, off)
	if err != nil || !sameVendor(p, end, v.Enterprise) {
		return v, end, err
	}
	v.Data = append([]byte(nil), v.Data...)
	for sameVendor(p, end, v.Enterprise) {
		var part VendorData
		if part, end, err = nextVendorPart(p, end); err != nil {
			return VendorData{}, 0, err
		}
		v.Data = append(v.Data, part.Data...)
	}
	return v, end, nil
}

// sameVendor reports whether data of the enterprise stands at p[off:].
func sameVendor(p []byte, off int, enterprise uint32) bool {
	n, _, err := nextUint32[uint32](p, off)
	return err == nil && n == enterprise
}

func nextVendorPart(p []byte, off int) (v VendorData, end int, err error) {
	if v.Enterprise, off, err = nextUint32[uint32](p, off); err != nil {
		return v, 0, err
	}
	v.Data, end, err = nextCounted(p, off)
	return v, end, err
}
