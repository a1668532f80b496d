package option

// The types of a VSS (RFC 6607, section 3.5).
const (
	VSSName   = 0   // Info is the name of a VPN in ASCII
	VSSID     = 1   // Info is the VPN-ID of RFC 2685, 7 octets
	VSSGlobal = 255 // the global, default VPN; Info is empty
)

// A VSS is the value of VirtualSubnetSelection and AgentVirtualSubnetSelect
// (RFC 6607): the VPN in which addresses and subnets are meant. Info is shared
// with the payload.
type VSS struct {
	Type uint8 // VSSName and so on
	Info []byte
}

const (
	errVSSID     = reason("the VPN-ID has not 7 octets")
	errVSSGlobal = reason("the global VPN has no information")
)

var vssWire = Wire[VSS]{appendVSS, nextVSS}

func appendVSS(dst []byte, _ int, v VSS) ([]byte, error) {
	if err := v.check(); err != nil {
		return dst, err
	}
	return append(append(dst, v.Type), v.Info...), nil
}

func nextVSS(p []byte, off int) (VSS, int, error) {
	if len(p)-off < 1 {
		return VSS{}, 0, short(len(p)-off, 1)
	}
	v := VSS{p[off], p[off+1 : len(p) : len(p)]}
	return v, len(p), v.check()
}

func (v VSS) check() error {
	switch {
	case v.Type == VSSID && len(v.Info) != 7:
		return errVSSID
	case v.Type == VSSGlobal && len(v.Info) != 0:
		return errVSSGlobal
	}
	return nil
}
