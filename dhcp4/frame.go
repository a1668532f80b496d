package dhcp4

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/embedhcp/embedhcp/lease"
)

// The layout of what is around a UDP payload.
const (
	ethAddrLen  = 6
	vlanTagLen  = 4
	maxVLANTags = 2

	vlanPriorityShift = 13
	vlanDrop          = 0x1000
	vlanIDMask        = 0x0fff

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

// A VLANTag is one tag between the addresses and the EtherType of an Ethernet
// frame. The zero VLANTag is an 802.1Q tag of VLAN 0, which says nothing.
type VLANTag struct {
	Type     uint16 // If zero, 0x8100 (802.1Q). 0x88a8 is the outer one of two (802.1ad)
	ID       uint16 // VLAN identifier: 0 to 4095
	Priority uint8  // 0 to 7
	Drop     bool   // may be dropped first (DEI)
}

// AppendVLANTags appends the VLAN tags of an Ethernet frame, at most two, the
// outer one first, as ParseFrame skips them. Who answers the frame gives them
// to AppendFrame. It does not allocate if dst has room.
func AppendVLANTags(dst []VLANTag, frame []byte) []VLANTag {
	start, end := 2*ethAddrLen, etherTypeAt(frame)
	for ; start < end; start += vlanTagLen {
		tci := binary.BigEndian.Uint16(frame[start+2:])
		dst = append(dst, VLANTag{
			Type:     binary.BigEndian.Uint16(frame[start:]),
			ID:       tci & vlanIDMask,
			Priority: uint8(tci >> vlanPriorityShift),
			Drop:     tci&vlanDrop != 0,
		})
	}
	return dst
}

// etherTypeAt returns where the EtherType behind the addresses and the VLAN
// tags is; 0 if the frame ends before.
func etherTypeAt(frame []byte) int {
	at := 2 * ethAddrLen
	for range maxVLANTags {
		if len(frame) < at+2 || !isTagType(binary.BigEndian.Uint16(frame[at:])) {
			break
		}
		at += vlanTagLen
	}
	if len(frame) < at+2 {
		return 0
	}
	return at
}

func isTagType(t uint16) bool {
	return t == etherTypeVLAN || t == etherTypeQinQ || t == etherTypeOldQ
}

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
	at := etherTypeAt(frame)
	if at == 0 || binary.BigEndian.Uint16(frame[at:]) != etherTypeIPv4 {
		return Packet{}, false
	}
	if p.parseIPv4UDP(frame[at+2:]) {
		p.HardwareAddr, _ = lease.HardwareAddrFrom(frame[ethAddrLen : 2*ethAddrLen])
		return p, true
	}
	return p, false
}

// parseIPv4UDP is ParseFrame behind the Ethernet header. If it returns false,
// p is as it was.
func (p *Packet) parseIPv4UDP(ip []byte) (ok bool) {
	if len(ip) < ipv4HeaderLen || ip[0]>>4 != 4 {
		return false
	}
	headerLen := int(ip[0]&0xf) * 4
	totalLen := int(binary.BigEndian.Uint16(ip[2:]))
	if headerLen < ipv4HeaderLen || totalLen < headerLen+udpHeaderLen || totalLen > len(ip) {
		return false
	}
	if binary.BigEndian.Uint16(ip[6:])&(ipv4MoreFragments|ipv4OffsetMask) != 0 ||
		ip[9] != protocolUDP || fold(sum(0, ip[:headerLen])) != 0xffff {
		return false
	}
	udp := ip[headerLen:totalLen] // what follows is padding of a short frame
	udpLen := int(binary.BigEndian.Uint16(udp[4:]))
	if udpLen < udpHeaderLen || udpLen > len(udp) {
		return false
	}
	udp = udp[:udpLen:udpLen]
	if checksum := binary.BigEndian.Uint16(udp[6:]); checksum != 0 {
		pseudo := pseudoHeaderSum(ip, udpLen)
		if fold(sum(pseudo, udp)) != 0xffff && fold(pseudo) != checksum {
			return false
		}
	}
	p.Data = udp[udpHeaderLen:]
	p.Peer = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[12:])), binary.BigEndian.Uint16(udp))
	p.Local = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[16:])), binary.BigEndian.Uint16(udp[2:]))
	return true
}

// AppendFrame appends an Ethernet II frame, with the given VLAN tags (at most
// two, the outer one first), with p.Data in one UDP datagram over IPv4, and
// returns the extended slice. The frame goes from p.Link.HardwareAddr (if the
// link or its address is zero, from 00:00:00:00:00:00) to p.HardwareAddr (if
// zero, to ff:ff:ff:ff:ff:ff), the datagram from p.Local to p.Peer. If the
// address of p.Local is zero, it is the first one of the link, or 0.0.0.0; if
// its port is zero, 67. Both checksums are complete; the time to live is 64.
// It does not allocate if dst has room.
//
// A Peer that is not IPv4 or has no port, a Local that is not IPv4, a
// hardware address without 6 octets, a payload of more than 65,507 octets,
// more than two tags, and a tag that ParseFrame would not skip or whose ID or
// Priority is out of range give an *EncodeError and dst as it was.
func AppendFrame(dst []byte, p Packet, tags ...VLANTag) ([]byte, error) {
	local := frameSource(p)
	var from lease.HardwareAddr
	if p.Link != nil {
		from = p.Link.HardwareAddr
	}
	field, reason := "", notIPv4
	switch {
	case !is4(p.Peer.Addr()) || p.Peer.Port() == 0:
		field, reason = "Peer", "not an IPv4 address and port"
	case !is4(local.Addr()):
		field = "Local"
	case len(p.Data) > maxLen:
		field, reason = "Data", "more than 65,507 octets"
	case !isEthernetOrNone(p.HardwareAddr):
		field, reason = "HardwareAddr", notEthernet
	case !isEthernetOrNone(from):
		field, reason = "Link.HardwareAddr", notEthernet
	case !areTags(tags):
		field, reason = "tags", "not up to two VLAN tags"
	}
	if field != "" {
		return dst, &EncodeError{Field: field, Reason: reason}
	}

	head := 2*ethAddrLen + len(tags)*vlanTagLen + 2
	size := head + ipv4HeaderLen + udpHeaderLen + len(p.Data)
	b := slices.Grow(dst, size)[:len(dst)+size]
	f := b[len(dst):]
	putEthernet(f, &p.HardwareAddr, 0xff)
	putEthernet(f[ethAddrLen:], &from, 0)
	for i, t := range tags {
		binary.BigEndian.PutUint32(f[2*ethAddrLen+i*vlanTagLen:], t.encode())
	}
	binary.BigEndian.PutUint16(f[head-2:], etherTypeIPv4)
	putIPv4UDP(f[head:], local, p.Peer, p.Data)
	return b, nil
}

const notEthernet = "not an Ethernet address"

func isEthernetOrNone(a lease.HardwareAddr) bool {
	return a.IsZero() || a.Len() == ethAddrLen
}

func areTags(tags []VLANTag) bool {
	for _, t := range tags {
		if t.Type != 0 && !isTagType(t.Type) || t.ID > vlanIDMask || t.Priority > 7 {
			return false
		}
	}
	return len(tags) <= maxVLANTags
}

// encode returns the four octets of t.
func (t VLANTag) encode() uint32 {
	if t.Type == 0 {
		t.Type = etherTypeVLAN
	}
	tci := t.ID | uint16(t.Priority)<<vlanPriorityShift
	if t.Drop {
		tci |= vlanDrop
	}
	return uint32(t.Type)<<16 | uint32(tci)
}

// putEthernet writes a, or six octets of none if it is zero.
func putEthernet(b []byte, a *lease.HardwareAddr, none byte) {
	b = b[:ethAddrLen]
	if !a.IsZero() {
		a.AppendBinary(b[:0])
		return
	}
	for i := range b {
		b[i] = none
	}
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
	size := ipv4HeaderLen + udpHeaderLen + len(payload)
	b := slices.Grow(dst, size)[:len(dst)+size]
	putIPv4UDP(b[len(dst):], from, to, payload)
	return b
}

// putIPv4UDP is appendIPv4UDP into ip, which has the length of it all.
func putIPv4UDP(ip []byte, from, to netip.AddrPort, payload []byte) {
	udpLen := udpHeaderLen + len(payload)
	udp := ip[ipv4HeaderLen:]
	clear(ip[:ipv4HeaderLen+udpHeaderLen])
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
	copy(udp[udpHeaderLen:], payload)
	checksum := ^fold(sum(pseudoHeaderSum(ip, udpLen), udp))
	if checksum == 0 {
		checksum = 0xffff // zero would mean "none" (RFC 768)
	}
	binary.BigEndian.PutUint16(udp[6:], checksum)
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
