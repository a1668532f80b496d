package dhcp4

import (
	"fmt"
	"iter"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/embedhcp/embedhcp/lease"
)

// A host is a Reservation as an exchange sees it: with what its subnet has
// where it says nothing.
type host struct {
	conf    Reservation
	options optionSet
	record  *hostRecord // nil: it came from the HostFinder
}

// hostIdentifiers returns what c looks reservations up by, in order.
func hostIdentifiers(c *Config) []HostIdentifier {
	if c.HostIdentifiers == nil {
		return []HostIdentifier{ByFlexID, ByHardwareAddr, ByDUID, ByCircuitID, ByClientID, ByRemoteID}
	}
	return slices.Clone(c.HostIdentifiers)
}

// overlay returns what was changed while serving in the subnet with the given
// ID, or, for zero, in the Config; nil: nothing.
func (s *snapshot) overlay(id uint32) *hostOverlay {
	if s.live.len == 0 {
		return nil
	}
	o, _ := s.live.get(mix(uint64(id)), func(o *hostOverlay) bool { return o.subnet == id })
	return o
}

// setOverlay makes o what was changed while serving in its subnet.
func (s *snapshot) setOverlay(o *hostOverlay) {
	match := func(other *hostOverlay) bool { return other.subnet == o.subnet }
	if o.byID.len == 0 {
		s.live, _ = s.live.remove(mix(uint64(o.subnet)), match)
		return
	}
	s.live = s.live.put(mix(uint64(o.subnet)), o, match)
	s.kinds |= o.kinds
}

func (s *snapshot) globalSet() hostSet { return hostSet{&s.global, s.overlay(0)} }

func (s *snapshot) ownSet(n *subnet) hostSet { return hostSet{&n.hosts, s.overlay(n.id)} }

// hostFor returns the reservation made for exactly the client of x, as it
// counts in n, or nil. One of the subnet comes before one of the Config, and
// among those the order of the identifiers decides, as in Kea.
func (s *snapshot) hostFor(x *Exchange, n *subnet) *hostRecord {
	if s.kinds&^1 == 0 {
		return nil
	}
	if n.ownHosts {
		if r := s.ownSet(n).first(x.hostIDs[:x.numHostIDs]); r != nil {
			return r
		}
	}
	if n.globalHosts {
		return s.globalSet().first(x.hostIDs[:x.numHostIDs])
	}
	return nil
}

// anyHost returns the reservation of n for clients without one, or nil.
func (s *snapshot) anyHost(n *subnet) *hostRecord {
	if !s.kinds.has(byAnyClient) {
		return nil
	}
	id := s.compiler.hosts.id(byAnyClient, nil)
	if n.ownHosts {
		if r := s.ownSet(n).find(&id); r != nil {
			return r
		}
	}
	if n.globalHosts {
		return s.globalSet().find(&id)
	}
	return nil
}

// first returns the reservation for the first of ids that has one.
func (s hostSet) first(ids []hostID) *hostRecord {
	kinds := s.kinds()
	if kinds == 0 {
		return nil
	}
	for i := range ids {
		if !kinds.has(ids[i].kind) {
			continue
		}
		if r := s.find(&ids[i]); r != nil {
			return r
		}
	}
	return nil
}

// reservedAt returns the reservation of the address a that counts in n, or
// nil.
func (s *snapshot) reservedAt(n *subnet, a netip.Addr) *hostRecord {
	if !a.Is4() {
		return nil
	}
	if n.ownHosts && !(n.outOfPool && n.poolOf(a) != nil) {
		if r := s.ownSet(n).at(s.compiler.hosts.hostHasher, a.As4()); r != nil {
			return r
		}
	}
	if n.globalHosts && n.contains(a) {
		return s.globalSet().at(s.compiler.hosts.hostHasher, a.As4())
	}
	return nil
}

// addrOf returns the address that r reserves in n; invalid: none.
func (n *subnet) addrOf(r *hostRecord) netip.Addr {
	a := r.address()
	if r.global && (!n.contains(a) || n.conf.isEdge(a)) || !r.global && n.outOfPool && n.poolOf(a) != nil {
		return netip.Addr{}
	}
	return a
}

// reservedAddrs yields the addresses that are reserved in n.
func (s *snapshot) reservedAddrs(n *subnet) iter.Seq[netip.Addr] {
	return func(yield func(netip.Addr) bool) {
		hash := s.compiler.hosts.hostHasher
		if n.ownHosts {
			for r := range s.ownSet(n).all(hash) {
				if a := n.addrOf(r); a.IsValid() && !yield(a) {
					return
				}
			}
		}
		if !n.globalHosts {
			return
		}
		for r := range s.globalSet().all(hash) {
			if a := n.addrOf(r); a.IsValid() && !yield(a) {
				return
			}
		}
	}
}

// identifyHost finds out what the client of x may be reserved by, as far as
// there are such reservations. The error is that of the FlexID of the Config.
func (x *Exchange) identifyHost() error {
	x.numHostIDs = 0
	for _, kind := range x.snap.identifiers {
		if !x.snap.kinds.has(kind) {
			continue
		}
		var octets []byte
		switch kind {
		case ByHardwareAddr:
			octets, _ = x.Request.HardwareAddr.AppendBinary(x.hostAddr[:0])
		case ByClientID:
			octets = x.requestClientID()
		case ByDUID:
			octets = duidOf(x.requestClientID())
		case ByCircuitID:
			octets, _ = agentSubOption(x.Request, subCircuitID)
		case ByRemoteID:
			octets, _ = agentSubOption(x.Request, subRemoteID)
		case ByFlexID:
			id, err := x.callFlexID()
			if err != nil {
				return err
			}
			x.flexID = append(x.flexID[:0], id...)
			octets = x.flexID
		}
		if len(octets) > 0 {
			x.hostIDs[x.numHostIDs] = x.snap.compiler.hosts.id(kind, octets)
			x.numHostIDs++
		}
	}
	return nil
}

// isKnownBy reports whether r is for the client of x.
func (x *Exchange) isKnownBy(r *hostRecord) bool {
	for i := range x.hostIDs[:x.numHostIDs] {
		if r.is(&x.hostIDs[i]) {
			return true
		}
	}
	return false
}

// callFlexID calls the FlexID of the Config. A panic of it is an error.
func (x *Exchange) callFlexID() (id string, err error) {
	if x.snap.flexID == nil {
		return "", nil
	}
	defer func() {
		if v := recover(); v != nil {
			id, err = "", fmt.Errorf("panic in FlexID: %v\n%s", v, debug.Stack())
		}
	}()
	return x.snap.flexID(x), nil
}

// requestClientID returns option 61 as far as it names a client. Reservations
// go by it also where leases do not.
func (x *Exchange) requestClientID() []byte {
	id, _ := x.Request.Options.Lookup(codeClientID)
	if len(id) < 2 || len(id) > 255 {
		return nil
	}
	return id
}

// duidOf returns the DUID in a client identifier that has one: type 255, four
// octets of IAID, and the DUID (RFC 4361, section 6.1).
func duidOf(clientID []byte) []byte {
	const header = 5
	if len(clientID) <= header || clientID[0] != 255 {
		return nil
	}
	return clientID[header:]
}

// setRecord makes r, as it counts in n, what is known about the client; nil:
// nothing.
func (x *Exchange) setRecord(r *hostRecord, n *subnet) {
	if r == nil {
		x.setHost(nil)
		return
	}
	r.expand(&x.recordHosts[0], n)
	x.setHost(&x.recordHosts[0])
}

// useRecord makes r, as it counts in n, what counts for this decision.
func (x *Exchange) useRecord(r *hostRecord, n *subnet) {
	r.expand(&x.recordHosts[1], n)
	x.useHost(&x.recordHosts[1])
}

// expand makes h what r is in the subnet n.
func (r *hostRecord) expand(h *host, n *subnet) {
	*h = host{record: r, conf: Reservation{
		Addr:      n.addrOf(r),
		Hostname:  r.hostname,
		AnyClient: r.kind == byAnyClient,
	}}
	switch r.kind {
	case ByHardwareAddr:
		h.conf.HardwareAddr, _ = lease.HardwareAddrFrom([]byte(r.id))
	case ByClientID:
		h.conf.ClientID = lease.ClientIDFromString(r.id)
	case ByDUID:
		h.conf.DUID = r.id
	case ByCircuitID:
		h.conf.CircuitID = r.id
	case ByRemoteID:
		h.conf.RemoteID = r.id
	case ByFlexID:
		h.conf.FlexID = r.id
	}
	if m := r.more; m != nil {
		h.options = m.options
		h.conf.Options, h.conf.Lifetime, h.conf.Boot = m.conf, m.life, m.boot
		h.conf.Reuse, h.conf.Stateless = m.reuse, m.stateless && h.conf.Addr.IsValid()
	}
	h.inherit(n)
}

// inherit fills in what h leaves to its subnet.
func (h *host) inherit(n *subnet) {
	if n.hasBoot {
		h.conf.Boot = h.conf.Boot.or(&n.conf.Boot)
	}
}

// foundHost compiles what the HostFinder says.
func foundHost(r *Reservation, n *subnet) *host {
	h := &host{conf: *r, options: compileOptions(r.Options)}
	h.conf.Hostname = strings.ToLower(r.Hostname)
	h.inherit(n)
	return h
}
