package keaconf_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	dhcp "github.com/embedhcp/embedhcp/dhcp4" // the tests here have a function dhcp4
	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

var equal = cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty()}

// serve parses text and returns what it asks for.
func serve(t *testing.T, text string) (*keaconf.Server, error) {
	t.Helper()
	c, err := keaconf.Parse("f", []byte(text), nil)
	if err != nil {
		t.Fatalf("the file is wrong: %v", err)
	}
	return c.Server()
}

// mustServe is serve for files that have no feature that is missing.
func mustServe(t *testing.T, text string) *keaconf.Server {
	t.Helper()
	s, err := serve(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tutorial is what the tutorial's file asks for, as an embedder writes it.
func tutorial() dhcp.Config {
	return dhcp.Config{
		Lifetime: 43200 * time.Second, T1: 21600 * time.Second, T2: 37800 * time.Second,
		Subnets: []dhcp.Subnet{{
			ID: 1, Prefix: netip.MustParsePrefix("192.168.1.0/24"), Order: pool.Sequential,
			Pools: []dhcp.Pool{{Range: pool.MustParseRange("192.168.1.100-192.168.1.200")}},
			Options: option.Options{
				option.Routers.New(netip.MustParseAddr("192.168.1.1")),
				option.DomainNameServers.New(netip.MustParseAddr("192.168.1.10"), netip.MustParseAddr("8.8.8.8")),
				option.DomainName.New("lab.example.com"),
				option.DomainSearch.New("lab.example.com"),
			},
			Reservations: []dhcp.Reservation{
				{HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"), Addr: netip.MustParseAddr("192.168.1.20"), Hostname: "web-server"},
				{HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:dd:ee:ff"), Addr: netip.MustParseAddr("192.168.1.30"), Hostname: "db-server"},
			},
		}},
	}
}

func TestTutorialFileIsServedAsWritten(t *testing.T) {
	c, err := keaconf.Load("testdata/tutorial.conf", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Server()
	if err != nil {
		t.Fatal(err)
	}
	want := &keaconf.Server{
		Config:     tutorial(),
		LeaseFile:  keaconf.LeaseFile{Path: "/var/lib/kea/kea-leases4.csv", CleanUp: time.Hour, Check: lease.CheckWarn},
		Interfaces: keaconf.Interfaces{Names: []keaconf.Interface{{Name: "ens33"}}, RetryWait: 5 * time.Second},
		Loggers: []keaconf.Logger{{
			Name: "kea-dhcp4", Severity: "INFO",
			Outputs: []keaconf.Output{{Name: "stdout", Flush: true, MaxSize: 10_240_000, MaxVer: 1}},
		}},
	}
	if d := cmp.Diff(want, got, equal); d != "" {
		t.Errorf("server (-want +got):\n%s", d)
	}
}

// exchange sends a request of the client to srv, and returns the reply.
func exchange(t *testing.T, srv *dhcp.Server, mac string, typ dhcp.MessageType, opts ...option.Option) *dhcp.Message {
	t.Helper()
	q := &dhcp.Message{
		Op: dhcp.OpRequest, HType: dhcp.HTypeEthernet, XID: 0x12345678, HardwareAddr: lease.MustParseHardwareAddr(mac),
		Options: append(option.Options{option.DHCPMessageType.New(uint8(typ))}, opts...),
	}
	data, err := q.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := srv.Respond(context.Background(), dhcp.Packet{
		Data: data,
		Link: &dhcp.Link{Name: "ens33", Index: 2, Addrs: []netip.Prefix{netip.MustParsePrefix("192.168.1.1/24")}},
		Peer: netip.MustParseAddrPort("0.0.0.0:68"), Local: netip.MustParseAddrPort("255.255.255.255:67"),
	}, nil)
	if len(out.Data) == 0 {
		t.Fatalf("no reply: %v", err)
	}
	m := new(dhcp.Message)
	if err := m.Unmarshal(out.Data); err != nil {
		t.Fatal(err)
	}
	return m
}

func codes(m *dhcp.Message) (list []int) {
	for _, o := range m.Options {
		list = append(list, int(o.Code))
	}
	return list
}

// The options are those that Kea sends, by the client that asks.
func TestTutorialFileGivesTheOptionsThatKeaGives(t *testing.T) {
	c, err := keaconf.Load("testdata/tutorial.conf", nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Server()
	if err != nil {
		t.Fatal(err)
	}
	dhclient := option.DHCPParameterRequestList.New(1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 42)
	udhcpc := option.DHCPParameterRequestList.New(1, 3, 6, 12, 15, 28, 42)
	for _, c := range []struct {
		name, mac, addr string
		asks            []option.Option
		want            []int
	}{
		{"no parameter list", "00:0c:29:11:22:01", "192.168.1.100", nil, []int{53, 1, 3, 6, 15, 51, 54, 58, 59}},
		{"dhclient", "00:0c:29:11:22:02", "192.168.1.101", []option.Option{dhclient}, []int{53, 1, 3, 6, 15, 51, 54, 58, 59, 119}},
		{"dhclient, reserved", "00:0c:29:aa:bb:cc", "192.168.1.20", []option.Option{dhclient}, []int{53, 1, 3, 6, 12, 15, 51, 54, 58, 59, 119}},
		{"udhcpc, reserved", "00:0c:29:dd:ee:ff", "192.168.1.30", []option.Option{udhcpc}, []int{53, 1, 3, 6, 12, 15, 51, 54, 58, 59}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, config := range map[string]dhcp.Config{"file": s.Config, "Go": tutorial()} {
				srv, err := dhcp.NewServer(config)
				if err != nil {
					t.Fatal(err)
				}
				defer srv.Close()
				if c.name == "dhclient" { // the first address is another client's
					exchange(t, srv, "00:0c:29:11:22:01", dhcp.TypeDiscover)
				}
				offer := exchange(t, srv, c.mac, dhcp.TypeDiscover, c.asks...)
				if d := cmp.Diff(c.want, codes(offer)); d != "" || offer.YIAddr != netip.MustParseAddr(c.addr) {
					t.Errorf("%s: offer of %v (-want +got):\n%s", name, offer.YIAddr, d)
				}
				asks := append([]option.Option{
					option.DHCPRequestedAddress.New(offer.YIAddr),
					option.DHCPServerIdentifier.New(netip.MustParseAddr("192.168.1.1")),
				}, c.asks...)
				ack := exchange(t, srv, c.mac, dhcp.TypeRequest, asks...)
				offer.Options[0] = option.DHCPMessageType.New(uint8(dhcp.TypeACK))
				if d := cmp.Diff(offer, ack, equal, cmpopts.IgnoreUnexported(dhcp.Message{})); d != "" {
					t.Errorf("%s: ACK (-offer +ack):\n%s", name, d)
				}
			}
		})
	}
}

// network is a file with one subnet that has the members, and others in Dhcp4.
func network(global, members string) string {
	if global != "" {
		global += ", "
	}
	return dhcp4(global + `"interfaces-config": { "interfaces": [ "*" ] }, "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24" ` + members + " } ]")
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestValuesAreInherited(t *testing.T) {
	s := mustServe(t, dhcp4(`"interfaces-config": { "interfaces": [ "*" ] },
		"valid-lifetime": 1000, "renew-timer": 300, "next-server": "192.0.2.1", "server-hostname": "global", "boot-file-name": "g",
		"allocator": "random", "authoritative": true, "decline-probation-period": 3600, "offer-lifetime": 30,
		"option-data": [ { "name": "domain-name-servers", "data": "192.0.2.53" } ],
		"shared-networks": [ {
			"name": "n", "interface": "ens34", "valid-lifetime": 2000, "rebind-timer": 900, "next-server": "192.0.2.2", "allocator": "flq",
			"option-data": [ { "name": "routers", "data": "192.0.2.1" }, { "name": "ntp-servers", "data": "192.0.2.2", "always-send": true } ],
			"subnet4": [ {
				"subnet": "198.51.100.7/24", "server-hostname": "", "boot-file-name": "s",
				"option-data": [ { "name": "ntp-servers", "data": "198.51.100.2" } ],
				"pools": [ { "pool": "198.51.100.128/25", "pool-id": 5, "option-data": [ { "name": "routers", "data": "198.51.100.1" } ] } ]
			} ]
		} ],
		"subnet4": [
			{ "id": 7, "subnet": "192.0.2.0/24", "next-server": "0.0.0.0", "renew-timer": 0 },
			{ "subnet": "203.0.113.0/24", "valid-lifetime": -1, "calculate-tee-times": false, "allocator": "iterative" }
		]`))
	want := dhcp.Config{
		Lifetime: 1000 * time.Second, T1: 300 * time.Second, T2: -time.Second, Authoritative: true,
		DeclineProbation: time.Hour, OfferLifetime: 30 * time.Second,
		Options: option.Options{option.DomainNameServers.New(addr("192.0.2.53"))},
		SharedNetworks: []dhcp.SharedNetwork{{
			Name: "n", Interface: "ens34",
			Options: option.Options{option.Routers.New(addr("192.0.2.1")), option.Always(option.NTPServers.New(addr("192.0.2.2")))},
		}},
		Subnets: []dhcp.Subnet{{
			ID: 1, Prefix: netip.MustParsePrefix("198.51.100.0/24"), SharedNetwork: "n", Order: pool.LeastRecentlyUsed,
			Lifetime: 2000 * time.Second, T2: 900 * time.Second,
			Boot:    dhcp.Boot{NextServer: addr("192.0.2.2"), File: "s"},
			Options: option.Options{option.NTPServers.New(addr("198.51.100.2"))},
			Pools: []dhcp.Pool{{
				ID: 5, Range: pool.MustParseRange("198.51.100.128-198.51.100.255"),
				Options: option.Options{option.Routers.New(addr("198.51.100.1"))},
			}},
		}, {
			ID: 7, Prefix: netip.MustParsePrefix("192.0.2.0/24"), Order: pool.Random, T1: -time.Second,
			Boot: dhcp.Boot{ServerName: "global", File: "g"},
		}, {
			ID: 2, Prefix: netip.MustParsePrefix("203.0.113.0/24"), Order: pool.Sequential, Lifetime: lease.Infinite,
			Boot: dhcp.Boot{NextServer: addr("192.0.2.1"), ServerName: "global", File: "g"},
		}},
	}
	if d := cmp.Diff(want, s.Config, equal); d != "" {
		t.Errorf("config (-want +got):\n%s", d)
	}
}

func TestLeasesAreHeldAsInKea(t *testing.T) {
	for text, want := range map[string]time.Duration{
		`"max-reclaim-leases": 100`:   0, // the default of both
		`"hold-reclaimed-time": 0`:    -time.Second,
		`"hold-reclaimed-time": 1800`: 1800 * time.Second,
		`"hold-reclaimed-time": 4294967295, "reclaim-timer-wait-time": 5, "max-reclaim-leases": 0, "max-reclaim-time": 0, "unwarned-reclaim-cycles": 1`: 4294967295 * time.Second,
	} {
		s := mustServe(t, network(`"expired-leases-processing": { `+text+` }`, ``))
		if got := s.Config.HoldReclaimed; got != want || len(s.Warnings) != 0 {
			t.Errorf("%s: held for %v, want %v; warnings %v", text, got, want, s.Warnings)
		}
	}
}

func TestPlacesAreRead(t *testing.T) {
	s := mustServe(t, dhcp4(`
		"interfaces-config": { "interfaces": [ "*", " ens33 ", "ens34/192.0.2.1" ], "dhcp-socket-type": "udp", "service-sockets-require-all": true,
			"service-sockets-max-retries": 5, "service-sockets-retry-wait-time": 2500 },
		"lease-database": { "type": "memfile", "name": "/tmp/l.csv", "lfc-interval": 0, "max-row-errors": 100 },
		"sanity-checks": { "lease-checks": "fix-del" },
		"loggers": [ { "name": "kea-dhcp4.leases", "severity": "debug", "debuglevel": 99, "output_options": [
			{ "output": "/var/log/l", "maxsize": 1000000, "maxver": 3, "flush": false, "pattern": "%m%n" }, { "output": "syslog" } ] } ]`))
	want := &keaconf.Server{
		LeaseFile: keaconf.LeaseFile{Path: "/tmp/l.csv", MaxRowErrors: 100, Check: lease.CheckFixDelete},
		Interfaces: keaconf.Interfaces{
			Names: []keaconf.Interface{{Name: "ens33"}, {Name: "ens34", Addr: addr("192.0.2.1")}}, All: true, UDP: true,
			RequireAll: true, Retries: 5, RetryWait: 2500 * time.Millisecond,
		},
		Loggers: []keaconf.Logger{{Name: "kea-dhcp4.leases", Severity: "DEBUG", DebugLevel: 99, Outputs: []keaconf.Output{
			{Name: "/var/log/l", MaxSize: 1_000_000, MaxVer: 3, Pattern: "%m%n"}, {Name: "syslog", Flush: true, MaxSize: 10_240_000, MaxVer: 1},
		}}},
	}
	if d := cmp.Diff(want, s, equal, cmpopts.IgnoreFields(keaconf.Server{}, "Config", "Warnings")); d != "" {
		t.Errorf("server (-want +got):\n%s", d)
	}
}

func TestLeaseFileIsWhereTheVersionPutsIt(t *testing.T) {
	for _, c := range []struct {
		version  keaconf.Version
		database string
		want     string
	}{
		{keaconf.Any, `"subnet4": [ ]`, "/var/lib/kea/kea-leases4.csv"},
		{keaconf.Any, `"lease-database": { "type": "memfile" }`, "/var/lib/kea/kea-leases4.csv"},
		{keaconf.Any, `"lease-database": { "type": "memfile", "persist": false, "name": "/x" }`, ""},
		{keaconf.Kea22, `"lease-database": { "type": "memfile", "name": "x.csv" }`, "x.csv"},
		{keaconf.Kea30, `"lease-database": { "type": "memfile", "name": "x.csv" }`, "/var/lib/kea/x.csv"},
		{keaconf.Kea30, `"lease-database": { "type": "memfile", "name": "/srv/x.csv" }`, "/srv/x.csv"},
	} {
		f, err := keaconf.Parse("f", []byte(dhcp4(c.database)), &keaconf.Options{Version: c.version})
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.Server()
		if err != nil {
			t.Fatal(err)
		}
		if s.LeaseFile.Path != c.want {
			t.Errorf("%v, %s: %q, want %q", c.version, c.database, s.LeaseFile.Path, c.want)
		}
	}
}

func TestServerMayBeCalledAgain(t *testing.T) {
	c, err := keaconf.Load("testdata/tutorial.conf", nil)
	if err != nil {
		t.Fatal(err)
	}
	first, err := c.Server()
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.Server()
	if d := cmp.Diff(first, second, equal); d != "" || err != nil {
		t.Errorf("second call: %v\n%s", err, d)
	}
}

func TestAddressBesideAllInterfacesIsWarnedOf(t *testing.T) {
	c, err := keaconf.Parse("f", []byte(`{ "Dhcp4": { "interfaces-config": { "interfaces": [ "*", "eth0/192.0.2.1" ] } } }`), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Server()
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range s.Warnings {
		if strings.Contains(w.Path, "eth0/192.0.2.1") {
			return
		}
	}
	t.Errorf("got %v, want a warning that names the address", s.Warnings)
}
