package dhcp4

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
)

// ErrLinkGone is what ReadBatch of a Conn on one network interface returns, from
// then on, when the interface was deleted or moved to another network namespace:
// nothing will come in any more, also if another interface gets the name. An
// interface that is down is not gone.
var ErrLinkGone = errors.New("dhcp4: the network interface is gone")

// NewPacketConn returns a Conn on any net.PacketConn for UDP: an ordinary
// socket, a userspace network stack, a test. All its packets are on link; if
// nil, on an empty Link. The Conn owns c, and closes it.
//
// A net.PacketConn tells only half of what a Server likes to know. Each
// ReadBatch reads one packet. Its Local is c.LocalAddr(), with the address
// 0.0.0.0 if c is not bound to one, and its HardwareAddr is not known; a
// datagram that does not fit fills Data to its capacity. When writing,
// Packet.Local has no effect, and a Packet with a HardwareAddr goes to
// 255.255.255.255: nothing can be sent to an address that does not yet answer
// ARP. For that c must be allowed to broadcast (net.ListenPacket sets
// SO_BROADCAST; a gVisor endpoint needs SetBroadcast).
//
// WriteTo of c always gets a *net.UDPAddr. An error that c returns after Close
// wraps net.ErrClosed, a timeout is os.ErrDeadlineExceeded, whatever c calls it.
func NewPacketConn(c net.PacketConn, link *Link) Conn {
	if link == nil {
		link = new(Link)
	}
	local := addrPortOf(c.LocalAddr())
	if !local.Addr().Is4() {
		local = netip.AddrPortFrom(netip.IPv4Unspecified(), local.Port())
	}
	return &packetConn{c: c, link: link, local: local}
}

// A packetConn is the Conn of NewPacketConn.
type packetConn struct {
	c      net.PacketConn
	link   *Link
	local  netip.AddrPort
	closed atomic.Bool
}

func (c *packetConn) ReadBatch(ps []Packet) (int, error) {
	if len(ps) == 0 {
		return 0, nil
	}
	buf := ps[0].Data[:cap(ps[0].Data)]
	n, from, err := c.c.ReadFrom(buf)
	// Windows has an error for a datagram longer than the buffer; that the
	// buffer is full says it well enough.
	if err != nil && (n == 0 || n < len(buf)) {
		return 0, c.readError(err)
	}
	ps[0] = Packet{Data: buf[:n], Link: c.link, Peer: addrPortOf(from), Local: c.local}
	return 1, nil
}

// readError gives err the identity that Conn promises.
func (c *packetConn) readError(err error) error {
	if c.closed.Load() && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("%w: %w", net.ErrClosed, err)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() && !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: %w", os.ErrDeadlineExceeded, err)
	}
	return err
}

func (c *packetConn) WriteBatch(ps []Packet) (int, error) {
	for i := range ps {
		to, err := replyAddr(&ps[i], !ps[i].HardwareAddr.IsZero())
		if err != nil {
			return i, err
		}
		if _, err := c.c.WriteTo(ps[i].Data, net.UDPAddrFromAddrPort(to)); err != nil {
			return i, err
		}
	}
	return len(ps), nil
}

func (c *packetConn) SetReadDeadline(t time.Time) error { return c.c.SetReadDeadline(t) }

func (c *packetConn) Close() error {
	c.closed.Store(true)
	return c.c.Close()
}

// replyAddr returns the IPv4 address and port that p goes to.
func replyAddr(p *Packet, broadcast bool) (netip.AddrPort, error) {
	addr := p.Peer.Addr().Unmap()
	if !addr.Is4() || addr.IsUnspecified() || p.Peer.Port() == 0 {
		return netip.AddrPort{}, fmt.Errorf("dhcp4: cannot send to %v", p.Peer)
	}
	if broadcast {
		addr = broadcastAddr
	}
	return netip.AddrPortFrom(addr, p.Peer.Port()), nil
}

// addrPortOf returns the address of a, IPv4 if it is mapped into IPv6, or zero.
func addrPortOf(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case nil:
		return netip.AddrPort{}
	case *net.UDPAddr:
		ap := a.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	default:
		// Some network stack's own type.
		ap, err := netip.ParseAddrPort(a.String())
		if err != nil {
			return netip.AddrPort{}
		}
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
}
