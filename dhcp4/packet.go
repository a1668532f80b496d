package dhcp4

import (
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// A Link is one attachment to a network: an Ethernet interface, a tap, a
// VLAN, a userspace network stack. It is immutable: who sees its index, name
// or addresses change makes a new one. The Server compares links by pointer,
// so a Conn uses the same pointer while nothing changes.
type Link struct {
	Name         string // subnets refer to a link by this name (Subnet.Interface)
	Index        int    // replies leave by this interface index
	HardwareAddr lease.HardwareAddr
	Addrs        []netip.Prefix // the host's own IPv4 addresses there, with their prefix lengths
	Tag          any            // the embedder's own: a VLAN pair, a tenant, a VM
}

// holds reports whether a is one of the host's own addresses on l, which may
// be nil.
func (l *Link) holds(a netip.Addr) bool {
	if l == nil {
		return false
	}
	for _, p := range l.Addrs {
		if p.Addr().Unmap() == a {
			return true
		}
	}
	return false
}

// A Packet is one UDP datagram and where it came from or goes to.
type Packet struct {
	// Data is the UDP payload. ReadBatch gets a buffer here and reslices it
	// within its capacity; WriteBatch borrows it until it returns.
	Data []byte
	// Link is where the packet came in, or leaves. A Conn always sets it; if
	// nil, the subnet is found by the addresses in the message alone.
	Link *Link
	// Peer is the source of a packet that was read, the destination of one
	// that is written.
	Peer netip.AddrPort
	// Local is the address and port that a packet was sent to (255.255.255.255
	// for a broadcast), or the source of a written one. If zero when
	// writing, the Conn chooses.
	Local netip.AddrPort
	// HardwareAddr, when writing, is the link-layer address to reach without
	// ARP, because the client does not yet have the address that it is sent
	// to; a Conn that cannot do that broadcasts instead. If zero, the Conn
	// resolves Peer as usual, and sends an IP broadcast as a link-layer
	// broadcast. When reading it is the sender's, if the Conn knows it
	// (ParseFrame does): a reply to a relay or to an address that the client
	// uses already is then sent back there.
	HardwareAddr lease.HardwareAddr
	// Time is when the packet arrived. If zero, now. It is the exchange's
	// "now", so a recording can be replayed by it.
	Time time.Time
}

// A Conn carries packets for a Server, or for a client. One goroutine reads
// at a time; writes may run beside it and beside each other.
type Conn interface {
	// ReadBatch waits for at least one packet, fills ps from the front and
	// returns how many. Each Data is a buffer at its full length and all
	// other fields are zero on entry. A datagram that does not fit fills
	// Data to its full length. n may be positive together with an error.
	ReadBatch(ps []Packet) (n int, err error)
	// WriteBatch sends ps in order and returns how many were sent. If n is
	// less than len(ps), err tells why ps[n] was not; the caller drops that
	// one and goes on behind it.
	WriteBatch(ps []Packet) (n int, err error)
	// SetReadDeadline makes a waiting and every later ReadBatch return
	// os.ErrDeadlineExceeded from t on; the zero time takes that back. Only
	// the Server or client that reads calls it.
	SetReadDeadline(t time.Time) error
	// Close ends a waiting ReadBatch with net.ErrClosed (or an error that
	// wraps it).
	Close() error
}
