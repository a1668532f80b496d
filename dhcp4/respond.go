package dhcp4

import (
	"net/netip"

	"github.com/embedhcp/embedhcp/option"
)

// encode makes the packet that carries x's reply. If it cannot, x is dropped.
func (s *Server) encode(x *Exchange) {
	r := x.Reply
	d, ok := destinationOf(x.Request, x.replyType, r.YIAddr, x.Peer)
	if !ok || x.isBroadcast(d.addr.Addr()) {
		x.drop(ReasonNoReturnPath)
		return
	}
	if d.setBroadcast {
		r.Flags |= FlagBroadcast
	}
	if x.msgType == TypeInform && isAddr(r.GIAddr) && d.addr.Addr() != r.GIAddr {
		// It does not pass the relay on its way back.
		r.GIAddr, r.Hops = netip.Addr{}, 0
		r.Options = withoutLast(r.Options, codeAgentOptions)
	}
	parameters, _ := x.Request.Options.Lookup(codeParameters)
	var omitted int
	var err error
	x.out, omitted, err = r.AppendBinaryLimit(x.out[:0], x.sizeLimit(), parameters)
	if all := r.Options; err != nil && len(withoutLast(all, codeAgentOptions)) < len(all) {
		// RFC 3046, section 2.2: where there is no room for the whole relay
		// agent information, the reply goes without.
		r.Options = withoutLast(all, codeAgentOptions)
		x.out, omitted, err = r.AppendBinaryLimit(x.out[:0], x.sizeLimit(), parameters)
		if r.Options, omitted = all, omitted+1; err == nil {
			s.countReason(ReasonAgentInfoOmitted)
		}
	}
	if err != nil {
		s.logEncode(x, err)
		x.drop(ReasonEncode)
		return
	}
	if omitted > 0 {
		s.logOmitted(x)
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
}

// sizeLimit returns how many octets the reply may have: what fits with IP and
// UDP headers into the datagram that the client says it takes (RFC 2132,
// section 9.10), and into the 576 octets that every client takes (RFC 2131,
// section 2).
func (x *Exchange) sizeLimit() int {
	const everyClient, headers = 576, ipv4HeaderLen + udpHeaderLen
	size, _, _ := option.DHCPMaxMessageSize.Get(x.Request.Options) // malformed: as if absent
	return max(everyClient, int(size)) - headers
}

// source returns where the reply is sent from: the subnet's Source, else the
// server identifier if it is the link's own, else the address that the request
// was sent to, else another one of the link, as Kea does, and the server
// identifier only if it has none; and the port that the request came to. What a
// relay agent calls the server (RFC 5107) is no source.
func (x *Exchange) source() netip.AddrPort {
	port := x.Local.Port()
	if port == 0 {
		port = serverPort
	}
	if x.Subnet.Source.IsValid() {
		return netip.AddrPortFrom(x.Subnet.Source, port)
	}
	source := x.ownID
	if !x.Link.holds(source) {
		if a := x.Local.Addr().Unmap(); isUnicast(a) {
			source = a
		} else if a := x.ownAddr(); a.IsValid() {
			source = a
		}
	}
	if !source.IsValid() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(source, port)
}

// withoutLast returns opts without its last element if that has the given code.
func withoutLast(opts option.Options, c option.Code) option.Options {
	if n := len(opts); n > 0 && opts[n-1].Code == c {
		return opts[:n-1]
	}
	return opts
}
