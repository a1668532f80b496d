package option

import "net/netip"

// SLPDirectoryAgents is the value of SLPDirectoryAgent (RFC 2610, section 3).
type SLPDirectoryAgents struct {
	Mandatory bool         // the client is to use only these agents
	Agents    []netip.Addr // IPv4, the preferred one first
}

// SLPScopes is the value of SLPServiceScope (RFC 2610, section 4).
type SLPScopes struct {
	Mandatory bool   // the client is to use only these scopes
	Scopes    string // names with commas between them; if empty, the client has to find them
}

var (
	slpDirectoryAgentsWire = Wire[SLPDirectoryAgents]{appendSLPDirectoryAgents, nextSLPDirectoryAgents}
	slpScopesWire          = Wire[SLPScopes]{appendSLPScopes, nextSLPScopes}
)

func appendSLPDirectoryAgents(dst []byte, start int, v SLPDirectoryAgents) ([]byte, error) {
	dst, _ = appendBool(dst, start, v.Mandatory)
	return appendAddresses(dst, v.Agents)
}

func nextSLPDirectoryAgents(p []byte, off int) (v SLPDirectoryAgents, end int, err error) {
	if v.Mandatory, off, err = nextBool(p, off); err != nil {
		return v, 0, err
	}
	v.Agents, err = readAddresses(p[off:])
	return v, len(p), err
}

func appendSLPScopes(dst []byte, start int, v SLPScopes) ([]byte, error) {
	dst, _ = appendBool(dst, start, v.Mandatory)
	return appendOptionalText(dst, v.Scopes)
}

func nextSLPScopes(p []byte, off int) (v SLPScopes, end int, err error) {
	if v.Mandatory, off, err = nextBool(p, off); err != nil {
		return v, 0, err
	}
	v.Scopes, err = readOptionalText(p[off:])
	return v, len(p), err
}

// appendOptionalText appends text that may be empty.
func appendOptionalText(dst []byte, s string) ([]byte, error) {
	if s == "" {
		return dst, nil
	}
	return appendString(dst, 0, s)
}

// readOptionalText reads text that may be empty; NULs at its end are cut off.
func readOptionalText(p []byte) (string, error) {
	s, _, err := nextString(p, 0)
	if err == errEmptyText {
		err = nil
	}
	return s, err
}
