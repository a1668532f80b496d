package option

// A RADIUSAttribute is an element of AgentRADIUS (RFC 4014), in the
// form of RFC 2865, section 5. Value is shared with the payload.
type RADIUSAttribute struct {
	Type  uint8
	Value []byte // at most 253 octets
}

var radiusAttributeWire = Wire[RADIUSAttribute]{appendRADIUSAttribute, nextRADIUSAttribute}

func appendRADIUSAttribute(dst []byte, _ int, v RADIUSAttribute) ([]byte, error) {
	if len(v.Value) > 253 {
		return dst, reason("attribute is longer than 253 octets")
	}
	return append(append(dst, v.Type, byte(2+len(v.Value))), v.Value...), nil
}

func nextRADIUSAttribute(p []byte, off int) (RADIUSAttribute, int, error) {
	if len(p)-off < 2 || p[off+1] < 2 {
		return RADIUSAttribute{}, 0, reason("attribute is shorter than its head")
	}
	end := off + int(p[off+1])
	if end > len(p) {
		return RADIUSAttribute{}, 0, errCut
	}
	return RADIUSAttribute{p[off], p[off+2 : end : end]}, end, nil
}
