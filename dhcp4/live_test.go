package dhcp4_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

func put(t *testing.T, s *dhcp4.Server, subnet uint32, r dhcp4.Reservation) {
	t.Helper()
	if err := s.PutReservation(subnet, r); err != nil {
		t.Fatal(err)
	}
}

// wantConfigError checks that err is a *ConfigError that says all of the texts.
func wantConfigError(t *testing.T, err error, texts ...string) {
	t.Helper()
	var mistakes *dhcp4.ConfigError
	if !errors.As(err, &mistakes) {
		t.Errorf("got %v, want a ConfigError", err)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, which lacks %q", err, text)
		}
	}
}

func TestPutReservationCountsFromTheNextPacketOn(t *testing.T) {
	l := newLab(t, labConfig())
	mac := lease.MustParseHardwareAddr(client1.mac)
	l.expect("before", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".100"))
	put(t, l.srv, 1, dhcp4.Reservation{HardwareAddr: mac, Addr: fullAddr(".20")})
	l.expect("put", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".20"))
	put(t, l.srv, 1, dhcp4.Reservation{HardwareAddr: mac, Addr: fullAddr(".150")})
	l.expect("replaced", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".150"))
	l.expect("not for others", request{from: client2, typ: dhcp4.TypeDiscover, asks: ".150"}, offerOf(".101"))
	if !l.srv.DeleteReservation(1, dhcp4.Reservation{HardwareAddr: mac}) {
		t.Error("there was nothing to delete")
	}
	if l.srv.DeleteReservation(1, dhcp4.Reservation{HardwareAddr: mac}) {
		t.Error("deleted twice")
	}
	l.expect("deleted: the offer of before", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".100"))
	l.expect("free again", request{from: stranger("01"), typ: dhcp4.TypeDiscover, asks: ".150"}, offerOf(".150"))
}

// TestPutOfALeasedAddressMovesBothClients is Kea's staged NAK.
func TestPutOfALeasedAddressMovesBothClients(t *testing.T) {
	const ask = dhcp4.TypeRequest
	var st lease.Memory
	c := labConfig()
	c.Leases = &st
	l := newLab(t, c)
	l.expect("the client", request{from: client1, typ: ask, server: "us", asks: ".150"}, ackOf(".150"))
	l.expect("the holder", request{from: client2, typ: ask, server: "us", asks: ".160"}, ackOf(".160"))
	put(t, l.srv, 1, dhcp4.Reservation{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Addr: fullAddr(".160")})
	l.expect("it is taken: the client keeps its own", request{from: client1, typ: ask, ciaddr: ".150", source: ".150"}, ackTo(".150"))
	l.expect("nobody else gets it", request{from: stranger("01"), typ: ask, server: "us", asks: ".160"}, nakFor(dhcp4.ReasonReserved))
	l.expect("the holder's renewal", request{from: client2, typ: ask, ciaddr: ".160", source: ".160"}, nakFor(dhcp4.ReasonReserved))
	l.expect("its reboot", request{from: client2, typ: ask, asks: ".160"}, nakFor(dhcp4.ReasonReserved))
	l.expect("it gets another one", request{from: client2, typ: dhcp4.TypeDiscover, asks: ".160"}, offerOf(".100"))
	l.expect("it moves", request{from: client2, typ: ask, server: "us", asks: ".100"}, ackOf(".100"))
	l.expect("the client's renewal", request{from: client1, typ: ask, ciaddr: ".150", source: ".150"}, nakFor(dhcp4.ReasonReserved))
	l.expect("its start", request{from: client1, typ: dhcp4.TypeDiscover, asks: ".150"}, offerOf(".160"))
	l.expect("its own", request{from: client1, typ: ask, server: "us", asks: ".160"}, ackOf(".160"))
	if st.Len() != 2 {
		t.Errorf("%d leases, want 2", st.Len())
	}
	l.expect("the address of before is free", request{from: stranger("02"), typ: ask, server: "us", asks: ".150"}, ackOf(".150"))
}

// TestAddressOfADeletedReservationHasOneOwner follows the free addresses of the
// pool through the life of a reservation.
func TestAddressOfADeletedReservationHasOneOwner(t *testing.T) {
	const ask = dhcp4.TypeRequest
	l := newLab(t, labConfig())
	r := dhcp4.Reservation{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Addr: fullAddr(".150")}
	_, total := l.srv.PoolCounts(1)
	want := func(what string, taken int) {
		t.Helper()
		if free, _ := l.srv.PoolCounts(1); free != total-taken {
			t.Errorf("%s: %d of %d are free, want %d", what, free, total, total-taken)
		}
	}
	put(t, l.srv, 1, r)
	want("put", 1)
	put(t, l.srv, 1, r)
	want("put again", 1)
	l.expect("leased", request{from: client1, typ: ask, server: "us", asks: ".150"}, ackOf(".150"))
	want("leased", 1)
	l.srv.DeleteReservation(1, r)
	want("deleted while leased", 1)
	l.expect("still its own", request{from: client1, typ: ask, ciaddr: ".150", source: ".150"}, ackTo(".150"))
	l.expect("given back", request{from: client1, typ: dhcp4.TypeRelease, ciaddr: ".150"}, silence(dhcp4.ReasonUnanswered))
	want("given back", 0)
	put(t, l.srv, 1, r)
	l.expect("leased", request{from: client1, typ: ask, server: "us", asks: ".150"}, ackOf(".150"))
	l.expect("given back", request{from: client1, typ: dhcp4.TypeRelease, ciaddr: ".150"}, silence(dhcp4.ReasonUnanswered))
	want("given back, reserved", 1)
	moved := r
	moved.Addr = fullAddr(".151")
	put(t, l.srv, 1, moved)
	want("moved", 1)
	l.expect("free", request{from: client2, typ: ask, server: "us", asks: ".150"}, ackOf(".150"))
	l.srv.DeleteReservation(1, r)
	want("deleted", 1)
}

func TestPutReservationWithMistakesChangesNothing(t *testing.T) {
	c := labConfig()
	mac, other := lease.MustParseHardwareAddr(client1.mac), lease.MustParseHardwareAddr("02:00:00:00:00:77")
	c.Reservations = []dhcp4.Reservation{{ClientID: lease.MustParseClientID("00:01:02"), Addr: fullAddr(".30")}}
	c.Subnets[0].Reservations = []dhcp4.Reservation{{HardwareAddr: mac, Addr: fullAddr(".20")}}
	l := newLab(t, c)
	wantConfigError(t, l.srv.PutReservation(9, dhcp4.Reservation{HardwareAddr: other}), "there is none with the ID 9")
	wantConfigError(t, l.srv.PutReservation(1, dhcp4.Reservation{Addr: fullAddr(".21")}), "exactly one")
	wantConfigError(t, l.srv.PutReservation(1, dhcp4.Reservation{HardwareAddr: other, Addr: fullAddr("10.0.0.1")}), "Reservation.Addr", "not inside")
	wantConfigError(t, l.srv.PutReservation(1, dhcp4.Reservation{HardwareAddr: other, Addr: fullAddr(".20")}),
		"reserved for HardwareAddr "+mac.String()+" in the subnet 1")
	wantConfigError(t, l.srv.PutReservation(0, dhcp4.Reservation{HardwareAddr: other, Addr: fullAddr(".20")}),
		"reserved for HardwareAddr "+mac.String()+" in the subnet 1")
	wantConfigError(t, l.srv.PutReservation(1, dhcp4.Reservation{HardwareAddr: other, Addr: fullAddr(".30")}),
		"reserved for ClientID 00:01:02 in the Config")
	l.expect("still its own", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".20"))
	// Once its owner is elsewhere, the address is free to be reserved.
	put(t, l.srv, 1, dhcp4.Reservation{HardwareAddr: mac, Addr: fullAddr(".22")})
	put(t, l.srv, 1, dhcp4.Reservation{HardwareAddr: other, Addr: fullAddr(".20")})
	l.expect("moved", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".22"))
}

func TestReconfigureKeepsWhatWasPut(t *testing.T) {
	c := labConfig()
	c.Subnets[0].Reservations = []dhcp4.Reservation{{ClientID: lease.MustParseClientID(client2.id), Addr: fullAddr(".30")}}
	l := newLab(t, c)
	r := dhcp4.Reservation{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Addr: fullAddr(".20")}
	put(t, l.srv, 1, r)
	if !l.srv.DeleteReservation(1, c.Subnets[0].Reservations[0]) {
		t.Error("that of the Config is not there")
	}
	l.expect("deleted", request{from: client2, typ: dhcp4.TypeDiscover}, offerOf(".100"))
	reconfigure(t, l.srv, c)
	l.expect("put", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".20"))
	l.expect("back", request{from: client2, typ: dhcp4.TypeDiscover}, offerOf(".30"))
	c.Subnets[0].Reservations[0].Addr = fullAddr(".20")
	wantConfigError(t, l.srv.Reconfigure(c), "PutReservation[1, HardwareAddr", ".20 is reserved for ClientID")
	l.srv.DeleteReservation(1, r)
	reconfigure(t, l.srv, c)
	l.expect("deleted", request{from: client2, typ: dhcp4.TypeDiscover}, offerOf(".20"))
}

func TestAddSubnetAndRemoveSubnet(t *testing.T) {
	l := newLab(t, labConfig())
	mac := lease.MustParseHardwareAddr(client1.mac)
	n := dhcp4.Subnet{ID: 7, Prefix: netip.MustParsePrefix("10.7.0.0/24"), Pools: []dhcp4.Pool{{Range: pool.MustParseRange("10.7.0.10-10.7.0.19")}},
		ServerID:     fullAddr("10.7.0.1"),
		Reservations: []dhcp4.Reservation{{HardwareAddr: mac, Addr: fullAddr("10.7.0.15")}}}
	relayed := request{from: client1, typ: dhcp4.TypeDiscover, giaddr: "10.7.0.2"}
	l.expect("not there", relayed, silence(dhcp4.ReasonUnknownRelay))
	if err := l.srv.AddSubnet(n); err != nil {
		t.Fatal(err)
	}
	l.expect("reserved", relayed, offerOf("10.7.0.15").relayed("10.7.0.2", 0))
	if free, total := l.srv.PoolCounts(7); free != 9 || total != 10 {
		t.Errorf("%d of %d are free", free, total)
	}
	wantConfigError(t, l.srv.AddSubnet(n), "Subnet.ID: 7 is that of another subnet", "Subnet.Prefix: 10.7.0.0/24 overlaps with the subnet 7, 10.7.0.0/24")
	inside := n
	inside.ID, inside.Prefix, inside.Pools, inside.Reservations = 8, netip.MustParsePrefix("10.7.0.128/25"), nil, nil
	wantConfigError(t, l.srv.AddSubnet(inside), "overlaps")
	inside.Prefix = netip.MustParsePrefix("10.0.0.0/8")
	wantConfigError(t, l.srv.AddSubnet(inside), "overlaps")

	put(t, l.srv, 7, dhcp4.Reservation{HardwareAddr: mac, Addr: fullAddr("10.7.0.16")})
	if !l.srv.RemoveSubnet(7) || l.srv.RemoveSubnet(7) {
		t.Error("it can be removed once")
	}
	l.expect("gone", relayed, silence(dhcp4.ReasonUnknownRelay))
	if err := l.srv.AddSubnet(n); err != nil {
		t.Fatal(err)
	}
	l.expect("what was put is gone with it", relayed, offerOf("10.7.0.15").relayed("10.7.0.2", 0))
}

func TestKnownOnlySubnetIsSilentToOthers(t *testing.T) {
	c := labConfig()
	c.Subnets[0].KnownOnly = true
	l := newLab(t, c)
	unknown := silence(dhcp4.ReasonNoReservation)
	for _, typ := range []dhcp4.MessageType{dhcp4.TypeDiscover, dhcp4.TypeRequest, dhcp4.TypeInform} {
		l.expect(typ.String(), request{from: client1, typ: typ, ciaddr: ".150", source: ".150"}, unknown)
	}
	if n := l.srv.Count(dhcp4.ReasonNoReservation); n != 3 {
		t.Errorf("counted %d times", n)
	}
	r := dhcp4.Reservation{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Hostname: "known"}
	put(t, l.srv, 0, r)
	l.expect("known, without an address", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".150"}, ackOf(".150"))
	l.srv.DeleteReservation(0, r)
	l.expect("renewal", request{from: client1, typ: dhcp4.TypeRequest, ciaddr: ".150", source: ".150"}, unknown)
	l.expect("it may give its lease back", request{from: client1, typ: dhcp4.TypeRelease, ciaddr: ".150"}, silence(dhcp4.ReasonUnanswered))
}

// TestAddedSubnetFindsOutWhatIsLeased: AddSubnet does not read the store.
func TestAddedSubnetFindsOutWhatIsLeased(t *testing.T) {
	l := newLab(t, labConfig())
	n := dhcp4.Subnet{ID: 7, Prefix: netip.MustParsePrefix("10.7.0.0/24"), ServerID: fullAddr("10.7.0.1"),
		Pools: []dhcp4.Pool{{Range: pool.MustParseRange("10.7.0.10-10.7.0.209")}}}
	add := func() {
		t.Helper()
		if err := l.srv.AddSubnet(n); err != nil {
			t.Fatal(err)
		}
	}
	add()
	for i := range 199 {
		a := netip.AddrFrom4([4]byte{10, 7, 0, byte(10 + i)}).String()
		l.expect(a, request{from: stranger(fmt.Sprintf("%02x", i)), typ: dhcp4.TypeRequest, asks: a, giaddr: "10.7.0.2",
			options: option.Options{option.DHCPServerIdentifier.New(n.ServerID)}}, ackOf(a).relayed("10.7.0.2", 0))
	}
	l.srv.RemoveSubnet(7)
	add()
	l.expect("the only one that is free", request{from: client1, typ: dhcp4.TypeDiscover, giaddr: "10.7.0.2"}, offerOf("10.7.0.209").relayed("10.7.0.2", 0))
	l.expect("a client with a lease", request{from: stranger("07"), typ: dhcp4.TypeDiscover, giaddr: "10.7.0.2"}, offerOf("10.7.0.17").relayed("10.7.0.2", 0))
}
