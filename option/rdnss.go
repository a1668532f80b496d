package option

import "net/netip"

// An RDNSS is the value of RDNSSSelection (RFC 6731, section 4.3): the servers
// to ask for names in certain domains.
type RDNSS struct {
	Preference         uint8      // 0 medium, 1 high, 3 low; only the lowest two bits count
	Primary, Secondary netip.Addr // IPv4; 0.0.0.0 is none
	Domains            []string   // as FQDN has them; "." is all names
}

var rdnssWire = Wire[RDNSS]{appendRDNSS, nextRDNSS}

func appendRDNSS(dst []byte, start int, v RDNSS) ([]byte, error) {
	if v.Preference > 3 {
		return dst, reason("the preference is above 3")
	}
	dst, err := appendAddressPair(append(dst, v.Preference), start, AddressPair{v.Primary, v.Secondary})
	if err != nil {
		return dst, err
	}
	return appendNames(dst, v.Domains)
}

func nextRDNSS(p []byte, off int) (v RDNSS, end int, err error) {
	if len(p)-off < 9 {
		return v, 0, short(len(p)-off, 9)
	}
	v.Preference = p[off] & 3
	pair, off, _ := nextAddressPair(p, off+1)
	v.Primary, v.Secondary = pair.First, pair.Second
	v.Domains, err = readNames(p[off:], false)
	return v, len(p), err
}
