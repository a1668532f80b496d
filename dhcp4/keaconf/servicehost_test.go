package keaconf_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	dhcp "github.com/embedhcp/embedhcp/dhcp4" // the tests here have a function dhcp4
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

func TestReservationsAreKept(t *testing.T) {
	const list = `"reservations": [
		{ "hw-address": "02:0:00:00:00:aA", "ip-address": "192.0.2.7", "next-server": "192.0.2.9", "server-hostname": "s", "boot-file-name": "f" },
		{ "client-id": "01:02:03", "hostname": "Printer", "option-data": [ { "name": "routers", "data": "192.0.2.3" } ] },
		{ "client-id": "'abc'", "ip-address": "192.0.2.8" },
		{ "duid": "01:02:03", "ip-address": "192.0.2.9" },
		{ "circuit-id": "'port 7'", "ip-address": "192.0.2.10" },
		{ "flex-id": "'abc'", "ip-address": "192.0.2.11" } ]`
	want := []dhcp.Reservation{
		{
			HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:00:aa"), Addr: addr("192.0.2.7"),
			Boot: dhcp.Boot{NextServer: addr("192.0.2.9"), ServerName: "s", File: "f"},
		},
		{ClientID: lease.ClientIDFrom([]byte{1, 2, 3}), Hostname: "Printer", Options: option.Options{option.Routers.New(addr("192.0.2.3"))}},
		{ClientID: lease.ClientIDFrom([]byte("abc")), Addr: addr("192.0.2.8")},
		{DUID: "\x01\x02\x03", Addr: addr("192.0.2.9")},
		{CircuitID: "port 7", Addr: addr("192.0.2.10")},
		{FlexID: "abc", Addr: addr("192.0.2.11")},
	}
	inSubnet := mustServe(t, network(``, `, `+list))
	if d := cmp.Diff(want, inSubnet.Config.Subnets[0].Reservations, equal); d != "" {
		t.Errorf("reservations of the subnet (-want +got):\n%s", d)
	}
	if len(inSubnet.Config.Reservations) > 0 || inSubnet.Config.ReservationsGlobal != dhcp.Inherit {
		t.Errorf("reservations of the Config: %v, %v", inSubnet.Config.Reservations, inSubnet.Config.ReservationsGlobal)
	}
	global := mustServe(t, network(`"reservations-global": true, `+list, ``))
	if d := cmp.Diff(want, global.Config.Reservations, equal); d != "" {
		t.Errorf("reservations of the Config (-want +got):\n%s", d)
	}
	if len(global.Config.Subnets[0].Reservations) > 0 || global.Config.ReservationsGlobal != dhcp.Yes {
		t.Errorf("reservations of the subnet: %v, %v", global.Config.Subnets[0].Reservations, global.Config.ReservationsGlobal)
	}
}

func TestReservationsOutsideSubnetsCountWhereTheFileSaysIt(t *testing.T) {
	const list = `"reservations": [ { "hw-address": "02:00:00:00:00:01", "hostname": "a" } ]`
	for _, c := range []struct {
		global, subnet string
		config, want   dhcp.Choice
		warnings       int
	}{
		{list, ``, dhcp.No, dhcp.Inherit, 1},
		{list + `, "reservations-global": false`, ``, dhcp.No, dhcp.Inherit, 1},
		{list + `, "reservations-global": true`, ``, dhcp.Yes, dhcp.Inherit, 0},
		{list + `, "reservations-global": true`, `, "reservations-global": false`, dhcp.Yes, dhcp.No, 1},
		{list, `, "reservations-global": true`, dhcp.No, dhcp.Yes, 0},
		{list, `, "reservation-mode": "global"`, dhcp.No, dhcp.Yes, 0},
		{`"reservations": [ ]`, ``, dhcp.Inherit, dhcp.Inherit, 0},
	} {
		s := mustServe(t, network(c.global, c.subnet))
		if s.Config.ReservationsGlobal != c.config || s.Config.Subnets[0].ReservationsGlobal != c.want || len(s.Warnings) != c.warnings {
			t.Errorf("%s and %s: %d, %d, warnings %v; want %d, %d", c.global, c.subnet, s.Config.ReservationsGlobal, s.Config.Subnets[0].ReservationsGlobal, s.Warnings, c.config, c.want)
		}
	}
}

func TestIdentifiersAreLookedUpInTheOrderOfTheFile(t *testing.T) {
	for _, c := range []struct {
		list string
		want []dhcp.HostIdentifier
	}{
		{``, nil},
		{`"host-reservation-identifiers": [ "circuit-id", "hw-address", "duid", "client-id", "flex-id" ]`,
			[]dhcp.HostIdentifier{dhcp.ByCircuitID, dhcp.ByHardwareAddr, dhcp.ByDUID, dhcp.ByClientID, dhcp.ByFlexID}},
		{`"host-reservation-identifiers": [ "client-id" ]`, []dhcp.HostIdentifier{dhcp.ByClientID}},
	} {
		s := mustServe(t, network(c.list, ``))
		if d := cmp.Diff(c.want, s.Config.HostIdentifiers, equal); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.list, d)
		}
	}
}

// A client has several identifiers, each with a reservation: the order of the
// file decides.
func TestClientsAreFoundByTheirIdentifiers(t *testing.T) {
	const subnet = `"interfaces-config": { "interfaces": [ "*" ] }, "subnet4": [ { "id": 1, "subnet": "192.168.1.0/24", "pools": [ { "pool": "192.168.1.100 - 192.168.1.199" } ], "reservations": [
		{ "hw-address": "00:0c:29:11:22:33", "ip-address": "192.168.1.11" },
		{ "duid": "00:01:02:03", "ip-address": "192.168.1.12" },
		{ "circuit-id": "'port 7'", "ip-address": "192.168.1.13" },
		{ "client-id": "ff:00:00:00:07:00:01:02:03", "ip-address": "192.168.1.14" },
		{ "flex-id": "'flex'", "ip-address": "192.168.1.15" } ] } ]`
	asks := []option.Option{raw(61, "ff0000000700010203"), raw(82, "0106706f72742037")}
	for _, c := range []struct{ order, want string }{
		{``, "192.168.1.11"},
		{`"duid", "hw-address"`, "192.168.1.12"},
		{`"circuit-id", "hw-address", "duid", "client-id", "flex-id"`, "192.168.1.13"},
		{`"client-id", "duid"`, "192.168.1.14"},
		{`"flex-id", "hw-address"`, "192.168.1.15"},
	} {
		text := subnet
		if c.order != "" {
			text = `"host-reservation-identifiers": [ ` + c.order + ` ], ` + subnet
		}
		s := mustServe(t, dhcp4(text))
		s.Config.FlexID = func(*dhcp.Exchange) string { return "flex" }
		if c.order == "" {
			s.Config.FlexID = nil
		}
		srv, err := dhcp.NewServer(s.Config)
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		if got := exchange(t, srv, "00:0c:29:11:22:33", dhcp.TypeDiscover, asks...).YIAddr; got != addr(c.want) {
			t.Errorf("[ %s ]: offer of %v, want %s", c.order, got, c.want)
		}
	}
}
