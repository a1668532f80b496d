package dhcp4test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// Errors that the methods of a Client wrap.
var (
	// ErrTimeout means that no reply came to any attempt. It wraps
	// context.DeadlineExceeded.
	ErrTimeout = fmt.Errorf("no reply: %w", context.DeadlineExceeded)
	// ErrNAK means that a server refused. The NAK is returned beside it.
	ErrNAK = errors.New("refused by a NAK")
)

// A Client is a scripted DHCP client (RFC 2131, section 4.4): each method
// plays one step of the protocol when it is called. The zero values of all
// fields but Conn are useful, though most servers want a HardwareAddr.
//
// Every method that waits sends its message up to Attempts times and returns
// the reply, which is the caller's. Without any it returns an error that wraps
// [ErrTimeout], for a NAK the NAK and an error that wraps [ErrNAK], and if ctx
// ends an error that wraps its cause.
//
// Fields may be changed between calls, Conn too. A Client needs a Conn of its
// own, since it reads from it and sets its read deadline. If Conn has the
// methods AddAddr and RemoveAddr of [Host], the Client tells them which
// addresses it has; other Conns must be able to receive what is sent there by
// themselves. A Client must not be copied once used, and is not safe for
// concurrent use.
type Client struct {
	Conn dhcp4.Conn
	Link *dhcp4.Link // where packets leave. If nil, Conn chooses.

	HardwareAddr lease.HardwareAddr // chaddr
	HType        uint8              // If zero, 1 (Ethernet).
	ClientID     lease.ClientID     // option 61. If empty, not sent.
	Broadcast    bool               // set the broadcast flag (RFC 2131, section 4.1)

	// These go out with DISCOVER, REQUEST and INFORM.
	Hostname string // option 12. If empty, not sent.
	// ParameterRequestList is option 55. If nil, 1, 3, 6, 12, 15 and 119; if
	// empty, not sent.
	ParameterRequestList []option.Code
	Options              option.Options // in place of the Client's own of the same code, or behind them

	// GIAddr makes the Client act as if a relay with this address forwarded
	// what it would broadcast (RFC 2131, section 4.1.1): from port 67 with
	// giaddr, one more hop and RelayOptions in option 82. If zero, there is
	// no relay.
	GIAddr       netip.Addr
	RelayOptions []option.Option // If empty, option 82 is not sent.

	// Server is where broadcasts go. If zero, 255.255.255.255:67. A relayed
	// Client needs it, unless its Conn is on a link of the server. Its port
	// is also that of renewals and releases.
	Server netip.AddrPort

	// Timeout is how long to wait for a reply to the first attempt; each
	// further one waits twice as long as the one before, but at most 64 s
	// (RFC 2131, section 4.1, without its randomness). If zero, 1 s.
	Timeout time.Duration
	// Attempts is how often to send a message. If zero, 4.
	Attempts int
	// Seed determines the transaction ids, together with HardwareAddr.
	Seed uint64

	// Trace is called for each message sent, and for each one received that
	// is a reply to this Client. p is borrowed. If nil, there is no trace.
	Trace func(sent bool, p dhcp4.Packet, m *dhcp4.Message)

	// The current lease, as the last ACK told; a NAK, Release and Decline
	// clear it. A test may set it, to play a client that remembers a lease.
	Addr     netip.Addr    // yiaddr
	ServerID netip.Addr    // option 54
	Lifetime time.Duration // option 51
	T1, T2   time.Duration // options 58 and 59. If zero, the server sent none.

	rand *rand.Rand // of transaction ids
	in   []byte
	out  []byte
}

// Discover broadcasts a DISCOVER and returns the first OFFER.
func (c *Client) Discover(ctx context.Context) (offer *dhcp4.Message, err error) {
	return c.exchange(ctx, c.NewMessage(dhcp4.TypeDiscover), netip.AddrPort{}, dhcp4.TypeOffer)
}

// Request broadcasts a REQUEST for what offer offers, with its transaction id
// (RFC 2131, section 4.3.2, SELECTING), and returns the ACK.
func (c *Client) Request(ctx context.Context, offer *dhcp4.Message) (ack *dhcp4.Message, err error) {
	id, ok, err := option.DHCPServerIdentifier.Get(offer.Options)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("dhcp4test: the offer names no server")
	}
	m := c.NewMessage(dhcp4.TypeRequest, option.DHCPRequestedAddress.New(offer.YIAddr), option.DHCPServerIdentifier.New(id))
	m.XID = offer.XID
	return c.request(ctx, m, netip.AddrPort{})
}

// Acquire gets a lease: Discover, then Request. It returns the ACK.
func (c *Client) Acquire(ctx context.Context) (ack *dhcp4.Message, err error) {
	offer, err := c.Discover(ctx)
	if err != nil {
		return nil, err
	}
	return c.Request(ctx, offer)
}

// Renew sends a REQUEST for the current lease to its server alone (RENEWING),
// past the relay, and returns the ACK.
func (c *Client) Renew(ctx context.Context) (ack *dhcp4.Message, err error) {
	if !c.Addr.IsValid() || !c.ServerID.IsValid() {
		return nil, errNoLease
	}
	return c.extend(ctx, c.serverAddr())
}

// Rebind broadcasts a REQUEST for the current lease to any server (REBINDING)
// and returns the ACK.
func (c *Client) Rebind(ctx context.Context) (ack *dhcp4.Message, err error) {
	if !c.Addr.IsValid() {
		return nil, errNoLease
	}
	return c.extend(ctx, netip.AddrPort{})
}

func (c *Client) extend(ctx context.Context, dst netip.AddrPort) (*dhcp4.Message, error) {
	c.hold(c.Addr, clientPort)
	m := c.NewMessage(dhcp4.TypeRequest)
	m.CIAddr = c.Addr
	return c.request(ctx, m, dst)
}

// Reboot broadcasts a REQUEST for an address that the client remembers
// (INIT-REBOOT) and returns the ACK.
func (c *Client) Reboot(ctx context.Context, addr netip.Addr) (ack *dhcp4.Message, err error) {
	return c.request(ctx, c.NewMessage(dhcp4.TypeRequest, option.DHCPRequestedAddress.New(addr)), netip.AddrPort{})
}

// Release gives the current lease back to its server, which does not answer.
func (c *Client) Release() error {
	if !c.Addr.IsValid() || !c.ServerID.IsValid() {
		return errNoLease
	}
	m := c.NewMessage(dhcp4.TypeRelease, option.DHCPServerIdentifier.New(c.ServerID))
	m.CIAddr = c.Addr
	err := c.Send(m, c.serverAddr())
	c.unbind()
	return err
}

// Decline broadcasts that the address of the current lease is in use by
// somebody else. There is no answer.
func (c *Client) Decline() error {
	if !c.Addr.IsValid() || !c.ServerID.IsValid() {
		return errNoLease
	}
	m := c.NewMessage(dhcp4.TypeDecline, option.DHCPRequestedAddress.New(c.Addr), option.DHCPServerIdentifier.New(c.ServerID))
	err := c.Send(m, netip.AddrPort{})
	c.unbind()
	return err
}

// Inform broadcasts that the client has addr from elsewhere and wants to know
// the options (RFC 2131, section 4.4.3), and returns the ACK. The current lease
// stays what it is.
func (c *Client) Inform(ctx context.Context, addr netip.Addr) (ack *dhcp4.Message, err error) {
	if addr != c.Addr {
		c.hold(addr, clientPort)
		defer c.drop(addr, clientPort)
	}
	m := c.NewMessage(dhcp4.TypeInform)
	m.CIAddr = addr
	return c.exchange(ctx, m, netip.AddrPort{}, dhcp4.TypeACK)
}

var errNoLease = errors.New("dhcp4test: the client has no lease")

// request sends m and turns the answer into the state of the client.
func (c *Client) request(ctx context.Context, m *dhcp4.Message, dst netip.AddrPort) (*dhcp4.Message, error) {
	reply, err := c.exchange(ctx, m, dst, dhcp4.TypeACK, dhcp4.TypeNAK)
	if err != nil {
		return nil, err
	}
	if reply.Type() == dhcp4.TypeNAK {
		c.unbind()
		text, _, _ := option.DHCPMessage.Get(reply.Options)
		return reply, fmt.Errorf("dhcp4test: %v: %w (%q)", m.Type(), ErrNAK, text)
	}
	return reply, c.bind(reply)
}

// bind takes the lease that ack confirms.
func (c *Client) bind(ack *dhcp4.Message) error {
	id, _, err1 := option.DHCPServerIdentifier.Get(ack.Options)
	lifetime, _, err2 := option.DHCPLeaseTime.Get(ack.Options)
	t1, _, err3 := option.DHCPRenewalTime.Get(ack.Options)
	t2, _, err4 := option.DHCPRebindingTime.Get(ack.Options)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return fmt.Errorf("dhcp4test: malformed ACK: %w", err)
	}
	if c.Addr != ack.YIAddr {
		c.unbind()
		c.hold(ack.YIAddr, clientPort)
	}
	c.Addr, c.ServerID, c.Lifetime, c.T1, c.T2 = ack.YIAddr, id, lifetime, t1, t2
	return nil
}

func (c *Client) unbind() {
	if c.Addr.IsValid() {
		c.drop(c.Addr, clientPort)
	}
	c.Addr, c.ServerID = netip.Addr{}, netip.Addr{}
	c.Lifetime, c.T1, c.T2 = 0, 0, 0
}

// serverAddr is where to reach the server of the current lease.
func (c *Client) serverAddr() netip.AddrPort {
	return netip.AddrPortFrom(c.ServerID, cmp.Or(c.Server.Port(), serverPort))
}

// hold and drop tell the Conn which addresses the client has.
func (c *Client) hold(a netip.Addr, port uint16) {
	if h, ok := c.Conn.(interface{ AddAddr(netip.AddrPort) }); ok {
		h.AddAddr(netip.AddrPortFrom(a, port))
	}
}

func (c *Client) drop(a netip.Addr, port uint16) {
	if h, ok := c.Conn.(interface{ RemoveAddr(netip.AddrPort) }); ok {
		h.RemoveAddr(netip.AddrPortFrom(a, port))
	}
}
