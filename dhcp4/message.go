package dhcp4

import (
	"bytes"
	"net/netip"
	"strconv"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// Values of Message.Op, Message.HType and Message.Flags (RFC 2131, section 2).
const (
	OpRequest = 1 // BOOTREQUEST, from a client to servers
	OpReply   = 2 // BOOTREPLY, from a server to a client

	HTypeEthernet = 1

	FlagBroadcast = 0x8000 // the client cannot receive unicast before it has an address
)

// A Message is one DHCP message (RFC 2131, section 2), the payload of a UDP
// datagram.
//
// After Unmarshal a Message borrows from the packet: it is valid until the
// packet's bytes change or Unmarshal or Reset is called again; Clone makes a
// copy that stays. A Message may be copied by assignment as long as only one
// of the copies is used for Unmarshal or Reset. It is not safe for concurrent
// use while it is changed.
type Message struct {
	Op    uint8 // OpRequest or OpReply
	HType uint8 // type of HardwareAddr, HTypeEthernet for Ethernet and Wi-Fi
	Hops  uint8 // relays passed

	XID   uint32 // transaction, chosen by the client
	Secs  uint16 // seconds since the client began, as it says
	Flags uint16 // FlagBroadcast or 0

	// The addresses are IPv4. If zero, or the 16-byte form of an IPv4
	// address, they are encoded in 4 octets. Unmarshal always sets them;
	// IsUnspecified tells that there is none.
	CIAddr netip.Addr // the client's own, if it has one and can answer ARP for it
	YIAddr netip.Addr // "your" address, for the client
	SIAddr netip.Addr // next server to boot from
	GIAddr netip.Addr // the relay's, on the client's link

	HardwareAddr lease.HardwareAddr // chaddr: 0 to 16 octets

	// SName and File are without the terminating NUL, at most 64 and 128
	// octets. They are nil if they are empty or hold options (RFC 2132,
	// section 9.3).
	SName []byte // name of the server
	File  []byte // boot file

	// Options in wire order. A code occurs once: parts of a split option
	// are joined. Pad, End and Option Overload (52) are how a packet is
	// laid out, not what it says, and do not occur.
	Options option.Options

	scratch []byte // joined options
}

// Reset makes m the zero Message but keeps the capacity of Options, for reuse
// without allocation.
func (m *Message) Reset() {
	*m = Message{Options: m.Options[:0], scratch: m.scratch[:0]}
}

// Type returns the message type (option 53), and 0 if there is none, which
// makes m a BOOTP message. Octets after the first are ignored.
func (m *Message) Type() MessageType {
	if b, _ := m.Options.Lookup(codeMessageType); len(b) > 0 {
		return MessageType(b[0])
	}
	return 0
}

// IsBroadcast reports whether FlagBroadcast is set.
func (m *Message) IsBroadcast() bool { return m.Flags&FlagBroadcast != 0 }

// Equal reports whether m and o say the same: all fields are equal and the
// options have the same payloads in the same order. Addresses are compared as
// they are encoded, so that the zero netip.Addr equals 0.0.0.0. Two nil
// Messages are equal.
func (m *Message) Equal(o *Message) bool {
	if m == nil || o == nil {
		return m == o
	}
	if m.Op != o.Op || m.HType != o.HType || m.Hops != o.Hops ||
		m.XID != o.XID || m.Secs != o.Secs || m.Flags != o.Flags ||
		!equalAddr(m.CIAddr, o.CIAddr) || !equalAddr(m.YIAddr, o.YIAddr) ||
		!equalAddr(m.SIAddr, o.SIAddr) || !equalAddr(m.GIAddr, o.GIAddr) ||
		m.HardwareAddr != o.HardwareAddr ||
		!bytes.Equal(m.SName, o.SName) || !bytes.Equal(m.File, o.File) ||
		len(m.Options) != len(o.Options) {
		return false
	}
	for i := range m.Options {
		if m.Options[i].Code != o.Options[i].Code || !bytes.Equal(m.Options[i].Data, o.Options[i].Data) {
			return false
		}
	}
	return true
}

func equalAddr(a, b netip.Addr) bool {
	if a.IsValid() && b.IsValid() {
		return a.Unmap() == b.Unmap()
	}
	return (!a.IsValid() || a.Unmap() == netip.IPv4Unspecified()) &&
		(!b.IsValid() || b.Unmap() == netip.IPv4Unspecified())
}

// Clone returns a copy of m that borrows nothing.
func (m *Message) Clone() *Message {
	c := *m
	c.scratch = nil
	c.SName, c.File = bytes.Clone(m.SName), bytes.Clone(m.File)
	c.Options = append(option.Options(nil), m.Options...)
	for i := range c.Options {
		c.Options[i].Data = bytes.Clone(c.Options[i].Data)
	}
	return &c
}

// A MessageType is the value of option 53 (RFC 2132, section 9.6).
type MessageType uint8

// The message types of RFC 2131.
const (
	TypeDiscover MessageType = 1 // client: which servers are there?
	TypeOffer    MessageType = 2 // server: you could have this address
	TypeRequest  MessageType = 3 // client: I take it, I want to keep it, is it still right?
	TypeDecline  MessageType = 4 // client: somebody else uses it
	TypeACK      MessageType = 5 // server: it is yours
	TypeNAK      MessageType = 6 // server: it is not yours
	TypeRelease  MessageType = 7 // client: I give it back
	TypeInform   MessageType = 8 // client: I have an address, tell me the rest
)

// String returns the name that tcpdump prints, as in "Discover"; for an
// unknown type "Unknown (9)".
func (t MessageType) String() string {
	switch t {
	case TypeDiscover:
		return "Discover"
	case TypeOffer:
		return "Offer"
	case TypeRequest:
		return "Request"
	case TypeDecline:
		return "Decline"
	case TypeACK:
		return "ACK"
	case TypeNAK:
		return "NACK"
	case TypeRelease:
		return "Release"
	case TypeInform:
		return "Inform"
	}
	return "Unknown (" + strconv.Itoa(int(t)) + ")"
}
