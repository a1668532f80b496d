package option

import (
	"net/netip"
	"strconv"
)

// A Route is an element of ClasslessStaticRoute (RFC 3442): packets for
// Destination go to Router. Both are IPv4. Bits of Destination beyond its
// length are taken for 0. The Router 0.0.0.0 means that Destination is on the
// client's own link.
type Route struct {
	Destination netip.Prefix
	Router      netip.Addr
}

func appendRoute(dst []byte, start int, v Route) ([]byte, error) {
	if !v.Destination.IsValid() || !v.Destination.Addr().Is4() {
		return dst, reason(v.Destination.String() + " is not an IPv4 prefix")
	}
	if !v.Router.IsValid() {
		return dst, reason("has no Router; 0.0.0.0 stands for the client's own link")
	}
	bits := v.Destination.Bits()
	a := v.Destination.Addr().As4()
	n := (bits + 7) / 8
	if rest := bits % 8; rest != 0 {
		a[n-1] &= 0xff << (8 - rest)
	}
	n += len(dst) + 1
	dst = append(dst, byte(bits), a[0], a[1], a[2], a[3])[:n]
	return appendAddress(dst, start, v.Router)
}

func nextRoute(p []byte, off int) (Route, int, error) {
	if off >= len(p) {
		return Route{}, 0, short(0, 5)
	}
	bits := int(p[off])
	if bits > 32 {
		return Route{}, 0, reason("the prefix has " + strconv.Itoa(bits) + " bits")
	}
	n := (bits + 7) / 8
	if len(p)-off < 1+n+4 {
		return Route{}, 0, short(len(p)-off, 1+n+4)
	}
	var a [4]byte
	copy(a[:], p[off+1:off+1+n])
	router, end, err := nextAddress(p, off+1+n)
	return Route{netip.PrefixFrom(netip.AddrFrom4(a), bits).Masked(), router}, end, err
}
