package dhcp4

import (
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// An Exchange is one request on its way to its answer. It is reused for the
// next request when the answer is sent: who is shown one keeps nothing of it.
// A HostFinder finds the first two groups of fields set, but for Reservation.
type Exchange struct {
	Request *Message // payloads are borrowed and read-only
	Link    *Link
	Peer    netip.AddrPort // where the request came from
	Local   netip.AddrPort // where it was sent to
	Time    time.Time      // the exchange's now

	Subnet      *Subnet      // read-only, without its Reservations
	Reservation *Reservation // nil: none; read-only

	Leases  []lease.Lease // what the store knows about the client and the addresses
	Current *lease.Lease  // the client's own among them, or nil

	Lease   *lease.Lease // the lease after this exchange, if one is to be written
	Reply   *Message     // the answer, once decided; nil: none
	Attempt int          // how often a conflict made the Server decide again

	snap     *snapshot
	selected *subnet  // the one that the client was found in
	network  *network // what it shares the link with; nil: it is alone
	sub      *subnet  // the one of the address, as far as it is known: Subnet
	known    *host    // what the look-ups found
	host     *host    // what Reservation is part of
	asked    bool     // the HostFinder has been asked, or needs not be
	refused  bool     // it said ErrNak
	msgType  MessageType
	clientID []byte             // option 61; nil if absent or unusable
	key      []byte             // identity: 'i' and the client id, or 'h' and the hardware address
	serverID netip.Addr         // what the Server calls itself in the reply
	ownID    netip.Addr         // that, unless the relay agent wants something else
	sender   lease.HardwareAddr // of the frame, if known
	timeline *timeline          // what gave Time; nil: the packet did

	hostIDs     [6]hostID // what the client may be reserved by
	numHostIDs  int
	hostAddr    [20]byte // backs that of the hardware address
	flexID      []byte   // backs that of Config.FlexID
	recordHosts [2]host  // back known and host, but for what the HostFinder says

	query   lease.Query
	addrs   [4]netip.Addr // backs query.Addrs
	subnets [1]uint32     // backs query.Subnets

	stashed bool   // Request has the relay agent information of the lease
	stash   []byte // backs it

	touched int // see choose

	verdict verdict
	reason  Reason

	// The change: old becomes Lease. Lease nil deletes old, old nil creates.
	old        *lease.Lease
	superseded []lease.Lease // the client's other leases, deleted after that
	newLease   lease.Lease   // backs Lease
	term       time.Duration // what is left of a lease that is confirmed as it is stored; zero: a new one
	cached     bool          // the lease is confirmed and not written
	stateless  bool          // the answer confirms nothing that is stored
	committed  bool
	reclaimed  bool // expired leases have been looked for

	request, reply Message // back Request and Reply
	replyType      MessageType
	bootText, name []byte
	replyOptions   option.Options
	funcOptions    [2]optionSet // what the OptionsFuncs of the subnet and the Config returned
	vendorData     []byte       // the payloads of options 124 and 125 in the reply
	arena          option.Arena
	out            []byte // the encoded reply
	outPacket      Packet
}

// A verdict is what decide came to.
type verdict uint8

const (
	undecided verdict = iota
	dropped           // no answer; reason tells why
	served            // no answer is due, but there may be a change to commit
	answered          // reply holds the answer
	lookAgain         // an address was chosen that the query did not cover: find and decide again
	noneFree          // the pool knows no free address: reclaim and decide again
)

// ServerID returns what the Server calls itself towards the client (option
// 54): with a link that has an address in the subnet, that address.
func (x *Exchange) ServerID() netip.Addr { return x.serverID }

// reset prepares x for the next packet and keeps its buffers.
func (x *Exchange) reset() {
	*x = Exchange{
		request:      x.request,
		reply:        x.reply,
		replyOptions: x.replyOptions[:0],
		arena:        x.arena,
		out:          x.out[:0],
		key:          x.key[:0],
		bootText:     x.bootText[:0],
		name:         x.name[:0],
		stash:        x.stash[:0],
		flexID:       x.flexID[:0],
		superseded:   emptied(x.superseded),
		funcOptions:  x.funcOptions,
		vendorData:   x.vendorData[:0],
		query:        lease.Query{Leases: emptied(x.query.Leases)},
	}
	x.arena.Reset()
}

// undo forgets a decision, but for what was found and looked up, so that
// decide can run again.
func (x *Exchange) undo() {
	x.verdict, x.reason = undecided, reasonNone
	x.old, x.Lease, x.Reply, x.Current = nil, nil, nil, nil
	x.superseded = x.superseded[:0]
	x.stateless, x.term, x.cached = false, 0, false
	if x.sub != nil && x.sub != x.selected {
		x.choose(x.selected)
	}
	x.useHost(x.known)
	x.replyOptions = x.replyOptions[:0]
	x.vendorData = x.vendorData[:0]
	x.arena.Reset()
}

// drop ends the exchange without an answer.
func (x *Exchange) drop(r Reason) { x.verdict, x.reason = dropped, r }

// lookFor adds a to what the store is asked for; invalid and unspecified
// addresses are left out.
func (x *Exchange) lookFor(a netip.Addr) {
	if !isAddr(a) || x.lookedFor(a) {
		return
	}
	x.query.Addrs = append(x.query.Addrs, a)
}

func (x *Exchange) lookedFor(a netip.Addr) bool {
	for _, b := range x.query.Addrs {
		if a == b {
			return true
		}
	}
	return false
}

// leaseAt returns what the store showed for the address a.
func (x *Exchange) leaseAt(a netip.Addr) *lease.Lease {
	for i := range x.Leases {
		if x.Leases[i].Addr == a {
			return &x.Leases[i]
		}
	}
	return nil
}

// owns reports whether l belongs to the client, as Kea tells it: by the
// client identifier if both sides have one, else by the hardware address.
func (x *Exchange) owns(l *lease.Lease) bool {
	if l.State == lease.StateDeclined {
		return false
	}
	if len(x.clientID) > 0 && !l.ClientID.IsZero() {
		return string(x.clientID) == l.ClientID.Octets()
	}
	return !l.HardwareAddr.IsZero() && l.HardwareAddr == x.Request.HardwareAddr
}

// free reports whether the client may have the address of l, which is what
// the store shows: nothing, the client's own lease, or one that is over.
func (x *Exchange) free(l *lease.Lease) bool {
	return l == nil || l.Expired(x.Time) || x.owns(l) ||
		l.State == lease.StateReleased || l.State == lease.StateExpiredReclaimed
}

// findCurrent picks the client's own lease in its subnets: one with its client
// identifier before one with its hardware address only, the newest of
// several. The others are left over from a race between two servers.
func (x *Exchange) findCurrent() {
	x.Current = nil
	for i := range x.Leases {
		l := &x.Leases[i]
		if x.isMemberID(l.SubnetID) && x.owns(l) && (x.Current == nil || x.prefers(l, x.Current)) {
			x.Current = l
		}
	}
}

func (x *Exchange) prefers(a, b *lease.Lease) bool {
	if byID := a.ClientID.Octets() == string(x.clientID); byID != (b.ClientID.Octets() == string(x.clientID)) {
		return byID
	}
	switch {
	case a.Expires.IsZero() != b.Expires.IsZero():
		return a.Expires.IsZero()
	case !a.Expires.Equal(b.Expires):
		return a.Expires.After(b.Expires)
	}
	return a.Revision > b.Revision
}

// isAddr reports whether a names a host: a valid address but 0.0.0.0.
func isAddr(a netip.Addr) bool { return a.Is4() && !a.IsUnspecified() }

// isUnicast reports whether a may be a host's own address.
func isUnicast(a netip.Addr) bool {
	return isAddr(a) && !a.IsMulticast() && a != broadcastAddr
}

var broadcastAddr = netip.AddrFrom4([4]byte{255, 255, 255, 255})
