package dhcp4_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

func TestNetworkAndBroadcastAddressesAreGivenToNobody(t *testing.T) {
	for _, tt := range []struct {
		prefix, pool string
		want         int
		never        []string
	}{
		{"192.0.2.0/24", "192.0.2.0-192.0.2.255", 254, []string{".0", ".255"}},
		{"192.0.2.0/24", "192.0.2.0-192.0.2.0", 0, []string{".0"}},
		{"192.0.2.0/24", "192.0.2.255-192.0.2.255", 0, []string{".255"}},
		{"192.0.2.0/30", "192.0.2.0-192.0.2.3", 2, []string{".0", ".3"}},
		{"192.0.2.0/23", "192.0.2.0-192.0.3.255", 510, []string{".0", "192.0.3.255"}},
		// Two hosts and one host need all there is (RFC 3021).
		{"192.0.2.0/31", "192.0.2.0-192.0.2.1", 2, nil},
		{"192.0.2.9/32", "192.0.2.9-192.0.2.9", 1, nil},
	} {
		c := labConfig()
		c.Authoritative = true
		n := &c.Subnets[0]
		n.Prefix, n.Pools[0].Range, n.Interface = netip.MustParsePrefix(tt.prefix), pool.MustParseRange(tt.pool), "eth0"
		c.ServerID = netip.MustParseAddr("198.51.100.1")
		l := newLab(t, c)
		l.link = &dhcp4.Link{Name: "eth0", Index: 3}
		if _, total := l.srv.PoolCounts(1); total != tt.want {
			t.Errorf("%s in %s: %d addresses, want %d", tt.pool, tt.prefix, total, tt.want)
		}
		for _, a := range tt.never {
			r := request{from: client1, typ: dhcp4.TypeRequest, server: "198.51.100.1", asks: a}
			if got, _ := l.send(r); got.Type != dhcp4.TypeNAK || got.Reason != dhcp4.ReasonWrongAddress {
				t.Errorf("%s in %s: asking for %s yields %v", tt.pool, tt.prefix, a, got)
			}
		}
	}
}

// TestSingleAddressWithAGatewayOutside is the network of a virtual machine: a
// prefix of its own, and a router that is on the link but not in the prefix.
func TestSingleAddressWithAGatewayOutside(t *testing.T) {
	gateway := netip.MustParseAddr("169.254.1.1")
	c := dhcp4.Config{Subnets: []dhcp4.Subnet{{
		ID: 1, Prefix: netip.MustParsePrefix("10.65.0.7/32"), Interface: "tap0", ServerID: gateway,
		Reservations: []dhcp4.Reservation{{AnyClient: true, Addr: netip.MustParseAddr("10.65.0.7")}},
		Options: option.Options{
			option.Routers.New(gateway),
			option.ClasslessStaticRoute.New(
				option.Route{Destination: netip.PrefixFrom(gateway, 32), Router: netip.IPv4Unspecified()},
				option.Route{Destination: netip.MustParsePrefix("0.0.0.0/0"), Router: gateway}),
		},
	}}}
	l := newLab(t, c)
	l.link = &dhcp4.Link{Name: "tap0", Index: 7}
	for _, r := range []request{
		{from: client1, typ: dhcp4.TypeDiscover, options: option.Options{askFor(1, 3, 121)}},
		{from: client1, typ: dhcp4.TypeRequest, server: gateway.String(), asks: "10.65.0.7", options: option.Options{askFor(1, 3, 121)}},
	} {
		a, m := l.send(r)
		if m == nil || a.Addr != "10.65.0.7" {
			t.Fatalf("%v: %v", r.typ, a)
		}
		mask, _, _ := option.SubnetMask.Get(m.Options)
		routers, _, _ := option.Routers.Get(m.Options)
		routes, _, err := option.ClasslessStaticRoute.Get(m.Options)
		if mask != netip.MustParseAddr("255.255.255.255") || len(routers) != 1 || routers[0] != gateway || len(routes) != 2 || err != nil {
			t.Errorf("%v: mask %v, routers %v, routes %v (%v)", r.typ, mask, routers, routes, err)
		}
	}
}

func TestAddressesOfTheLinkAreGivenToNobody(t *testing.T) {
	c := labConfig()
	c.ServerID = netip.MustParseAddr("198.51.100.1")
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.2.1-192.0.2.2")
	l := newLab(t, c)
	l.expect("an address of the link that is not the server identifier", request{from: client1, typ: dhcp4.TypeDiscover, asks: ".1"}, offerOf(".2"))
	l.expect("nothing else is left", request{from: client2, typ: dhcp4.TypeRequest, server: "198.51.100.1", asks: ".1"}, silence(dhcp4.ReasonUnknownAddress))
}

func TestMalformedRequestedAddress(t *testing.T) {
	for _, typ := range []dhcp4.MessageType{dhcp4.TypeDiscover, dhcp4.TypeRequest, dhcp4.TypeDecline} {
		l := newLab(t, labConfig())
		l.expect(typ.String(), request{from: client1, typ: typ, options: option.Options{{Code: 50, Data: []byte{192, 0, 2}}}}, silence(dhcp4.ReasonMalformed))
	}
}

// TestNetworkAndBroadcastAddressesAreNotReserved: a client could not use one.
func TestNetworkAndBroadcastAddressesAreNotReserved(t *testing.T) {
	for _, edge := range []string{".0", ".255"} {
		r := dhcp4.Reservation{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Addr: fullAddr(edge)}
		want := fmt.Sprintf("%v is the network or broadcast address of the subnet 192.0.2.0/24", r.Addr)
		c := labConfig()
		c.Subnets[0].Reservations = []dhcp4.Reservation{r}
		if _, err := dhcp4.NewServer(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s in a Config: %v", edge, err)
		}
		l := newLab(t, labConfig())
		if err := l.srv.PutReservation(1, r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s in PutReservation: %v", edge, err)
		}
		// One of the whole Config may mean another subnet.
		c = labConfig()
		c.Reservations = []dhcp4.Reservation{r}
		newLab(t, c).expect(edge+" in general", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".100"))
		c = labConfig()
		c.Hosts = dhcp4.HostFinderFunc(func(context.Context, *dhcp4.Exchange) (*dhcp4.Reservation, error) { return &r, nil })
		newLab(t, c).expect(edge+" found", request{from: client1, typ: dhcp4.TypeDiscover}, silence(dhcp4.ReasonHostFailed))
	}
}
