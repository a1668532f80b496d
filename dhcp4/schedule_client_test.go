package dhcp4_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/dhcp4test"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// A scheduleClient does one random step after the other.
type scheduleClient struct {
	*dhcp4test.Client
	id     int
	rnd    *rand.Rand
	ledger *ledger

	sent  time.Time  // the last REQUEST
	last  netip.Addr // the last address that it had
	until time.Time  // the end of its lease, if it has one

	steps, failed map[string]int
}

func newScheduleClient(s *schedule, i int) *scheduleClient {
	mac := lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:01:%02x", i))
	c := &scheduleClient{
		id: i, rnd: rand.New(rand.NewPCG(s.seed, uint64(1+i))), ledger: &s.ledger,
		steps: make(map[string]int), failed: make(map[string]int),
	}
	c.Client = &dhcp4test.Client{
		Conn: s.net.Client("lan", mac), HardwareAddr: mac, Seed: s.seed, Attempts: 3,
		Trace: func(sent bool, _ dhcp4.Packet, m *dhcp4.Message) {
			if sent && m.Type() == dhcp4.TypeRequest {
				c.sent = time.Now()
			}
		},
	}
	return c
}

// A scheduleStep is something that a client may do: without a lease, or with one. It
// reports whether it came to a good end.
type scheduleStep struct {
	name   string
	bound  bool
	weight int
	do     func(*scheduleClient) bool
}

var scheduleSteps = []scheduleStep{
	{"select", false, 8, (*scheduleClient).selectAny},
	{"select by wish", false, 4, (*scheduleClient).selectByWish},
	{"select late", false, 2, (*scheduleClient).selectLate},
	{"select unasked", false, 2, (*scheduleClient).selectUnasked},
	{"discover only", false, 1, (*scheduleClient).discoverOnly},
	{"give up what others have", false, 1, (*scheduleClient).giveUpForeign},
	{"reboot without lease", false, 4, (*scheduleClient).rebootWithoutLease},
	{"renew", true, 6, (*scheduleClient).renew},
	{"renew and wish", true, 1, (*scheduleClient).renewAndWish},
	{"rebind", true, 6, (*scheduleClient).rebind},
	{"reboot", true, 4, (*scheduleClient).reboot},
	{"release", true, 6, (*scheduleClient).release},
	{"decline", true, 1, (*scheduleClient).decline},
	{"expire", true, 3, (*scheduleClient).expire},
}

func (c *scheduleClient) run(end time.Time) {
	time.Sleep(between(c.rnd, 0, 20*time.Millisecond))
	for time.Now().Before(end) {
		c.forgetExpired()
		s := c.choose()
		if s.do(c) {
			c.steps[s.name]++
		} else {
			c.failed[s.name]++
		}
		pause := between(c.rnd, 0, 5*time.Second)
		if c.rnd.IntN(2) == 0 {
			pause = between(c.rnd, 0, 100*time.Millisecond)
		}
		time.Sleep(scheduleSettle + pause)
	}
}

func (c *scheduleClient) choose() *scheduleStep {
	bound := c.Addr.IsValid()
	sum := 0
	for _, s := range scheduleSteps {
		if s.bound == bound {
			sum += s.weight
		}
	}
	n := c.rnd.IntN(sum)
	for i := range scheduleSteps {
		if s := &scheduleSteps[i]; s.bound == bound {
			if n -= s.weight; n < 0 {
				return s
			}
		}
	}
	panic("unreachable")
}

func (c *scheduleClient) forgetExpired() {
	if c.Addr.IsValid() && !time.Now().Before(c.until) {
		c.Conn.(*dhcp4test.Host).RemoveAddr(netip.AddrPortFrom(c.Addr, 0))
		c.Addr = netip.Addr{}
	}
}

// got notes the answer to a REQUEST; held is the address that c had before.
func (c *scheduleClient) got(held netip.Addr, ack *dhcp4.Message, err error) bool {
	if held.IsValid() && held != c.Addr {
		c.ledger.gaveUp(c.id, held)
	}
	if err != nil {
		return false
	}
	// RFC 2131, section 4.4.1: the lease begins when the REQUEST was sent.
	// No answer takes so long that it could be to an earlier attempt.
	c.last, c.until = ack.YIAddr, c.sent.Add(c.Lifetime)
	c.ledger.acked(c, ack.YIAddr, c.until)
	return true
}

func (c *scheduleClient) selectAny() bool { return c.selects(nil, 2*time.Millisecond) }

func (c *scheduleClient) selectByWish() bool {
	return c.selects(c.wish(), 2*time.Millisecond)
}

// selectLate may come when the offer is over.
func (c *scheduleClient) selectLate() bool { return c.selects(nil, 30*time.Second) }

// selects does DISCOVER, with the wishes, and REQUEST. In between it takes some
// time, if only so that of two clients that got their offers at the same
// instant it is not the order of goroutines that tells which one is first.
func (c *scheduleClient) selects(wishes option.Options, atMost time.Duration) bool {
	c.Options = wishes
	offer, err := c.Discover(context.Background())
	c.Options = nil
	if err != nil {
		return false
	}
	time.Sleep(between(c.rnd, 0, atMost))
	ack, err := c.Request(context.Background(), offer)
	return c.got(netip.Addr{}, ack, err)
}

// selectUnasked takes an offer that nobody made.
func (c *scheduleClient) selectUnasked() bool {
	ack, err := c.Request(context.Background(), &dhcp4.Message{
		XID: c.rnd.Uint32(), YIAddr: c.remembered(),
		Options: option.Options{option.DHCPServerIdentifier.New(scheduleServer(c.rnd.IntN(scheduleServers)))},
	})
	return c.got(netip.Addr{}, ack, err)
}

// giveUpForeign releases and declines an address that the client does not have.
func (c *scheduleClient) giveUpForeign() bool {
	c.Addr, c.ServerID = c.remembered(), scheduleServer(c.rnd.IntN(scheduleServers))
	again := c.Addr
	if c.Release() != nil {
		return false
	}
	c.Addr, c.ServerID = again, scheduleServer(c.rnd.IntN(scheduleServers))
	return c.Decline() == nil
}

func (c *scheduleClient) discoverOnly() bool {
	_, err := c.Discover(context.Background())
	return err == nil
}

func (c *scheduleClient) rebootWithoutLease() bool {
	ack, err := c.Reboot(context.Background(), c.remembered())
	return c.got(netip.Addr{}, ack, err)
}

func (c *scheduleClient) wish() option.Options {
	return option.Options{option.DHCPRequestedAddress.New(c.remembered())}
}

// remembered is an address that the client had, or another one of the pool.
func (c *scheduleClient) remembered() netip.Addr {
	if c.last.IsValid() && c.rnd.IntN(3) > 0 {
		return c.last
	}
	a := schedulePool.First
	for range c.rnd.IntN(8) {
		a = a.Next()
	}
	return a
}

func (c *scheduleClient) renew() bool {
	held := c.Addr
	ack, err := c.Renew(context.Background())
	return c.got(held, ack, err)
}

// renewAndWish names a second address, against RFC 2131, table 5.
func (c *scheduleClient) renewAndWish() bool {
	held := c.Addr
	c.Options = c.wish()
	ack, err := c.Renew(context.Background())
	c.Options = nil
	return c.got(held, ack, err)
}

func (c *scheduleClient) rebind() bool {
	held := c.Addr
	ack, err := c.Rebind(context.Background())
	return c.got(held, ack, err)
}

func (c *scheduleClient) reboot() bool {
	held := c.Addr
	ack, err := c.Reboot(context.Background(), held)
	return c.got(held, ack, err)
}

func (c *scheduleClient) release() bool {
	c.ledger.gaveUp(c.id, c.Addr)
	return c.Release() == nil
}

func (c *scheduleClient) decline() bool {
	c.ledger.gaveUp(c.id, c.Addr)
	return c.Decline() == nil
}

func (c *scheduleClient) expire() bool {
	time.Sleep(time.Until(c.until))
	c.forgetExpired()
	return true
}
