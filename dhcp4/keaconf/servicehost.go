package keaconf

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// identifierOf returns what a reservation with the key knows its client by.
func identifierOf(key string) dhcp4.HostIdentifier {
	switch key {
	case "hw-address":
		return dhcp4.ByHardwareAddr
	case "duid":
		return dhcp4.ByDUID
	case "circuit-id":
		return dhcp4.ByCircuitID
	case "client-id":
		return dhcp4.ByClientID
	case "flex-id":
		return dhcp4.ByFlexID
	}
	return 0
}

// hosts reads how reservations are found, and those of Dhcp4. Kea has the order
// of dhcp4 unless the file has one.
func (s *service) hosts(d *node, global *optionSet) {
	c := &s.server.Config
	for _, n := range d.list("host-reservation-identifiers") {
		c.HostIdentifiers = append(c.HostIdentifiers, identifierOf(n.str))
	}
	is := scopes{d}.reservationChoices()
	c.ReservationsGlobal, c.ReservationsInSubnet, c.ReservationsOutOfPool = is.global, is.inSubnet, is.outOfPool
	for _, n := range d.list("reservations") {
		if r, ok := s.host(n, global); ok {
			s.places[fmt.Sprintf("Reservations[%d]", len(c.Reservations))] = n
			c.Reservations = append(c.Reservations, r)
		}
	}
	// Here Kea's default is not that of dhcp4.
	if len(c.Reservations) > 0 && c.ReservationsGlobal == dhcp4.Inherit {
		c.ReservationsGlobal = dhcp4.No
	}
}

// unusedHosts tells of reservations of Dhcp4 that no subnet makes use of.
func (s *service) unusedHosts(d *node) {
	c := &s.server.Config
	isGlobal := func(n dhcp4.Subnet) bool {
		return n.ReservationsGlobal == dhcp4.Yes || n.ReservationsGlobal == dhcp4.Inherit && c.ReservationsGlobal == dhcp4.Yes
	}
	if len(c.Reservations) > 0 && !slices.ContainsFunc(c.Subnets, isGlobal) {
		s.without(d.get("reservations"), "reservations outside subnets have no effect without reservations-global, as in Kea", "set it, or put them into their subnet")
	}
}

// host makes a reservation; ok is false if its identifier is wrong.
func (s *service) host(m *node, weaker *optionSet) (r dhcp4.Reservation, ok bool) {
	for _, key := range []string{"hw-address", "duid", "circuit-id", "client-id", "flex-id"} {
		n := m.get(key)
		if n == nil {
			continue
		}
		p, err := option.AppendRawText(nil, n.str)
		if err != nil {
			return r, false // the verdict has said so
		}
		kinds := s.server.Config.HostIdentifiers
		if kinds != nil && !slices.Contains(kinds, identifierOf(key)) {
			s.without(n, "host-reservation-identifiers lacks "+key+", so no client is found by it", "add it there")
		}
		switch key {
		case "hw-address":
			r.HardwareAddr, _ = lease.HardwareAddrFrom(p)
		case "duid":
			r.DUID = string(p)
		case "circuit-id":
			r.CircuitID = string(p)
		case "client-id":
			if len(p) < 2 {
				s.refuse(n, "no client has an identifier of less than two octets", "the first octet is the type, 01 for a hardware address")
			}
			r.ClientID = lease.ClientIDFrom(p)
		case "flex-id":
			r.FlexID = string(p)
		}
		ok = true
	}
	r.Addr, _ = netip.ParseAddr(m.get("ip-address").text())
	r.Hostname = m.get("hostname").text()
	r.Boot = s.bootOf(scopes{m})
	r.Options = s.optionSet(m, weaker).onlyHere(s)
	return r, ok
}
