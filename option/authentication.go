package option

// Authentication is the value of Authenticate (RFC 3118, section 2).
type Authentication struct {
	Protocol    uint8  // 0 configuration token, 1 delayed authentication
	Algorithm   uint8  // of Protocol 1: 1 is HMAC-MD5
	RDM         uint8  // method of replay detection; 0: Replay only grows
	Replay      uint64 // value of replay detection
	Information []byte // as Protocol and Algorithm rule; shared with the payload
}

// AgentAuthentication is the value of AgentAuth (RFC 4030).
type AgentAuthentication struct {
	Algorithm   uint8  // 1 is HMAC-SHA1
	RDM         uint8  // method of replay detection, at most 15; 1: Replay only grows
	Replay      uint64 // value of replay detection
	RelayID     uint32 // who signed: an address of the relay agent as a number
	Information []byte // as Algorithm rules; shared with the payload
}

var (
	authenticationWire      = Wire[Authentication]{appendAuthentication, nextAuthentication}
	agentAuthenticationWire = Wire[AgentAuthentication]{appendAgentAuthentication, nextAgentAuthentication}
)

func appendAuthentication(dst []byte, _ int, v Authentication) ([]byte, error) {
	dst = append(dst, v.Protocol, v.Algorithm, v.RDM)
	return append(appendUint64(dst, v.Replay), v.Information...), nil
}

func nextAuthentication(p []byte, off int) (v Authentication, end int, err error) {
	if len(p)-off < 11 {
		return v, 0, short(len(p)-off, 11)
	}
	return Authentication{p[off], p[off+1], p[off+2], uint64At(p[off+3:]), p[off+11 : len(p) : len(p)]}, len(p), nil
}

func appendAgentAuthentication(dst []byte, start int, v AgentAuthentication) ([]byte, error) {
	if v.RDM > 15 {
		return dst, reason("the method of replay detection is above 15")
	}
	dst = appendUint64(append(dst, v.Algorithm, v.RDM), v.Replay)
	dst, _ = appendUint32(dst, start, v.RelayID)
	return append(dst, v.Information...), nil
}

func nextAgentAuthentication(p []byte, off int) (v AgentAuthentication, end int, err error) {
	if len(p)-off < 14 {
		return v, 0, short(len(p)-off, 14)
	}
	relay, end, _ := nextUint32[uint32](p, off+10)
	return AgentAuthentication{p[off], p[off+1] & 15, uint64At(p[off+2:]), relay, p[end:len(p):len(p)]}, len(p), nil
}

func appendUint64(dst []byte, v uint64) []byte {
	return append(dst, byte(v>>56), byte(v>>48), byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

func uint64At(p []byte) (v uint64) {
	for _, c := range p[:8] {
		v = v<<8 | uint64(c)
	}
	return v
}
