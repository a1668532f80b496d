package dhcp4

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// A Config is all that a Server needs to know. NewServer checks it as a whole
// and copies what it keeps; the caller may reuse it afterwards.
type Config struct {
	// Subnets that the Server answers for; the longest Prefix that fits
	// wins. With none the Server is silent. A HostFinder that serves every
	// relay takes one Subnet with the Prefix 0.0.0.0/0.
	Subnets []Subnet
	// Options for every subnet. An option of a subnet, a pool or a
	// reservation with the same code takes precedence, in this order from
	// the weakest to the strongest. Routers, domain-name-servers and
	// domain-name are always sent, and subnet-mask, from the Prefix unless
	// it is configured; any other option if the client asks for it (option
	// 55) or option.Always says so. option.Never keeps one out. The options
	// that the Server sets itself (lease time, server identifier, T1 and T2,
	// and the like) are not for configuration.
	Options option.Options
	// Leases is where leases are kept. It stays open when the Server ends.
	// If nil, they are kept in memory and lost with the process.
	Leases lease.Store
	// Hosts is asked for clients that have no Reservation of their own in
	// the Config; a Reservation for AnyClient is used only when Hosts does
	// not know the client. If nil, nobody is asked.
	Hosts HostFinder

	// Lifetime of leases (Kea: valid-lifetime), in whole seconds;
	// lease.Infinite is allowed. If zero, 7200 s.
	Lifetime time.Duration
	// T1 is when clients start to renew (Kea: renew-timer), T2 when they
	// start to rebind (rebind-timer). If zero, 0.5 and 0.875 of the
	// lifetime; if negative, not sent. T2 is sent only if it is less than
	// the lifetime, T1 only if it is less than T2 (than the lifetime, if no
	// T2 is sent). An infinite lease has neither.
	T1, T2 time.Duration

	// Authoritative tells that the Subnets are the whole truth about their
	// links. Without it, only a client that the Server knows (by a lease or
	// a reservation) gets a NAK for a wrong address. With it, so do a client
	// that selects or reboots with an address that is in none of the pools,
	// and an unknown client that reboots.
	Authoritative bool
	// ServerID is the address that the Server calls itself towards clients
	// (option 54). If zero, the link's address inside the subnet, else the
	// address that the packet was sent to if that is unicast, else the
	// link's first; with none of them the packet is dropped. Messages to any
	// of them, and to any configured one, are for this Server.
	ServerID netip.Addr
	// Boot is for clients whose Subnet and Reservation leave a field empty.
	Boot Boot

	// OfferLifetime is how long an offered address is kept from other
	// clients, unless nothing else is free: then the oldest offer is made
	// again, to the newcomer, and the first REQUEST wins. Offers are kept in
	// memory only. If zero, 60 s.
	OfferLifetime time.Duration
	// MaxOffers is the most addresses on offer at a time, for each subnet;
	// the oldest gives way. If zero, 1,024.
	MaxOffers int
	// DeclineProbation is how long an address that a client declined is
	// given to nobody (Kea: decline-probation-period). If zero, 24 h.
	DeclineProbation time.Duration

	// MaxPending is the most exchanges that wait for Hosts at a time.
	// DISCOVERs are held up to three quarters of it, so that REQUESTs find
	// room. If zero, 1,024.
	MaxPending int
	// DecideTimeout is how long Hosts may take for one call. If zero, 5 s.
	DecideTimeout time.Duration

	// GroupWindow is how long a loop pauses before it reads again when
	// packets arrive so fast that at least four more are expected meanwhile:
	// one read, one write and one sync of the lease store then serve them
	// all. If zero, 1 ms; if negative, never.
	GroupWindow time.Duration
	// Loops is how many goroutines take turns in reading one Conn, for a
	// lease store across a network. If zero, 1.
	Loops int

	// Logger gets what happens, with Kea's message ids in the attribute
	// "id". If nil, silence.
	Logger *slog.Logger
	// Now is read once, by NewServer; from then on the Server's clock is
	// that moment plus monotonic time. If nil, time.Now.
	Now func() time.Time
}

// A Subnet is one IPv4 prefix and what its clients are told.
type Subnet struct {
	// ID names the subnet in leases. It must not be zero, and be unique.
	ID uint32
	// Prefix is the network; host bits are ignored.
	Prefix netip.Prefix
	// Interface is the name of the Link that the subnet is on. If empty, the
	// subnet is found by the addresses in a packet and of its link only.
	Interface string

	Pools []Pool
	// Order is how a free address is chosen (Kea: allocator). If zero,
	// pool.LeastRecentlyUsed.
	Order        pool.Order
	Options      option.Options
	Reservations []Reservation

	Lifetime time.Duration // If zero, Config.Lifetime.
	T1, T2   time.Duration // If zero, Config.T1 and Config.T2.

	ServerID netip.Addr // If zero, Config.ServerID.
	Boot     Boot       // Each empty field: Config.Boot's.
}

// Boot holds the fields of the fixed header that tell a client where to boot
// from. Empty fields stay empty on the wire.
type Boot struct {
	NextServer netip.Addr // siaddr
	ServerName string     // sname, at most 63 octets
	File       string     // file, at most 127 octets
}

// A Pool is a range of addresses of a subnet that clients without a
// reservation get, but for the Server's own addresses.
type Pool struct {
	ID      uint32     // Kea's pool-id, stored with the lease
	Range   pool.Range // the first and the last address of the Prefix are not left out by themselves
	Options option.Options
}

// A Reservation is what is known about one client: who it is, and what it
// gets. Empty fields say nothing.
type Reservation struct {
	// Exactly one of these tells the client in a Config; a HostFinder may
	// leave them all empty.
	HardwareAddr lease.HardwareAddr
	ClientID     lease.ClientID
	AnyClient    bool // whoever is on the subnet's link and has no other reservation; at most one per subnet

	Addr     netip.Addr // the client's address, which no other client gets; not the Server's own
	Hostname string
	Options  option.Options
	Lifetime time.Duration // If zero, the subnet's.
	Boot     Boot          // Each empty field: the subnet's.

	// Stateless tells that the truth about this client is elsewhere: no
	// lease is looked up or stored. The client is offered Addr whatever it
	// asked for, its REQUEST is ACKed if it asks for Addr or for no address
	// and answered with a NAK otherwise, and RELEASE and DECLINE are events.
	Stateless bool
	// Reuse is how long an answer of a HostFinder may be given again to the
	// same client without another call. If zero, not at all.
	Reuse time.Duration
}

// A HostFinder knows clients from outside: an IPAM, a custom resource, RADIUS.
// It may be slow: each call has a goroutine of its own, and nobody else waits
// for it.
type HostFinder interface {
	// FindHost returns what is known about the client of x. A nil
	// Reservation without an error means that the client is not known here:
	// the Server goes on with its pools. ErrIgnore leaves the client
	// without an answer, ErrNak refuses its REQUEST, any other error is
	// logged and leaves it without an answer.
	//
	// FindHost is called for DISCOVER, INFORM, and a REQUEST that is meant
	// for this Server, after the subnet is chosen: x.Request, x.Link and
	// x.Subnet are set. Addr must be inside x.Subnet.Prefix, and should be in
	// none of the pools if the Reservation is Stateless. x is lent until FindHost returns. The Reservation
	// must not be changed after it was returned. A ctx that ends tells that
	// the answer is no longer wanted.
	FindHost(ctx context.Context, x *Exchange) (*Reservation, error)
}

// HostFinderFunc makes a HostFinder of a function.
type HostFinderFunc func(ctx context.Context, x *Exchange) (*Reservation, error)

// FindHost calls f.
func (f HostFinderFunc) FindHost(ctx context.Context, x *Exchange) (*Reservation, error) {
	return f(ctx, x)
}

// What a HostFinder may say instead of naming a Reservation.
var (
	ErrIgnore = errors.New("dhcp4: ignore this client")
	ErrNak    = errors.New("dhcp4: refuse this client")
)
