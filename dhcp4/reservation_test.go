package dhcp4_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// Reserved addresses inside and outside of the pool, for the first two clients.
func reservedConfig() dhcp4.Config {
	c := labConfig()
	c.Subnets[0].Reservations = []dhcp4.Reservation{
		{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Addr: fullAddr(".20")},
		{ClientID: lease.MustParseClientID(client2.id), Addr: fullAddr(".100")},
	}
	return c
}

func TestReservedAddress(t *testing.T) {
	const (
		discover = dhcp4.TypeDiscover
		ask      = dhcp4.TypeRequest
	)
	other := stranger("01")
	l := newLab(t, reservedConfig())
	for _, p := range []probe{
		same("offered", request{from: client1, typ: discover}, offerOf(".20")),
		same("whatever the client wishes", request{from: client1, typ: discover, asks: ".150"}, offerOf(".20")),
		same("by client id, in the pool", request{from: client2, typ: discover}, offerOf(".100")),
		same("nobody else is offered it", request{from: other, typ: discover, asks: ".100"}, offerOf(".101")),
		same("nor one outside of the pool", request{from: stranger("02"), typ: discover, asks: ".20"}, offerOf(".102")),
		same("nobody else gets it by REQUEST", request{from: other, typ: ask, server: "us", asks: ".100"}, nakFor(dhcp4.ReasonReserved)),
		same("nor by renewal", request{from: other, typ: ask, ciaddr: ".20", source: ".20"}, nakFor(dhcp4.ReasonReserved)),
		same("its client reboots with it", request{from: client1, typ: ask, asks: ".20"}, ackOf(".20")),
		same("its client may have no other one", request{from: client1, typ: ask, server: "us", asks: ".150"}, nakFor(dhcp4.ReasonReserved)),
		same("nor by reboot", request{from: client1, typ: ask, asks: ".150"}, nakFor(dhcp4.ReasonWrongAddress)),
		same("it renews", request{from: client1, typ: ask, ciaddr: ".20", source: ".20"}, ackTo(".20")),
		same("it asks for none in particular", request{from: client1, typ: ask}, ackOf(".20")),
		same("it gives it back", request{from: client1, typ: dhcp4.TypeRelease, ciaddr: ".20"}, silence(dhcp4.ReasonUnanswered)),
		same("and gets it again", request{from: client1, typ: discover}, offerOf(".20")),
		same("in the pool", request{from: client2, typ: ask, server: "us", asks: ".100"}, ackOf(".100")),
		same("given back", request{from: client2, typ: dhcp4.TypeRelease, ciaddr: ".100"}, silence(dhcp4.ReasonUnanswered)),
		same("it is still reserved", request{from: stranger("03"), typ: discover, asks: ".100"}, offerOf(".103")),
		same("for its client", request{from: client2, typ: discover}, offerOf(".100")),
		// Until the probation is over its client gets another one.
		same("take it", request{from: client1, typ: ask, server: "us", asks: ".20"}, ackOf(".20")),
		same("decline it", request{from: client1, typ: dhcp4.TypeDecline, asks: ".20"}, silence(dhcp4.ReasonUnanswered)),
		same("another one", request{from: client1, typ: discover}, offerOf(".104")),
		same("is granted", request{from: client1, typ: ask, server: "us", asks: ".104"}, ackOf(".104")),
	} {
		l.expect(p.name, p.request, p.want)
	}
}

func TestNewReservationBeatsTheOldLease(t *testing.T) {
	var st lease.Memory
	c := labConfig()
	c.Leases = &st
	l := newLab(t, c)
	l.expect("dynamic", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".150"}, ackOf(".150"))
	l.expect("the address to be reserved", request{from: client2, typ: dhcp4.TypeRequest, server: "us", asks: ".160"}, ackOf(".160"))
	l.srv.Close()

	c = labConfig()
	c.Leases = &st
	c.Subnets[0].Reservations = []dhcp4.Reservation{{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Addr: fullAddr(".160")}}
	l = newLab(t, c)
	// The address is still taken, so that the client keeps the other one.
	l.expect("taken", request{from: client1, typ: dhcp4.TypeRequest, ciaddr: ".150", source: ".150"}, ackTo(".150"))
	l.expect("its holder has to go", request{from: client2, typ: dhcp4.TypeRequest, ciaddr: ".160", source: ".160"}, nakFor(dhcp4.ReasonReserved))
	l.expect("is offered another one", request{from: client2, typ: dhcp4.TypeDiscover, asks: ".160"}, offerOf(".100"))
	l.expect("and goes", request{from: client2, typ: dhcp4.TypeRelease, ciaddr: ".160", source: ".160"}, silence(dhcp4.ReasonUnanswered))
	l.expect("renewal", request{from: client1, typ: dhcp4.TypeRequest, ciaddr: ".150", source: ".150"}, nakFor(dhcp4.ReasonReserved))
	l.expect("reboot", request{from: client1, typ: dhcp4.TypeRequest, asks: ".150"}, nakFor(dhcp4.ReasonReserved))
	l.expect("a new start", request{from: client1, typ: dhcp4.TypeDiscover, asks: ".150"}, offerOf(".160"))
	l.expect("the reserved one", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".160"}, ackOf(".160"))
	if st.Len() != 1 {
		t.Errorf("%d leases, want that of the reserved address alone", st.Len())
	}
	l.expect("the old one is free", request{from: client2, typ: dhcp4.TypeRequest, server: "us", asks: ".150"}, ackOf(".150"))
}

func TestAnyClientIsWhoeverHasNoReservation(t *testing.T) {
	c := reservedConfig()
	c.Subnets[0].Pools = nil
	c.Subnets[0].Reservations = append(c.Subnets[0].Reservations, dhcp4.Reservation{AnyClient: true, Addr: fullAddr(".50")})
	l := newLab(t, c)
	l.expect("its own", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".20"))
	l.expect("anybody", request{from: stranger("01"), typ: dhcp4.TypeRequest, server: "us", asks: ".50"}, ackOf(".50"))
	// It is not Stateless: two clients must not have the address at a time.
	l.expect("a second one", request{from: stranger("02"), typ: dhcp4.TypeDiscover}, silence(dhcp4.ReasonNoAddress))
	l.expect("a second one", request{from: stranger("02"), typ: dhcp4.TypeRequest, server: "us", asks: ".50"}, nakFor(dhcp4.ReasonTaken))
}

// forbiddenStore fails the test when anything but the reading at the start
// comes to it.
func forbiddenStore(t *testing.T) lease.Store {
	called := func(what string) error {
		t.Errorf("%s was called", what)
		return errors.New("not allowed")
	}
	return &leasetest.Hooks{
		Store:        new(lease.Memory),
		BeforeFind:   func(context.Context, []lease.Query) error { return called("Find") },
		BeforeUpdate: func(context.Context, []lease.Change) error { return called("Update") },
		BeforeSync:   func(context.Context) error { return called("Sync") },
	}
}

// TestStatelessClientInEveryState is the whole of a server whose addresses are
// chosen elsewhere, with the reservation in the Config and from a HostFinder.
func TestStatelessClientInEveryState(t *testing.T) {
	const ask = dhcp4.TypeRequest
	for _, from := range []string{"Config", "HostFinder"} {
		for _, authoritative := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, authoritative %v", from, authoritative), func(t *testing.T) {
				c := labConfig()
				c.Authoritative = authoritative
				c.Leases = forbiddenStore(t)
				r := dhcp4.Reservation{AnyClient: true, Addr: fullAddr(".50"), Stateless: true}
				if from == "Config" {
					c.Subnets[0].Reservations = []dhcp4.Reservation{r}
				} else {
					c.Hosts = dhcp4.HostFinderFunc(func(context.Context, *dhcp4.Exchange) (*dhcp4.Reservation, error) { return &r, nil })
				}
				l := newLab(t, c)
				probes := []probe{
					same("DISCOVER", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".50")),
					same("DISCOVER with a wish", request{from: client1, typ: dhcp4.TypeDiscover, asks: ".100"}, offerOf(".50")),
					same("SELECTING", request{from: client1, typ: ask, server: "us", asks: ".50"}, ackOf(".50")),
					same("SELECTING, another address", request{from: client1, typ: ask, server: "us", asks: ".51"}, nakFor(dhcp4.ReasonWrongAddress)),
					same("SELECTING, another server", request{from: client1, typ: ask, server: ".2", asks: ".50"}, silence(dhcp4.ReasonOtherServer)),
					same("INIT-REBOOT", request{from: client1, typ: ask, asks: ".50"}, ackOf(".50")),
					same("INIT-REBOOT, another address", request{from: client1, typ: ask, asks: ".51"}, nakFor(dhcp4.ReasonWrongAddress)),
					same("INIT-REBOOT, another network", request{from: client1, typ: ask, asks: "10.9.9.9"}, nakFor(dhcp4.ReasonWrongAddress)),
					same("RENEWING", request{from: client1, typ: ask, ciaddr: ".50", source: ".50", unicast: true}, ackTo(".50")),
					same("RENEWING, another address", request{from: client1, typ: ask, ciaddr: ".51", source: ".51", unicast: true}, nakFor(dhcp4.ReasonWrongAddress)),
					same("REBINDING", request{from: client1, typ: ask, ciaddr: ".50", source: ".50"}, ackTo(".50")),
					same("REBINDING, another address", request{from: client1, typ: ask, ciaddr: "10.9.9.9", source: "10.9.9.9"}, nakFor(dhcp4.ReasonWrongAddress)),
					same("no address", request{from: client1, typ: ask}, ackOf(".50")),
					same("no address, by our name", request{from: client1, typ: ask, server: "us"}, ackOf(".50")),
					same("a second client", request{from: client2, typ: ask, server: "us", asks: ".50"}, ackOf(".50")),
					same("INFORM", request{from: client1, typ: dhcp4.TypeInform, ciaddr: ".50"}, answer{Type: dhcp4.TypeACK, To: ".50:68"}),
				}
				if from == "Config" { // a HostFinder is not asked about these
					probes = append(probes,
						same("RELEASE", request{from: client1, typ: dhcp4.TypeRelease, ciaddr: ".50"}, silence(dhcp4.ReasonUnanswered)),
						same("DECLINE", request{from: client1, typ: dhcp4.TypeDecline, asks: ".50"}, silence(dhcp4.ReasonUnanswered)))
				}
				for _, p := range probes {
					l.expect(p.name, p.request, p.want)
				}
				if free, total := l.srv.PoolCounts(1); free != total {
					t.Errorf("%d of %d addresses are free, want all", free, total)
				}
			})
		}
	}
}

func TestHostFinderThroughRespond(t *testing.T) {
	known := &dhcp4.Reservation{Addr: fullAddr(".20"), Hostname: "found"}
	tests := []struct {
		name          string
		host          *dhcp4.Reservation
		err           error
		panics        bool
		offer, answer answer // to a DISCOVER, and to a REQUEST of .20
	}{
		{"knows the client", known, nil, false, offerOf(".20"), ackOf(".20")},
		{"does not know it", nil, nil, false, offerOf(".100"), silence(dhcp4.ReasonUnknownAddress)},
		{"ignores it", nil, dhcp4.ErrIgnore, false, silence(dhcp4.ReasonIgnored), silence(dhcp4.ReasonIgnored)},
		{"ignores it, wrapped", known, fmt.Errorf("not today: %w", dhcp4.ErrIgnore), false, silence(dhcp4.ReasonIgnored), silence(dhcp4.ReasonIgnored)},
		{"refuses it", nil, dhcp4.ErrNak, false, silence(dhcp4.ReasonRefused), nakFor(dhcp4.ReasonRefused)},
		{"fails", known, errors.New("no database"), false, silence(dhcp4.ReasonHostFailed), silence(dhcp4.ReasonHostFailed)},
		{"is too slow", nil, context.DeadlineExceeded, false, silence(dhcp4.ReasonHostTimeout), silence(dhcp4.ReasonHostTimeout)},
		{"panics", nil, nil, true, silence(dhcp4.ReasonHostFailed), silence(dhcp4.ReasonHostFailed)},
		{"says nonsense", &dhcp4.Reservation{Addr: netip.MustParseAddr("224.0.0.1")}, nil, false, silence(dhcp4.ReasonHostFailed), silence(dhcp4.ReasonHostFailed)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := labConfig()
			calls := 0
			l := (*lab)(nil)
			c.Hosts = dhcp4.HostFinderFunc(func(_ context.Context, x *dhcp4.Exchange) (*dhcp4.Reservation, error) {
				if calls++; x.Request == nil || x.Link != l.link || x.Subnet == nil || x.Subnet.ID != 1 {
					t.Errorf("asked about %+v", x)
				}
				if tt.panics {
					panic("a bug")
				}
				return tt.host, tt.err
			})
			l = newLab(t, c)
			l.expect("DISCOVER", request{from: client1, typ: dhcp4.TypeDiscover}, tt.offer)
			l.expect("REQUEST", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".20"}, tt.answer)
			if calls != 2 {
				t.Errorf("%d calls", calls)
			}
			l.expect("RELEASE", request{from: client2, typ: dhcp4.TypeRelease, ciaddr: ".100"}, silence(dhcp4.ReasonNotOwner))
			l.expect("DECLINE", request{from: client2, typ: dhcp4.TypeDecline, asks: ".100"}, silence(dhcp4.ReasonNotOwner))
			l.expect("another server", request{from: client2, typ: dhcp4.TypeRequest, server: ".2", asks: ".20"}, silence(dhcp4.ReasonOtherServer))
			if calls != 2 {
				t.Errorf("%d calls for messages that it must not be asked about", calls-2)
			}
		})
	}
}

// TestWhoIsAskedAboutAClient holds the order: a Reservation of its own, the
// HostFinder, AnyClient, the pools.
func TestWhoIsAskedAboutAClient(t *testing.T) {
	c := reservedConfig()
	c.Subnets[0].Reservations = append(c.Subnets[0].Reservations, dhcp4.Reservation{AnyClient: true, Options: option.Options{option.DomainName.New("anybody")}})
	found := stranger("01")
	c.Hosts = dhcp4.HostFinderFunc(func(_ context.Context, x *dhcp4.Exchange) (*dhcp4.Reservation, error) {
		if x.Request.HardwareAddr == lease.MustParseHardwareAddr(found.mac) {
			return &dhcp4.Reservation{Addr: fullAddr(".40")}, nil
		}
		if x.Request.HardwareAddr == lease.MustParseHardwareAddr(client1.mac) {
			t.Error("asked about a client that the Config knows")
		}
		return nil, nil
	})
	l := newLab(t, c)
	l.expect("in the Config", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".20"))
	l.expect("found", request{from: found, typ: dhcp4.TypeDiscover}, offerOf(".40"))
	a, m := l.send(request{from: stranger("02"), typ: dhcp4.TypeDiscover})
	if a != offerOf(".101") {
		t.Fatalf("got %+v", a)
	}
	if name, _, _ := option.DomainName.Get(m.Options); name != "anybody" {
		t.Errorf("domain name %q", name)
	}
}

func TestAnswerOfTheHostFinderIsUsedAgain(t *testing.T) {
	calls := 0
	c := labConfig()
	c.Hosts = dhcp4.HostFinderFunc(func(context.Context, *dhcp4.Exchange) (*dhcp4.Reservation, error) {
		calls++
		return &dhcp4.Reservation{Addr: fullAddr(".20"), Reuse: time.Hour}, nil
	})
	l := newLab(t, c)
	l.expect("OFFER", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".20"))
	l.expect("ACK", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".20"}, ackOf(".20"))
	if calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
	l.expect("another client", request{from: client2, typ: dhcp4.TypeDiscover}, offerOf(".100"))
	if calls != 2 {
		t.Errorf("%d calls, want another one for another client", calls)
	}
}

// TestServersOwnAddressIsGivenToNobody puts it in the middle of the pool.
func TestServersOwnAddressIsGivenToNobody(t *testing.T) {
	c := labConfig()
	c.Authoritative = true
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.2.0-192.0.2.3")
	l := newLab(t, c)
	l.expect("wished for", request{from: client1, typ: dhcp4.TypeDiscover, asks: ".1"}, offerOf(".2"))
	l.expect("passed over", request{from: client2, typ: dhcp4.TypeDiscover}, offerOf(".3"))
	l.expect("requested", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".1"}, nakFor(dhcp4.ReasonWrongAddress))
}

func TestStatelessClientOfAnotherMemberOfTheNetwork(t *testing.T) {
	c := labConfig()
	c.SharedNetworks = []dhcp4.SharedNetwork{{Name: "floor"}}
	c.Subnets[0].SharedNetwork = "floor"
	c.Subnets[0].Options = option.Options{option.Routers.New(fullAddr(".1"))}
	addr, router := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("198.51.100.1")
	c.Subnets = append(c.Subnets, dhcp4.Subnet{
		ID: 2, Prefix: netip.MustParsePrefix("198.51.100.0/24"), SharedNetwork: "floor", Lifetime: time.Minute,
		Options:      option.Options{option.Routers.New(router)},
		Reservations: []dhcp4.Reservation{{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Addr: addr, Stateless: true}},
	})
	m := replyTo(t, c, request{from: client1, typ: dhcp4.TypeDiscover})
	routers, _, err := option.Routers.Get(m.Options)
	if lifetime, _, _ := leaseTimes(t, m); m.YIAddr != addr || len(routers) != 1 || routers[0] != router || lifetime != time.Minute || err != nil {
		t.Errorf("%v", m)
	}
}
