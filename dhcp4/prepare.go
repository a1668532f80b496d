package dhcp4

import (
	"net/netip"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// prepare parses the packet in, for an empty x, and finds out all that needs
// no store: the message type, the client's identity, the subnet, the
// reservation that the configuration has, and what the store will have to be
// asked for. It reports whether there is something to decide; if not, x.reason
// tells why.
func (s *Server) prepare(x *Exchange, in *Packet) bool {
	x.Request = &x.request
	x.Link, x.Peer, x.Local, x.Time = in.Link, in.Peer, in.Local, in.Time
	x.sender = in.HardwareAddr
	if x.Time.IsZero() {
		x.Time, x.timeline = s.clock.now()
	}
	x.snap = s.snapshot.Load()
	// Not our business at all: told by the first octet, before parsing.
	if len(in.Data) > 0 && in.Data[0] != OpRequest {
		x.Request.Reset() // nothing of the exchange before
		x.drop(ReasonNotRequest)
		return false
	}
	if err := x.Request.Unmarshal(in.Data); err != nil {
		s.logMalformed(x, err)
		x.drop(ReasonMalformed)
		return false
	}
	x.msgType = x.Request.Type()
	switch x.msgType {
	case TypeDiscover, TypeRequest, TypeDecline, TypeRelease, TypeInform:
	default:
		x.drop(ReasonMessageType)
		return false
	}
	n := x.snap.selectSubnet(x)
	if n == nil {
		why := ReasonNoSubnet
		if isAddr(x.Request.GIAddr) {
			why = ReasonUnknownRelay
		}
		x.drop(why)
		return false
	}
	x.choose(n)
	if x.sub.isBroadcast(x.Request.CIAddr) {
		x.drop(ReasonMalformed)
		return false
	}
	if !x.identify() {
		x.drop(ReasonNoIdentity)
		return false
	}
	if !x.serverID.IsValid() {
		x.drop(ReasonNoServerID)
		return false
	}
	if !s.forUs(x) {
		return false
	}
	if err := x.identifyHost(); err != nil {
		s.logFunc(x, err)
		x.drop(ReasonFuncFailed)
		return false
	}
	x.setRecord(x.namedHost())
	if x.host == nil && !s.needsHost(x) {
		x.setRecord(x.anyHost())
	}
	return true
}

// identify sets the client identifier and the key. A client identifier of
// one octet names nobody (RFC 2132, section 9.14) and is passed over, as is a
// split one of more than 255, and any where the subnet tells clients apart by
// their hardware addresses.
func (x *Exchange) identify() bool {
	byHardwareAddr := !x.sub.terms.matchClientID && !x.Request.HardwareAddr.IsZero()
	if id, ok := x.Request.Options.Lookup(codeClientID); ok && len(id) >= 2 && len(id) <= 255 && !byHardwareAddr {
		x.clientID = id
		x.key = append(append(x.key, 'i'), id...)
		return true
	}
	if x.Request.HardwareAddr.IsZero() {
		return false
	}
	x.key, _ = x.Request.HardwareAddr.AppendBinary(append(x.key, 'h'))
	return true
}

// forUs checks the server identifier (option 54): in a DISCOVER there is
// none (RFC 2131, table 5), elsewhere another server's makes the message not
// our business. A REQUEST for another server ends the client's offer here
// (section 3.1, step 4).
func (s *Server) forUs(x *Exchange) bool {
	id, ok, err := option.DHCPServerIdentifier.Get(x.Request.Options)
	switch {
	case err != nil:
		s.logMalformed(x, err)
		x.drop(ReasonMalformed)
	case !ok:
		return true
	case x.msgType == TypeDiscover:
		x.drop(ReasonServerID)
	case x.isUs(id), x.snap.ignoreServerID:
		return true
	default:
		if x.msgType == TypeRequest {
			x.withdraw()
		}
		x.drop(ReasonOtherServer)
	}
	return false
}

// setHost makes h what is known about the client.
func (x *Exchange) setHost(h *host) {
	x.known = h
	x.useHost(h)
}

// useHost makes h what counts for this decision.
func (x *Exchange) useHost(h *host) {
	x.host = h
	x.Reservation = nil
	if h != nil {
		x.Reservation = &h.conf
	}
}

// needsHost reports whether the HostFinder has to be asked first.
func (s *Server) needsHost(x *Exchange) bool {
	if x.snap.hosts == nil || x.host != nil || x.asked {
		return false
	}
	return x.msgType == TypeDiscover || x.msgType == TypeRequest || x.msgType == TypeInform
}

// withoutStore reports whether the store has no part in the exchange.
func (x *Exchange) withoutStore() bool {
	return x.refused || x.msgType == TypeInform || x.host != nil && x.host.conf.Stateless
}

// fillQuery sets what the store is asked for: the client's leases in all the
// subnets that it may be in, and every address that may come into play.
func (x *Exchange) fillQuery() {
	q := &x.query
	q.Addrs, q.Subnets = x.addrs[:0], x.subnets[:]
	x.subnets[0] = x.selected.id
	if x.network != nil {
		q.Subnets = x.network.ids
	}
	q.HardwareAddr, q.ClientID = x.Request.HardwareAddr, x.clientID
	if a, ok, err := option.DHCPRequestedAddress.Get(x.Request.Options); ok && err == nil {
		x.lookFor(a)
	}
	x.lookFor(x.Request.CIAddr)
	if x.host != nil {
		x.lookFor(x.host.conf.Addr)
	}
	if x.msgType == TypeDiscover {
		if a, ok := x.offered(); ok {
			x.lookFor(a)
		}
	}
}

// found takes over what the store answered.
func (x *Exchange) found(q *lease.Query) {
	x.query = *q
	x.Leases = q.Leases
}

// requestedAddr returns option 50; ok is false if it is malformed.
func (x *Exchange) requestedAddr() (a netip.Addr, ok bool) {
	a, present, err := option.DHCPRequestedAddress.Get(x.Request.Options)
	if err != nil {
		return netip.Addr{}, false
	}
	if !present || !isAddr(a) {
		return netip.Addr{}, true
	}
	return a, true
}
