package main

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/embedhcp/embedhcp/dhcp4"
)

// A portConn is a Conn that sends everything to one port.
type portConn struct {
	dhcp4.Conn
	port uint16
}

func (c portConn) WriteBatch(ps []dhcp4.Packet) (int, error) {
	for i := range ps {
		ps[i].Peer = netip.AddrPortFrom(ps[i].Peer.Addr(), c.port)
	}
	return c.Conn.WriteBatch(ps)
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// An addrConn is a Conn whose link has only some of its addresses: packets to
// the others are not for this server, and they are not its own.
type addrConn struct {
	dhcp4.Conn
	addrs []netip.Addr
	full  *dhcp4.Link // as last read
	part  *dhcp4.Link // what is shown instead
}

// newAddrConn returns a Conn on the addresses in text, which has blanks
// between them.
func newAddrConn(conn dhcp4.Conn, text string) *addrConn {
	c := &addrConn{Conn: conn}
	for f := range strings.FieldsSeq(text) {
		if a, err := netip.ParseAddr(f); err == nil {
			c.addrs = append(c.addrs, a)
		}
	}
	return c
}

func (c *addrConn) ReadBatch(ps []dhcp4.Packet) (int, error) {
	for {
		n, err := c.Conn.ReadBatch(ps)
		kept := 0
		for i := range ps[:n] {
			if to := ps[i].Local.Addr(); to.IsValid() && to != broadcast && !slices.Contains(c.addrs, to) {
				continue
			}
			ps[i].Link = c.link(ps[i].Link)
			ps[kept], ps[i] = ps[i], ps[kept]
			kept++
		}
		if kept > 0 || err != nil || n == 0 {
			return kept, err
		}
		for i := range ps {
			ps[i] = dhcp4.Packet{Data: ps[i].Data[:cap(ps[i].Data)]}
		}
	}
}

// link returns l with our addresses only. Links are the same pointer as long
// as nothing about them changes.
func (c *addrConn) link(l *dhcp4.Link) *dhcp4.Link {
	if l == nil || l == c.full {
		return c.part
	}
	part := *l
	part.Addrs = slices.DeleteFunc(slices.Clone(l.Addrs), func(p netip.Prefix) bool { return !slices.Contains(c.addrs, p.Addr()) })
	c.full, c.part = l, &part
	return c.part
}
