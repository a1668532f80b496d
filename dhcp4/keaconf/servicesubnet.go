package keaconf

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/pool"
)

// networks makes the shared networks and the subnets. The subnets of shared
// networks get their ids first.
func (s *service) networks(d *node, global *optionSet) {
	c := &s.server.Config
	next := int64(0)
	for i, n := range d.list("shared-networks") {
		s.places[fmt.Sprintf("SharedNetworks[%d]", i)] = n
		opts := s.optionSet(n, global)
		to := dhcp4.SharedNetwork{Name: n.get("name").text(), Options: opts.list, Interface: n.get("interface").text(), Relays: relays(n)}
		c.SharedNetworks = append(c.SharedNetworks, to)
		for _, m := range n.list("subnet4") {
			s.subnet(m, scopes{m, n, d}, opts, &next)
		}
	}
	for _, m := range d.list("subnet4") {
		s.subnet(m, scopes{m, d}, newOptionSet(global), &next)
	}
	s.overlaps()
}

// relays returns the relay agents of a subnet or shared network. 0.0.0.0 is
// none.
func relays(m *node) (list []netip.Addr) {
	r := m.get("relay")
	texts := r.list("ip-addresses")
	if n := r.get("ip-address"); n != nil {
		texts = append(texts[:len(texts):len(texts)], n)
	}
	for _, n := range texts {
		if a, err := netip.ParseAddr(n.str); err == nil && !a.IsUnspecified() {
			list = append(list, a)
		}
	}
	return list
}

// subnet adds one. Network has the options of its shared network.
func (s *service) subnet(m *node, in scopes, network *optionSet, next *int64) {
	c := &s.server.Config
	path := fmt.Sprintf("Subnets[%d]", len(c.Subnets))
	s.places[path] = m
	to := dhcp4.Subnet{
		ID: uint32(s.subnetID(m, next)), Interface: m.get("interface").text(), Relays: relays(m),
		Order: pool.Sequential, Boot: s.bootOf(in),
	}
	if inner := in.inner(); len(inner) > 1 {
		to.SharedNetwork = inner[1].get("name").text()
	}
	to.Prefix, _ = s.prefix(m.get("subnet"))
	to.Prefix = to.Prefix.Masked()
	if n := in.get("allocator"); n != nil {
		to.Order, _ = pool.ParseOrder(n.str)
	}
	if n := in.get("offer-lifetime"); n != nil && seconds(n.num) != c.OfferLifetime {
		s.refuse(n, "offers are kept equally long in all subnets", "set offer-lifetime in Dhcp4 alone")
	}
	opts := s.optionSet(m, network)
	to.Options = opts.list
	if opts.serverID.value != c.ServerID {
		to.ServerID = opts.serverID.value
		s.places[path+".ServerID"] = opts.serverID.node
	}
	lifetimes := s.lifetimes(in)
	if lifetimes != s.global.lifetimes {
		to.Lifetime = lifetimes.value
		to.MinLifetime, to.MaxLifetime = lifetimes.bounds()
	}
	s.tees = append(s.tees, s.teeTimes(in, lifetimes.value, opts))
	cacheSubnet(&to, s.caching(in), s.global.caching)
	s.choices(&to, in.inner())
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

// choices tells a Subnet what its scopes say other than the Config.
func (s *service) choices(to *dhcp4.Subnet, inner scopes) {
	c := &s.server.Config
	is := inner.reservationChoices()
	for _, f := range []struct {
		to        *dhcp4.Choice
		own, wide dhcp4.Choice
	}{
		{&to.Authoritative, inner.choice("authoritative"), wide(c.Authoritative)},
		{&to.MatchClientID, inner.choice("match-client-id"), c.MatchClientID},
		{&to.StoreExtendedInfo, inner.choice("store-extended-info"), c.StoreExtendedInfo},
		{&to.ReservationsGlobal, is.global, c.ReservationsGlobal},
		{&to.ReservationsInSubnet, is.inSubnet, c.ReservationsInSubnet},
		{&to.ReservationsOutOfPool, is.outOfPool, c.ReservationsOutOfPool},
	} {
		if f.own != f.wide {
			*f.to = f.own
		}
	}
}

func wide(b bool) dhcp4.Choice {
	if b {
		return dhcp4.Yes
	}
	return dhcp4.No
}

// overlaps refuses subnets that have addresses in common with an earlier one,
// which Kea takes.
func (s *service) overlaps() {
	subnets := s.server.Config.Subnets
	var order []int
	for i := range subnets {
		if subnets[i].Prefix.Bits() > 0 || len(subnets[i].Pools) > 0 { // else it is for what the others leave
			order = append(order, i)
		}
	}
	// Wide ones first, so that whatever contains a prefix comes before it.
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := subnets[i].Prefix, subnets[j].Prefix
		return cmp.Or(a.Addr().Compare(b.Addr()), a.Bits()-b.Bits())
	})
	outer := -1 // the subnet that reaches farthest
	for _, i := range order {
		if outer < 0 || !subnets[outer].Prefix.Overlaps(subnets[i].Prefix) {
			outer = i
			continue
		}
		a, b := min(outer, i), max(outer, i)
		first := s.places[fmt.Sprintf("Subnets[%d]", a)]
		second := s.places[fmt.Sprintf("Subnets[%d]", b)].get("subnet")
		s.refuse(second, fmt.Sprintf("%v overlaps with %v, %s (%v): Kea takes both, but here an address belongs to one subnet only",
			subnets[b].Prefix, subnets[a].Prefix, first.path(), first.pos),
			"write one subnet with the pools of both, or prefixes that are apart")
	}
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
