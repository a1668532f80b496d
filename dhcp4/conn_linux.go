package dhcp4

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

const (
	// linkMaxAge is how old a reading of the link may be when a packet comes.
	linkMaxAge = time.Second
	// linkMinAge is how long a reading is good when an address is missing
	// in it that may be another interface's: readings cost 50 us.
	linkMinAge = 10 * time.Millisecond
)

// A udpConn is the Conn of Listen.
type udpConn struct {
	udp  *net.UDPConn
	raw  *packet.Conn // nil: not allowed
	port uint16
	link atomic.Pointer[Link] // changed by the reader, used by writers

	in       mmsg      // the reader's
	linkRead time.Time // the reader's

	mu     sync.Mutex // guards what writers use
	out    mmsg
	rawOut mmsg
	frames []byte
}

// newUDPConn takes over udp and raw unless it fails.
func newUDPConn(udp *net.UDPConn, raw *packet.Conn, port uint16, link *Link) (*udpConn, error) {
	c := &udpConn{udp: udp, raw: raw, port: port, linkRead: time.Now()}
	c.link.Store(link)
	rc, err := udp.SyscallConn()
	if err != nil {
		return nil, err
	}
	c.in.init(rc)
	c.out.init(rc)
	if raw != nil {
		if rc, err = raw.SyscallConn(); err != nil {
			return nil, err
		}
		c.rawOut.init(rc)
	}
	return c, nil
}

func (c *udpConn) SetReadDeadline(t time.Time) error { return c.udp.SetReadDeadline(t) }

func (c *udpConn) Close() error {
	err := c.udp.Close()
	if c.raw != nil {
		err = errors.Join(err, c.raw.Close())
	}
	return err
}

func (c *udpConn) ReadBatch(ps []Packet) (int, error) {
	ps = ps[:min(len(ps), maxMessages)]
	if len(ps) == 0 {
		return 0, nil
	}
	c.in.grow(len(ps))
	for i := range ps {
		c.in.slots[i].setData(ps[i].Data[:cap(ps[i].Data)])
		c.in.useInet4(i, sizeofControl)
	}
	n, err := c.in.receive(len(ps))
	if err != nil {
		return 0, err
	}
	link := c.currentLink(linkMaxAge)
	for i := range n {
		local, unicast := c.in.slots[i].destination(int(c.in.hdrs[i].Hdr.Controllen))
		if unicast && !link.holds(local) {
			link = c.currentLink(linkMinAge)
		}
		ps[i] = Packet{
			Data:  ps[i].Data[:c.in.hdrs[i].Len],
			Link:  link,
			Peer:  c.in.slots[i].addrPort(),
			Local: netip.AddrPortFrom(local, c.port),
		}
	}
	return n, nil
}

// currentLink returns the link as it was at most maxAge ago. A link without
// an address is of no use, and so always read anew. Nothing tells of changes
// while no packet comes, and nobody needs to know of them then.
func (c *udpConn) currentLink(maxAge time.Duration) *Link {
	old := c.link.Load()
	if len(old.Addrs) > 0 && time.Since(c.linkRead) < maxAge {
		return old
	}
	c.linkRead = time.Now()
	link, err := linkByIndex(old.Index)
	if err != nil || sameLink(old, link) {
		return old
	}
	c.link.Store(link)
	return link
}

func (c *udpConn) WriteBatch(ps []Packet) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	link := c.link.Load()
	done := 0
	for done < len(ps) {
		n, err := c.writeSome(ps[done:], link)
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// writeSome sends the first of ps, and those behind it that leave by the same
// socket. It returns how many were sent, or 0 and why ps[0] was not.
func (c *udpConn) writeSome(ps []Packet, link *Link) (int, error) {
	raw := c.bypassesIP(&ps[0], link)
	run := 1
	for run < len(ps) && run < maxMessages && c.bypassesIP(&ps[run], link) == raw {
		run++
	}
	if !raw {
		return c.writeUDP(ps[:run], link)
	}
	n, err := c.writeRaw(ps[:run], link)
	if errors.Is(err, unix.EMSGSIZE) {
		return c.writeUDP(ps[:1], link)
	}
	return n, err
}

// bypassesIP reports whether p leaves by the packet socket: the kernel would
// ask by ARP for a client that cannot answer yet, or leave a broadcast's
// checksum to hardware that a guest on this host does not have.
func (c *udpConn) bypassesIP(p *Packet, link *Link) bool {
	return c.raw != nil && link.HardwareAddr.Len() == ethAddrLen &&
		(!p.HardwareAddr.IsZero() || p.Peer.Addr() == broadcastAddr)
}

func (c *udpConn) writeUDP(ps []Packet, link *Link) (int, error) {
	c.out.grow(len(ps))
	for i := range ps {
		p, s := &ps[i], &c.out.slots[i]
		to, err := replyAddr(p, !p.HardwareAddr.IsZero())
		if err != nil {
			if i > 0 {
				return c.out.send(i)
			}
			return 0, err
		}
		source, _ := sourceOf(p)
		s.setData(p.Data)
		s.setInet4(to)
		s.setPktinfo(link.Index, source)
		c.out.useInet4(i, unix.CmsgSpace(unix.SizeofInet4Pktinfo))
	}
	n, err := c.out.send(len(ps))
	if _, asked := sourceOf(&ps[0]); err != nil && asked {
		// Perhaps the source is no address of this host, or no longer. The
		// errors for that differ between kernels.
		c.out.slots[0].setPktinfo(link.Index, netip.IPv4Unspecified())
		return c.out.send(1)
	}
	return n, err
}

func (c *udpConn) writeRaw(ps []Packet, link *Link) (int, error) {
	size := 0
	for i := range ps {
		size += ipv4HeaderLen + udpHeaderLen + len(ps[i].Data)
	}
	c.frames = slices.Grow(c.frames[:0], size)
	c.rawOut.grow(len(ps))
	for i := range ps {
		p, s := &ps[i], &c.rawOut.slots[i]
		foreign := !p.HardwareAddr.IsZero() && p.HardwareAddr.Len() != ethAddrLen
		to, err := replyAddr(p, foreign)
		if err != nil {
			if i > 0 {
				return c.rawOut.send(i)
			}
			return 0, err
		}
		source, ok := sourceOf(p)
		if !ok {
			source = link.sourceFor(to.Addr())
		}
		start := len(c.frames)
		c.frames = appendIPv4UDP(c.frames, netip.AddrPortFrom(source, c.port), to, p.Data)
		s.setData(c.frames[start:])
		s.setLink(link.Index, p.HardwareAddr)
		c.rawOut.useLink(i)
	}
	return c.rawOut.send(len(ps))
}

// sourceOf returns the address that p shall come from; ok is false, and the
// address 0.0.0.0, if the choice is the Conn's.
func sourceOf(p *Packet) (source netip.Addr, ok bool) {
	a := p.Local.Addr().Unmap()
	if !a.Is4() || a.IsUnspecified() || a.IsMulticast() || a == broadcastAddr {
		return netip.IPv4Unspecified(), false
	}
	return a, true
}
