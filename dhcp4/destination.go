package dhcp4

import (
	"net/netip"

	"github.com/embedhcp/embedhcp/lease"
)

// The ports of RFC 2131, section 4.1.
const (
	serverPort = 67
	clientPort = 68
)

// A destination is where a reply goes. With a hardware address the client
// cannot answer ARP for the address yet.
type destination struct {
	addr         netip.AddrPort
	hardwareAddr lease.HardwareAddr
	setBroadcast bool // the relay shall broadcast it: set the flag in the reply
}

// destinationOf tells where the answer of type t to req goes: RFC 2131,
// section 4.1, and section 4.3.2 for NAKs. source is where req came from.
// A relay agent may want the answer at the port that it sent from (RFC 8357).
// ok is false if there is no way back to the client.
func destinationOf(req *Message, t MessageType, yiaddr netip.Addr, source netip.AddrPort) (d destination, ok bool) {
	broadcast := destination{addr: netip.AddrPortFrom(broadcastAddr, clientPort)}
	if req.Type() == TypeInform {
		// RFC 2131, section 4.3.5: to ciaddr, not through the relay.
		switch {
		case isUnicast(req.CIAddr):
			return destination{addr: netip.AddrPortFrom(req.CIAddr, clientPort)}, true
		case isUnicast(req.GIAddr):
			return destination{addr: netip.AddrPortFrom(req.GIAddr, replyPort(req, source)), setBroadcast: true}, true
		case isUnicast(source.Addr().Unmap()):
			return destination{addr: netip.AddrPortFrom(source.Addr().Unmap(), clientPort)}, true
		}
		return destination{}, false
	}
	switch {
	case isUnicast(req.GIAddr):
		return destination{
			addr:         netip.AddrPortFrom(req.GIAddr, replyPort(req, source)),
			setBroadcast: t == TypeNAK,
		}, true
	case t == TypeNAK:
		return broadcast, true
	case isUnicast(req.CIAddr):
		return destination{addr: netip.AddrPortFrom(req.CIAddr, clientPort)}, true
	case req.Flags&FlagBroadcast != 0, req.HardwareAddr.Len() != 6, !isAddr(yiaddr):
		// Only Ethernet addresses can be reached without ARP.
		return broadcast, true
	}
	return destination{addr: netip.AddrPortFrom(yiaddr, clientPort), hardwareAddr: req.HardwareAddr}, true
}
