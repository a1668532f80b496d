package option

// The value of AgentAccessPointBSSID is 6 octets (RFC 7839).
var bssidWire = Wire[[6]byte]{appendBSSID, nextBSSID}

func appendBSSID(dst []byte, _ int, v [6]byte) ([]byte, error) { return append(dst, v[:]...), nil }

func nextBSSID(p []byte, off int) (v [6]byte, end int, err error) {
	if len(p)-off < len(v) {
		return v, 0, short(len(p)-off, len(v))
	}
	return [6]byte(p[off:]), off + len(v), nil
}
