package dhcp4_test

import (
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// leaseTimes returns options 51, 58 and 59; zero: absent.
func leaseTimes(t testing.TB, m *dhcp4.Message) (lifetime, t1, t2 time.Duration) {
	t.Helper()
	for _, o := range []struct {
		def *option.Def[time.Duration]
		d   *time.Duration
	}{{&option.DHCPLeaseTime, &lifetime}, {&option.DHCPRenewalTime, &t1}, {&option.DHCPRebindingTime, &t2}} {
		d, _, err := o.def.Get(m.Options)
		if err != nil {
			t.Fatal(err)
		}
		*o.d = d
	}
	return lifetime, t1, t2
}

// RFC 2131 4.3.1 SHOULD: a client that asks for a lease time gets it if the server finds it acceptable, else one that the server chooses
func TestClientChoosesItsLifetimeWithinBounds(t *testing.T) {
	const sec, hour = time.Second, time.Hour
	bounds := dhcp4.Config{Lifetime: 2 * hour, MinLifetime: hour, MaxLifetime: 4 * hour}
	tests := []struct {
		name   string
		global dhcp4.Config
		subnet dhcp4.Subnet
		fixed  time.Duration // of a reservation
		wish   []byte        // option 51
		want   time.Duration
	}{
		{"no wish", bounds, dhcp4.Subnet{}, 0, nil, 2 * hour},
		{"no bounds", dhcp4.Config{Lifetime: 2 * hour}, dhcp4.Subnet{}, 0, []byte{0, 0, 0, 60}, 2 * hour},
		{"inside", bounds, dhcp4.Subnet{}, 0, []byte{0, 0, 0x1c, 0x21}, 7201 * sec},
		{"too short", bounds, dhcp4.Subnet{}, 0, []byte{0, 0, 0, 60}, hour},
		{"zero", bounds, dhcp4.Subnet{}, 0, []byte{0, 0, 0, 0}, hour},
		{"too long", bounds, dhcp4.Subnet{}, 0, []byte{0, 1, 0, 0}, 4 * hour},
		{"infinite", bounds, dhcp4.Subnet{}, 0, []byte{0xff, 0xff, 0xff, 0xff}, 4 * hour},
		{"infinite, and it may", dhcp4.Config{MaxLifetime: lease.Infinite}, dhcp4.Subnet{}, 0, []byte{0xff, 0xff, 0xff, 0xff}, lease.Infinite},
		{"malformed", bounds, dhcp4.Subnet{}, 0, []byte{0, 1}, 2 * hour},
		{"bounds of the subnet", bounds, dhcp4.Subnet{MaxLifetime: 3 * hour}, 0, []byte{0, 1, 0, 0}, 3 * hour},
		{"lifetime of the subnet", bounds, dhcp4.Subnet{Lifetime: 9 * hour}, 0, []byte{0, 0, 0, 60}, 9 * hour},
		{"lifetime of the reservation", bounds, dhcp4.Subnet{}, 20 * hour, []byte{0, 0, 0, 60}, 20 * hour},
	}
	for _, tt := range tests {
		for _, typ := range []dhcp4.MessageType{dhcp4.TypeDiscover, dhcp4.TypeRequest} {
			t.Run(tt.name+", "+typ.String(), func(t *testing.T) {
				c := labConfig()
				c.Lifetime, c.MinLifetime, c.MaxLifetime = tt.global.Lifetime, tt.global.MinLifetime, tt.global.MaxLifetime
				n := &c.Subnets[0]
				n.Lifetime, n.MinLifetime, n.MaxLifetime = tt.subnet.Lifetime, tt.subnet.MinLifetime, tt.subnet.MaxLifetime
				if tt.fixed != 0 {
					n.Reservations = []dhcp4.Reservation{{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Lifetime: tt.fixed}}
				}
				r := request{from: client1, typ: typ, asks: ".100"}
				if typ == dhcp4.TypeRequest {
					r.server = "us"
				}
				if tt.wish != nil {
					r.options = option.Options{{Code: 51, Data: tt.wish}}
				}
				if got, _, _ := leaseTimes(t, replyTo(t, c, r)); got != tt.want {
					t.Errorf("lease time %v, want %v", got, tt.want)
				}
			})
		}
	}
}

func TestRenewalTimesAsFractions(t *testing.T) {
	const sec = time.Second
	c := labConfig()
	c.Lifetime, c.T1Percent, c.T2Percent = 1000*sec, 0.25, 0.6
	r := request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".100"}
	if l, t1, t2 := leaseTimes(t, replyTo(t, c, r)); l != 1000*sec || t1 != 250*sec || t2 != 600*sec {
		t.Errorf("times %v, %v, %v", l, t1, t2)
	}
	// A value is stronger than a fraction, the subnet's than the Config's.
	c.Subnets[0].T1, c.Subnets[0].T2Percent = 100*sec, 0.7
	if l, t1, t2 := leaseTimes(t, replyTo(t, c, r)); l != 1000*sec || t1 != 100*sec || t2 != 700*sec {
		t.Errorf("times %v, %v, %v", l, t1, t2)
	}
}

func TestSubnetsDifferInAuthority(t *testing.T) {
	wrong := request{from: client1, typ: dhcp4.TypeRequest, asks: "198.51.100.7"}
	for _, tt := range []struct {
		global bool
		subnet dhcp4.Choice
		want   answer
	}{
		{false, dhcp4.Inherit, silence(dhcp4.ReasonUnknownClient)},
		{false, dhcp4.Yes, nakFor(dhcp4.ReasonWrongAddress)},
		{true, dhcp4.Inherit, nakFor(dhcp4.ReasonWrongAddress)},
		{true, dhcp4.No, silence(dhcp4.ReasonUnknownClient)},
	} {
		c := labConfig()
		c.Authoritative, c.Subnets[0].Authoritative = tt.global, tt.subnet
		newLab(t, c).expect("INIT-REBOOT with an address of another network", wrong, tt.want)
	}
}

func TestClientsAreToldApartByHardwareAddressAlone(t *testing.T) {
	c := labConfig()
	var st lease.Memory
	c.Leases, c.MatchClientID = &st, dhcp4.No
	l := newLab(t, c)
	first := sender{client1.mac, "01:aa:bb:cc"}
	second := sender{client1.mac, "ff:00:11:22:33"} // another system on the same machine
	l.expect("first", request{from: first, typ: dhcp4.TypeRequest, server: "us", asks: ".100"}, ackOf(".100"))
	l.expect("second", request{from: second, typ: dhcp4.TypeDiscover}, offerOf(".100"))
	l.expect("second renews", request{from: second, typ: dhcp4.TypeRequest, ciaddr: ".100", unicast: true}, ackTo(".100"))
	row, _, err := lease.Get(t.Context(), &st, fullAddr(".100"))
	if err != nil || !row.ClientID.IsZero() {
		t.Errorf("stored with client id %v (%v)", row.ClientID, err)
	}
	l.expect("another machine with the same identifier", request{from: sender{client2.mac, first.id}, typ: dhcp4.TypeRequest, asks: ".100", server: "us"}, nakFor(dhcp4.ReasonTaken))
}

// RFC 6842 3 MUST: the client identifier goes back to the client, unless an administrator switches that off
func TestClientIDIsEchoedUnlessSwitchedOff(t *testing.T) {
	c := labConfig()
	for _, echo := range []dhcp4.Choice{dhcp4.Inherit, dhcp4.Yes, dhcp4.No} {
		c.EchoClientID = echo
		for _, r := range []request{
			{from: sender{client1.mac, "01:aa:bb:cc"}, typ: dhcp4.TypeDiscover},
			{from: sender{client1.mac, "01:aa:bb:cc"}, typ: dhcp4.TypeRequest, server: "us", asks: ".100"},
			{from: sender{client1.mac, "01:aa:bb:cc"}, typ: dhcp4.TypeInform, ciaddr: ".100"},
			{from: sender{client1.mac, "01:aa:bb:cc"}, typ: dhcp4.TypeRequest, asks: ".0", server: "us"},
		} {
			c.Authoritative = true
			if _, ok := replyTo(t, c, r).Options.Lookup(61); ok == (echo == dhcp4.No) {
				t.Errorf("EchoClientID %d, %v: echoed is %v", echo, r.typ, ok)
			}
		}
	}
}
