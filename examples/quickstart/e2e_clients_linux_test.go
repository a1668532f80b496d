package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// A report is what a client says about its lease, each field as one string.
type report struct {
	Addr                              string // with the length of the prefix
	Router, DNS, Domain, Search       string
	Lease, T1, T2, Hostname, ServerID string
}

// A station is a client program on the client of a lab, with folders of its
// own that outlast its processes as a disk does.
type station struct {
	*lab
	dir    string
	reboot int // seconds to try for the remembered address
	read   int // events read
}

func newStation(l *lab) *station {
	return &station{lab: l, dir: l.t.TempDir(), reboot: 20}
}

func (s *station) path(name string) string { return filepath.Join(s.dir, name) }

// configure writes the script under the given name, and a configuration.
func (s *station) configure(script, conf string) {
	s.t.Helper()
	install(s.t, "client-script", s.path(script), nil)
	if conf != "" {
		install(s.t, conf, s.path(conf), map[string]string{
			"REBOOT": strconv.Itoa(s.reboot), "SCRIPT": s.path(script),
		})
	}
}

// folder makes a folder of the station and returns its path.
func (s *station) folder(name string) string {
	s.t.Helper()
	if err := os.MkdirAll(s.path(name), 0o755); err != nil {
		s.t.Fatal(err)
	}
	return s.path(name)
}

// event waits for the client to run its script for one of the named events,
// after those that were waited for before, and returns the variables.
func (s *station) event(p *process, names ...string) map[string]string {
	s.t.Helper()
	var found map[string]string
	await(s.t, fmt.Sprintf("%s to report %s", p.name, strings.Join(names, " or ")), func() bool {
		text, err := os.ReadFile(s.path("reports"))
		if err != nil && !os.IsNotExist(err) {
			s.t.Fatal(err)
		}
		events := eventsOf(string(text))
		for ; s.read < len(events) && found == nil; s.read++ {
			for _, name := range names {
				if events[s.read]["event"] == name {
					found = events[s.read]
				}
			}
		}
		return found != nil
	})
	return found
}

// eventsOf reads what the script has written; its last event may be half
// there.
func eventsOf(text string) (events []map[string]string) {
	vars := map[string]string{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "--- ") && strings.HasSuffix(line, "\n") {
			events = append(events, vars)
			vars = map[string]string{}
			continue
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		vars[name] = value
	}
	return events
}

// A client is a DHCP client that people use.
type client interface {
	// start starts it in the foreground, with arguments beside those that
	// the tests need.
	start(s *station, args ...string) *process
	// stop ends it as if the power had failed: it keeps its lease.
	stop(p *process)
	// renew makes it renew its lease now; it may have to start anew.
	renew(s *station, p *process) *process
	// release makes it give its lease back and end.
	release(s *station, p *process)
	// bound, rebooted and renewed wait until it reports a lease.
	bound(s *station, p *process) report
	rebooted(s *station, p *process) report
	renewed(s *station, p *process) report
	// remember makes it believe that it has a lease.
	remember(s *station, a netip.Addr)
	// id is the client identifier that it sends.
	id(mac string) string
}

// clients are the clients under test, by the names of their programs.
var clients = map[string]client{"dhclient": dhclient{}, "udhcpc": udhcpc{}, "dhcpcd": dhcpcd{}}

// standardReport reads the variables of dhclient and dhcpcd.
func standardReport(t *testing.T, v map[string]string) report {
	t.Helper()
	mask := net.IPMask(net.ParseIP(v["new_subnet_mask"]).To4())
	bits, _ := mask.Size()
	return report{
		Addr:   fmt.Sprintf("%s/%d", v["new_ip_address"], bits),
		Router: v["new_routers"], DNS: v["new_domain_name_servers"],
		Domain: v["new_domain_name"], Search: strings.TrimSuffix(v["new_domain_search"], "."),
		Lease: v["new_dhcp_lease_time"], T1: v["new_dhcp_renewal_time"], T2: v["new_dhcp_rebinding_time"],
		Hostname: v["new_host_name"], ServerID: v["new_dhcp_server_identifier"],
	}
}

// dhclient is ISC's. AppArmor may allow it the folders of its package alone,
// so that the station's are mounted there.
type dhclient struct{}

func (dhclient) run(s *station, args ...string) *process {
	s.t.Helper()
	s.folder("lib/dhcp")
	mounts := map[string]string{"/etc/dhcp": s.dir, "/var/lib": s.folder("lib"), "/run": s.folder("run")}
	return s.onClient(mounts, append([]string{"dhclient", "-4", "-v",
		"-cf", "/etc/dhcp/dhclient.conf", "-sf", "/etc/dhcp/dhclient-script",
		"-lf", "/var/lib/dhcp/dhclient.leases", "-pf", "/var/lib/dhcp/dhclient.pid"}, append(args, clientPort)...)...)
}

func (c dhclient) start(s *station, args ...string) *process {
	s.t.Helper()
	s.configure("dhclient-script", "dhclient.conf")
	return c.run(s, append(args, "-d")...)
}

// stop waits first for what dhclient says when it has written its lease down,
// which is after its script has run.
func (dhclient) stop(p *process) {
	p.t.Helper()
	await(p.t, "dhclient to keep its lease", func() bool { return strings.Contains(p.printed(), "bound to ") })
	p.end(syscall.SIGKILL)
}

// renew starts dhclient anew, with the same lease and a T1 of one second:
// nothing else makes it renew.
func (c dhclient) renew(s *station, p *process) *process {
	s.t.Helper()
	c.stop(p)
	s.configure("dhclient-script", "dhclient.conf")
	conf, err := os.OpenFile(s.path("dhclient.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conf.Close()
	if _, err := fmt.Fprintln(conf, "supersede dhcp-renewal-time 1;"); err != nil {
		s.t.Fatal(err)
	}
	return c.run(s, "-d")
}

func (c dhclient) release(s *station, p *process) {
	s.t.Helper()
	r := c.run(s, "-r")
	for _, p := range []*process{r, p} { // -r ends the one that runs
		if !p.endsWithin(patience) {
			s.t.Errorf("%s still runs after dhclient -r", p.name)
		}
	}
}

func (dhclient) bound(s *station, p *process) report {
	s.t.Helper()
	return standardReport(s.t, s.event(p, "BOUND"))
}

func (dhclient) rebooted(s *station, p *process) report {
	s.t.Helper()
	return standardReport(s.t, s.event(p, "REBOOT"))
}

func (dhclient) renewed(s *station, p *process) report {
	s.t.Helper()
	return standardReport(s.t, s.event(p, "RENEW"))
}

func (dhclient) remember(s *station, a netip.Addr) {
	s.t.Helper()
	day := func(n time.Duration) string {
		return time.Now().Add(n * 24 * time.Hour).UTC().Format("2 2006/01/02 15:04:05")
	}
	text := fmt.Sprintf(`lease {
  interface "%s";
  fixed-address %v;
  option subnet-mask 255.255.255.0;
  option dhcp-lease-time 345600;
  option dhcp-server-identifier 192.168.1.1;
  renew %s;
  rebind %s;
  expire %s;
}
`, clientPort, a, day(1), day(2), day(3))
	if err := os.WriteFile(filepath.Join(s.folder("lib/dhcp"), "dhclient.leases"), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (dhclient) id(string) string { return "" }

// udhcpc is busybox's. It remembers nothing.
type udhcpc struct{}

func (udhcpc) start(s *station, args ...string) *process {
	s.t.Helper()
	s.configure("udhcpc-script", "")
	return s.onClient(map[string]string{"/run": s.folder("run")},
		append([]string{"udhcpc", "-f", "-i", clientPort, "-s", s.path("udhcpc-script"), "-x", "hostname:laptop",
			"-O", "search", "-O", "58", "-O", "59", "-t", "5", "-T", "5", "-n"}, args...)...)
}

func (udhcpc) stop(p *process) { p.end(syscall.SIGKILL) }

func (udhcpc) renew(_ *station, p *process) *process {
	p.t.Helper()
	p.signal(syscall.SIGUSR1)
	return p
}

func (udhcpc) release(s *station, p *process) {
	s.t.Helper()
	p.signal(syscall.SIGUSR2)
	s.event(p, "deconfig") // it waits for another SIGUSR1 now
	p.end(syscall.SIGTERM)
}

func (udhcpc) report(s *station, p *process, event string) report {
	s.t.Helper()
	v := s.event(p, event)
	seconds := func(name string) string {
		n, err := strconv.ParseUint(v[name], 16, 32)
		if err != nil {
			s.t.Errorf("udhcpc reports %s=%q", name, v[name])
		}
		return strconv.FormatUint(n, 10)
	}
	return report{
		Addr:   v["ip"] + "/" + v["mask"],
		Router: v["router"], DNS: v["dns"], Domain: v["domain"], Search: v["search"],
		Lease: v["lease"], T1: seconds("opt58"), T2: seconds("opt59"),
		Hostname: v["hostname"], ServerID: v["serverid"],
	}
}

func (c udhcpc) bound(s *station, p *process) report {
	s.t.Helper()
	return c.report(s, p, "bound")
}

func (udhcpc) rebooted(s *station, _ *process) report {
	s.t.Fatal("udhcpc has no INIT-REBOOT")
	return report{}
}

func (c udhcpc) renewed(s *station, p *process) report {
	s.t.Helper()
	return c.report(s, p, "renew")
}

func (udhcpc) remember(s *station, _ netip.Addr) { s.t.Fatal("udhcpc has no INIT-REBOOT") }

func (udhcpc) id(mac string) string { return "01:" + mac }

// dhcpcd is Roy Marples'.
type dhcpcd struct{}

func (dhcpcd) start(s *station, args ...string) *process {
	s.t.Helper()
	s.configure("dhcpcd-script", "dhcpcd.conf")
	s.folder("lib/dhcpcd")
	mounts := map[string]string{"/var/lib": s.folder("lib"), "/run": s.folder("run")}
	command := append([]string{"dhcpcd", "-B", "-d", "-f", s.path("dhcpcd.conf")}, args...)
	return s.onClient(mounts, append(command, clientPort)...)
}

// stop ends dhcpcd in good order, since it has helpers. It keeps its lease
// all the same.
func (dhcpcd) stop(p *process) { p.end(syscall.SIGTERM) }

// renew sends the signal that dhcpcd -N sends.
func (dhcpcd) renew(_ *station, p *process) *process {
	p.t.Helper()
	p.signal(syscall.SIGUSR1)
	return p
}

// release sends the signal that dhcpcd -k sends.
func (dhcpcd) release(_ *station, p *process) {
	p.t.Helper()
	p.signal(syscall.SIGALRM)
	if !p.endsWithin(patience) {
		p.t.Error("dhcpcd still runs after its release")
	}
}

func (dhcpcd) bound(s *station, p *process) report {
	s.t.Helper()
	return standardReport(s.t, s.event(p, "BOUND"))
}

func (dhcpcd) rebooted(s *station, p *process) report {
	s.t.Helper()
	return standardReport(s.t, s.event(p, "REBOOT"))
}

func (dhcpcd) renewed(s *station, p *process) report {
	s.t.Helper()
	return standardReport(s.t, s.event(p, "RENEW"))
}

// remember writes the ACK of a lease, which is all that dhcpcd keeps.
func (dhcpcd) remember(s *station, a netip.Addr) {
	s.t.Helper()
	ack := dhcp4.Message{
		Op: dhcp4.OpReply, HType: dhcp4.HTypeEthernet, XID: 1, YIAddr: a,
		HardwareAddr: lease.MustParseHardwareAddr(s.mac),
		Options: option.Options{
			option.DHCPMessageType.New(uint8(dhcp4.TypeACK)),
			option.SubnetMask.New(netip.MustParseAddr("255.255.255.0")),
			option.DHCPLeaseTime.New(96 * time.Hour),
			option.DHCPServerIdentifier.New(netip.MustParseAddr("192.168.1.1")),
		},
	}
	b, err := ack.AppendBinary(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.folder("lib/dhcpcd"), clientPort+".lease"), b, 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (dhcpcd) id(mac string) string { return "01:" + mac }
