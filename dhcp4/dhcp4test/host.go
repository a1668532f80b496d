package dhcp4test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
)

// The ports of RFC 2131, section 4.1.
const (
	serverPort = 67
	clientPort = 68
)

var (
	broadcastAddr = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	broadcastMAC  = lease.MustParseHardwareAddr("ff:ff:ff:ff:ff:ff")
)

// A Host is one machine on a Network, and its [dhcp4.Conn].
//
// ReadBatch returns all that have arrived, up to len(ps), without a
// HardwareAddr and a Time; it drops and counts a packet that is longer than
// its buffer. Any number of goroutines may read. Once the read deadline has
// passed it fails even if packets wait, as net.Conn does.
//
// A packet that is written without Local comes from the first address of its
// Link, or 0.0.0.0, and from port 67 (a server) or 68 (a client). One that is
// written without Link leaves by the first.
type Host struct {
	net    *Network
	server bool
	port   uint16
	links  []*dhcp4.Link
	id     uint64
	faults *Faults

	addrs []netip.AddrPort // guarded by net.mu

	mu       sync.Mutex
	ready    sync.Cond // something in queue is due, the deadline has passed or moved, or closed
	queue    queue
	paths    map[uint64]*rand.Rand // the faults of what comes from a Host
	lastSeq  uint64                // the highest that was returned
	deadline time.Time
	timer    *time.Timer // broadcasts ready
	closed   bool
}

// A datagram is a packet on its way. Its data is shared with other receivers.
type datagram struct {
	data        []byte
	peer, local netip.AddrPort // source and destination
	link        *dhcp4.Link
	due         time.Time
	seq         uint64
}

var _ dhcp4.Conn = (*Host)(nil)

// AddAddr gives the Host an address, so that packets to it arrive, and makes
// it listen on the port also for packets that are broadcast or sent to its
// hardware address; 0 is port 68, or 67 for a server. A [Client] calls it with
// the address of its lease, and with its giaddr. An address that several Hosts
// have reaches all of them.
func (h *Host) AddAddr(a netip.AddrPort) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.mu.Lock()
	closed := h.closed
	h.mu.Unlock()
	if !closed {
		h.net.addAddr(h, h.withPort(a))
	}
}

// RemoveAddr undoes AddAddr.
func (h *Host) RemoveAddr(a netip.AddrPort) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.net.removeAddr(h, h.withPort(a))
}

func (h *Host) withPort(a netip.AddrPort) netip.AddrPort {
	if a.Port() == 0 {
		return netip.AddrPortFrom(a.Addr(), h.port)
	}
	return a
}

// listensOn is called with net.mu held.
func (h *Host) listensOn(port uint16) bool {
	return port == h.port || slices.ContainsFunc(h.addrs, func(a netip.AddrPort) bool { return a.Port() == port })
}

// linkNamed returns nil if h is not on that link.
func (h *Host) linkNamed(name string) *dhcp4.Link {
	for _, l := range h.links {
		if l.Name == name {
			return l
		}
	}
	return nil
}

// linkTo returns the link on which a packet comes in: the sender's if h is on
// it, else the one that has the address.
func (h *Host) linkTo(name string, a netip.Addr) *dhcp4.Link {
	if l := h.linkNamed(name); l != nil {
		return l
	}
	for _, l := range h.links {
		if slices.ContainsFunc(l.Addrs, func(p netip.Prefix) bool { return p.Addr() == a }) {
			return l
		}
	}
	return h.links[0]
}

// WriteBatch implements [dhcp4.Conn]. It copies the data. A packet that nobody
// receives is no error; it counts as Unreachable.
func (h *Host) WriteBatch(ps []dhcp4.Packet) (int, error) {
	for i := range ps {
		if err := h.write(&ps[i]); err != nil {
			return i, err
		}
	}
	return len(ps), nil
}

func (h *Host) write(p *dhcp4.Packet) error {
	h.mu.Lock()
	closed := h.closed
	h.mu.Unlock()
	if closed {
		return fmt.Errorf("dhcp4test: write: %w", net.ErrClosed)
	}
	if len(h.links) == 0 {
		return errors.New("dhcp4test: write: the Host has no link")
	}
	link := h.links[0]
	if p.Link != nil {
		if link = h.linkNamed(p.Link.Name); link == nil {
			return fmt.Errorf("dhcp4test: write: the Host is not on link %q", p.Link.Name)
		}
	}
	to := netip.AddrPortFrom(p.Peer.Addr().Unmap(), p.Peer.Port())
	if !to.Addr().Is4() || to.Addr().IsUnspecified() || to.Port() == 0 {
		return fmt.Errorf("dhcp4test: write: cannot send to %v", p.Peer)
	}
	from := p.Local
	if !from.Addr().IsValid() {
		a := netip.IPv4Unspecified()
		if len(link.Addrs) > 0 {
			a = link.Addrs[0].Addr()
		}
		from = netip.AddrPortFrom(a, from.Port())
	}
	h.net.send(h, link, datagram{data: bytes.Clone(p.Data), peer: h.withPort(from), local: to}, p.HardwareAddr)
	return nil
}

// receive queues what from sent on the link of that name, or loses it. It is
// called with net.mu held for reading.
func (h *Host) receive(from *Host, d datagram, link string, sent time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	d.link = h.linkTo(link, d.local.Addr())
	d.due = sent.Add(h.net.opts.Latency)
	f := h.fate(from)
	if f.lost {
		h.net.stats.lost.Add(1)
		return
	}
	h.push(d, f.delays[0])
	if f.duplicated {
		h.net.stats.duplicated.Add(1)
		h.push(d, f.delays[1])
	}
	h.ready.Signal()
}

func (h *Host) push(d datagram, delay time.Duration) {
	if len(h.queue) >= h.net.opts.QueueLen {
		h.net.stats.overflowed.Add(1)
		return
	}
	d.due = d.due.Add(delay)
	h.queue.push(d)
}

// A fate is what becomes of one packet.
type fate struct {
	lost, duplicated bool
	delays           [2]time.Duration // of the packet and of its duplicate
}

// fate decides about the next packet from one Host. It always draws the same
// number of times, so that adding one kind of fault does not move the others.
func (h *Host) fate(from *Host) (f fate) {
	p := h.faults
	if p.Loss <= 0 && p.Duplicate <= 0 && p.Delay <= 0 {
		return fate{}
	}
	r := h.paths[from.id]
	if r == nil {
		r = rand.New(rand.NewPCG(h.net.opts.Seed, mix(from.id, h.id)))
		if h.paths == nil {
			h.paths = make(map[uint64]*rand.Rand)
		}
		h.paths[from.id] = r
	}
	f.lost = r.Float64() < p.Loss
	f.duplicated = r.Float64() < p.Duplicate
	for i := range f.delays {
		late, by := r.Float64() < p.Delay, r.Float64()
		if late {
			f.delays[i] = time.Duration(by*float64(p.Jitter)) + 1
		}
	}
	return f
}

// ReadBatch implements [dhcp4.Conn].
func (h *Host) ReadBatch(ps []dhcp4.Packet) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		if h.closed {
			return 0, fmt.Errorf("dhcp4test: read: %w", net.ErrClosed)
		}
		now := time.Now()
		if !h.deadline.IsZero() && !now.Before(h.deadline) {
			return 0, os.ErrDeadlineExceeded
		}
		if n := h.take(ps, now); n > 0 || len(ps) == 0 {
			if len(h.queue) > 0 {
				h.ready.Signal() // there may be another reader
			}
			return n, nil
		}
		h.arm(now)
		h.ready.Wait()
	}
}

// take moves what is due at now into ps.
func (h *Host) take(ps []dhcp4.Packet, now time.Time) (n int) {
	for n < len(ps) && len(h.queue) > 0 && !h.queue[0].due.After(now) {
		d := h.queue.pop()
		p := &ps[n]
		if len(d.data) > cap(p.Data) {
			h.net.stats.tooLong.Add(1)
			continue
		}
		h.net.stats.delivered.Add(1)
		if d.seq < h.lastSeq {
			h.net.stats.reordered.Add(1)
		}
		h.lastSeq = max(h.lastSeq, d.seq)
		*p = dhcp4.Packet{Data: append(p.Data[:0], d.data...), Link: d.link, Peer: d.peer, Local: d.local}
		n++
	}
	return n
}

// arm sees to it that readers wake up when the next packet is due or the
// deadline passes.
func (h *Host) arm(now time.Time) {
	next := h.deadline
	if len(h.queue) > 0 && (next.IsZero() || h.queue[0].due.Before(next)) {
		next = h.queue[0].due
	}
	switch {
	case next.IsZero():
	case h.timer == nil:
		h.timer = time.AfterFunc(next.Sub(now), h.wake)
	default:
		h.timer.Reset(next.Sub(now))
	}
}

func (h *Host) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ready.Broadcast()
}

// SetReadDeadline implements [dhcp4.Conn]. The zero time means no deadline.
func (h *Host) SetReadDeadline(t time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return fmt.Errorf("dhcp4test: set deadline: %w", net.ErrClosed)
	}
	h.deadline = t
	h.ready.Broadcast()
	return nil
}

// Close implements [dhcp4.Conn]: it takes the Host off the Network. What still
// waits for it is gone. Closing again does nothing.
func (h *Host) Close() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	h.queue = nil
	if h.timer != nil {
		h.timer.Stop()
	}
	h.ready.Broadcast()
	h.mu.Unlock()
	h.net.detach(h)
	return nil
}

// A queue is in the order in which its datagrams are due. Most arrive in that
// order.
type queue []datagram

func (q *queue) push(d datagram) {
	i := len(*q)
	for i > 0 && (*q)[i-1].after(&d) {
		i--
	}
	*q = slices.Insert(*q, i, d)
}

func (q *queue) pop() datagram {
	d := (*q)[0]
	(*q)[0] = datagram{} // let go of the data
	*q = (*q)[1:]
	return d
}

// after reports whether d comes after e, which was sent to the same Host.
func (d *datagram) after(e *datagram) bool {
	if c := d.due.Compare(e.due); c != 0 {
		return c > 0
	}
	return d.seq > e.seq
}
