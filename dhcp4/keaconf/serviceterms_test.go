package keaconf_test

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	dhcp "github.com/embedhcp/embedhcp/dhcp4" // the tests here have a function dhcp4
	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
	"github.com/embedhcp/embedhcp/option"
)

// serveAs is mustServe for one version of Kea.
func serveAs(t *testing.T, v keaconf.Version, text string) *keaconf.Server {
	t.Helper()
	c, err := keaconf.Parse("f", []byte(text), &keaconf.Options{Version: v})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	s, err := c.Server()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return s
}

// times are the fields about times of a Config or Subnet.
type times struct {
	Lifetime, Min, Max   time.Duration
	T1, T2               time.Duration
	T1Percent, T2Percent float64
	Threshold            float64
	MaxAge               time.Duration
}

func timesOf(c *dhcp.Config) times {
	return times{c.Lifetime, c.MinLifetime, c.MaxLifetime, c.T1, c.T2, c.T1Percent, c.T2Percent, c.CacheThreshold, c.CacheMaxAge}
}

func timesOfSubnet(n *dhcp.Subnet) times {
	return times{n.Lifetime, n.MinLifetime, n.MaxLifetime, n.T1, n.T2, n.T1Percent, n.T2Percent, n.CacheThreshold, n.CacheMaxAge}
}

// twoSubnets is a file with the members in Dhcp4 and in the first of its two
// subnets; the other one has none.
func twoSubnets(global, members string) string {
	return network(global, members+` }, { "id": 2, "subnet": "198.51.100.0/24"`)
}

func TestTimesAreThoseOfKea(t *testing.T) {
	const (
		s     = time.Second
		unset = -time.Second // not sent
		both  = keaconf.Any
	)
	almost1 := math.Nextafter(1, 0)
	for _, c := range []struct {
		version               keaconf.Version
		global, subnet        string
		config, first, second times
	}{
		{both, ``, ``, times{Lifetime: 7200 * s, T1: unset, T2: unset}, times{}, times{}},

		// Lifetimes: what differs from Dhcp4 is written as a whole.
		{both, `"valid-lifetime": 100, "min-valid-lifetime": 50, "max-valid-lifetime": 200`, ``,
			times{Lifetime: 100 * s, Min: 50 * s, Max: 200 * s, T1: unset, T2: unset}, times{}, times{}},
		{both, `"min-valid-lifetime": 100`, `, "valid-lifetime": 500`,
			times{Lifetime: 7200 * s, Min: 100 * s, T1: unset, T2: unset}, times{Lifetime: 500 * s, Min: 100 * s}, times{}},
		{both, `"max-valid-lifetime": 8000`, `, "min-valid-lifetime": 7200, "max-valid-lifetime": 7200`,
			times{Lifetime: 7200 * s, Max: 8000 * s, T1: unset, T2: unset}, times{Lifetime: 7200 * s}, times{}},
		{both, ``, `, "min-valid-lifetime": 0, "max-valid-lifetime": -1`,
			times{Lifetime: 7200 * s, T1: unset, T2: unset}, times{Lifetime: 7200 * s, Min: s, Max: 0xffffffff * s}, times{}},

		// T1 and T2.
		{both, `"renew-timer": 10, "rebind-timer": 20`, `, "rebind-timer": 30`, times{Lifetime: 7200 * s, T1: 10 * s, T2: 20 * s}, times{T2: 30 * s}, times{}},
		{both, `"renew-timer": 10, "rebind-timer": 20`, `, "renew-timer": 0`, times{Lifetime: 7200 * s, T1: 10 * s, T2: 20 * s}, times{T1: unset}, times{}},
		{both, `"calculate-tee-times": true`, ``, times{Lifetime: 7200 * s}, times{}, times{}},
		{both, `"calculate-tee-times": true, "renew-timer": 20`, ``, times{Lifetime: 7200 * s, T1: 20 * s}, times{}, times{}},
		{both, `"calculate-tee-times": true, "t1-percent": 0.25, "t2-percent": 0.755`, ``, times{Lifetime: 7200 * s, T1Percent: 0.25, T2Percent: 0.755}, times{}, times{}},
		{both, `"calculate-tee-times": true, "t1-percent": 0.9, "t2-percent": 0.95`, `, "t1-percent": 0.5, "t2-percent": 0.875`,
			times{Lifetime: 7200 * s, T1Percent: 0.9, T2Percent: 0.95}, times{T1Percent: 0.5, T2Percent: 0.875}, times{}},
		{both, `"calculate-tee-times": true`, `, "t1-percent": 0.9, "t2-percent": 0.95, "rebind-timer": 7000`,
			times{Lifetime: 7200 * s}, times{T2: 7000 * s, T1Percent: 0.9, T2Percent: 0.95}, times{}},
		{both, `"calculate-tee-times": true`, `, "calculate-tee-times": false`, times{Lifetime: 7200 * s}, times{T1: unset, T2: unset}, times{}},
		// A fraction is nothing that a Subnet could say against the Config.
		{both, `"renew-timer": 10, "rebind-timer": 20`, `, "calculate-tee-times": true`, times{Lifetime: 7200 * s, T1: 10 * s, T2: 20 * s}, times{}, times{}},
		{both, `"renew-timer": 10`, `, "calculate-tee-times": true`, times{Lifetime: 7200 * s, T1: 10 * s}, times{}, times{T2: unset}},
		{both, ``, `, "calculate-tee-times": true, "t1-percent": 0.4`, times{Lifetime: 7200 * s}, times{T1Percent: 0.4}, times{T1: unset, T2: unset}},
		{both, `"option-data": [ { "code": 58, "data": "111" } ]`, `, "option-data": [ { "code": 59, "data": "222" } ]`,
			times{Lifetime: 7200 * s, T1: 111 * s, T2: unset}, times{T2: 222 * s}, times{}},
		{both, `"option-data": [ { "code": 58, "data": "111" } ]`, `, "renew-timer": 50`, times{Lifetime: 7200 * s, T1: 111 * s, T2: unset}, times{T1: 50 * s}, times{}},

		// Lease caching.
		{keaconf.Kea22, `"cache-threshold": 0.1`, `, "cache-threshold": 0.2, "cache-max-age": 60`,
			times{Lifetime: 7200 * s, T1: unset, T2: unset, Threshold: 0.1}, times{Threshold: 0.2, MaxAge: 60 * s}, times{}},
		{keaconf.Kea22, `"cache-max-age": 60`, `, "cache-threshold": 0.2`,
			times{Lifetime: 7200 * s, T1: unset, T2: unset, Threshold: almost1, MaxAge: 60 * s}, times{Threshold: 0.2}, times{}},
		{both, `"cache-threshold": 0.1, "cache-max-age": 60`, `, "cache-max-age": 0`,
			times{Lifetime: 7200 * s, T1: unset, T2: unset, Threshold: 0.1, MaxAge: 60 * s}, times{Threshold: -1}, times{}},
		{both, `"cache-threshold": 0.0, "cache-max-age": 60`, `, "cache-threshold": 0.5`,
			times{Lifetime: 7200 * s, T1: unset, T2: unset}, times{Threshold: 0.5, MaxAge: 60 * s}, times{}},
		{keaconf.Kea30, ``, `, "cache-threshold": 0.0`, times{Lifetime: 7200 * s, T1: unset, T2: unset, Threshold: 0.25}, times{Threshold: -1}, times{}},
		{keaconf.Kea30, `"cache-max-age": 60`, `, "cache-max-age": 70`,
			times{Lifetime: 7200 * s, T1: unset, T2: unset, Threshold: 0.25, MaxAge: 60 * s}, times{MaxAge: 70 * s}, times{}},
		{keaconf.Kea30, `"cache-threshold": 0.0`, ``, times{Lifetime: 7200 * s, T1: unset, T2: unset}, times{}, times{}},
		{keaconf.Kea30, `"cache-max-age": 0`, ``, times{Lifetime: 7200 * s, T1: unset, T2: unset}, times{}, times{}},
	} {
		t.Run(fmt.Sprintf("%v %s%s", c.version, c.global, c.subnet), func(t *testing.T) {
			got := serveAs(t, c.version, twoSubnets(c.global, c.subnet)).Config
			d := cmp.Diff([]times{c.config, c.first, c.second}, []times{timesOf(&got), timesOfSubnet(&got.Subnets[0]), timesOfSubnet(&got.Subnets[1])})
			if d != "" {
				t.Errorf("Config and Subnets (-want +got):\n%s", d)
			}
		})
	}
}

// The times of a client are what Kea tells it.
func TestTimesOfAClient(t *testing.T) {
	for _, c := range []struct {
		subnet string
		asks   []option.Option
		want   [3]time.Duration // 51, 58, 59; zero: not sent
	}{
		{`"valid-lifetime": 101, "calculate-tee-times": true`, nil, [3]time.Duration{101, 51, 88}},
		{`"valid-lifetime": 100, "calculate-tee-times": true, "t1-percent": 0.25, "t2-percent": 0.755`, nil, [3]time.Duration{100, 25, 76}},
		{`"valid-lifetime": 1, "calculate-tee-times": true, "t1-percent": 0.1`, nil, [3]time.Duration{1}},
		{`"valid-lifetime": 100, "max-valid-lifetime": 1000, "calculate-tee-times": true`, []option.Option{option.DHCPLeaseTime.New(800 * time.Second)}, [3]time.Duration{800, 400, 700}},
		{`"valid-lifetime": 100, "max-valid-lifetime": 1000`, []option.Option{option.DHCPLeaseTime.New(2000 * time.Second)}, [3]time.Duration{1000}},
		{`"valid-lifetime": 100, "min-valid-lifetime": 50`, []option.Option{option.DHCPLeaseTime.New(20 * time.Second)}, [3]time.Duration{50}},
		{`"valid-lifetime": 100`, []option.Option{option.DHCPLeaseTime.New(20 * time.Second)}, [3]time.Duration{100}},
	} {
		s := mustServe(t, dhcp4(`"subnet4": [ { "id": 1, "subnet": "192.168.1.0/24", "pools": [ { "pool": "192.168.1.100 - 192.168.1.101" } ], `+c.subnet+` } ]`))
		srv, err := dhcp.NewServer(s.Config)
		if err != nil {
			t.Fatal(err)
		}
		defer srv.Close()
		offer := exchange(t, srv, "00:0c:29:11:22:33", dhcp.TypeDiscover, c.asks...)
		var got [3]time.Duration
		got[0], _, _ = option.DHCPLeaseTime.Get(offer.Options)
		got[1], _, _ = option.DHCPRenewalTime.Get(offer.Options)
		got[2], _, _ = option.DHCPRebindingTime.Get(offer.Options)
		for i := range got {
			got[i] /= time.Second
		}
		if got != c.want {
			t.Errorf("%s: 51, 58 and 59 are %d, want %d", c.subnet, got, c.want)
		}
	}
}

// choices are the fields of a Config or Subnet that say yes or no.
type choices struct {
	Authoritative, MatchClientID, StoreExtendedInfo, Global, InSubnet, OutOfPool dhcp.Choice
}

func choicesOf(n *dhcp.Subnet) choices {
	return choices{n.Authoritative, n.MatchClientID, n.StoreExtendedInfo, n.ReservationsGlobal, n.ReservationsInSubnet, n.ReservationsOutOfPool}
}

func TestChoicesOfSubnets(t *testing.T) {
	const yes, no = dhcp.Yes, dhcp.No
	for _, c := range []struct {
		name, global, network, subnet string
		config                        choices // but for Authoritative
		want                          choices
	}{
		{"none", ``, ``, ``, choices{}, choices{}},
		{"of Dhcp4", `"authoritative": true, "match-client-id": false, "store-extended-info": true, "reservations-global": true, "reservations-in-subnet": false, "reservations-out-of-pool": false`,
			``, ``, choices{yes, no, yes, yes, no, no}, choices{}},
		{"of the network", ``, `"authoritative": true, "match-client-id": false, "store-extended-info": true, "reservations-global": true, "reservations-in-subnet": false, "reservations-out-of-pool": true`,
			``, choices{}, choices{yes, no, yes, yes, no, yes}},
		{"of the subnet", `"match-client-id": false, "store-extended-info": false`, `"match-client-id": true, "store-extended-info": true, "reservations-global": true`,
			`, "match-client-id": false, "store-extended-info": true, "reservations-global": false`,
			choices{MatchClientID: no, StoreExtendedInfo: no}, choices{StoreExtendedInfo: yes, Global: no}},
		{"less than Dhcp4", `"authoritative": true`, `"authoritative": false`, ``, choices{Authoritative: yes}, choices{Authoritative: no}},
		{"the same", `"authoritative": true`, ``, `, "authoritative": true`, choices{Authoritative: yes}, choices{}},
		{"mode disabled", `"reservation-mode": "disabled"`, ``, ``, choices{Global: no, InSubnet: no, OutOfPool: no}, choices{}},
		{"mode out-of-pool", `"reservation-mode": "out-of-pool"`, ``, ``, choices{Global: no, InSubnet: yes, OutOfPool: yes}, choices{}},
		{"mode global", `"reservation-mode": "global"`, ``, ``, choices{Global: yes, InSubnet: no, OutOfPool: no}, choices{}},
		{"mode all", `"reservation-mode": "all"`, ``, ``, choices{Global: no, InSubnet: yes, OutOfPool: no}, choices{}},
		{"a key against the mode", `"reservation-mode": "global"`, ``, `, "reservations-in-subnet": true`,
			choices{Global: yes, InSubnet: no, OutOfPool: no}, choices{InSubnet: yes}},
		{"the mode against a key", `"reservations-global": true`, ``, `, "reservation-mode": "all"`,
			choices{Global: yes}, choices{Global: no, InSubnet: yes, OutOfPool: no}},
	} {
		t.Run(c.name, func(t *testing.T) {
			comma := func(s string) string {
				if s != "" {
					s += ", "
				}
				return s
			}
			s := mustServe(t, dhcp4(comma(c.global)+`"shared-networks": [ { `+comma(c.network)+`"name": "n", "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24"`+c.subnet+` } ] } ]`))
			got := choices{dhcp.Inherit, s.Config.MatchClientID, s.Config.StoreExtendedInfo, s.Config.ReservationsGlobal, s.Config.ReservationsInSubnet, s.Config.ReservationsOutOfPool}
			if s.Config.Authoritative {
				got.Authoritative = yes
			}
			if d := cmp.Diff([]choices{c.config, c.want}, []choices{got, choicesOf(&s.Config.Subnets[0])}); d != "" {
				t.Errorf("Config and Subnet (-want +got):\n%s", d)
			}
		})
	}
}

func TestChoicesOfTheServer(t *testing.T) {
	s := mustServe(t, network(`"echo-client-id": false, "stash-agent-options": true, "store-extended-info": true, "early-global-reservations-lookup": true,
		"compatibility": { "ignore-dhcp-server-identifier": true, "ignore-rai-link-selection": true, "lenient-option-parsing": true }`, ``))
	want := dhcp.Config{
		EchoClientID: dhcp.No, StoreExtendedInfo: dhcp.Yes, StashAgentOptions: true, IgnoreServerID: true, IgnoreLinkSelection: true,
		Lifetime: 7200 * time.Second, T1: -time.Second, T2: -time.Second,
	}
	if d := cmp.Diff(want, s.Config, equal, cmpopts.IgnoreFields(dhcp.Config{}, "Subnets")); d != "" {
		t.Errorf("Config (-want +got):\n%s", d)
	}
	if len(s.Warnings) > 0 {
		t.Errorf("warnings %v", s.Warnings)
	}
}

func TestSharedNetworksAreKept(t *testing.T) {
	s := mustServe(t, dhcp4(`"interfaces-config": { "interfaces": [ "*" ] }, "renew-timer": 5, "shared-networks": [
		{ "name": "a", "interface": "ens34", "relay": { "ip-addresses": [ "203.0.113.1", "203.0.113.2" ] }, "valid-lifetime": 300, "renew-timer": 100, "cache-threshold": 0.3,
			"min-valid-lifetime": 200, "match-client-id": false,
			"option-data": [ { "name": "routers", "data": "192.0.2.1" }, { "code": 54, "data": "203.0.113.9" }, { "name": "ntp-servers", "never-send": true } ],
			"subnet4": [
				{ "id": 10, "subnet": "192.0.2.0/24", "interface": "ens34", "relay": { "ip-address": "203.0.113.3" }, "option-data": [ { "name": "ntp-servers", "data": "192.0.2.2" } ] },
				{ "subnet": "198.51.100.0/24", "renew-timer": 50, "relay": { "ip-address": "0.0.0.0" } } ] },
		{ "name": "b", "relay": { "ip-address": "0.0.0.0" } } ],
		"subnet4": [ { "subnet": "10.0.0.0/8", "interface": "ens35", "relay": { "ip-addresses": [ ] } } ]`))
	want := []dhcp.SharedNetwork{
		{Name: "a", Interface: "ens34", Relays: []netip.Addr{addr("203.0.113.1"), addr("203.0.113.2")},
			Options: option.Options{option.Routers.New(addr("192.0.2.1")), option.Never(42)}},
		{Name: "b"},
	}
	if d := cmp.Diff(want, s.Config.SharedNetworks, equal); d != "" {
		t.Errorf("shared networks (-want +got):\n%s", d)
	}
	one := dhcp.Subnet{
		SharedNetwork: "a", Lifetime: 300 * time.Second, MinLifetime: 200 * time.Second, T1: 100 * time.Second,
		CacheThreshold: 0.3, MatchClientID: dhcp.No, ServerID: addr("203.0.113.9"),
	}
	two := one
	one.ID, one.Prefix, one.Interface, one.Relays = 10, netip.MustParsePrefix("192.0.2.0/24"), "ens34", []netip.Addr{addr("203.0.113.3")}
	two.ID, two.Prefix, two.T1 = 1, netip.MustParsePrefix("198.51.100.0/24"), 50*time.Second
	three := dhcp.Subnet{ID: 2, Prefix: netip.MustParsePrefix("10.0.0.0/8"), Interface: "ens35"}
	if d := cmp.Diff([]dhcp.Subnet{one, two, three}, s.Config.Subnets, equal, cmpopts.IgnoreFields(dhcp.Subnet{}, "Order")); d != "" {
		t.Errorf("subnets (-want +got):\n%s", d)
	}
	if len(s.Warnings) > 0 {
		t.Errorf("warnings %v", s.Warnings)
	}
}

// Kea takes subnets that overlap. The message is at the later one, and names
// the other.
func TestOverlappingSubnetsAreRefusedAtTheSecond(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"the same but for host bits", dhcp4(`"subnet4": [ { "subnet": "192.0.2.0/24" }, { "subnet": "192.0.2.7/24" } ]`),
			[]string{`Dhcp4.subnet4[1].subnet: 192.0.2.0/24 overlaps with 192.0.2.0/24, Dhcp4.subnet4[0] (f:1:27): Kea takes both, but here an address belongs to one subnet only: write one subnet with the pools of both, or prefixes that are apart (f:1:69)`}},
		{"the wide one later", dhcp4(`"subnet4": [ { "subnet": "192.0.2.128/25" }, { "subnet": "192.0.2.0/24" } ]`),
			[]string{`Dhcp4.subnet4[1].subnet: 192.0.2.0/24 overlaps with 192.0.2.128/25, Dhcp4.subnet4[0] (f:1:27): Kea takes both, but here an address belongs to one subnet only: write one subnet with the pools of both, or prefixes that are apart (f:1:71)`}},
		{"one of a shared network", "{ \"Dhcp4\": {\n\"subnet4\": [ { \"subnet\": \"10.1.0.0/16\" } ],\n\"shared-networks\": [ { \"name\": \"n\", \"subnet4\": [\n{ \"subnet\": \"10.0.0.0/8\" } ] } ] } }",
			[]string{`Dhcp4.subnet4[0].subnet: 10.1.0.0/16 overlaps with 10.0.0.0/8, Dhcp4.shared-networks[0].subnet4[0] (f:4:1): Kea takes both, but here an address belongs to one subnet only: write one subnet with the pools of both, or prefixes that are apart (f:2:26)`}},
		{"several in one", dhcp4(`"subnet4": [ { "subnet": "10.0.0.0/8" }, { "subnet": "10.1.0.0/16" }, { "subnet": "11.0.0.0/8" }, { "subnet": "10.2.0.0/16" } ]`),
			[]string{
				`Dhcp4.subnet4[1].subnet: 10.1.0.0/16 overlaps with 10.0.0.0/8, Dhcp4.subnet4[0] (f:1:27): Kea takes both, but here an address belongs to one subnet only: write one subnet with the pools of both, or prefixes that are apart (f:1:67)`,
				`Dhcp4.subnet4[3].subnet: 10.2.0.0/16 overlaps with 10.0.0.0/8, Dhcp4.subnet4[0] (f:1:27): Kea takes both, but here an address belongs to one subnet only: write one subnet with the pools of both, or prefixes that are apart (f:1:124)`,
			}},
		{"apart", dhcp4(`"subnet4": [ { "subnet": "10.0.0.0/9" }, { "subnet": "10.128.0.0/9" } ]`), nil},
		{"the rest of all networks", dhcp4(`"subnet4": [ { "subnet": "0.0.0.0/0" }, { "subnet": "10.0.0.0/8" } ]`), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := serve(t, c.text)
			var got []string
			if list, ok := err.(*keaconf.Error); ok {
				for i := range list.Problems {
					got = append(got, list.Problems[i].Error())
				}
			}
			if d := cmp.Diff(c.want, got, equal); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
		})
	}
}

func TestVersionsWithOtherDefaultsAreWarnedOf(t *testing.T) {
	const text = `"cache-max-age": 60`
	for v, want := range map[keaconf.Version][]string{keaconf.Any: {"Dhcp4.cache-max-age"}, keaconf.Kea22: nil, keaconf.Kea30: nil} {
		var got []string
		for _, w := range serveAs(t, v, twoSubnets(text, ``)).Warnings {
			got = append(got, w.Path)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: warnings at %v, want %v", v, got, want)
		}
	}
}
