package dhcp4test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// What zero fields of a Client mean, and RFC 2131's longest wait.
const (
	defaultTimeout  = time.Second
	defaultAttempts = 4
	maxTimeout      = 64 * time.Second
)

// bufferLen holds any reply to a client that does not ask for jumbo frames.
const bufferLen = 2048

// past is a deadline that has passed, in a synctest bubble too.
var past = time.Unix(1, 0)

// NewMessage makes a message of the client as its methods send it, with a new
// transaction id, for tests that send something odd. opts stand behind the
// client identifier.
func (c *Client) NewMessage(t dhcp4.MessageType, opts ...option.Option) *dhcp4.Message {
	m := &dhcp4.Message{
		Op:           dhcp4.OpRequest,
		HType:        cmp.Or(c.HType, dhcp4.HTypeEthernet),
		XID:          c.newXID(),
		HardwareAddr: c.HardwareAddr,
		Options:      option.Options{option.DHCPMessageType.New(uint8(t))},
	}
	if c.Broadcast {
		m.Flags = dhcp4.FlagBroadcast
	}
	if !c.ClientID.IsZero() {
		m.Options = append(m.Options, option.DHCPClientIdentifier.New([]byte(c.ClientID.Octets())))
	}
	m.Options = append(m.Options, opts...)
	switch t {
	case dhcp4.TypeDiscover, dhcp4.TypeRequest, dhcp4.TypeInform:
		m.Options = c.appendWishes(m.Options)
	}
	return m
}

// appendWishes adds what only goes out with messages that ask for something
// (RFC 2131, table 5).
func (c *Client) appendWishes(opts option.Options) option.Options {
	if c.Hostname != "" {
		opts = append(opts, option.HostName.New(c.Hostname))
	}
	prl := c.ParameterRequestList
	if prl == nil {
		prl = []option.Code{
			option.SubnetMask.Code, option.Routers.Code, option.DomainNameServers.Code,
			option.HostName.Code, option.DomainName.Code, option.DomainSearch.Code,
		}
	}
	if len(prl) > 0 {
		opts = append(opts, option.DHCPParameterRequestList.New(prl...))
	}
	for _, o := range c.Options {
		i := slices.IndexFunc(opts, func(p option.Option) bool { return p.Code == o.Code })
		if i < 0 {
			opts = append(opts, o)
		} else {
			opts[i] = o
		}
	}
	return opts
}

// newXID returns a new transaction id.
func (c *Client) newXID() uint32 {
	if c.rand == nil {
		octets, _ := c.HardwareAddr.AppendBinary(nil)
		var id uint64
		for _, b := range octets {
			id = id<<8 | id>>56 ^ uint64(b)
		}
		c.rand = rand.New(rand.NewPCG(c.Seed, id))
	}
	return c.rand.Uint32()
}

// Send sends m once to dst and does not wait. If dst is zero, m goes where the
// Client's broadcasts go, through its relay if it has one. A message with a
// giaddr of its own is sent as it is.
func (c *Client) Send(m *dhcp4.Message, dst netip.AddrPort) error {
	p := dhcp4.Packet{Link: c.Link, Peer: dst}
	if !dst.IsValid() {
		p.Peer = c.Server
		if !c.Server.IsValid() {
			p.Peer = netip.AddrPortFrom(broadcastAddr, serverPort)
		}
		if c.GIAddr.IsValid() && !isSet(m.GIAddr) {
			m = c.relay(m)
		}
	}
	switch {
	case isSet(m.GIAddr):
		c.hold(m.GIAddr, serverPort)
		p.Local = netip.AddrPortFrom(m.GIAddr, serverPort)
	case isSet(m.CIAddr):
		p.Local = netip.AddrPortFrom(m.CIAddr, clientPort)
	}
	var err error
	if c.out, err = m.AppendBinary(c.out[:0]); err != nil {
		return err
	}
	p.Data = c.out
	if _, err := c.Conn.WriteBatch([]dhcp4.Packet{p}); err != nil {
		return err
	}
	if c.Trace != nil {
		c.Trace(true, p, m)
	}
	return nil
}

// relay returns m as a relay forwards it.
func (c *Client) relay(m *dhcp4.Message) *dhcp4.Message {
	r := *m
	r.GIAddr = c.GIAddr
	r.Hops++
	if len(c.RelayOptions) > 0 {
		r.Options = append(slices.Clip(r.Options), option.DHCPAgentOptions.New(c.RelayOptions...))
	}
	return &r
}

func isSet(a netip.Addr) bool { return a.IsValid() && !a.IsUnspecified() }

// Receive waits for the next reply to this Client, to whatever message, for at
// most Timeout. It returns what [Client.Discover] and the others pass over: a
// second OFFER, an answer that came twice or too late.
func (c *Client) Receive(ctx context.Context) (*dhcp4.Message, error) {
	defer c.watch(ctx)()
	var bad error
	m, err := c.receive(ctx, time.Now().Add(cmp.Or(c.Timeout, defaultTimeout)), c.HardwareAddr, &bad, func(*dhcp4.Message) bool { return true })
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("dhcp4test: receive: %w", silence(bad))
	}
	return m, err
}

// Exchange sends m to dst, as [Client.Send] does, and waits for a reply with
// its transaction id and hardware address, whatever its type. It sends m
// unchanged up to Attempts times. The state of the Client does not change.
func (c *Client) Exchange(ctx context.Context, m *dhcp4.Message, dst netip.AddrPort) (reply *dhcp4.Message, err error) {
	return c.repeat(ctx, m, dst, func(time.Duration) {}, func(*dhcp4.Message) bool { return true })
}

// exchange is Exchange for replies of certain types, with a secs field that
// tells how long the Client has been trying.
func (c *Client) exchange(ctx context.Context, m *dhcp4.Message, dst netip.AddrPort, types ...dhcp4.MessageType) (*dhcp4.Message, error) {
	return c.repeat(ctx, m, dst,
		func(elapsed time.Duration) { m.Secs = uint16(min(elapsed/time.Second, 0xffff)) },
		func(r *dhcp4.Message) bool { return slices.Contains(types, r.Type()) })
}

// repeat sends m until a reply comes that is wanted. prepare is called before
// each attempt.
func (c *Client) repeat(ctx context.Context, m *dhcp4.Message, dst netip.AddrPort, prepare func(elapsed time.Duration), wanted func(*dhcp4.Message) bool) (*dhcp4.Message, error) {
	defer c.watch(ctx)()
	var bad error
	began := time.Now()
	timeout := cmp.Or(c.Timeout, defaultTimeout)
	for range cmp.Or(c.Attempts, defaultAttempts) {
		prepare(time.Since(began))
		if err := c.Send(m, dst); err != nil {
			return nil, err
		}
		reply, err := c.receive(ctx, time.Now().Add(timeout), m.HardwareAddr, &bad, func(r *dhcp4.Message) bool {
			return r.XID == m.XID && wanted(r)
		})
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return reply, err
		}
		if timeout < maxTimeout {
			timeout = min(2*timeout, maxTimeout)
		}
	}
	return nil, fmt.Errorf("dhcp4test: %v with xid 0x%08x: %w", m.Type(), m.XID, silence(bad))
}

// silence is the error if no reply came. bad tells what was wrong with the last
// packet that could not be read, since that may have been the reply.
func silence(bad error) error {
	if bad != nil {
		return fmt.Errorf("%w (but one packet was malformed: %v)", ErrTimeout, bad)
	}
	return ErrTimeout
}

// receive waits for a reply to the client with the hardware address that is
// wanted. It returns os.ErrDeadlineExceeded at the deadline. bad is set when a
// packet cannot be read.
func (c *Client) receive(ctx context.Context, deadline time.Time, chaddr lease.HardwareAddr, bad *error, wanted func(*dhcp4.Message) bool) (*dhcp4.Message, error) {
	if c.in == nil {
		c.in = make([]byte, bufferLen)
	}
	var m dhcp4.Message
	for {
		if err := c.Conn.SetReadDeadline(deadline); err != nil {
			return nil, err
		}
		// What watch does when ctx ends comes after this, so that the
		// deadline set above cannot undo it unnoticed.
		if ctx.Err() != nil {
			return nil, fmt.Errorf("dhcp4test: waiting for a reply: %w", context.Cause(ctx))
		}
		ps := [1]dhcp4.Packet{{Data: c.in}}
		n, err := c.Conn.ReadBatch(ps[:])
		if n > 0 {
			if e := m.Unmarshal(ps[0].Data); e != nil {
				*bad = e
			} else if m.Op == dhcp4.OpReply && m.HardwareAddr == chaddr {
				reply := m.Clone()
				if c.Trace != nil {
					c.Trace(false, ps[0], reply)
				}
				if wanted(reply) {
					return reply, nil
				}
			}
		}
		switch {
		case err == nil:
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return nil, err
		case !time.Now().Before(deadline) && ctx.Err() == nil:
			return nil, os.ErrDeadlineExceeded
		}
	}
}

// watch makes reads fail when ctx ends, until the function that it returns is
// called.
func (c *Client) watch(ctx context.Context) (stop func()) {
	conn := c.Conn
	done := make(chan struct{})
	unregister := context.AfterFunc(ctx, func() {
		defer close(done)
		conn.SetReadDeadline(past)
	})
	return func() {
		if !unregister() {
			<-done
		}
		conn.SetReadDeadline(time.Time{})
	}
}
