package dhcp4

import (
	"net/netip"

	"github.com/embedhcp/embedhcp/option"
)

// encode makes the packet that carries x's reply. If it cannot, x is dropped.
func (s *Server) encode(x *Exchange) bool {
	r := x.Reply
	d, ok := destinationOf(x.Request, x.replyType, r.YIAddr, x.Peer.Addr().Unmap())
	if !ok {
		x.drop(ReasonNoReturnPath)
		return false
	}
	if d.setBroadcast {
		r.Flags |= FlagBroadcast
	}
	if x.msgType == TypeInform && isAddr(r.GIAddr) && d.addr.Addr() != r.GIAddr {
		// It does not pass the relay on its way back.
		r.GIAddr, r.Hops = netip.Addr{}, 0
		r.Options = withoutLast(r.Options, codeAgentOptions)
	}
	var err error
	if x.out, err = r.AppendBinary(x.out[:0]); err != nil {
		s.logEncode(x, err)
		x.drop(ReasonEncode)
		return false
	}
	x.outPacket = Packet{
		Data:         x.out,
		Link:         x.Link,
		Peer:         d.addr,
		Local:        x.source(),
		HardwareAddr: d.hardwareAddr,
	}
	if !x.sender.IsZero() && d.hardwareAddr.IsZero() && d.addr.Addr() != broadcastAddr {
		x.outPacket.HardwareAddr = x.sender
	}
	return true
}

// source returns where the reply is sent from: the server identifier if it is
// the link's own, else the address that the request was sent to, else the
// server identifier all the same; and the port that the request came to.
func (x *Exchange) source() netip.AddrPort {
	port := x.Local.Port()
	if port == 0 {
		port = serverPort
	}
	if a := x.Local.Addr().Unmap(); isUnicast(a) && !x.Link.holds(x.serverID) {
		return netip.AddrPortFrom(a, port)
	}
	return netip.AddrPortFrom(x.serverID, port)
}

// withoutLast returns opts without its last element if that has the given code.
func withoutLast(opts option.Options, c option.Code) option.Options {
	if n := len(opts); n > 0 && opts[n-1].Code == c {
		return opts[:n-1]
	}
	return opts
}
