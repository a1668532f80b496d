package keaconf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// networks makes the subnets. Those of shared networks get their ids first.
func (s *service) networks(d *node, global *optionSet) {
	next := int64(0)
	for _, n := range d.list("shared-networks") {
		if list := n.list("subnet4"); len(list) > 1 {
			s.refuse(n, "a shared network with more than one subnet is not served yet",
				"one with a single subnet is; otherwise give each subnet an interface or a relay of its own")
		}
		opts := s.optionSet(n, global)
		for _, m := range n.list("subnet4") {
			s.subnet(m, scopes{m, n, d}, opts, &next)
		}
	}
	for _, m := range d.list("subnet4") {
		s.subnet(m, scopes{m, d}, newOptionSet(global), &next)
	}
}

// subnet adds one. Network has the options of its shared network.
func (s *service) subnet(m *node, in scopes, network *optionSet, next *int64) {
	c := &s.server.Config
	path := fmt.Sprintf("Subnets[%d]", len(c.Subnets))
	s.places[path] = m
	to := dhcp4.Subnet{ID: uint32(s.subnetID(m, next)), Interface: in.text("interface"), Order: pool.Sequential, Boot: s.bootOf(in)}
	to.Prefix, _ = s.prefix(m.get("subnet"))
	to.Prefix = to.Prefix.Masked()
	if n := in.get("allocator"); n != nil {
		to.Order, _ = pool.ParseOrder(n.str)
	}
	if n := in.get("offer-lifetime"); n != nil && seconds(n.num) != c.OfferLifetime {
		s.refuse(n, "offers are kept equally long in all subnets", "set offer-lifetime in Dhcp4 alone")
	}
	opts := s.optionSet(m, network)
	to.Options = opts.joined()
	if opts.serverID.value != c.ServerID {
		to.ServerID = opts.serverID.value
		s.places[path+".ServerID"] = opts.serverID.node
	}
	lifetime := s.lifetime(m, in)
	if lifetime != c.Lifetime {
		to.Lifetime = lifetime
	}
	t1, t2 := s.teeTimes(in, lifetime, opts)
	if t1 != c.T1 {
		to.T1 = t1
	}
	if t2 != c.T2 {
		to.T2 = t2
	}
	for i, n := range m.list("pools") {
		s.places[fmt.Sprintf("%s.Pools[%d]", path, i)] = n
		to.Pools = append(to.Pools, s.poolOf(n, opts))
	}
	for _, n := range m.list("reservations") {
		if r, ok := s.host(n, opts); ok {
			s.places[fmt.Sprintf("%s.Reservations[%d]", path, len(to.Reservations))] = n
			to.Reservations = append(to.Reservations, r)
		}
	}
	c.Subnets = append(c.Subnets, to)
}

func (s *service) poolOf(m *node, subnet *optionSet) dhcp4.Pool {
	p := dhcp4.Pool{}
	p.Range, _ = parsePool(m.get("pool").text())
	if n := m.get("pool-id"); n != nil {
		p.ID = uint32(n.num)
	}
	p.Options = s.optionSet(m, subnet).onlyHere(s)
	return p
}

// host makes a reservation; ok is false if its identifier is none that the
// Server knows.
func (s *service) host(m *node, subnet *optionSet) (r dhcp4.Reservation, ok bool) {
	for _, key := range []string{"hw-address", "client-id"} {
		n := m.get(key)
		if n == nil {
			continue
		}
		p, err := option.AppendRawText(nil, n.str)
		if err != nil {
			return r, false // the verdict has said so
		}
		switch key {
		case "hw-address":
			r.HardwareAddr, _ = lease.HardwareAddrFrom(p)
		case "client-id":
			if len(p) < 2 {
				s.refuse(n, "no client has an identifier of less than two octets", "the first octet is the type, 01 for a hardware address")
			}
			r.ClientID = lease.ClientIDFrom(p)
		}
		ok = true
	}
	r.Addr, _ = netip.ParseAddr(m.get("ip-address").text())
	r.Hostname = m.get("hostname").text()
	r.Boot = s.bootOf(scopes{m})
	r.Options = s.optionSet(m, subnet).onlyHere(s)
	return r, ok
}

// hosts looks at how reservations are found.
func (s *service) hosts(d *node) {
	if n := d.get("host-reservation-identifiers"); n != nil {
		var known []string
		for _, id := range n.items {
			if id.str == "hw-address" || id.str == "client-id" {
				known = append(known, id.str)
			}
		}
		// Reservations by any other identifier are refused one by one.
		if !slices.Equal(known, []string{"hw-address", "client-id"}) {
			s.refuse(n, "a reservation is looked up by hw-address, and then by client-id", "leave it out, or list these two in this order")
		}
	}
}

// classes looks at the classes that a client may be in without a test: none
// but Kea's own ones.
func (s *service) classes(d *node) {
	for _, m := range d.list("client-classes") {
		name := m.get("name").text()
		own := strings.HasPrefix(name, "VENDOR_CLASS_") || slices.Contains([]string{"ALL", "KNOWN", "UNKNOWN", "DROP", "BOOTP"}, name)
		if own || m.get("test").text() != "" || m.get("template-test").text() != "" {
			s.refuse(m, "the class "+name+" is not served yet: clients are not classified", "give what the class is about to a subnet, a pool or reservations")
			continue
		}
		s.without(m, "no client is in the class "+name+", which has no test", "")
	}
}
