package dhcp4_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
)

// TestUnusableHostFinderAnswers: what the Config would refuse is not served
// when a HostFinder says it.
func TestUnusableHostFinderAnswers(t *testing.T) {
	tests := []struct {
		name, want string
		found      dhcp4.Reservation
	}{
		{"reserved for another client", "reserved for another client", dhcp4.Reservation{Addr: netip.MustParseAddr("192.168.1.20")}},
		{"outside the subnet", "is not inside the subnet", dhcp4.Reservation{Addr: netip.MustParseAddr("10.0.0.5"), Stateless: true}},
		{"stateless without an address", "must be set", dhcp4.Reservation{Stateless: true}},
		{"boot file", "Boot.File", dhcp4.Reservation{Boot: dhcp4.Boot{File: strings.Repeat("x", 128)}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			c := testConfig()
			c.Logger = slog.New(slog.NewTextHandler(&log, nil))
			c.Hosts = dhcp4.HostFinderFunc(func(context.Context, *dhcp4.Exchange) (*dhcp4.Reservation, error) {
				return &test.found, nil
			})
			s := newServer(t, c)
			if r, _, err := respond(t, s, message(dhcp4.TypeDiscover)); r != nil || err != dhcp4.ReasonHostFailed {
				t.Errorf("got %v, %v", r, err)
			}
			if n := strings.Count(log.String(), "level=WARN"); n != 1 || !strings.Contains(log.String(), test.want) {
				t.Errorf("want one warning with %q:\n%s", test.want, &log)
			}
		})
	}
}

func TestServersOwnAddressIsNotGivenToItsReservation(t *testing.T) {
	c := testConfig()
	c.Subnets[0].Reservations = []dhcp4.Reservation{{HardwareAddr: testMAC, Addr: serverID}}
	s := newServer(t, c)
	if a := wantType(t, s, message(dhcp4.TypeDiscover), dhcp4.TypeOffer).YIAddr; a == serverID {
		t.Error("the server's own address is offered")
	}
	r, _, err := respond(t, s, selects(serverID))
	if r != nil || err != dhcp4.ReasonUnknownAddress {
		t.Errorf("REQUEST for the server's own address: %v, %v", r, err)
	}
}

// TestMissingSubnetIsSaidOnce: a network that does not fit the link is a
// mistake that somebody must hear of, but not with every packet.
func TestMissingSubnetIsSaidOnce(t *testing.T) {
	var log bytes.Buffer
	c := testConfig()
	c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	c.Subnets[0].Prefix = netip.MustParsePrefix("10.0.0.0/24")
	c.Subnets[0].Interface = "eht0"
	c.Subnets[0].Pools, c.Subnets[0].Reservations = nil, nil
	s := newServer(t, c)
	for range 3 {
		m := message(dhcp4.TypeDiscover)
		m.HardwareAddr = lease.MustParseHardwareAddr("00:0c:29:11:22:66")
		if r, _, err := respond(t, s, m); r != nil || err != dhcp4.ReasonNoSubnet {
			t.Errorf("got %v, %v", r, err)
		}
	}
	if n := strings.Count(log.String(), "DHCP4_SUBNET_SELECTION_FAILED"); n != 1 {
		t.Errorf("said %d times:\n%s", n, &log)
	}
}
