package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/embedhcp/embedhcp/examples/internal/netlab"
)

// A path is how the messages of clients come to the server.
type path struct {
	name     string
	relay    []string // the relay agent
	serverID string
}

// The addresses of every site: the clients are in 192.168.2.0/24, whose router
// is the server itself or the host of the relay agent.
const (
	router    = "192.168.2.1"
	farServer = "192.168.1.1"
	lan       = "lan0" // the bridge that the clients are on, unless it is the server's own interface
)

var paths = []path{
	{"direct", nil, router},
	{"dhcrelay", []string{"dhcrelay", "-4", "-d", "-a", "--no-pid", "-iu", "up0", "-id", lan, farServer}, farServer},
	{"dnsmasq", []string{"dnsmasq", "-k", "-C", "/run/dnsmasq.conf", "--port=0", "--user=root",
		"--log-facility=-", "--log-dhcp", "--dhcp-relay=" + router + "," + farServer}, farServer},
}

// terms are what differs between the configurations of the scenes.
type terms struct {
	Pool, Reservations string
	Lifetime, T1, T2   int
}

// A site is a server, perhaps a relay agent, and an Ethernet for clients.
type site struct {
	t       *testing.T
	path    path
	server  *netlab.Host
	hub     *netlab.Host // that has the bridge
	bridge  string
	lib     string // of the server: /var/lib
	process *netlab.Process
}

func newSite(t *testing.T, p path) *site {
	t.Helper()
	s := &site{t: t, path: p}
	s.server, _, s.lib, _ = newServer(t)
	if p.relay == nil {
		s.hub, s.bridge = s.server, serverPort
	} else {
		s.hub, s.bridge = netlab.NewHost(t, "relay"), lan
		s.hub.Mounts["/run"], s.hub.Mounts["/var/lib"] = s.hub.Folder("run"), s.hub.Folder("lib")
		s.hub.File("run/dnsmasq.conf", "", 0o644)
		s.server.IP("link", "add", serverPort, "type", "veth", "peer", "name", "up0", "netns", s.hub.Namespace)
		s.server.IP("addr", "add", farServer+"/24", "dev", serverPort)
		s.server.IP("link", "set", serverPort, "up")
		s.server.IP("route", "add", "192.168.2.0/24", "via", "192.168.1.2")
		s.hub.IP("addr", "add", "192.168.1.2/24", "dev", "up0")
		s.hub.IP("link", "set", "up0", "up")
		s.hub.Run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
	}
	s.hub.IP("link", "add", s.bridge, "type", "bridge")
	s.hub.IP("addr", "add", router+"/24", "dev", s.bridge)
	s.hub.IP("link", "set", s.bridge, "up")
	if p.relay != nil {
		s.hub.AwaitServer(s.hub.Start(p.relay...))
	}
	return s
}

const sceneConfig = `{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ "ens33" ] },
  "lease-database": { "type": "memfile", "lfc-interval": 0 },
  "authoritative": true, "valid-lifetime": %d, "renew-timer": %d, "rebind-timer": %d,
  "subnet4": [ {
    "id": 7, "subnet": "192.168.2.0/24", "pools": [ { "pool": %q } ],
    "option-data": [
      { "name": "routers", "data": "192.168.2.1" },
      { "name": "domain-name-servers", "data": "192.168.2.10, 8.8.8.8" },
      { "name": "domain-name", "data": "lab.example.com" },
      { "name": "domain-search", "data": "lab.example.com" } ],
    "reservations": [ %s ] } ],
  "loggers": [ { "name": "kea-dhcp4", "output_options": [ { "output": "stdout" } ], "severity": "DEBUG", "debuglevel": 99 } ]
} }`

// configure writes the configuration of the server.
func (s *site) configure(c terms) {
	s.t.Helper()
	s.server.File("etc/kea-dhcp4.conf", fmt.Sprintf(sceneConfig, c.Lifetime, c.T1, c.T2, c.Pool, c.Reservations), 0o644)
}

// serve starts the server and waits until it serves.
func (s *site) serve() {
	s.t.Helper()
	s.process = s.server.Start(program(s.t), "-c", "/etc/kea/kea-dhcp4.conf")
	s.process.Awaits(" DHCP4_STARTED ")
}

// reload makes the server read its configuration.
func (s *site) reload() {
	s.t.Helper()
	s.process.Signal(syscall.SIGHUP)
	s.process.Awaits(" DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS ")
}

// station adds a client to the Ethernet.
func (s *site) station(mac string, c netlab.Client) *netlab.Station {
	s.t.Helper()
	return netlab.NewStation(s.t, s.hub, s.bridge, mac, c)
}

// rows returns the rows of the lease file without the time of expiry.
func (s *site) rows() []string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.lib, "kea/kea-leases4.csv"))
	if err != nil {
		s.t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(string(text)), "\n")[1:]
	for i, row := range rows {
		f := strings.Split(row, ",")
		if len(f) > 4 {
			rows[i] = strings.Join(slices.Delete(f, 4, 5), ",")
		}
	}
	return rows
}

// report is what a client is to report.
func (s *site) report(addr, hostname string, c terms) netlab.Report {
	return netlab.Report{
		Addr: addr + "/24", Router: router, DNS: "192.168.2.10 8.8.8.8", Domain: "lab.example.com", Search: "lab.example.com",
		Lease: fmt.Sprint(c.Lifetime), T1: fmt.Sprint(c.T1), T2: fmt.Sprint(c.T2), Hostname: hostname, ServerID: s.path.serverID,
	}
}
