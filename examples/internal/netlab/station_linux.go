package netlab

import (
	"embed"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Port is the interface of every station.
const Port = "eth0"

//go:embed testdata
var testdata embed.FS

// A Report is what a client says about its lease, each field as one string.
type Report struct {
	Addr                              string // with the length of the prefix
	Router, DNS, Domain, Search       string
	Lease, T1, T2, Hostname, ServerID string
}

// A Client is a DHCP client that people use.
type Client interface {
	// Programs are what it needs.
	Programs() []string
	// Remember makes it believe, before it starts, that it has a lease; false:
	// it cannot.
	Remember(s *Station, a netip.Addr) bool
	// Start starts it.
	Start(s *Station)
	// Stop ends it as if the power had failed: it keeps its lease.
	Stop(s *Station)
	// Renew makes it renew its lease soon.
	Renew(s *Station)
	// Release makes it give its lease back.
	Release(s *Station)
	// ID is the client identifier that it sends, as a lease file has it.
	ID(mac string) string

	reports(s *Station) []Report
}

// Clients returns all of them by name.
func Clients() map[string]Client {
	return map[string]Client{"dhclient": dhclient{}, "udhcpc": udhcpc{}, "dhcpcd": dhcpcd{}, "networkd": networkd{}}
}

// A Station is a host with one interface and a client on it.
type Station struct {
	*Host
	*Capture
	Client Client
	MAC    string
	Args   []string // of the client, beside those that are needed
	Probe  bool     // it looks whether somebody else has the address it is given
	Reboot int      // seconds that it tries for the address it remembers

	t          *testing.T
	process    *Process
	read       int        // reports that Next or Skip have passed
	seen       []Report   // of networkd
	remembered netip.Addr // that networkd finds
}

// NewStation joins a station to the bridge of another host.
func NewStation(t *testing.T, lan *Host, bridge, mac string, c Client) *Station {
	t.Helper()
	s := &Station{Host: NewHost(t, "client"), Client: c, MAC: mac, Reboot: 600, t: t}
	peer := fmt.Sprintf("port%d", hosts.Add(1))
	lan.IP("link", "add", peer, "type", "veth", "peer", "name", Port, "address", mac, "netns", s.Namespace)
	lan.IP("link", "set", peer, "master", bridge, "up")
	s.IP("link", "set", Port, "up")
	s.Capture = s.Host.Capture(Port)
	return s
}

// file returns a file of testdata.
func (s *Station) file(name string) string {
	s.t.Helper()
	text, err := testdata.ReadFile("testdata/" + name)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// Start starts the client.
func (s *Station) Start() {
	s.t.Helper()
	s.Client.Start(s)
}

// Stop ends the client as if the power had failed: it keeps its lease.
func (s *Station) Stop() {
	s.t.Helper()
	s.Client.Stop(s)
}

// Renew makes the client renew its lease, once or more often.
func (s *Station) Renew() {
	s.t.Helper()
	s.Client.Renew(s)
}

// Next waits until the client reports a lease after those that Next or Skip
// have passed, and returns the report.
func (s *Station) Next() (r Report) {
	s.t.Helper()
	Await(s.t, fmt.Sprintf("%T to report a lease", s.Client), func() bool {
		all := s.Client.reports(s)
		if s.read >= len(all) {
			return false
		}
		r = all[s.read]
		s.read++
		return true
	})
	return r
}

// Release makes the client give its lease back.
func (s *Station) Release() {
	s.t.Helper()
	s.Client.Release(s)
}

// Skip passes what the client has reported so far.
func (s *Station) Skip() { s.read = len(s.Client.reports(s)) }

// MustHave waits until the interface has the address, and no other but one
// that networkd has found there. Without addr it waits until there is none.
func (s *Station) MustHave(addr ...string) {
	s.t.Helper()
	Await(s.t, fmt.Sprintf("%s to have the addresses %q", Port, addr), func() bool {
		addrs := slices.DeleteFunc(s.Addresses(Port), func(a string) bool { return strings.HasPrefix(a, s.remembered.String()+"/") })
		return slices.Equal(addrs, addr)
	})
}

// scriptReports returns what the script has written at the named events; the
// last of them may be half there.
func (s *Station) scriptReports(read func(v map[string]string) Report, events ...string) (reports []Report) {
	s.t.Helper()
	text, err := os.ReadFile(s.Path("etc/reports"))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	vars := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if event, ok := strings.CutPrefix(line, "--- "); ok && strings.HasSuffix(line, "\n") {
			if slices.Contains(events, strings.TrimSpace(event)) {
				reports = append(reports, read(vars))
			}
			vars = map[string]string{}
			continue
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		vars[name] = value
	}
	return reports
}

// standardReport reads the variables of dhclient and dhcpcd.
func standardReport(v map[string]string) Report {
	return Report{
		Addr:   withMask(v["new_ip_address"], v["new_subnet_mask"]),
		Router: v["new_routers"], DNS: v["new_domain_name_servers"],
		Domain: v["new_domain_name"], Search: strings.TrimSuffix(v["new_domain_search"], "."),
		Lease: v["new_dhcp_lease_time"], T1: v["new_dhcp_renewal_time"], T2: v["new_dhcp_rebinding_time"],
		Hostname: v["new_host_name"], ServerID: v["new_dhcp_server_identifier"],
	}
}

func withMask(addr, mask string) string {
	bits, _ := net.IPMask(net.ParseIP(mask).To4()).Size()
	return addr + "/" + strconv.Itoa(bits)
}
