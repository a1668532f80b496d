package option

// PortParams is the value of V4PortParams (RFC 7618, section 9): the ports of
// a shared address that are the client's.
type PortParams struct {
	Offset     uint8  // bits of a port number before the port set id, at most 15
	PSIDLength uint8  // bits of the port set id, at most 16; 0: all ports
	PSID       uint16 // the port set id as a number, 3 of 3/4
}

var portParamsWire = Wire[PortParams]{appendPortParams, nextPortParams}

func appendPortParams(dst []byte, _ int, v PortParams) ([]byte, error) {
	if v.Offset > 15 {
		return dst, errPortOffset
	}
	if v.PSIDLength > 16 || v.PSID>>v.PSIDLength != 0 {
		return dst, errPSID
	}
	psid := v.PSID << (16 - v.PSIDLength)
	return append(dst, v.Offset, v.PSIDLength, byte(psid>>8), byte(psid)), nil
}

const errPortOffset = reason("the offset is above 15 bits")

// nextPortParams ignores bits beyond the length, as the RFC has it.
func nextPortParams(p []byte, off int) (v PortParams, end int, err error) {
	if len(p)-off < 4 {
		return v, 0, short(len(p)-off, 4)
	}
	v.Offset, v.PSIDLength = p[off], p[off+1]
	switch {
	case v.Offset > 15:
		return v, 0, errPortOffset
	case v.PSIDLength > 16:
		return v, 0, errPSID
	}
	v.PSID = (uint16(p[off+2])<<8 | uint16(p[off+3])) >> (16 - v.PSIDLength)
	return v, off + 4, nil
}
