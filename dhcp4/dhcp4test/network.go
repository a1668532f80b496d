package dhcp4test

import (
	"hash/fnv"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
)

// defaultQueueLen and defaultJitter are what zero fields of NetworkOptions and
// Faults mean.
const (
	defaultQueueLen = 4096
	defaultJitter   = 10 * time.Millisecond
)

// NetworkOptions are the properties of a Network.
type NetworkOptions struct {
	// Seed determines the faults: the fate of the n-th packet from one Host
	// to another depends on Seed, the two Hosts and n only.
	Seed uint64
	// Latency is how long a packet travels. If zero, it arrives at once.
	Latency time.Duration
	// ToServer and ToClient are the faults on the way to Hosts made by
	// Server and by Client.
	ToServer, ToClient Faults
	// QueueLen is the most packets that wait at one Host, those that still
	// travel included; what comes on top is dropped and counted. If zero,
	// 4,096.
	QueueLen int
}

// Faults are probabilities from 0 to 1 that something happens to a packet. A
// broadcast meets its fate at each receiver separately.
type Faults struct {
	Loss      float64 // it never arrives
	Duplicate float64 // it arrives twice; each copy may be delayed by itself
	Delay     float64 // it travels longer, so that later packets overtake it
	// Jitter is the most that Delay adds to the Latency. If zero, 10 ms.
	Jitter time.Duration
}

// Stats counts what happened to packets, for each receiver of a broadcast
// separately.
type Stats struct {
	Sent        uint64 // packets given to WriteBatch
	Delivered   uint64 // packets that ReadBatch returned
	Lost        uint64 // by Faults.Loss
	Duplicated  uint64 // by Faults.Duplicate
	Reordered   uint64 // returned by ReadBatch after a packet that was sent later
	Overflowed  uint64 // the receiver's queue was full
	TooLong     uint64 // the buffer given to ReadBatch was too short
	Unreachable uint64 // packets that no Host was there to receive
}

// A Network is an in-memory network of links: segments on which a broadcast
// reaches everybody, with routes between all of them. Links are told apart by
// name. Its Hosts are the Conns of servers and clients.
//
// What a Host sends reaches:
//
//   - to 255.255.255.255, or to the hardware address ff:ff:ff:ff:ff:ff: every
//     other Host on the link;
//   - to a hardware address: the Hosts on the link that have it, whatever IP
//     address the packet is for;
//   - else: the Hosts on the link that have the IP address, or if there are
//     none those anywhere.
//
// In each case only Hosts that listen on the port: 67 for a server, 68 for a
// client, and every port that [Host.AddAddr] named. So clients see the
// broadcasts for each other but not what is sent to servers, and nobody sees
// what they sent themselves.
//
// A Network is safe for concurrent use. It has no goroutines.
type Network struct {
	opts  NetworkOptions
	seq   atomic.Uint64 // of packets, in the order sent
	stats struct {
		sent, delivered, lost, duplicated, reordered, overflowed, tooLong, unreachable atomic.Uint64
	}

	mu       sync.RWMutex
	closed   bool
	names    map[uint64]uint64 // how many Hosts were made alike
	segments map[string]*segment
	byAddr   map[netip.AddrPort][]*Host
}

// A segment is what shares one link.
type segment struct {
	hosts []*Host
	byMAC map[lease.HardwareAddr][]*Host
}

// NewNetwork returns a Network without Hosts. It keeps no reference to o; nil
// is a Network without latency and faults.
func NewNetwork(o *NetworkOptions) *Network {
	n := &Network{
		names:    make(map[uint64]uint64),
		segments: make(map[string]*segment),
		byAddr:   make(map[netip.AddrPort][]*Host),
	}
	if o != nil {
		n.opts = *o
	}
	if n.opts.QueueLen == 0 {
		n.opts.QueueLen = defaultQueueLen
	}
	for _, f := range []*Faults{&n.opts.ToServer, &n.opts.ToClient} {
		if f.Jitter == 0 {
			f.Jitter = defaultJitter
		}
	}
	return n
}

// Server attaches a server to links: its Conn, for [dhcp4.Server.Serve]. It
// listens on port 67 on all addresses of the links, and shows the Link
// pointers given here with what it reads. Without a link it reaches nobody.
// Several servers may share a link, by the same name or the same pointer.
func (n *Network) Server(links ...*dhcp4.Link) *Host {
	return n.attach(true, serverPort, links)
}

// Client attaches a client to the link of that name: its Conn. It listens on
// port 68 and has no IP address until [Host.AddAddr] gives it one. The link
// needs no server.
func (n *Network) Client(link string, mac lease.HardwareAddr) *Host {
	return n.attach(false, clientPort, []*dhcp4.Link{{Name: link, HardwareAddr: mac}})
}

// Stats returns what happened so far.
func (n *Network) Stats() Stats {
	s := &n.stats
	return Stats{
		Sent:        s.sent.Load(),
		Delivered:   s.delivered.Load(),
		Lost:        s.lost.Load(),
		Duplicated:  s.duplicated.Load(),
		Reordered:   s.reordered.Load(),
		Overflowed:  s.overflowed.Load(),
		TooLong:     s.tooLong.Load(),
		Unreachable: s.unreachable.Load(),
	}
}

// Close closes every Host of the Network, and those that are made later.
func (n *Network) Close() error {
	n.mu.Lock()
	n.closed = true
	var hosts []*Host
	for _, s := range n.segments {
		hosts = append(hosts, s.hosts...)
	}
	n.mu.Unlock()
	for _, h := range hosts {
		h.Close()
	}
	return nil
}

func (n *Network) attach(server bool, port uint16, links []*dhcp4.Link) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := &Host{net: n, server: server, port: port, links: slices.Clone(links), faults: &n.opts.ToClient}
	if server {
		h.faults = &n.opts.ToServer
	}
	h.ready.L = &h.mu
	h.id = n.name(h)
	h.closed = n.closed
	if h.closed {
		return h
	}
	for _, l := range h.links {
		s := n.segments[l.Name]
		if s == nil {
			s = &segment{byMAC: make(map[lease.HardwareAddr][]*Host)}
			n.segments[l.Name] = s
		}
		s.hosts = append(s.hosts, h)
		s.byMAC[l.HardwareAddr] = append(s.byMAC[l.HardwareAddr], h)
		for _, p := range l.Addrs {
			n.addAddr(h, netip.AddrPortFrom(p.Addr(), port))
		}
	}
	return h
}

// name returns a number for h that does not depend on what goes on
// concurrently, unless Hosts are made that are alike.
func (n *Network) name(h *Host) uint64 {
	f := fnv.New64a()
	if h.server {
		f.Write([]byte{1})
	}
	for _, l := range h.links {
		f.Write([]byte(l.Name + "\x00" + l.HardwareAddr.String() + "\x00"))
		for _, p := range l.Addrs {
			f.Write([]byte(p.String() + "\x00"))
		}
	}
	alike := f.Sum64()
	n.names[alike]++
	return mix(alike, n.names[alike])
}

func (n *Network) addAddr(h *Host, a netip.AddrPort) {
	if !slices.Contains(h.addrs, a) {
		h.addrs = append(h.addrs, a)
		n.byAddr[a] = append(n.byAddr[a], h)
	}
}

func (n *Network) removeAddr(h *Host, a netip.AddrPort) {
	if i := slices.Index(h.addrs, a); i >= 0 {
		h.addrs = slices.Delete(h.addrs, i, i+1)
		removeFrom(n.byAddr, a, h)
	}
}

func (n *Network) detach(h *Host) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range h.links {
		if s := n.segments[l.Name]; s != nil {
			s.hosts = without(s.hosts, h)
			removeFrom(s.byMAC, l.HardwareAddr, h)
			if len(s.hosts) == 0 {
				delete(n.segments, l.Name)
			}
		}
	}
	for len(h.addrs) > 0 {
		n.removeAddr(h, h.addrs[0])
	}
}

// removeFrom takes h out of the list m[k].
func removeFrom[K comparable](m map[K][]*Host, k K, h *Host) {
	if m[k] = without(m[k], h); len(m[k]) == 0 {
		delete(m, k)
	}
}

func without(hosts []*Host, h *Host) []*Host {
	if i := slices.Index(hosts, h); i >= 0 {
		return slices.Delete(hosts, i, i+1)
	}
	return hosts
}

// send brings a packet that h sends on link to everybody who shall get it. Its
// data is not copied again.
func (n *Network) send(h *Host, link *dhcp4.Link, d datagram, mac lease.HardwareAddr) {
	n.stats.sent.Add(1)
	d.seq = n.seq.Add(1)
	sent := time.Now()
	port, reached := d.local.Port(), false
	deliver := func(to *Host) {
		if to != h && to.listensOn(port) {
			reached = true
			to.receive(h, d, link.Name, sent)
		}
	}

	n.mu.RLock()
	defer n.mu.RUnlock()
	s := n.segments[link.Name]
	switch {
	case s == nil: // h was closed meanwhile
	case mac == broadcastMAC || mac.IsZero() && d.local.Addr() == broadcastAddr:
		for _, to := range s.hosts {
			deliver(to)
		}
	case !mac.IsZero():
		for _, to := range s.byMAC[mac] {
			deliver(to)
		}
	default:
		hosts := n.byAddr[d.local]
		near := false
		for _, to := range hosts {
			if to.linkNamed(link.Name) != nil && to != h {
				near = true
				deliver(to)
			}
		}
		if !near {
			for _, to := range hosts {
				deliver(to)
			}
		}
	}
	if !reached {
		n.stats.unreachable.Add(1)
	}
}

// mix spreads two numbers over 64 bits (the finalizer of SplitMix64).
func mix(a, b uint64) uint64 {
	z := a + (b+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
