package dhcp4

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

// A socketConn is the Conn of ListenConfig.Listen.
type socketConn struct {
	udp     *net.UDPConn // receives, or only holds the port
	packet  *packet.Conn // sends, and perhaps receives; nil: not allowed
	rawRead bool         // packet receives
	port    uint16
	only    atomic.Pointer[Link] // the one link, changed by the reader, used by writers; nil: all
	closed  atomic.Bool

	waiter interface{ SetReadDeadline(time.Time) error } // what the reader waits for
	watch  *watchedConn                                  // if it waits for more than a socket
	in     mmsg                                          // the reader's
	links  *linkTable                                    // the reader's

	mu     sync.Mutex // guards what writers use
	out    mmsg
	rawOut mmsg
	frames []byte
	noLink Link // nothing is known of it
}

// open makes c, whose sockets are there, ready for use on the link with the
// index, or on all if it is 0.
func (c *socketConn) open(index int, accept func(*Link) bool) error {
	udp, err := c.udp.SyscallConn()
	if err != nil {
		return err
	}
	c.out.init(udp)
	receiver := udp
	c.waiter = c.udp
	if c.packet != nil {
		raw, err := c.packet.SyscallConn()
		if err != nil {
			return err
		}
		c.rawOut.init(raw)
		if c.rawRead {
			receiver, c.waiter = raw, c.packet
		}
	}
	nl, err := openNetlink(index)
	if err != nil {
		return fmt.Errorf("dhcp4: open a netlink socket to read the network interfaces: %w", err)
	}
	c.links = newLinkTable(nl, accept)
	if index != 0 {
		link, err := nl.link(index)
		if err != nil {
			return err
		}
		c.only.Store(link)
		if c.watch, err = newWatchedConn(receiver, nl); err != nil {
			return err
		}
		receiver, c.waiter = c.watch, c.watch
	}
	c.in.init(receiver)
	return nil
}

func (c *socketConn) SetReadDeadline(t time.Time) error { return c.waiter.SetReadDeadline(t) }

func (c *socketConn) Close() error {
	c.closed.Store(true)
	var errs []error
	if c.watch != nil {
		errs = append(errs, c.watch.Close())
	}
	if c.udp != nil {
		errs = append(errs, c.udp.Close())
	}
	if c.packet != nil {
		errs = append(errs, c.packet.Close())
	}
	if c.links != nil {
		errs = append(errs, c.links.netlink.close())
	}
	return errors.Join(errs...)
}

// orClosed says of an error after Close that it is that: files have another
// word for it.
func (c *socketConn) orClosed(err error) error {
	if c.closed.Load() && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("%w: %w", net.ErrClosed, err)
	}
	return err
}

func (c *socketConn) WriteBatch(ps []Packet) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := 0
	for done < len(ps) {
		n, err := c.writeSome(ps[done:])
		done += n
		if err != nil {
			return done, c.orClosed(err)
		}
	}
	return done, nil
}

// writeSome sends the first of ps, and those behind it that leave by the same
// socket. It returns how many were sent, or 0 and why ps[0] was not.
func (c *socketConn) writeSome(ps []Packet) (int, error) {
	raw := c.bypassesIP(&ps[0])
	run := 1
	for run < len(ps) && run < maxMessages && c.bypassesIP(&ps[run]) == raw {
		run++
	}
	if !raw {
		return c.writeUDP(ps[:run])
	}
	n, err := c.writeRaw(ps[:run])
	if errors.Is(err, unix.EMSGSIZE) {
		return c.writeUDP(ps[:1])
	}
	return n, err
}

// linkTo returns the link that p leaves by: the only one, or p's. Without one
// the kernel's routes choose.
func (c *socketConn) linkTo(p *Packet) *Link {
	if only := c.only.Load(); only != nil {
		return only
	}
	if p.Link != nil {
		return p.Link
	}
	return &c.noLink
}

// bypassesIP reports whether p leaves by the packet socket: the kernel would
// ask by ARP for a client that cannot answer yet, or leave a broadcast's
// checksum to hardware that a guest on this host does not have.
func (c *socketConn) bypassesIP(p *Packet) bool {
	return c.packet != nil && c.linkTo(p).HardwareAddr.Len() == ethAddrLen &&
		(!p.HardwareAddr.IsZero() || p.Peer.Addr() == broadcastAddr)
}

func (c *socketConn) writeUDP(ps []Packet) (int, error) {
	c.out.grow(len(ps))
	for i := range ps {
		p, s := &ps[i], &c.out.slots[i]
		// A relay answers ARP, whatever is known of it.
		to, err := replyAddr(p, !p.HardwareAddr.IsZero() && p.Peer.Port() != serverPort)
		if err != nil {
			if i > 0 {
				return c.out.send(i)
			}
			return 0, err
		}
		source, _ := sourceOf(p)
		s.setData(p.Data)
		s.setInet4(to)
		s.setPktinfo(c.linkTo(p).Index, source)
		c.out.useInet4(i, unix.CmsgSpace(unix.SizeofInet4Pktinfo))
	}
	n, err := c.out.send(len(ps))
	if _, asked := sourceOf(&ps[0]); err != nil && asked {
		// Perhaps the source is no address of this host, or no longer. The
		// errors for that differ between kernels.
		c.out.slots[0].setPktinfo(c.linkTo(&ps[0]).Index, netip.IPv4Unspecified())
		return c.out.send(1)
	}
	return n, err
}

func (c *socketConn) writeRaw(ps []Packet) (int, error) {
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
		link := c.linkTo(p)
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
	n, err := c.rawOut.send(len(ps))
	if errors.Is(err, unix.ENETDOWN) {
		// A socket that receives says so once although the link may be up
		// again.
		return c.rawOut.send(len(ps))
	}
	return n, err
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
