package dhcp4

import (
	"errors"
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"golang.org/x/sys/unix"
)

func (c *socketConn) ReadBatch(ps []Packet) (int, error) {
	ps = ps[:min(len(ps), maxMessages)]
	if len(ps) == 0 {
		return 0, nil
	}
	for {
		n, err := c.receive(ps)
		if err != nil {
			return 0, err
		}
		// In between are packets that are not for this Conn.
		now, kept := time.Now(), 0
		for i := range n {
			p, ok := c.received(i, ps[i].Data, now)
			if !ok {
				continue
			}
			// The buffers keep their places.
			buf := ps[kept].Data[:cap(ps[kept].Data)]
			p.Data = buf[:copy(buf, p.Data)]
			ps[kept] = p
			kept++
		}
		if kept > 0 {
			return kept, nil
		}
	}
}

// receive waits for messages and puts at most len(ps) into the slots and, as
// far as they fit, the buffers of ps.
func (c *socketConn) receive(ps []Packet) (int, error) {
	c.in.grow(len(ps))
	for i := range ps {
		c.in.slots[i].setData(ps[i].Data[:cap(ps[i].Data)])
		if c.rawRead {
			c.in.useLink(i)
		} else {
			c.in.useInet4(i, sizeofControl)
		}
	}
	for {
		n, err := c.in.receive(len(ps))
		if err == nil {
			return n, nil
		}
		// A packet socket says ENETDOWN once when its link goes down, or is
		// down from the start. It may come up again, and if it goes away for
		// good that is ErrLinkGone.
		if !errors.Is(err, unix.ENETDOWN) {
			return 0, c.orClosed(err)
		}
	}
}

// received returns the packet in slot i, whose octets are in buf; ok is false
// if it is not for this Conn.
func (c *socketConn) received(i int, buf []byte, now time.Time) (p Packet, ok bool) {
	buf = buf[:cap(buf)]
	if c.rawRead {
		return c.receivedRaw(i, buf, now)
	}
	h, s := &c.in.hdrs[i], &c.in.slots[i]
	local, unicast, index := s.destination(int(h.Hdr.Controllen))
	link := c.linkOf(index, now)
	if link == nil {
		return Packet{}, false
	}
	if unicast && !link.holds(local) {
		if link = c.linkAgain(link, now); link == nil {
			return Packet{}, false
		}
	}
	return Packet{Data: buf[:h.Len], Link: link, Peer: s.addrPort(), Local: netip.AddrPortFrom(local, c.port)}, true
}

func (c *socketConn) receivedRaw(i int, buf []byte, now time.Time) (p Packet, ok bool) {
	h, s := &c.in.hdrs[i], &c.in.slots[i]
	link := c.linkOf(int(s.link.Ifindex), now)
	if link == nil {
		return Packet{}, false
	}
	if h.Hdr.Flags&unix.MSG_TRUNC != 0 {
		return Packet{Data: buf, Link: link}, true
	}
	if !p.parseIPv4UDP(buf[:h.Len]) {
		return Packet{}, false
	}
	to := p.Local.Addr()
	if !link.broadcasts(to) && !link.holds(to) {
		if link = c.linkAgain(link, now); link == nil || !link.broadcasts(to) && !link.holds(to) {
			return Packet{}, false
		}
	}
	if link.broadcasts(to) {
		p.Local = netip.AddrPortFrom(broadcastAddr, c.port)
	}
	p.Link, p.HardwareAddr = link, s.sender(link)
	return p, true
}

// linkOf returns the link of that index as it was not long ago; nil if it is
// not one of this Conn's. A Conn on one link keeps what it knows of a link
// that cannot be read, and its sockets tell when that is gone.
func (c *socketConn) linkOf(index int, now time.Time) *Link {
	only := c.only.Load()
	if only == nil {
		return c.links.get(index, now)
	}
	return c.keep(only, c.links.get(only.Index, now))
}

// linkAgain returns link as it is now, or nil as linkOf does.
func (c *socketConn) linkAgain(link *Link, now time.Time) *Link {
	again := c.links.getAgain(link.Index, now)
	if only := c.only.Load(); only != nil {
		return c.keep(only, again)
	}
	return again
}

func (c *socketConn) keep(old, link *Link) *Link {
	if link == nil || link == old {
		return old
	}
	c.only.Store(link)
	return link
}

// broadcasts reports whether packets to a are for all hosts on l.
func (l *Link) broadcasts(a netip.Addr) bool {
	if a == broadcastAddr {
		return true
	}
	for _, p := range l.Addrs {
		if p.Bits() < 31 && p.Contains(a) && a == lastOf(p) {
			return true
		}
	}
	return false
}

// lastOf returns the last IPv4 address in p.
func lastOf(p netip.Prefix) netip.Addr {
	a := p.Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(a)
}

// sender returns the link address that a message came from if the packet
// socket can send to it, and it is one station's, not a group's.
func (s *slot) sender(link *Link) lease.HardwareAddr {
	if s.link.Halen != ethAddrLen || s.link.Addr[0]&1 != 0 || link.HardwareAddr.Len() != ethAddrLen {
		return lease.HardwareAddr{}
	}
	hw, _ := lease.HardwareAddrFrom(s.link.Addr[:ethAddrLen])
	return hw
}
