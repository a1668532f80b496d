package memfile

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// A simState is a client's (RFC 2131, figure 5).
type simState uint8

const (
	simOff simState = iota
	simInit
	simSelecting
	simRequesting
	simRebooting
	simBound
	simRenewing
	simRebinding
)

// A simClient is a client that keeps to RFC 2131, with a life of its own: it is
// switched off and on, moved, renews, releases, declines, vanishes. All of it
// belongs to the driver, but for what is immutable.
type simClient struct {
	s        *simulation
	id       int
	mac      lease.HardwareAddr
	clientID lease.ClientID // zero: none
	rnd      *rand.Rand
	up, down simWay

	link     int
	state    simState
	timers   int // counts states; a timer of an earlier one is void
	era      int // counts times of being on
	attempt  int
	quiet    time.Time // it has sent nothing since
	xid      uint32
	exchange *simExchange
	old      [4]uint32 // transactions to which answers may still come

	addr, server  netip.Addr // of the lease that it has or asks for
	until, t1, t2 time.Time
	last          [len(simLinks)]simMemory
}

// A simMemory is the last lease that a client had on a link.
type simMemory struct {
	addr  netip.Addr
	until time.Time
}

func newSimClient(s *simulation, id int) *simClient {
	rnd := func(n uint64) *rand.Rand { return rand.New(rand.NewPCG(s.seed, n<<16|uint64(1+id))) }
	c := &simClient{
		s: s, id: id, link: id % len(simLinks), rnd: rnd(0), up: simWay{rnd: rnd(1)}, down: simWay{rnd: rnd(2)},
		mac: lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:00:%02x", id)),
	}
	switch {
	case id < 4: // clones that share a hardware address
		c.mac = lease.MustParseHardwareAddr("02:00:00:00:01:00")
		fallthrough
	case id%3 == 0:
		c.clientID = lease.ClientIDFrom([]byte{0, 'i', 'd', byte(id)})
	}
	return c
}

// has reports whether a lease is the client's.
func (c *simClient) has(l *lease.Lease) bool {
	if !c.clientID.IsZero() || !l.ClientID.IsZero() {
		return l.ClientID == c.clientID
	}
	return l.HardwareAddr == c.mac
}

func (c *simClient) enter(st simState) {
	c.state, c.attempt = st, 0
	c.timers++
}

// after calls do unless the client enters another state before.
func (c *simClient) after(d time.Duration, do func()) {
	n := c.timers
	c.s.later(d, func() {
		if c.timers == n {
			do()
		}
	})
}

// turnOn begins with the address of the last time, or without.
func (c *simClient) turnOn() {
	if c.s.calm || c.state != simOff {
		return
	}
	c.era++
	era := c.era
	c.s.later(around(c.rnd, 30*time.Hour), func() { c.whim(era) })
	last := &c.last[c.link]
	odds := 3
	if !time.Now().Before(last.until) {
		odds = 1
	}
	switch {
	case c.rnd.IntN(12) == 0:
		c.covet()
	case last.addr.IsValid() && c.rnd.IntN(4) < odds:
		c.reboot(last.addr)
	default:
		c.discover()
	}
}

// foreign returns an address of the client's link that is somebody else's, and
// until when. It may be free.
func (c *simClient) foreign() (netip.Addr, time.Time) {
	a := simAddr(c.link, 10+c.rnd.IntN(simPool+3))
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	switch h := c.s.ledger.claims[a]; {
	case h == nil || h.void:
		return a, time.Time{}
	case h.client == c:
		return simAddr(c.link, 9), time.Time{} // nobody's
	default:
		return a, h.until
	}
}

// covet asks for what somebody else has, or just has no more.
func (c *simClient) covet() {
	a, until := c.foreign()
	c.enter(simRequesting)
	c.begin()
	c.after(max(simSettle, time.Until(until)+between(c.rnd, -time.Minute, 2*time.Second)), func() {
		c.asks(a, false)
		c.server = simLinks[c.link].Addrs[0].Addr()
		c.retry(2, func() {
			c.s.sendToServer(c, c.message(dhcp4.TypeRequest, option.DHCPServerIdentifier.New(c.server), option.DHCPRequestedAddress.New(a)), simBroadcast)
		}, c.restart)
	})
}

// slander gives up what somebody else has.
func (c *simClient) slander() {
	a, _ := c.foreign()
	c.begin()
	m := c.message(dhcp4.TypeDecline, option.DHCPServerIdentifier.New(c.server), option.DHCPRequestedAddress.New(a))
	if c.rnd.IntN(2) == 0 {
		m = c.message(dhcp4.TypeRelease, option.DHCPServerIdentifier.New(c.server))
		m.CIAddr = a
	}
	c.s.sendToServer(c, m, simBroadcast)
}

func (c *simClient) turnOff() {
	c.enter(simOff)
	c.era++
}

// offFor turns the client off for some time.
func (c *simClient) offFor(d time.Duration) {
	c.turnOff()
	c.s.later(simSettle+d, c.turnOn)
}

// restart begins anew when nothing that was sent before is under way.
func (c *simClient) restart() {
	c.enter(simInit)
	c.after(simSettle+between(c.rnd, 0, time.Second), c.discover)
}

// whim does what the client's user likes to do, if it has a lease, and if
// nothing is under way that would come into conflict with it.
func (c *simClient) whim(era int) {
	if c.era != era {
		return
	}
	again := func(d time.Duration) { c.s.later(d, func() { c.whim(era) }) }
	switch {
	case c.state < simBound:
		again(between(c.rnd, time.Minute, time.Hour))
		return
	case time.Since(c.quiet) < simSettle:
		again(simSettle + between(c.rnd, 0, time.Second))
		return
	}
	switch n := c.rnd.IntN(20); {
	case n < 5:
		c.release()
		c.offFor(around(c.rnd, 4*time.Hour))
	case n < 8: // vanish
		c.offFor(around(c.rnd, 8*time.Hour))
	case n < 11:
		c.offFor(around(c.rnd, time.Minute))
	case n < 14: // come back at the last moment, or a moment after it
		end := c.until.Truncate(time.Second).Add(time.Second)
		c.turnOff()
		c.s.later(max(simSettle, time.Until(end)+between(c.rnd, -15*time.Millisecond, 5*time.Millisecond)), c.turnOn)
	case n < 17:
		c.link = 1 - c.link
		c.offFor(around(c.rnd, time.Minute))
	case n < 18:
		if c.state == simBound { // else the transaction is still of use
			c.slander()
		}
		again(around(c.rnd, 20*time.Hour))
	default:
		c.decline()
		again(around(c.rnd, 30*time.Hour))
	}
}

// begin begins a transaction.
func (c *simClient) begin() {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.exchanges, c.old[0])
	copy(c.old[:], c.old[1:])
	c.old[len(c.old)-1] = c.xid
	c.xid = uint32(1+c.id)<<20 | (c.xid+1)&(1<<20-1)
	c.exchange = &simExchange{client: c, asked: make(map[dhcp4.MessageType]int), answered: make(map[dhcp4.MessageType]int)}
	s.exchanges[c.xid] = c.exchange
}

func (c *simClient) message(t dhcp4.MessageType, opts ...option.Option) *dhcp4.Message {
	m := &dhcp4.Message{
		Op: dhcp4.OpRequest, HType: dhcp4.HTypeEthernet, XID: c.xid, HardwareAddr: c.mac,
		Options: append(option.Options{option.DHCPMessageType.New(uint8(t))}, opts...),
	}
	if !c.clientID.IsZero() {
		m.Options = append(m.Options, option.DHCPClientIdentifier.New([]byte(c.clientID.Octets())))
	}
	return m
}

// retry sends a message, and again after 4, 8 and 16 s (RFC 2131, section 4.1).
func (c *simClient) retry(times int, send, giveUp func()) {
	send()
	wait := 4*time.Second<<c.attempt + between(c.rnd, -time.Second, time.Second)
	c.attempt++
	c.after(wait, func() {
		if c.attempt < times {
			c.retry(times, send, giveUp)
		} else {
			giveUp()
		}
	})
}

func (c *simClient) discover() {
	c.enter(simSelecting)
	c.begin()
	var wish []option.Option
	if a := c.last[c.link].addr; a.IsValid() && c.rnd.IntN(2) == 0 {
		wish = append(wish, option.DHCPRequestedAddress.New(a))
	} else if c.rnd.IntN(4) == 0 {
		a, _ := c.foreign()
		wish = append(wish, option.DHCPRequestedAddress.New(a))
	}
	c.retry(3, func() {
		c.s.sendToServer(c, c.message(dhcp4.TypeDiscover, wish...), simBroadcast)
	}, func() {
		c.enter(simInit)
		c.after(between(c.rnd, 2*time.Hour, 8*time.Hour), c.discover)
	})
}

// asks notes what the next REQUEST is about. What the client had before, it
// gives up.
func (c *simClient) asks(a netip.Addr, renews bool) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.addr = a
	c.exchange.about, c.exchange.renews = a, renews
	if !renews {
		c.s.ledger.void(c, c.link, a)
	}
}

// selectOffer asks for what was offered, mostly at once, sometimes when the
// offer may be over.
func (c *simClient) selectOffer(r *simReply) {
	wait := between(c.rnd, 0, 20*time.Millisecond)
	switch n := c.rnd.IntN(20); {
	case n == 0:
		wait = between(c.rnd, 0, 100*time.Second)
	case n < 5:
		wait = between(c.rnd, 0, 3*time.Second)
	}
	c.enter(simRequesting)
	c.after(wait, func() {
		c.asks(r.addr, false)
		c.server = r.server
		c.retry(3, func() {
			c.s.sendToServer(c, c.message(dhcp4.TypeRequest, option.DHCPServerIdentifier.New(r.server), option.DHCPRequestedAddress.New(r.addr)), simBroadcast)
		}, c.restart)
	})
}

// reboot asks for an address that the client remembers (INIT-REBOOT).
func (c *simClient) reboot(a netip.Addr) {
	c.enter(simRebooting)
	c.begin()
	c.asks(a, false)
	c.retry(2, func() {
		c.s.sendToServer(c, c.message(dhcp4.TypeRequest, option.DHCPRequestedAddress.New(a)), simBroadcast)
	}, c.restart)
}

// bound has a lease until its end.
func (c *simClient) bound(r *simReply) {
	first := c.state == simRequesting
	c.enter(simBound)
	c.until = r.request.Add(r.lifetime)
	c.t1, c.t2 = r.request.Add(r.t1), r.request.Add(r.t2)
	c.last[c.link] = simMemory{c.addr, c.until}
	if r.server.IsValid() {
		c.server = r.server
	}
	if first && c.rnd.IntN(100) == 0 { // somebody else answers ARP for it
		c.after(simSettle, c.decline)
		return
	}
	c.after(time.Until(c.t1)+between(c.rnd, 0, time.Minute), c.renew)
}

func (c *simClient) renew() {
	c.enter(simRenewing)
	c.begin()
	c.asks(c.addr, true)
	c.extend(c.server, c.t2, c.rebind)
}

func (c *simClient) rebind() {
	c.enter(simRebinding)
	c.begin()
	c.asks(c.addr, true)
	c.extend(simBroadcast, c.until, c.restart)
}

// extend sends a REQUEST now and whenever half of the time until end is over,
// but at most once a minute (RFC 2131, section 4.4.5).
func (c *simClient) extend(to netip.Addr, end time.Time, then func()) {
	left := time.Until(end)
	if left <= 0 {
		then()
		return
	}
	m := c.message(dhcp4.TypeRequest)
	m.CIAddr = c.addr
	c.s.sendToServer(c, m, to)
	c.after(min(left, max(left/2, time.Minute)), func() { c.extend(to, end, then) })
}

// giveUp ends the promise of the address, and sends a message that says so.
func (c *simClient) giveUp(m func() *dhcp4.Message, to netip.Addr) {
	c.begin()
	c.s.mu.Lock()
	if h := c.s.ledger.claims[c.addr]; h.client == c {
		h.void = true
	}
	c.s.mu.Unlock()
	c.s.sendToServer(c, m(), to)
	c.last[c.link].until = time.Now()
}

func (c *simClient) release() {
	c.s.mu.Lock()
	c.s.count.releases++
	c.s.mu.Unlock()
	c.giveUp(func() *dhcp4.Message {
		m := c.message(dhcp4.TypeRelease, option.DHCPServerIdentifier.New(c.server))
		m.CIAddr = c.addr
		return m
	}, c.server)
}

func (c *simClient) decline() {
	c.s.mu.Lock()
	c.s.count.declines++
	c.s.mu.Unlock()
	c.giveUp(func() *dhcp4.Message {
		return c.message(dhcp4.TypeDecline, option.DHCPServerIdentifier.New(c.server), option.DHCPRequestedAddress.New(c.addr))
	}, simBroadcast)
	c.enter(simInit)
	c.after(10*time.Second, c.discover)
}

func (c *simClient) receive(r *simReply) {
	if r.xid != c.xid {
		return
	}
	switch r.typ {
	case dhcp4.TypeOffer:
		if c.state == simSelecting {
			c.selectOffer(r)
		}
	case dhcp4.TypeACK:
		switch c.state {
		case simRequesting, simRebooting, simRenewing, simRebinding:
			c.bound(r)
		}
	case dhcp4.TypeNAK:
		switch c.state {
		case simRequesting, simRebooting, simRenewing, simRebinding:
			c.last[c.link] = simMemory{}
			c.restart()
		}
	}
}
