package dhcp4_test

import (
	"context"
	"errors"
	"iter"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"

	"github.com/google/go-cmp/cmp"
)

// problemsOf returns the mistakes that NewServer finds, each as "path: text".
func problemsOf(t *testing.T, c dhcp4.Config) (list []string) {
	t.Helper()
	s, err := dhcp4.NewServer(c)
	if err == nil {
		s.Close()
		return nil
	}
	var e *dhcp4.ConfigError
	if !errors.As(err, &e) {
		t.Fatalf("%T: %v", err, err)
	}
	for _, p := range e.Problems {
		list = append(list, p.Path+": "+p.Err.Error())
	}
	return list
}

func TestConfigMistakes(t *testing.T) {
	var (
		mac = lease.MustParseHardwareAddr("02:00:00:00:00:01")
		id  = lease.MustParseClientID("00:01")
		v6  = netip.MustParseAddr("2001:db8::1")
	)
	// on makes a Config with one subnet that f spoils.
	on := func(f func(s *dhcp4.Subnet)) dhcp4.Config {
		c := labConfig()
		f(&c.Subnets[0])
		return c
	}
	reserve := func(rs ...dhcp4.Reservation) dhcp4.Config {
		return on(func(s *dhcp4.Subnet) { s.Reservations = rs })
	}
	pools := func(ranges ...string) dhcp4.Config {
		return on(func(s *dhcp4.Subnet) {
			s.Pools = nil
			for _, r := range ranges {
				s.Pools = append(s.Pools, dhcp4.Pool{Range: pool.MustParseRange(r)})
			}
		})
	}
	tests := []struct {
		name string
		c    dhcp4.Config
		want []string
	}{
		{"none", labConfig(), nil},
		{"empty", dhcp4.Config{}, nil},
		{"negative numbers", dhcp4.Config{
			Lifetime: -1, OfferLifetime: -1, DeclineProbation: -1, DecideTimeout: -1, MaxOffers: -1, MaxPending: -1, Loops: -1,
		}, []string{
			"Lifetime: -1ns is not between 0 and lease.Infinite",
			"OfferLifetime: is negative",
			"DeclineProbation: is negative",
			"DecideTimeout: is negative",
			"MaxOffers: is negative",
			"MaxPending: is negative",
			"Loops: is negative",
		}},
		{"numbers that may be negative", dhcp4.Config{T1: -1, T2: -1, GroupWindow: -1}, nil},
		{"fractions of seconds", dhcp4.Config{Lifetime: 1500 * time.Millisecond, T1: 1, T2: time.Second + 1}, []string{
			"Lifetime: 1.5s is not a whole number of seconds",
			"T1: 1ns is not a whole number of seconds",
			"T2: 1.000000001s is not a whole number of seconds",
		}},
		{"longer than for ever", dhcp4.Config{Lifetime: lease.Infinite + time.Second}, []string{
			"Lifetime: 1193046h28m16s is not between 0 and lease.Infinite",
		}},
		{"bounds and fractions", dhcp4.Config{
			MinLifetime: 2 * time.Hour, MaxLifetime: time.Hour, T1Percent: 0.9, T2Percent: 0.8, WriteBudget: -1, MatchClientID: 3,
		}, []string{
			"MaxLifetime: 1h0m0s is less than the lifetime, 2h0m0s",
			"T1Percent: 0.9 is not less than T2Percent, 0.8",
			"WriteBudget: is negative",
			"MatchClientID: 3 is not a Choice",
		}},
		{"bounds and fractions of a subnet", dhcp4.Config{Lifetime: time.Hour, MinLifetime: time.Minute, Subnets: []dhcp4.Subnet{{
			ID: 1, Prefix: netip.MustParsePrefix("192.0.2.0/24"), MinLifetime: 2 * time.Hour, CacheThreshold: -1, Authoritative: 9,
		}, {
			ID: 2, Prefix: netip.MustParsePrefix("192.0.3.0/24"), T1Percent: 1, T2Percent: math.NaN(), CacheThreshold: 1.5, CacheMaxAge: -1, MaxLifetime: 1,
		}}}, []string{
			"Subnets[0].MinLifetime: 2h0m0s is more than the lifetime, 1h0m0s",
			"Subnets[0].Authoritative: 9 is not a Choice",
			"Subnets[1].MaxLifetime: 1ns is not a whole number of seconds",
			"Subnets[1].T1Percent: 1 is not a fraction between 0 and 1",
			"Subnets[1].T2Percent: NaN is not a fraction between 0 and 1",
			"Subnets[1].CacheThreshold: 1.5 is not a fraction between 0 and 1",
			"Subnets[1].CacheMaxAge: is negative",
		}},
		{"server identifiers", dhcp4.Config{ServerID: v6, Subnets: []dhcp4.Subnet{
			{ID: 1, Prefix: netip.MustParsePrefix("192.0.2.0/24"), ServerID: netip.MustParseAddr("255.255.255.255")},
			{ID: 2, Prefix: netip.MustParsePrefix("192.0.3.0/24"), ServerID: netip.IPv4Unspecified()},
		}}, []string{
			"ServerID: 2001:db8::1 is not a unicast IPv4 address",
			"Subnets[0].ServerID: 255.255.255.255 is not a unicast IPv4 address",
			"Subnets[1].ServerID: 0.0.0.0 is not a unicast IPv4 address",
		}},
		{"boot fields", dhcp4.Config{
			Boot: dhcp4.Boot{NextServer: v6, ServerName: strings.Repeat("a", 64), File: strings.Repeat("a", 128)},
			Subnets: []dhcp4.Subnet{{ID: 1, Prefix: netip.MustParsePrefix("192.0.2.0/24"),
				Boot:         dhcp4.Boot{ServerName: "a\x00b"},
				Reservations: []dhcp4.Reservation{{AnyClient: true, Boot: dhcp4.Boot{File: "\x00"}}}}},
		}, []string{
			"Boot.NextServer: 2001:db8::1 is not an IPv4 address",
			"Boot.ServerName: is longer than 63 octets",
			"Boot.File: is longer than 127 octets",
			`Subnets[0].Boot.ServerName: "a\x00b" has a NUL`,
			`Subnets[0].Reservations[0].Boot.File: "\x00" has a NUL`,
		}},
		{"options", on(func(s *dhcp4.Subnet) {
			s.Options = option.Options{
				option.DomainName.New(""), // cannot be encoded
				option.DHCPLeaseTime.New(time.Hour),
				option.Routers.New(fullAddr(".1")), option.Routers.New(fullAddr(".2")),
				{Code: 200, Data: make([]byte, 4097)},
				{Code: 201, Data: make([]byte, 4096)},
				option.Never(53),
			}
			s.Pools[0].Options = option.Options{{Code: 0}, {Code: 255}, {Code: 82}}
			s.Reservations = []dhcp4.Reservation{{HardwareAddr: mac, Options: option.Options{option.Never(3), option.Routers.New(fullAddr(".1"))}}}
		}), []string{
			"Subnets[0].Options[0]: domain-name (15): is empty",
			"Subnets[0].Options[1]: dhcp-lease-time (51) cannot be configured: use Lifetime",
			"Subnets[0].Options[3]: routers (3) is in the list already",
			"Subnets[0].Options[4]: option 200 is longer than 4,096 octets",
			"Subnets[0].Options[6]: dhcp-message-type (53) cannot be configured: it is set by the Server",
			"Subnets[0].Pools[0].Options[0]: pad (0) cannot be configured: it is padding",
			"Subnets[0].Pools[0].Options[1]: end (255) cannot be configured: it ends the options",
			"Subnets[0].Pools[0].Options[2]: dhcp-agent-options (82) cannot be configured: relay agents add it",
			"Subnets[0].Reservations[0].Options[1]: routers (3) is in the list already",
		}},
		{"subnets that overlap", dhcp4.Config{Subnets: []dhcp4.Subnet{
			{ID: 1, Prefix: netip.MustParsePrefix("0.0.0.0/0")}, // all others, which is no overlap
			{ID: 2, Prefix: netip.MustParsePrefix("10.1.0.0/16")},
			{ID: 3, Prefix: netip.MustParsePrefix("10.2.0.0/16")},
			{ID: 4, Prefix: netip.MustParsePrefix("10.1.255.0/24")},
			{ID: 5, Prefix: netip.MustParsePrefix("10.2.7.0/16")},
			{ID: 6, Prefix: netip.MustParsePrefix("0.0.0.0/0")},
			{ID: 7, Prefix: netip.MustParsePrefix("10.3.0.0/16")},
		}}, []string{
			"Subnets[3].Prefix: 10.1.255.0/24 overlaps with Subnets[1], 10.1.0.0/16",
			"Subnets[4].Prefix: 10.2.0.0/16 overlaps with Subnets[2], 10.2.0.0/16",
			"Subnets[5].Prefix: 0.0.0.0/0 is the prefix of Subnets[0] too",
		}},
		{"subnets", dhcp4.Config{Subnets: []dhcp4.Subnet{
			{ID: 0, Prefix: netip.MustParsePrefix("192.0.2.0/24")},
			{ID: 7, Prefix: netip.MustParsePrefix("192.0.2.9/24")},
			{ID: 7, Prefix: netip.MustParsePrefix("2001:db8::/64")},
			{ID: 8},
			{ID: 9, Prefix: netip.MustParsePrefix("192.0.0.0/16")},
			{ID: 10, Prefix: netip.MustParsePrefix("10.0.0.0/8"), Order: 200, Lifetime: -time.Second},
		}}, []string{
			"Subnets[0].ID: must not be zero",
			"Subnets[2].ID: 7 is the ID of Subnets[1] too",
			"Subnets[2].Prefix: is not an IPv4 prefix: 2001:db8::/64",
			"Subnets[3].Prefix: is not an IPv4 prefix: invalid Prefix",
			"Subnets[5].Lifetime: -1s is not between 0 and lease.Infinite",
			"Subnets[5].Order: Order(200) is not an order",
			"Subnets[4].Prefix: 192.0.0.0/16 overlaps with Subnets[0], 192.0.2.0/24",
			"Subnets[4].Prefix: 192.0.0.0/16 overlaps with Subnets[1], 192.0.2.0/24",
		}},
		{"pools", pools("192.0.2.10-192.0.2.20", "192.0.2.20-192.0.2.30", "192.0.1.0-192.0.2.1", "192.0.2.200-192.0.3.4"), []string{
			"Subnets[0].Pools[1].Range: 192.0.2.20-192.0.2.30 overlaps with Pools[0], 192.0.2.10-192.0.2.20",
			"Subnets[0].Pools[2].Range: 192.0.1.0-192.0.2.1 is not inside the subnet 192.0.2.0/24",
			"Subnets[0].Pools[3].Range: 192.0.2.200-192.0.3.4 is not inside the subnet 192.0.2.0/24",
		}},
		{"no range", on(func(s *dhcp4.Subnet) { s.Pools = make([]dhcp4.Pool, 1) }), []string{
			"Subnets[0].Pools[0].Range: is not a range of unicast IPv4 addresses",
		}},
		{"ranges that are no hosts", dhcp4.Config{Subnets: []dhcp4.Subnet{{ID: 1, Prefix: netip.MustParsePrefix("0.0.0.0/0"), Pools: []dhcp4.Pool{
			{Range: pool.MustParseRange("0.0.0.0-0.0.0.9")}, {Range: pool.MustParseRange("224.0.0.1-224.0.0.9")}}}}}, []string{
			"Subnets[0].Pools[0].Range: is not a range of unicast IPv4 addresses",
			"Subnets[0].Pools[1].Range: is not a range of unicast IPv4 addresses",
		}},
		{"too many addresses", dhcp4.Config{Subnets: []dhcp4.Subnet{{ID: 1, Prefix: netip.MustParsePrefix("0.0.0.0/0"), Order: pool.Random,
			Pools: []dhcp4.Pool{{Range: pool.MustParseRange("1.0.0.0-200.0.0.0")}}}}}, []string{
			"Subnets[0].Pools: pool: range 1.0.0.0-200.0.0.0: more than 268435456 addresses",
		}},
		{"reservations", reserve(
			dhcp4.Reservation{Addr: fullAddr(".9")},
			dhcp4.Reservation{HardwareAddr: mac, ClientID: id, Addr: fullAddr(".9")},
			dhcp4.Reservation{HardwareAddr: mac},
			dhcp4.Reservation{ClientID: id, Addr: netip.MustParseAddr("192.0.3.1")},
			dhcp4.Reservation{AnyClient: true, Stateless: true},
			dhcp4.Reservation{AnyClient: true, Addr: v6},
		), []string{
			"Subnets[0].Reservations[0]: needs exactly one of HardwareAddr, ClientID, DUID, CircuitID, RemoteID, FlexID and AnyClient",
			"Subnets[0].Reservations[1]: needs exactly one of HardwareAddr, ClientID, DUID, CircuitID, RemoteID, FlexID and AnyClient",
			"Subnets[0].Reservations[3].Addr: 192.0.3.1 is not inside the subnet 192.0.2.0/24",
			"Subnets[0].Reservations[4].Addr: must be set, for the reservation is Stateless",
			"Subnets[0].Reservations[5].Addr: 2001:db8::1 is not a unicast IPv4 address",
			"Subnets[0].Reservations[1].Addr: 192.0.2.9 is in Reservations[0] too",
			"Subnets[0].Reservations[2].HardwareAddr: 02:00:00:00:00:01 is in Reservations[1] too",
			"Subnets[0].Reservations[5].AnyClient: true is in Reservations[4] too",
		}},
		{"what reservations say", reserve(
			dhcp4.Reservation{HardwareAddr: mac, Hostname: strings.Repeat("a", 254), Lifetime: -1, Reuse: -1, Boot: dhcp4.Boot{NextServer: v6}},
			dhcp4.Reservation{ClientID: lease.ClientIDFrom([]byte{1}), Hostname: "a\nb"},
			dhcp4.Reservation{ClientID: lease.ClientIDFrom(make([]byte, 256)), Hostname: strings.Repeat("a", 253)},
		), []string{
			"Subnets[0].Reservations[0].Reuse: is negative",
			"Subnets[0].Reservations[0].Hostname: is longer than 253 octets",
			"Subnets[0].Reservations[0].Lifetime: -1ns is not between 0 and lease.Infinite",
			"Subnets[0].Reservations[0].Boot.NextServer: 2001:db8::1 is not an IPv4 address",
			"Subnets[0].Reservations[1].ClientID: has 1 octets, not 2 to 255",
			`Subnets[0].Reservations[1].Hostname: "a\nb" has control characters`,
			"Subnets[0].Reservations[2].ClientID: has 256 octets, not 2 to 255",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, problemsOf(t, tt.c)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestConfigErrorTellsAllOfThem(t *testing.T) {
	_, err := dhcp4.NewServer(dhcp4.Config{Loops: -1, Subnets: []dhcp4.Subnet{{Prefix: netip.MustParsePrefix("192.0.2.0/24"),
		Options: option.Options{option.DomainName.New("")}}}})
	want := `dhcp4: config: Loops: is negative
dhcp4: config: Subnets[0].ID: must not be zero
dhcp4: config: Subnets[0].Options[0]: domain-name (15): is empty`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var e *dhcp4.ConfigError
	if !errors.As(err, &e) || !errors.Is(err, e.Problems[2].Err) {
		t.Errorf("%v does not wrap its problems", err)
	}
}

// TestConfigIsCopied holds that the caller may reuse the Config.
func TestConfigIsCopied(t *testing.T) {
	c := labConfig()
	c.Options = option.Options{option.DomainName.New("example.com")}
	c.Subnets[0].Reservations = []dhcp4.Reservation{{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Addr: fullAddr(".9"),
		Options: option.Options{option.Routers.New(fullAddr(".1"))}}}
	l := newLab(t, c)
	clear(c.Options[0].Data)
	clear(c.Options)
	clear(c.Subnets[0].Reservations[0].Options[0].Data)
	clear(c.Subnets[0].Reservations)
	clear(c.Subnets[0].Pools)
	clear(c.Subnets)
	a, m := l.send(request{from: client1, typ: dhcp4.TypeDiscover})
	if a != offerOf(".9") {
		t.Fatalf("got %+v", a)
	}
	name, _, _ := option.DomainName.Get(m.Options)
	routers, _, _ := option.Routers.Get(m.Options)
	if name != "example.com" || len(routers) != 1 || routers[0] != fullAddr(".1") {
		t.Errorf("domain name %q, routers %v", name, routers)
	}
	l.expect("the pool", request{from: client2, typ: dhcp4.TypeDiscover}, offerOf(".100"))
}

func TestNewServerFailsWithItsStore(t *testing.T) {
	broken := errors.New("broken")
	c := labConfig()
	c.Leases = brokenLeases{new(lease.Memory), broken}
	if _, err := dhcp4.NewServer(c); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// brokenLeases is a Store that cannot list its leases.
type brokenLeases struct {
	lease.Store
	err error
}

func (b brokenLeases) Leases(context.Context, lease.Filter) iter.Seq2[lease.Lease, error] {
	return func(yield func(lease.Lease, error) bool) { yield(lease.Lease{}, b.err) }
}
