package dhcp4

import (
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
	// Subnets that the Server answers for. They do not overlap, but that one
	// without Pools may have the Prefix 0.0.0.0/0, which stands for all
	// networks besides the others: for a HostFinder that serves every relay.
	// With no Subnets the Server is silent.
	Subnets []Subnet
	// SharedNetworks are the links that several of the Subnets are on.
	SharedNetworks []SharedNetwork
	// Reservations that count in every subnet that a client may be in (Kea:
	// global reservations); one of the subnet itself is stronger. The Addr of
	// one counts where the subnet's Prefix contains it; there, unlike in Kea,
	// no other client gets it. What a stronger one leaves empty is not taken
	// from here.
	Reservations []Reservation
	// HostIdentifiers is what reservations are looked up by, in this order
	// (Kea: host-reservation-identifiers). If nil, all of them, in the order
	// of their constants.
	HostIdentifiers []HostIdentifier
	// FlexID returns the client's Reservation.FlexID, or an empty string. It is
	// called for each request, if there is a reservation by one, and again for
	// one that had to wait for Hosts; by several goroutines at once, if several
	// Conns are served. x is lent until FlexID returns; its Request, Link, Peer,
	// Local and Subnet are set. If nil, no client has one.
	FlexID func(x *Exchange) string
	// Options for every subnet. An option of a subnet, a pool or a
	// reservation with the same code takes precedence, in this order from
	// the weakest to the strongest. Routers, domain-name-servers and
	// domain-name are always sent, and subnet-mask, from the Prefix unless
	// it is configured; any other option if the client asks for it (option
	// 55) or option.Always says so. option.Never keeps one out. Of the options
	// 124 and 125 a client gets what is for the enterprises that it names
	// itself, asked for or not; all if it asks and names none. The options
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
	// MinLifetime and MaxLifetime are the bounds between which a client gets
	// the lifetime that it asks for (option 51; Kea: min-valid-lifetime,
	// max-valid-lifetime), in whole seconds. If zero, Lifetime.
	MinLifetime, MaxLifetime time.Duration
	// T1 is when clients start to renew (Kea: renew-timer), T2 when they
	// start to rebind (rebind-timer). If zero, 0.5 and 0.875 of the
	// lifetime; if negative, not sent. T2 is sent only if it is less than
	// the lifetime, T1 only if it is less than T2 (than the lifetime, if no
	// T2 is sent). An infinite lease has neither.
	T1, T2 time.Duration
	// T1Percent and T2Percent are T1 and T2 as fractions of the lifetime, for
	// a T1 or T2 that is zero (Kea: t1-percent, t2-percent). If zero, 0.5 and
	// 0.875.
	T1Percent, T2Percent float64

	// CacheThreshold and CacheMaxAge save writes (Kea: cache-threshold,
	// cache-max-age): a client that renews while less than this fraction of
	// its lease's lifetime has passed, and at most CacheMaxAge, is confirmed
	// what is left of it, and nothing is stored. If CacheThreshold is zero,
	// every renewal is stored, but for that of an infinite lease; if
	// CacheMaxAge is zero, the threshold alone counts.
	CacheThreshold float64
	CacheMaxAge    time.Duration
	// WriteBudget is how many octets an hour renewals should write at most,
	// for flash memory. As it is used up, the Server raises CacheThreshold, in
	// all subnets, up to three quarters of the lifetime. If zero, there is no
	// limit.
	WriteBudget int64

	// MatchClientID tells whether clients are told apart by their client
	// identifier if they send one (Kea: match-client-id), or by the hardware
	// address alone. If zero, Yes.
	MatchClientID Choice
	// EchoClientID tells whether a client's identifier goes back to it (RFC
	// 6842; Kea: echo-client-id). If zero, Yes.
	EchoClientID Choice
	// ReservationsGlobal, ReservationsInSubnet and ReservationsOutOfPool tell
	// which reservations count (Kea: reservations-global and so on): those of
	// the Config, those of the subnet, and of the latter only those outside
	// of the pools. If zero, Yes, Yes and No.
	ReservationsGlobal, ReservationsInSubnet, ReservationsOutOfPool Choice
	// StoreExtendedInfo keeps the relay agent information with the lease, in
	// its user context as Kea has it (Kea: store-extended-info). If zero, No.
	StoreExtendedInfo Choice
	// StashAgentOptions takes the relay agent information of a lease for that
	// of the renewal that its client sends without a relay (Kea:
	// stash-agent-options). It needs StoreExtendedInfo. Reservations are looked
	// up by it and FlexID gets it, which then is called again; a HostFinder is
	// asked before. It is not in the reply.
	StashAgentOptions bool
	// IgnoreLinkSelection passes over the link-selection sub-option of relay
	// agents (RFC 3527; Kea: ignore-rai-link-selection).
	IgnoreLinkSelection bool
	// IgnoreServerID answers requests that name another server as if they
	// named this one (Kea: ignore-dhcp-server-identifier). A DISCOVER names
	// none and is dropped all the same.
	IgnoreServerID bool
	// OnlyConfigured keeps out of replies all options that are not
	// configured, but for those without which it is no reply: message type,
	// server identifier, lease time, and the echoed ones.
	OnlyConfigured bool
	// OptionsFunc returns options for one exchange, such as the link's own
	// address as router. They are stronger than Options and weaker than those
	// of a shared network. x is lent until OptionsFunc returns, and what it
	// returns is read until the reply is encoded. It is called as FlexID is,
	// and again when a reply has to be decided anew. If nil, there are none.
	OptionsFunc func(x *Exchange) option.Options

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
	// of them, and to any configured one, are for this Server. A relay agent
	// that wants to be taken for the server (RFC 5107) is, in the reply.
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

	// HoldReclaimed is how long a lease that expired or was released is held
	// for its client, so that it gets the same address when it returns, and
	// then up to a minute (Kea: hold-reclaimed-time). The address is free
	// meanwhile, but others get it last. If zero, 3600 s, as in Kea; if
	// negative, such leases are deleted at once.
	HoldReclaimed time.Duration

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
	// that moment plus the time since. If nil, time.Now, and the clock follows
	// when the wall clock is set, by more than 10 s: so do all leases.
	Now func() time.Time
}

// A Choice is a yes or no that may be left to the wider scope.
type Choice uint8

// The values of a Choice.
const (
	Inherit Choice = iota // what the Config says, or else the default
	Yes
	No
)

// A SharedNetwork is a link that several subnets are on. A client keeps its
// lease and gets its reserved address in any of them; a new address is from the
// subnet that it was found in, or, if that is full, from the one that had a free
// address last, or else from the first of Config.Subnets that has one. All
// else in the reply is as the subnet of the address has it.
type SharedNetwork struct {
	Name    string         // not empty, and unique
	Options option.Options // stronger than Config.Options, weaker than a Subnet's
	// Interface and Relays are as in Subnet, for those that have none. No
	// member has another Interface.
	Interface string
	Relays    []netip.Addr
}

// A Subnet is one IPv4 prefix and what its clients are told.
type Subnet struct {
	// ID names the subnet in leases. It must not be zero, and be unique.
	ID uint32
	// Prefix is the network; host bits are ignored.
	Prefix netip.Prefix
	// Interface is the name of the Link that the subnet is on. If empty, the
	// subnet is found by the addresses in a packet and of its link only, or by
	// the Interface of its SharedNetwork. Of several subnets on one Interface
	// the first counts, unless they share a network.
	Interface string
	// Relays are the addresses of relay agents that speak for the subnet
	// (Kea: relay.ip-addresses), beside those inside the Prefix; they are
	// stronger than the Prefix of another subnet. If empty, those of the
	// SharedNetwork. If two subnets have the same one, the first counts.
	Relays []netip.Addr
	// SharedNetwork is the Name of the SharedNetwork that the subnet belongs
	// to. If empty, none.
	SharedNetwork string
	// KnownOnly leaves clients without a reservation without an answer.
	KnownOnly bool

	Pools []Pool
	// Order is how a free address is chosen (Kea: allocator). If zero,
	// pool.LeastRecentlyUsed.
	Order        pool.Order
	Options      option.Options
	Reservations []Reservation

	// OptionsFunc is as in Config, and stronger than Options here.
	OptionsFunc func(x *Exchange) option.Options

	// Each of these says what that of the Config says, if zero.
	Lifetime                 time.Duration
	MinLifetime, MaxLifetime time.Duration // if Lifetime is not zero, they are not inherited
	T1, T2                   time.Duration
	T1Percent, T2Percent     float64
	CacheThreshold           float64 // negative: every renewal is stored
	CacheMaxAge              time.Duration
	Authoritative            Choice
	MatchClientID            Choice // that of the subnet that the client was found in counts
	ReservationsGlobal       Choice
	ReservationsInSubnet     Choice
	ReservationsOutOfPool    Choice
	StoreExtendedInfo        Choice
	ServerID                 netip.Addr
	Boot                     Boot // each field by itself

	// Source is the address that replies to clients of the subnet are sent
	// from. If zero, the server identifier if it is the link's own, else the
	// address that the request was sent to, else another one of the link,
	// or else the server identifier all the same.
	// Messages that name it as their server are for this Server.
	Source netip.Addr
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
	ID uint32 // Kea's pool-id, stored with the lease
	// Range may cover the network and broadcast addresses of a Prefix of up
	// to 30 bits: they are left out.
	Range   pool.Range
	Options option.Options
}
