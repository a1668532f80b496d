package option

import "net/netip"

// The payload of V4PCPServer is a list of servers, each a list of addresses
// behind its length in octets (RFC 7291, section 4).
var pcpServerWire = Wire[[]netip.Addr]{appendPCPServer, nextPCPServer}

func appendPCPServer(dst []byte, _ int, v []netip.Addr) ([]byte, error) {
	switch {
	case len(v) == 0:
		return dst, reason("has no address")
	case len(v) > 63:
		return dst, reason("has more than 63 addresses")
	}
	return appendAddresses(append(dst, byte(4*len(v))), v)
}

func nextPCPServer(p []byte, off int) ([]netip.Addr, int, error) {
	list, end, err := nextCounted(p, off)
	if err != nil {
		return nil, 0, err
	}
	if len(list) == 0 {
		return nil, 0, reason("has no address")
	}
	v, err := readAddresses(list)
	return v, end, err
}
