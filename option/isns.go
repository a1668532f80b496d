package option

import "net/netip"

// ISNSServers is the value of ISNS (RFC 4174, section 2). The bits of the
// integers are those of the RFC, the lowest is bit 15 or 31 of its figures.
type ISNSServers struct {
	Functions       uint16
	DiscoveryAccess uint16
	Administrative  uint16
	Security        uint32
	Servers         []netip.Addr // IPv4; the second and later ones are backups
}

var isnsServersWire = Wire[ISNSServers]{appendISNSServers, nextISNSServers}

func appendISNSServers(dst []byte, start int, v ISNSServers) ([]byte, error) {
	for _, n := range [...]uint16{v.Functions, v.DiscoveryAccess, v.Administrative} {
		dst = append(dst, byte(n>>8), byte(n))
	}
	dst, _ = appendUint32(dst, start, v.Security)
	return appendAddresses(dst, v.Servers)
}

func nextISNSServers(p []byte, off int) (v ISNSServers, end int, err error) {
	if len(p)-off < 10 {
		return v, 0, short(len(p)-off, 10)
	}
	v.Functions, off, _ = nextUint16(p, off)
	v.DiscoveryAccess, off, _ = nextUint16(p, off)
	v.Administrative, off, _ = nextUint16(p, off)
	v.Security, off, _ = nextUint32[uint32](p, off)
	v.Servers, err = readAddresses(p[off:])
	return v, len(p), err
}
