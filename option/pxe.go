package option

import "net/netip"

// A NetworkInterface is the value of ClientNDI (RFC 4578, section 2.2): the
// client's interface to its network card. Type 1 is UNDI, and Major.Minor its
// version.
type NetworkInterface struct{ Type, Major, Minor uint8 }

// A MachineID is the value of UUIDGUID (RFC 4578, section 2.3). Type 0 is a
// GUID of 16 octets, its first three fields with the low octet first in most
// firmware. ID is shared with the payload.
type MachineID struct {
	Type uint8
	ID   []byte
}

// PXEServers are the boot servers of one type, an element of PXEBootServers
// (PXE 2.1, table 2-1).
type PXEServers struct {
	Type  uint16
	Addrs []netip.Addr // IPv4; if none, the client takes the answer of any server
}

// A PXEMenuItem is an element of PXEBootMenu (PXE 2.1, table 2-1).
type PXEMenuItem struct {
	Type        uint16 // of boot server; 0: from the local disk
	Description string
}

// A PXEPrompt is the value of PXEMenuPrompt (PXE 2.1, table 2-1).
type PXEPrompt struct {
	Timeout uint8 // in seconds until the first item is taken; 0 at once, 255 never
	Prompt  string
}

// A PXEItem is the value of PXEBootItem (PXE 2.1, table 2-1).
type PXEItem struct{ Type, Layer uint16 }

var (
	networkInterfaceWire = Wire[NetworkInterface]{appendNetworkInterface, nextNetworkInterface}
	machineIDWire        = Wire[MachineID]{appendMachineID, nextMachineID}
	pxeServersWire       = Wire[PXEServers]{appendPXEServers, nextPXEServers}
	pxeMenuItemWire      = Wire[PXEMenuItem]{appendPXEMenuItem, nextPXEMenuItem}
	pxePromptWire        = Wire[PXEPrompt]{appendPXEPrompt, nextPXEPrompt}
	pxeItemWire          = Wire[PXEItem]{appendPXEItem, nextPXEItem}
)

func appendNetworkInterface(dst []byte, _ int, v NetworkInterface) ([]byte, error) {
	return append(dst, v.Type, v.Major, v.Minor), nil
}

func nextNetworkInterface(p []byte, off int) (NetworkInterface, int, error) {
	if len(p)-off < 3 {
		return NetworkInterface{}, 0, short(len(p)-off, 3)
	}
	return NetworkInterface{p[off], p[off+1], p[off+2]}, off + 3, nil
}

func appendMachineID(dst []byte, _ int, v MachineID) ([]byte, error) {
	return append(append(dst, v.Type), v.ID...), nil
}

func nextMachineID(p []byte, off int) (MachineID, int, error) {
	if len(p)-off < 1 {
		return MachineID{}, 0, short(len(p)-off, 1)
	}
	return MachineID{p[off], p[off+1 : len(p) : len(p)]}, len(p), nil
}

func appendPXEServers(dst []byte, start int, v PXEServers) ([]byte, error) {
	if len(v.Addrs) > 255 {
		return dst, reason("has more than 255 addresses")
	}
	dst, _ = appendUint16(dst, start, v.Type)
	return appendAddresses(append(dst, byte(len(v.Addrs))), v.Addrs)
}

func nextPXEServers(p []byte, off int) (v PXEServers, end int, err error) {
	if len(p)-off < 3 {
		return v, 0, short(len(p)-off, 3)
	}
	v.Type, off, _ = nextUint16(p, off)
	if end = off + 1 + 4*int(p[off]); end > len(p) {
		return v, 0, errCut
	}
	v.Addrs, err = readAddresses(p[off+1 : end])
	return v, end, err
}

func appendPXEMenuItem(dst []byte, start int, v PXEMenuItem) ([]byte, error) {
	if len(v.Description) > 255 {
		return dst, errLongCounted
	}
	dst, _ = appendUint16(dst, start, v.Type)
	return appendOptionalText(append(dst, byte(len(v.Description))), v.Description)
}

func nextPXEMenuItem(p []byte, off int) (v PXEMenuItem, end int, err error) {
	if len(p)-off < 3 {
		return v, 0, short(len(p)-off, 3)
	}
	v.Type, off, _ = nextUint16(p, off)
	text, end, err := nextCounted(p, off)
	if err == nil {
		v.Description, err = readOptionalText(text)
	}
	return v, end, err
}

func appendPXEPrompt(dst []byte, _ int, v PXEPrompt) ([]byte, error) {
	return appendOptionalText(append(dst, v.Timeout), v.Prompt)
}

func nextPXEPrompt(p []byte, off int) (v PXEPrompt, end int, err error) {
	if len(p)-off < 1 {
		return v, 0, short(len(p)-off, 1)
	}
	v.Timeout = p[off]
	v.Prompt, err = readOptionalText(p[off+1:])
	return v, len(p), err
}

func appendPXEItem(dst []byte, start int, v PXEItem) ([]byte, error) {
	return appendUint32(dst, start, uint32(v.Type)<<16|uint32(v.Layer))
}

func nextPXEItem(p []byte, off int) (PXEItem, int, error) {
	n, end, err := nextUint32[uint32](p, off)
	return PXEItem{uint16(n >> 16), uint16(n)}, end, err
}
