package dhcp4

import (
	"fmt"
	"hash/maphash"
	"net/netip"
)

const noHost = "%v is the network or broadcast address of the subnet %v"

// hostIdentifiers checks the list of what reservations are looked up by.
func (k *configChecker) hostIdentifiers(kinds []HostIdentifier) {
	if kinds != nil && len(kinds) == 0 {
		k.add("HostIdentifiers", "is empty; nil stands for all of them")
	}
	var seen kindSet
	for i, kind := range kinds {
		path := fmt.Sprintf("HostIdentifiers[%d]", i)
		switch {
		case kind == byAnyClient || kind > ByRemoteID:
			k.add(path, "%d is not a HostIdentifier", kind)
			continue
		case seen.has(kind):
			k.add(path, "%s is in the list already", kind.field())
		}
		seen |= 1 << kind
	}
}

// reservations checks a list of reservations: those of the subnet n, or, if
// that is nil, those of the Config. It returns their identifiers and addresses.
// Places are put into words only for mistakes, for the list may be long.
func (k *configChecker) reservations(prefix string, rs []Reservation, n *Subnet, prefixOK bool) hostTable {
	for i := range rs {
		r := &rs[i]
		var own configChecker
		own.identity(r)
		own.reservation("", r)
		if n != nil && prefixOK && isUnicast(r.Addr) && !n.Prefix.Contains(r.Addr) {
			own.add(".Addr", "%v is not inside the subnet %v", r.Addr, n.Prefix.Masked())
		}
		if n != nil && prefixOK && n.isEdge(r.Addr) {
			own.add(".Addr", noHost, r.Addr, n.Prefix.Masked())
		}
		for _, p := range own.problems {
			p.Path = fmt.Sprintf("%sReservations[%d]%s", prefix, i, p.Path)
			k.problems = append(k.problems, p)
		}
	}
	if k.seed == (maphash.Seed{}) {
		k.seed = maphash.MakeSeed()
	}
	c := hostCompiler{hostHasher: hostHasher{k.seed}, bare: true}
	return c.table(rs, n == nil, func(i, earlier int, field string) {
		r := &rs[i]
		var what string
		switch field {
		case "Addr":
			what = r.Addr.String()
		case "AnyClient":
			if !r.AnyClient {
				return // it has no identity at all
			}
			what = "true"
		default:
			what = c.identifier(r, nil).text()
		}
		k.add(fmt.Sprintf("%sReservations[%d].%s", prefix, i, field), "%s is in Reservations[%d] too", what, earlier)
	})
}

// identity checks who a reservation of a Config is for.
func (k *configChecker) identity(r *Reservation) {
	n := 0
	for _, f := range [...]struct {
		name     string
		len      int
		min, max int
	}{
		{".HardwareAddr", r.HardwareAddr.Len(), 1, 20},
		{".ClientID", len(r.ClientID.Octets()), 2, 255},
		{".DUID", len(r.DUID), 1, 250},
		{".CircuitID", len(r.CircuitID), 1, 255},
		{".RemoteID", len(r.RemoteID), 1, 255},
		{".FlexID", len(r.FlexID), 1, 255},
	} {
		if f.len == 0 {
			continue
		}
		n++
		if f.len < f.min || f.len > f.max {
			k.add(f.name, "has %d octets, not %d to %d", f.len, f.min, f.max)
		}
	}
	if r.AnyClient {
		n++
	}
	if n != 1 {
		k.add("", "needs exactly one of HardwareAddr, ClientID, DUID, CircuitID, RemoteID, FlexID and AnyClient")
	}
}

// shared reports addresses that a reservation of a subnet, with the given
// choices, and one of the Config name for two clients: both would count.
func (k *configChecker) shared(prefix string, own, global *hostTable, n *Subnet, c *Config) {
	if len(global.records) == 0 || !n.ReservationsGlobal.or(c.ReservationsGlobal.or(true)) || !n.ReservationsInSubnet.or(c.ReservationsInSubnet.or(true)) {
		return
	}
	for i := range own.records {
		r := &own.records[i]
		if !r.hasAddr {
			continue
		}
		if j, ok := global.indexAt(r.addr); ok && !global.records[j].sameClient(r) {
			k.add(fmt.Sprintf("%sReservations[%d].Addr", prefix, i), "%v is that of Reservations[%d] of the Config too", netip.AddrFrom4(r.addr), j)
		}
	}
}
