package main

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
	"github.com/embedhcp/embedhcp/lease"
)

func TestEndpoints(t *testing.T) {
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for _, tt := range []struct {
		name string
		in   keaconf.Interfaces
		want []endpoint
	}{
		{"none", keaconf.Interfaces{}, nil},
		{"names", keaconf.Interfaces{Names: []keaconf.Interface{{Name: "a"}, {Name: "b"}}}, []endpoint{{name: "a", raw: true}, {name: "b", raw: true}}},
		{"udp", keaconf.Interfaces{Names: []keaconf.Interface{{Name: "a"}}, UDP: true}, []endpoint{{name: "a"}}},
		{"addresses of one interface", keaconf.Interfaces{Names: []keaconf.Interface{{Name: "a", Addr: one}, {Name: "a", Addr: two}}}, []endpoint{{name: "a", addrs: "192.0.2.1 192.0.2.2", raw: true}}},
		{"an address and the whole", keaconf.Interfaces{Names: []keaconf.Interface{{Name: "a", Addr: one}, {Name: "a"}, {Name: "a", Addr: two}}}, []endpoint{{name: "a", raw: true}}},
		{"all and one", keaconf.Interfaces{All: true, Names: []keaconf.Interface{{Name: "a"}}}, []endpoint{{all: true, raw: true}}},
	} {
		if diff := cmp.Diff(tt.want, endpointsOf(&tt.in), cmp.AllowUnexported(endpoint{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestLoggersOfAConfiguration(t *testing.T) {
	t.Setenv("KEA_LOGGER_DESTINATION", "")
	standard := []outputSpec{{Output: "stdout", MaxSize: defaultMaxSize, MaxVer: defaultMaxVer}}
	for _, tt := range []struct {
		in   keaconf.Logger
		want loggerSpec
	}{
		{keaconf.Logger{Name: "kea-dhcp4", Severity: "WARN"}, loggerSpec{Name: "kea-dhcp4", Level: slog.LevelWarn, Outputs: standard}},
		{keaconf.Logger{Name: "kea-dhcp4.leases", Severity: "DEBUG", DebugLevel: 55}, loggerSpec{Name: "kea-dhcp4.leases", Level: slog.LevelDebug, DebugLevel: 55}},
		{keaconf.Logger{Name: "leases", Severity: "NONE"}, loggerSpec{Name: "kea-dhcp4.leases", Level: levelNone}},
		{keaconf.Logger{Name: "kea-dhcp4", Severity: "FATAL", Outputs: []keaconf.Output{{Name: "/x", Pattern: "%m", MaxSize: 5, MaxVer: 3}}},
			loggerSpec{Name: "kea-dhcp4", Level: levelFatal, Outputs: []outputSpec{{Output: "/x", Pattern: "%m", MaxSize: 5, MaxVer: 3}}}},
		{keaconf.Logger{Name: "kea-dhcp4", Severity: "ERROR"}, loggerSpec{Name: "kea-dhcp4", Level: slog.LevelError, Outputs: standard}},
		{keaconf.Logger{Name: "kea-dhcp4", Severity: "INFO"}, loggerSpec{Name: "kea-dhcp4", Level: slog.LevelInfo, Outputs: standard}},
	} {
		if diff := cmp.Diff(tt.want, loggerSpecOf(tt.in)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.in, diff)
		}
	}
}

func TestTutorialIsReadAsItIsMeant(t *testing.T) {
	c, err := keaconf.Load("testdata/kea-dhcp4.conf", nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Server()
	if err != nil {
		t.Fatal(err)
	}
	p := planOf(s)
	if err := p.check(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]endpoint{{name: "ens33", raw: true}}, p.endpoints, cmp.AllowUnexported(endpoint{})); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
	if want := (leaseSpec{path: "/var/lib/kea/kea-leases4.csv", cleanUp: time.Hour, check: lease.CheckWarn}); p.leases != want {
		t.Errorf("leases: %+v, want %+v", p.leases, want)
	}
	if p.server.Lifetime != 12*time.Hour || len(p.server.Subnets) != 1 || len(p.server.Subnets[0].Reservations) != 2 {
		t.Errorf("configuration: %+v", p.server)
	}
}
