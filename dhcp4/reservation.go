package dhcp4

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// A Reservation is what is known about one client: who it is, and what it
// gets. Empty fields say nothing; one without an Addr is for its options and its
// host name. It is in the Config, added by PutReservation, or found by a
// HostFinder.
type Reservation struct {
	// Exactly one of these tells the client in a Config; a HostFinder may
	// leave them all empty. The strings hold octets as they are on the wire.
	HardwareAddr lease.HardwareAddr
	ClientID     lease.ClientID
	DUID         string // what follows ff and the IAID in a client id (RFC 4361)
	CircuitID    string // sub-option 1 of the relay agent information (RFC 3046)
	RemoteID     string // sub-option 2
	FlexID       string // what Config.FlexID returns
	AnyClient    bool   // whoever is on the subnet's link and has no other reservation: one at a time, as long as its lease, but with Stateless; at most one per subnet, and one in the Config

	Addr     netip.Addr // the client's address, which no other client gets; not the Server's own, nor that of a network or broadcast
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
	// same client without another call, in the same subnet and until
	// Reconfigure. If zero, not at all.
	Reuse time.Duration
}

// A HostIdentifier is what a Reservation knows its client by.
type HostIdentifier uint8

// The kinds of identifiers, in the order in which they are looked up unless
// Config.HostIdentifiers says otherwise.
const (
	ByFlexID HostIdentifier = iota + 1
	ByHardwareAddr
	ByDUID
	ByCircuitID
	ByClientID
	ByRemoteID
)

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
	// x.Subnet are set. Addr must be inside x.Subnet.Prefix or that of another
	// subnet of its SharedNetwork, and should be in none of the pools if the
	// Reservation is Stateless. x is lent until FindHost returns. The
	// Reservation must not be changed after it was returned. A ctx that ends
	// tells that the answer is no longer wanted.
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
