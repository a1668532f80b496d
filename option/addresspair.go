package option

import "net/netip"

// An AddressPair is an element of PolicyFilter, the address and the mask of
// destinations (RFC 2132, section 4.3), or of StaticRoutes, a destination and
// the router to it (RFC 2132, section 5.8). Both are IPv4.
type AddressPair struct{ First, Second netip.Addr }

var addressPairWire = Wire[AddressPair]{appendAddressPair, nextAddressPair}

func appendAddressPair(dst []byte, start int, v AddressPair) ([]byte, error) {
	dst, err := appendAddress(dst, start, v.First)
	if err != nil {
		return dst, err
	}
	return appendAddress(dst, start, v.Second)
}

func nextAddressPair(p []byte, off int) (AddressPair, int, error) {
	if len(p)-off < 8 {
		return AddressPair{}, 0, short(len(p)-off, 8)
	}
	first, off, _ := nextAddress(p, off)
	second, off, _ := nextAddress(p, off)
	return AddressPair{first, second}, off, nil
}

// appendAddresses appends the IPv4 addresses vs.
func appendAddresses(dst []byte, vs []netip.Addr) ([]byte, error) {
	var err error
	for _, v := range vs {
		if dst, err = appendAddress(dst, 0, v); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// readAddresses returns the IPv4 addresses of which p consists.
func readAddresses(p []byte) ([]netip.Addr, error) {
	if len(p)%4 != 0 {
		return nil, short(len(p)%4, 4)
	}
	if len(p) == 0 {
		return nil, nil
	}
	vs := make([]netip.Addr, 0, len(p)/4)
	for ; len(p) > 0; p = p[4:] {
		vs = append(vs, netip.AddrFrom4([4]byte(p)))
	}
	return vs, nil
}
