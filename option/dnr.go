package option

import "net/netip"

// A DNR is an element of V4DNR (RFC 9463, section 5): an encrypted DNS
// resolver. Without Addrs the client looks all but the name up itself.
type DNR struct {
	Priority uint16         // the lowest is tried first
	Name     string         // to authenticate the resolver by, as FQDN has it
	Addrs    []netip.Addr   // IPv4, at most 63
	Params   []ServiceParam // in ascending order of Key; only with Addrs
}

// A ServiceParam is a service parameter (RFC 9460, section 2.2). Value is
// shared with the payload.
type ServiceParam struct {
	Key   uint16 // ParamALPN and so on
	Value []byte
}

// The keys of the service parameters that RFC 9463, section 3.1.5, names.
const (
	ParamALPN    = 1 // protocols, each behind its length in one octet: dot, doq, h2, h3
	ParamPort    = 3 // port number in 2 octets
	ParamDoHPath = 7 // template of the path of DNS over HTTPS, /dns-query{?dns}
)

const (
	errDNRCut       = reason("the resolver goes on after the end")
	errDNRName      = reason("the name does not fill its field")
	errDNRAddrs     = reason("has more than 63 addresses")
	errDNRNoAddrs   = reason("has parameters or an address field, but no address")
	errDNRParamCut  = reason("a service parameter goes on after the end")
	errDNROrder     = reason("the keys of the service parameters do not ascend")
	errDNRLongParam = reason("a service parameter is longer than 65535 octets")
	errDNRLong      = reason("the resolver is longer than 65535 octets")
)

var dnrWire = Wire[DNR]{appendDNR, nextDNR}

func appendDNR(dst []byte, start int, v DNR) ([]byte, error) {
	begin := len(dst)
	dst = append(dst, 0, 0, byte(v.Priority>>8), byte(v.Priority), 0)
	dst, err := appendName(dst, v.Name)
	if err != nil {
		return dst, err
	}
	dst[begin+4] = byte(len(dst) - begin - 5) // appendName allows no more than 255
	switch {
	case len(v.Addrs) > 63:
		return dst, errDNRAddrs
	case len(v.Addrs) > 0:
		if dst, err = appendAddresses(append(dst, byte(4*len(v.Addrs))), v.Addrs); err != nil {
			return dst, err
		}
	case len(v.Params) > 0:
		return dst, errDNRNoAddrs
	}
	for i, p := range v.Params {
		if i > 0 && p.Key <= v.Params[i-1].Key {
			return dst, errDNROrder
		}
		if len(p.Value) > MaxLen {
			return dst, errDNRLongParam
		}
		dst, _ = appendUint16(dst, start, p.Key)
		dst, _ = appendUint16(dst, start, uint16(len(p.Value)))
		dst = append(dst, p.Value...)
	}
	n := len(dst) - begin - 2
	if n > MaxLen {
		return dst, errDNRLong
	}
	dst[begin], dst[begin+1] = byte(n>>8), byte(n)
	return dst, nil
}

func nextDNR(p []byte, off int) (v DNR, end int, err error) {
	if len(p)-off < 6 {
		return v, 0, short(len(p)-off, 6)
	}
	n, off, _ := nextUint16(p, off)
	if end = off + int(n); end > len(p) || n < 4 {
		return v, 0, errDNRCut
	}
	p = p[:end]
	v.Priority, off, _ = nextUint16(p, off)
	name, off, err := nextCounted(p, off)
	if err != nil {
		return v, 0, err
	}
	text, n2, err := readName(name, 0, false)
	if err == nil && n2 != len(name) {
		err = errDNRName
	}
	if err != nil || off == end {
		v.Name = text
		return v, end, err
	}
	v.Name = text
	addrs, off, err := nextCounted(p, off)
	if err != nil {
		return v, 0, err
	}
	if v.Addrs, err = readAddresses(addrs); err == nil && len(v.Addrs) == 0 {
		err = errDNRNoAddrs
	}
	if err == nil {
		v.Params, err = readServiceParams(p[off:])
	}
	return v, end, err
}

func readServiceParams(p []byte) (params []ServiceParam, err error) {
	for off := 0; off < len(p); {
		if len(p)-off < 4 {
			return nil, errDNRParamCut
		}
		key, at, _ := nextUint16(p, off)
		n, at, _ := nextUint16(p, at)
		off = at + int(n)
		switch {
		case off > len(p):
			return nil, errDNRParamCut
		case len(params) > 0 && key <= params[len(params)-1].Key:
			return nil, errDNROrder
		}
		params = append(params, ServiceParam{key, p[at:off:off]})
	}
	return params, nil
}
