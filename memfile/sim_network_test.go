package memfile

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// A simNetwork says what happens to packets.
type simNetwork struct{ loss, duplicate, delay float64 }

// A simWay is the way of a client's packets in one direction.
type simWay struct {
	rnd       *rand.Rand
	sent, got uint64
}

// send schedules the arrival of a packet, or of its two copies, or of none. The
// caller holds mu.
func (s *simulation) send(w *simWay, arrive func()) {
	n := &s.network
	s.count.sent++
	if w.rnd.Float64() < n.loss {
		s.count.lost++
		return
	}
	copies := 1
	if w.rnd.Float64() < n.duplicate {
		copies++
		s.count.duplicated++
	}
	w.sent++
	number := w.sent
	for range copies {
		travel := between(w.rnd, 100*time.Microsecond, 400*time.Microsecond)
		if w.rnd.Float64() < n.delay {
			travel = between(w.rnd, 0, simTravel)
		}
		s.after(travel, func() {
			if number < w.got {
				s.count.reordered++
			}
			w.got = max(w.got, number)
			arrive()
		})
	}
}

// A simExchange is what a client has sent with one transaction id.
type simExchange struct {
	client   *simClient
	asked    map[dhcp4.MessageType]int // messages that the server got
	answered map[dhcp4.MessageType]int
	request  time.Time  // when the last REQUEST was sent
	about    netip.Addr // what it asked for
	renews   bool
}

// sendToServer sends a client's message to the server, through the relay if it
// is a broadcast and the client is behind it.
func (s *simulation) sendToServer(c *simClient, m *dhcp4.Message, to netip.Addr) {
	typ := m.Type()
	if s.traces(c.addr) {
		s.trace("client %d, which had %v until %v, sends %v to %v", c.id, c.addr, c.until, typ, to)
	}
	p := dhcp4.Packet{
		Peer:  netip.AddrPortFrom(netip.IPv4Unspecified(), 68),
		Local: netip.AddrPortFrom(to, 67),
	}
	if m.CIAddr.IsValid() {
		p.Peer = netip.AddrPortFrom(m.CIAddr, 68)
	}
	if c.link == 1 && to == simBroadcast {
		m.GIAddr, m.Hops = simRelay, 1
		p.Peer = netip.AddrPortFrom(simRelay, 67)
		p.Local = netip.AddrPortFrom(simLinks[1].Addrs[0].Addr(), 67)
	}
	data, err := m.AppendBinary(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	p.Data = data
	link, x := c.link, c.exchange
	c.quiet = time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if typ == dhcp4.TypeRequest {
		x.request = time.Now()
	}
	s.send(&c.up, func() { s.reachServer(link, x, typ, p) })
}

// reachServer brings a packet to the server if it is there, and waits until it
// is answered, but for what the server waits for itself.
func (s *simulation) reachServer(link int, x *simExchange, typ dhcp4.MessageType, p dhcp4.Packet) {
	l := s.life
	s.mu.Lock()
	if l == nil || l.srv == nil || l.dead {
		s.count.missed++
		s.mu.Unlock()
		return
	}
	x.asked[typ]++
	s.mu.Unlock()
	if s.traces(x.about) {
		s.trace("the server gets %v of client %d", typ, x.client.id)
	}
	l.conns[link].put(p)
	synctest.Wait()
}

// A simReply is what a client learns from a packet.
type simReply struct {
	xid              uint32
	typ              dhcp4.MessageType
	addr, server     netip.Addr
	request          time.Time // of the exchange
	lifetime, t1, t2 time.Duration
}

// reply checks a packet that the server sends, and brings it to its client.
func (s *simulation) reply(l *simLife, p *dhcp4.Packet) error {
	var m dhcp4.Message
	if err := m.Unmarshal(p.Data); err != nil {
		return err
	}
	r := simReply{xid: m.XID, typ: m.Type(), addr: m.YIAddr}
	var errs [4]error
	r.server, _, errs[0] = option.DHCPServerIdentifier.Get(m.Options)
	r.lifetime, _, errs[1] = option.DHCPLeaseTime.Get(m.Options)
	r.t1, _, errs[2] = option.DHCPRenewalTime.Get(m.Options)
	r.t2, _, errs[3] = option.DHCPRebindingTime.Get(m.Options)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	var row *lease.Lease
	if r.typ == dhcp4.TypeACK {
		stored, ok, err := lease.Get(context.Background(), l.view, r.addr)
		if ok && err == nil {
			row = &stored
		}
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if l.dead {
		return nil
	}
	x := s.exchanges[m.XID]
	asks := dhcp4.TypeRequest
	if r.typ == dhcp4.TypeOffer {
		asks = dhcp4.TypeDiscover
	}
	if x == nil || m.Op != dhcp4.OpReply || x.asked[asks] == x.answered[asks] {
		s.ledger.noteLocked("unasked", "%v with transaction %#x to %v", r.typ, m.XID, p.Peer)
		return nil
	}
	x.answered[asks]++
	s.count.trail += mix(uint64(time.Since(s.start)), uint64(r.xid)<<8|uint64(r.typ)) // in any order
	if !goesWhereItShall(&m, p) {
		s.ledger.noteLocked("unasked", "%v for client %d goes to %v", r.typ, x.client.id, p.Peer)
	}
	if s.traces(r.addr) || s.traces(x.about) {
		s.trace("%v of %v to client %d, which asks for %v; stored: %+v", r.typ, r.addr, x.client.id, x.about, row)
	}
	switch r.typ {
	case dhcp4.TypeOffer:
		s.count.offers++
	case dhcp4.TypeNAK:
		s.count.naks++
	case dhcp4.TypeACK:
		s.count.acks++
		if x.renews {
			s.count.renewed++
		}
		if r.addr != x.about {
			s.ledger.noteLocked("unasked", "client %d asks for %v and is ACKed %v", x.client.id, x.about, r.addr)
		}
		s.ledger.acked(x.client, r.addr, x.request.Add(r.lifetime), row)
		if l.acksLeft > 0 {
			if l.acksLeft--; l.acksLeft == 0 {
				defer l.die()
			}
		}
	default:
		s.ledger.noteLocked("unasked", "a server sends %v", r.typ)
	}
	r.request = x.request
	s.send(&x.client.down, func() { x.client.receive(&r) })
	return nil
}

// goesWhereItShall checks the destination (RFC 2131, section 4.1).
func goesWhereItShall(m *dhcp4.Message, p *dhcp4.Packet) bool {
	switch ci := m.CIAddr; {
	case !m.GIAddr.IsUnspecified():
		return p.Peer == netip.AddrPortFrom(m.GIAddr, 67)
	case m.Type() == dhcp4.TypeNAK:
		return p.Peer == netip.AddrPortFrom(simBroadcast, 68)
	case !ci.IsUnspecified():
		return p.Peer == netip.AddrPortFrom(ci, 68)
	}
	return p.Peer == netip.AddrPortFrom(simBroadcast, 68) || p.Peer == netip.AddrPortFrom(m.YIAddr, 68) && !p.HardwareAddr.IsZero()
}
