package dhcp4test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
)

// Loopback returns two Conns on UDP sockets with ports of 127.0.0.1 that the
// kernel chose, for a server and one client. It works on every system without
// root and without a network.
//
// What one side sends reaches the other side, whatever Peer and HardwareAddr
// say, and nothing else does. The other side reads in Peer and Local what the
// packet would have had on a real link: a broadcast is to 255.255.255.255, a
// renewal comes from the client's address. For that, each datagram ends with
// 12 octets that hold the two, which ReadBatch takes off again.
//
// The server's Link is named "loopback" and has the address 192.0.2.1/24;
// [LoopbackLink] makes it another. A packet without Local comes from there, or
// from 0.0.0.0:68. A second client, or a server that is started anew after it
// closed its Conn, needs another pair; a [Client] then goes on with another
// Conn.
func Loopback() (server, client dhcp4.Conn, err error) {
	return LoopbackLink(&dhcp4.Link{
		Name:  "loopback",
		Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")},
	})
}

// LoopbackLink is [Loopback] with the given Link on the server's side. Its
// addresses need not exist on this machine.
func LoopbackLink(link *dhcp4.Link) (server, client dhcp4.Conn, err error) {
	if link == nil {
		return nil, nil, errors.New("dhcp4test: loopback: no link")
	}
	s, err := listenLoopback()
	if err != nil {
		return nil, nil, err
	}
	c, err := listenLoopback()
	if err != nil {
		s.Close()
		return nil, nil, err
	}
	addr := netip.IPv4Unspecified()
	if len(link.Addrs) > 0 {
		addr = link.Addrs[0].Addr().Unmap()
	}
	sc := newLoopbackConn(s, c, link, netip.AddrPortFrom(addr, serverPort))
	cc := newLoopbackConn(c, s, &dhcp4.Link{Name: link.Name}, netip.AddrPortFrom(netip.IPv4Unspecified(), clientPort))
	return sc, cc, nil
}

func listenLoopback() (*net.UDPConn, error) {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("dhcp4test: loopback: %w", err)
	}
	return c, nil
}

// trailerLen is the size of what follows the payload in a datagram: source and
// destination as on a real link, each an address and a port.
const trailerLen = 12

type loopbackConn struct {
	conn  *net.UDPConn
	other netip.AddrPort // of the other side's socket
	link  *dhcp4.Link
	local netip.AddrPort // source of packets without Local
	in    []byte         // the reader's

	mu  sync.Mutex
	out []byte
}

func newLoopbackConn(conn, other *net.UDPConn, link *dhcp4.Link, local netip.AddrPort) *loopbackConn {
	return &loopbackConn{
		conn:  conn,
		other: addrPortOf(other),
		link:  link,
		local: local,
		in:    make([]byte, 1<<16),
	}
}

func addrPortOf(c *net.UDPConn) netip.AddrPort {
	a := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// ReadBatch returns one packet. It drops what does not come from the other
// side and what is longer than the buffer.
func (c *loopbackConn) ReadBatch(ps []dhcp4.Packet) (int, error) {
	if len(ps) == 0 {
		return 0, nil
	}
	for {
		n, from, err := c.conn.ReadFromUDPAddrPort(c.in)
		if err != nil {
			return 0, err
		}
		if from.Port() != c.other.Port() || from.Addr().Unmap() != c.other.Addr() {
			continue
		}
		data, peer, local, ok := splitTrailer(c.in[:n])
		if !ok || len(data) > cap(ps[0].Data) {
			continue
		}
		ps[0] = dhcp4.Packet{Data: append(ps[0].Data[:0], data...), Link: c.link, Peer: peer, Local: local}
		return 1, nil
	}
}

func (c *loopbackConn) WriteBatch(ps []dhcp4.Packet) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range ps {
		local := ps[i].Local
		if !local.Addr().IsValid() {
			local = c.local
		}
		if local.Port() == 0 {
			local = netip.AddrPortFrom(local.Addr(), c.local.Port())
		}
		if !local.Addr().Unmap().Is4() || !ps[i].Peer.Addr().Unmap().Is4() {
			return i, fmt.Errorf("dhcp4test: loopback: cannot send from %v to %v", ps[i].Local, ps[i].Peer)
		}
		c.out = append(c.out[:0], ps[i].Data...)
		c.out = appendTrailer(c.out, local, ps[i].Peer)
		if _, err := c.conn.WriteToUDPAddrPort(c.out, c.other); err != nil {
			return i, err
		}
	}
	return len(ps), nil
}

func (c *loopbackConn) SetReadDeadline(t time.Time) error { return c.conn.SetReadDeadline(t) }

func (c *loopbackConn) Close() error { return c.conn.Close() }

func appendTrailer(dst []byte, from, to netip.AddrPort) []byte {
	for _, a := range [...]netip.AddrPort{from, to} {
		ip := a.Addr().As4()
		dst = binary.BigEndian.AppendUint16(append(dst, ip[:]...), a.Port())
	}
	return dst
}

func splitTrailer(b []byte) (data []byte, from, to netip.AddrPort, ok bool) {
	if len(b) < trailerLen {
		return nil, netip.AddrPort{}, netip.AddrPort{}, false
	}
	size := len(b) - trailerLen
	return b[:size], decodeAddrPort(b[size:]), decodeAddrPort(b[size+trailerLen/2:]), true
}

func decodeAddrPort(b []byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[:4])), binary.BigEndian.Uint16(b[4:]))
}
