package option

import "net/netip"

// SIPProxies is the value of SIPServers, by name or by address (RFC 3361,
// section 3). One of the two lists is empty.
type SIPProxies struct {
	Names []string     // domain names as FQDN has them, the preferred one first
	Addrs []netip.Addr // IPv4, the preferred one first
}

const (
	errSIPBoth     = reason("has names and addresses")
	errSIPNone     = reason("has neither a name nor an address")
	errSIPEncoding = reason("the encoding is neither 0 nor 1")
)

var sipProxiesWire = Wire[SIPProxies]{appendSIPProxies, nextSIPProxies}

func appendSIPProxies(dst []byte, _ int, v SIPProxies) ([]byte, error) {
	switch {
	case len(v.Names) > 0 && len(v.Addrs) > 0:
		return dst, errSIPBoth
	case len(v.Addrs) > 0:
		return appendAddresses(append(dst, 1), v.Addrs)
	case len(v.Names) == 0:
		return dst, errSIPNone
	}
	dst = append(dst, 0)
	return appendNames(dst, v.Names)
}

func nextSIPProxies(p []byte, off int) (v SIPProxies, end int, err error) {
	switch {
	case len(p)-off < 2:
		return v, 0, errSIPNone
	case p[off] == 1:
		v.Addrs, err = readAddresses(p[off+1:])
	case p[off] == 0:
		v.Names, err = readNames(p[off+1:], true)
	default:
		err = errSIPEncoding
	}
	return v, len(p), err
}

// appendNames appends names without compression.
func appendNames(dst []byte, names []string) ([]byte, error) {
	var err error
	for _, name := range names {
		if dst, err = appendName(dst, name); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// readNames returns the names of which p consists.
func readNames(p []byte, pointers bool) (names []string, err error) {
	for off := 0; off < len(p); {
		var name string
		if name, off, err = readName(p, off, pointers); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}
