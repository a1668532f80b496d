package option

import "net/netip"

// A ProvisioningServer is the value of TSPProvisioningServer (RFC 3495,
// section 5.2): a name as FQDN has it or, if that is empty, an IPv4 address.
type ProvisioningServer struct {
	Name string
	Addr netip.Addr
}

// KerberosRetries is the value of TSPASParameters and TSPAPParameters (RFC
// 3495, sections 5.3 and 5.4): the first and the longest timeout, in the units
// that the RFC gives, and how often to try again.
type KerberosRetries struct{ Timeout, MaxTimeout, Retries uint32 }

var (
	provisioningServerWire = Wire[ProvisioningServer]{appendProvisioningServer, nextProvisioningServer}
	kerberosRetriesWire    = Wire[KerberosRetries]{appendKerberosRetries, nextKerberosRetries}
)

const (
	errServerBoth = reason("has a name and an address")
	errServerType = reason("the server is neither of type 0, a name, nor of type 1, an address")
)

func appendProvisioningServer(dst []byte, start int, v ProvisioningServer) ([]byte, error) {
	switch {
	case v.Name == "":
		return appendAddress(append(dst, 1), start, v.Addr)
	case v.Addr.IsValid():
		return dst, errServerBoth
	}
	return appendName(append(dst, 0), v.Name)
}

func nextProvisioningServer(p []byte, off int) (v ProvisioningServer, end int, err error) {
	switch {
	case len(p)-off < 1 || p[off] > 1:
		err = errServerType
	case p[off] == 0:
		v.Name, end, err = readName(p, off+1, false)
	default:
		v.Addr, end, err = nextAddress(p, off+1)
	}
	return v, end, err
}

func appendKerberosRetries(dst []byte, start int, v KerberosRetries) ([]byte, error) {
	for _, n := range [...]uint32{v.Timeout, v.MaxTimeout, v.Retries} {
		dst, _ = appendUint32(dst, start, n)
	}
	return dst, nil
}

func nextKerberosRetries(p []byte, off int) (v KerberosRetries, end int, err error) {
	if len(p)-off < 12 {
		return v, 0, short(len(p)-off, 12)
	}
	v.Timeout, off, _ = nextUint32[uint32](p, off)
	v.MaxTimeout, off, _ = nextUint32[uint32](p, off)
	v.Retries, off, _ = nextUint32[uint32](p, off)
	return v, off, nil
}
