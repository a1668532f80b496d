package option

// The flags of a ClientName (RFC 4702, section 2.1).
const (
	FQDNFlagS = 1 << 0 // the server updates the A record
	FQDNFlagO = 1 << 1 // the server did not follow the client's S
	FQDNFlagE = 1 << 2 // the name is in the form of RFC 1035, not ASCII
	FQDNFlagN = 1 << 3 // the server updates nothing
)

// A ClientName is the value of ClientFQDN (RFC 4702, section 2).
type ClientName struct {
	Flags          uint8 // FQDNFlagS and so on
	RCode1, RCode2 uint8 // deprecated: servers send 255, clients 0
	// Name is the client's name. A dot at its end says that it is fully
	// qualified; without FQDNFlagE it is sent as it stands. If empty, the
	// server is to choose it. In other respects it is as FQDN has it, without
	// FQDNFlagE any text without NUL.
	Name string
}

var clientNameWire = Wire[ClientName]{appendClientName, nextClientName}

func appendClientName(dst []byte, _ int, v ClientName) ([]byte, error) {
	dst = append(dst, v.Flags, v.RCode1, v.RCode2)
	if v.Flags&FQDNFlagE == 0 || v.Name == "" {
		return appendOptionalText(dst, v.Name)
	}
	dst, err := appendName(dst, v.Name)
	if err != nil || isQualified(v.Name) {
		return dst, err
	}
	return dst[:len(dst)-1], nil // a partial name lacks the root
}

// isQualified reports whether name ends in a dot that is no part of a label.
func isQualified(name string) bool {
	if name == "" || name[len(name)-1] != '.' {
		return false
	}
	n := 0 // backslashes before the dot
	for n < len(name)-1 && name[len(name)-2-n] == '\\' {
		n++
	}
	return n%2 == 0
}

func nextClientName(p []byte, off int) (v ClientName, end int, err error) {
	if len(p)-off < 3 {
		return v, 0, short(len(p)-off, 3)
	}
	v.Flags, v.RCode1, v.RCode2 = p[off], p[off+1], p[off+2]
	name := p[off+3:]
	if v.Flags&FQDNFlagE == 0 {
		v.Name, err = readOptionalText(name)
		return v, len(p), err
	}
	if len(name) == 0 {
		return v, len(p), nil
	}
	if text, n, err := readName(name, 0, false); err == nil {
		if text != "." {
			text += "."
		}
		v.Name = text
		return v, off + 3 + n, nil
	}
	// A partial name ends with the payload.
	var scratch [maxName + 1]byte
	if len(name) > maxName {
		return v, 0, errLongName
	}
	copy(scratch[:], name)
	text, n, err := readName(scratch[:len(name)+1], 0, false)
	if err == nil && n != len(name)+1 {
		err = errNameCut
	}
	v.Name = text
	return v, len(p), err
}
