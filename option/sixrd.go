package option

import (
	"net/netip"
	"strconv"
)

// A SixRD is the value of Option6RD (RFC 5969, section 7.1.1).
type SixRD struct {
	IPv4MaskLen  uint8        // high bits that all IPv4 addresses of the domain share, at most 32
	Prefix       netip.Prefix // IPv6, of the domain; bits beyond its length are taken for 0
	BorderRelays []netip.Addr // IPv4, at least one
}

var sixRDWire = Wire[SixRD]{appendSixRD, nextSixRD}

func appendSixRD(dst []byte, _ int, v SixRD) ([]byte, error) {
	switch {
	case !v.Prefix.IsValid() || !v.Prefix.Addr().Is6():
		return dst, reason(v.Prefix.String() + " is not an IPv6 prefix")
	case len(v.BorderRelays) == 0:
		return dst, reason("has no border relay")
	}
	if err := checkSixRD(v.IPv4MaskLen, v.Prefix.Bits()); err != nil {
		return dst, err
	}
	a := v.Prefix.Masked().Addr().As16()
	dst = append(append(dst, v.IPv4MaskLen, byte(v.Prefix.Bits())), a[:]...)
	return appendAddresses(dst, v.BorderRelays)
}

// checkSixRD makes sure that a delegated prefix leaves room for a subnet.
func checkSixRD(mask uint8, bits int) error {
	if mask > 32 || bits > 128 || int(32-mask)+bits > 128 {
		return reason("the IPv4 mask has " + strconv.Itoa(int(mask)) + " bits and the prefix " + strconv.Itoa(bits))
	}
	return nil
}

func nextSixRD(p []byte, off int) (v SixRD, end int, err error) {
	if len(p)-off < 22 {
		return v, 0, short(len(p)-off, 22)
	}
	bits := int(p[off+1])
	if err := checkSixRD(p[off], bits); err != nil {
		return v, 0, err
	}
	v.IPv4MaskLen = p[off]
	v.Prefix = netip.PrefixFrom(netip.AddrFrom16([16]byte(p[off+2:])), bits).Masked()
	v.BorderRelays, err = readAddresses(p[off+18:])
	return v, len(p), err
}
