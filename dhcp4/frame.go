package dhcp4

import (
	"encoding/binary"
	"net/netip"

	"github.com/embedhcp/embedhcp/lease"
)

// The layout of what is around a UDP payload.
const (
	ethAddrLen   = 6
	ethHeaderLen = 14
	vlanTagLen   = 4
	maxVLANTags  = 2

	ipv4HeaderLen = 20 // without options
	udpHeaderLen  = 8

	etherTypeIPv4 = 0x0800
	etherTypeVLAN = 0x8100 // IEEE 802.1Q
	etherTypeQinQ = 0x88a8 // IEEE 802.1ad, the outer tag
	etherTypeOldQ = 0x9100 // what was used before 802.1ad

	protocolUDP = 17

	ipv4DontFragment  = 0x4000
	ipv4MoreFragments = 0x2000
	ipv4OffsetMask    = 0x1fff
)

// ParseFrame finds the UDP datagram in an Ethernet II frame. It skips up to
// two VLAN tags. ok is false if the frame holds no whole UDP datagram over
// IPv4 with right lengths and checksums. A UDP checksum of zero is right, and
// so is the bare sum of the pseudo-header that checksum offload leaves when a
// frame does not pass through hardware. A fragment is not a whole datagram.
//
// p.Data borrows from frame. p.Peer is the source, p.Local the destination,
// with any port; p.HardwareAddr is the frame's source address. p.Link and
// p.Time are left to the caller. ParseFrame does not allocate.
func ParseFrame(frame []byte) (p Packet, ok bool) {
	if len(frame) < ethHeaderLen {
		return Packet{}, false
	}
	etherType := binary.BigEndian.Uint16(frame[2*ethAddrLen:])
	ip := frame[ethHeaderLen:]
	for range maxVLANTags {
		if etherType != etherTypeVLAN && etherType != etherTypeQinQ && etherType != etherTypeOldQ {
			break
		}
		if len(ip) < vlanTagLen {
			return Packet{}, false
		}
		etherType = binary.BigEndian.Uint16(ip[2:])
		ip = ip[vlanTagLen:]
	}
	if etherType != etherTypeIPv4 {
		return Packet{}, false
	}
	p, ok = parseIPv4UDP(ip)
	if ok {
		p.HardwareAddr, _ = lease.HardwareAddrFrom(frame[ethAddrLen : 2*ethAddrLen])
	}
	return p, ok
}

// parseIPv4UDP is ParseFrame behind the Ethernet header.
func parseIPv4UDP(ip []byte) (p Packet, ok bool) {
	if len(ip) < ipv4HeaderLen || ip[0]>>4 != 4 {
		return Packet{}, false
	}
	headerLen := int(ip[0]&0xf) * 4
	totalLen := int(binary.BigEndian.Uint16(ip[2:]))
	if headerLen < ipv4HeaderLen || totalLen < headerLen+udpHeaderLen || totalLen > len(ip) {
		return Packet{}, false
	}
	if binary.BigEndian.Uint16(ip[6:])&(ipv4MoreFragments|ipv4OffsetMask) != 0 ||
		ip[9] != protocolUDP || fold(sum(0, ip[:headerLen])) != 0xffff {
		return Packet{}, false
	}
	udp := ip[headerLen:totalLen] // what follows is padding of a short frame
	udpLen := int(binary.BigEndian.Uint16(udp[4:]))
	if udpLen < udpHeaderLen || udpLen > len(udp) {
		return Packet{}, false
	}
	udp = udp[:udpLen:udpLen]
	if checksum := binary.BigEndian.Uint16(udp[6:]); checksum != 0 {
		pseudo := pseudoHeaderSum(ip, udpLen)
		if fold(sum(pseudo, udp)) != 0xffff && fold(pseudo) != checksum {
			return Packet{}, false
		}
	}
	return Packet{
		Data:  udp[udpHeaderLen:],
		Peer:  netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[12:])), binary.BigEndian.Uint16(udp)),
		Local: netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[16:])), binary.BigEndian.Uint16(udp[2:])),
	}, true
}

// AppendFrame appends an untagged Ethernet II frame with p.Data in one UDP
// datagram over IPv4, and returns the extended slice. The frame goes from
// p.Link.HardwareAddr (if the link or its address is zero, from
// 00:00:00:00:00:00) to p.HardwareAddr (if zero, to ff:ff:ff:ff:ff:ff), the
// datagram from p.Local to p.Peer. If the address of p.Local is zero, it is
// the first one of the link, or 0.0.0.0; if its port is zero, 67. Both
// checksums are complete; the time to live is 64. It does not allocate if dst
// has room.
//
// A Peer that is not IPv4 or has no port, a Local that is not IPv4, a
// hardware address without 6 octets and a payload of more than 65,507 octets
// give an *EncodeError and dst as it was.
func AppendFrame(dst []byte, p Packet) ([]byte, error) {
	local, peer := frameSource(p), p.Peer
	switch {
	case !is4(peer.Addr()) || peer.Port() == 0:
		return dst, &EncodeError{Field: "Peer", Reason: "not an IPv4 address and port"}
	case !is4(local.Addr()):
		return dst, &EncodeError{Field: "Local", Reason: notIPv4}
	case len(p.Data) > maxLen:
		return dst, &EncodeError{Field: "Data", Reason: "more than 65,507 octets"}
	case !p.HardwareAddr.IsZero() && p.HardwareAddr.Len() != ethAddrLen:
		return dst, &EncodeError{Field: "HardwareAddr", Reason: "not an Ethernet address"}
	}
	var from lease.HardwareAddr
	if p.Link != nil {
		from = p.Link.HardwareAddr
	}
	if !from.IsZero() && from.Len() != ethAddrLen {
		return dst, &EncodeError{Field: "Link.HardwareAddr", Reason: "not an Ethernet address"}
	}

	b := dst
	if p.HardwareAddr.IsZero() {
		b = append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	} else {
		b, _ = p.HardwareAddr.AppendBinary(b)
	}
	if from.IsZero() {
		b = append(b, make([]byte, ethAddrLen)...)
	} else {
		b, _ = from.AppendBinary(b)
	}
	b = binary.BigEndian.AppendUint16(b, etherTypeIPv4)
	return appendIPv4UDP(b, local, peer, p.Data), nil
}

// frameSource returns p.Local with its defaults filled in.
func frameSource(p Packet) netip.AddrPort {
	addr, port := p.Local.Addr(), p.Local.Port()
	if !addr.IsValid() {
		addr = netip.IPv4Unspecified()
		if p.Link != nil && len(p.Link.Addrs) > 0 {
			addr = p.Link.Addrs[0].Addr()
		}
	}
	if port == 0 {
		port = serverPort
	}
	return netip.AddrPortFrom(addr, port)
}

// appendIPv4UDP appends an IPv4 header, a UDP header and payload. Both
// addresses are IPv4 and payload has at most 65,507 octets.
func appendIPv4UDP(dst []byte, from, to netip.AddrPort, payload []byte) []byte {
	udpLen := udpHeaderLen + len(payload)
	b := append(dst, make([]byte, ipv4HeaderLen+udpHeaderLen)...)
	ip := b[len(dst):]
	udp := ip[ipv4HeaderLen:]
	ip[0] = 4<<4 | ipv4HeaderLen/4
	binary.BigEndian.PutUint16(ip[2:], uint16(ipv4HeaderLen+udpLen))
	binary.BigEndian.PutUint16(ip[6:], ipv4DontFragment) // an id is not needed then (RFC 6864)
	ip[8] = 64                                           // time to live
	ip[9] = protocolUDP
	put4(ip[12:], from.Addr())
	put4(ip[16:], to.Addr())
	binary.BigEndian.PutUint16(ip[10:], ^fold(sum(0, ip[:ipv4HeaderLen])))

	binary.BigEndian.PutUint16(udp, from.Port())
	binary.BigEndian.PutUint16(udp[2:], to.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(udpLen))
	checksum := ^fold(sum(sum(pseudoHeaderSum(ip, udpLen), udp[:udpHeaderLen]), payload))
	if checksum == 0 {
		checksum = 0xffff // zero would mean "none" (RFC 768)
	}
	binary.BigEndian.PutUint16(udp[6:], checksum)
	return append(b, payload...)
}

// pseudoHeaderSum adds up what a UDP checksum covers of the IPv4 header ip
// (RFC 768).
func pseudoHeaderSum(ip []byte, udpLen int) uint64 {
	return sum(protocolUDP+uint64(udpLen), ip[12:20])
}

// sum adds b to s as big-endian 16-bit words; an odd octet at the end counts
// as the high half of a word (RFC 1071). It adds 32 bits at a time, which
// fold reduces to the same; 64 bits have room for the carries of 2^32 words.
func sum(s uint64, b []byte) uint64 {
	for len(b) >= 4 {
		s += uint64(binary.BigEndian.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		s += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		s += uint64(b[0]) << 8
	}
	return s
}

// fold adds the carries until 16 bits are left.
func fold(s uint64) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
