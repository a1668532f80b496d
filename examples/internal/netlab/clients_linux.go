package netlab

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// dhclient is ISC's. AppArmor may allow it the folders of its package alone,
// so that the station's are mounted there.
type dhclient struct{}

func (dhclient) Programs() []string { return []string{"dhclient", "busybox"} }

func (c dhclient) Start(s *Station) {
	s.t.Helper()
	s.File("etc/dhclient-script", s.file("client-script"), 0o755)
	s.File("etc/dhclient.conf", c.conf(s), 0o644)
	if s.Probe {
		s.File("etc/probe", "", 0o644)
	}
	s.Mounts["/etc/dhcp"], s.Mounts["/var/lib"], s.Mounts["/run"] = s.Folder("etc"), s.Folder("lib"), s.Folder("run")
	s.Folder("lib/dhcp")
	s.process = s.Host.Start(c.command(append(s.Args, "-d", "--decline-wait-time", "1")...)...)
}

func (dhclient) conf(s *Station) string {
	return s.file("dhclient.conf") + fmt.Sprintf("reboot %d;\n", s.Reboot)
}

func (dhclient) command(args ...string) []string {
	command := []string{"dhclient", "-4", "-v", "-cf", "/etc/dhcp/dhclient.conf", "-sf", "/etc/dhcp/dhclient-script",
		"-lf", "/var/lib/dhcp/dhclient.leases", "-pf", "/var/lib/dhcp/dhclient.pid"}
	return append(append(command, args...), Port)
}

func (dhclient) Remember(s *Station, a netip.Addr) bool {
	s.t.Helper()
	day := func(n time.Duration) string {
		return time.Now().Add(n * 24 * time.Hour).UTC().Format("2 2006/01/02 15:04:05")
	}
	s.File("lib/dhcp/dhclient.leases", fmt.Sprintf(`lease {
  interface "%s";
  fixed-address %v;
  option subnet-mask 255.255.255.0;
  option dhcp-lease-time 345600;
  renew %s;
  rebind %s;
  expire %s;
}
`, Port, a, day(1), day(2), day(3)), 0o644)
	return true
}

// Stop waits first for what dhclient says when it has written its lease down,
// which is after its script has run.
func (dhclient) Stop(s *Station) {
	s.t.Helper()
	s.process.Awaits("bound to ")
	s.process.Kill()
}

// Renew starts dhclient anew with a T1 of one second: nothing else makes it
// renew.
func (c dhclient) Renew(s *Station) {
	s.t.Helper()
	c.Stop(s)
	s.File("etc/dhclient.conf", c.conf(s)+"supersede dhcp-renewal-time 1;\n", 0o644)
	s.process = s.Host.Start(c.command("-d")...)
}

func (c dhclient) Release(s *Station) {
	s.t.Helper()
	s.Run(c.command("-r")...)
}

func (dhclient) ID(string) string { return "" }

func (dhclient) reports(s *Station) []Report {
	s.t.Helper()
	return s.scriptReports(standardReport, "BOUND", "RENEW", "REBIND", "REBOOT")
}

// udhcpc is busybox's. It remembers nothing.
type udhcpc struct{}

func (udhcpc) Programs() []string { return []string{"udhcpc"} }

func (udhcpc) Start(s *Station) {
	s.t.Helper()
	script := s.File("etc/udhcpc-script", s.file("client-script"), 0o755)
	s.Mounts["/run"] = s.Folder("run")
	args := []string{"udhcpc", "-f", "-i", Port, "-s", script, "-x", "hostname:laptop",
		"-O", "search", "-O", "58", "-O", "59", "-t", "100", "-T", "2", "-A", "1"}
	if s.Probe {
		args = append(args, "-a")
	}
	s.process = s.Host.Start(append(args, s.Args...)...)
}

func (udhcpc) Remember(*Station, netip.Addr) bool { return false }

func (udhcpc) Stop(s *Station) { s.process.Kill() }

func (udhcpc) Renew(s *Station) {
	s.t.Helper()
	s.process.Signal(syscall.SIGUSR1)
}

func (udhcpc) Release(s *Station) {
	s.t.Helper()
	s.process.Signal(syscall.SIGUSR2)
}

func (udhcpc) ID(mac string) string { return "01:" + mac }

func (udhcpc) reports(s *Station) []Report {
	s.t.Helper()
	seconds := func(hex string) string {
		n, err := strconv.ParseUint(hex, 16, 32)
		if err != nil {
			return hex
		}
		return strconv.FormatUint(n, 10)
	}
	return s.scriptReports(func(v map[string]string) Report {
		return Report{
			Addr: v["ip"] + "/" + v["mask"], Router: v["router"], DNS: v["dns"], Domain: v["domain"], Search: v["search"],
			Lease: v["lease"], T1: seconds(v["opt58"]), T2: seconds(v["opt59"]), Hostname: v["hostname"], ServerID: v["serverid"],
		}
	}, "bound", "renew")
}

// dhcpcd is Roy Marples'.
type dhcpcd struct{}

func (dhcpcd) Programs() []string { return []string{"dhcpcd"} }

func (dhcpcd) Start(s *Station) {
	s.t.Helper()
	script := s.File("etc/dhcpcd-script", s.file("client-script"), 0o755)
	text := s.file("dhcpcd.conf") + fmt.Sprintf("reboot %d\nscript %s\n", s.Reboot, script)
	if !s.Probe {
		text += "noarp\n"
	}
	conf := s.File("etc/dhcpcd.conf", text, 0o644)
	s.Folder("lib/dhcpcd")
	s.Mounts["/var/lib"], s.Mounts["/run"] = s.Folder("lib"), s.Folder("run")
	s.process = s.Host.Start(append(append([]string{"dhcpcd", "-B", "-d", "-f", conf}, s.Args...), Port)...)
}

// Remember writes the ACK of a lease, which is all that dhcpcd keeps.
func (dhcpcd) Remember(s *Station, a netip.Addr) bool {
	s.t.Helper()
	ack := dhcp4.Message{
		Op: dhcp4.OpReply, HType: dhcp4.HTypeEthernet, XID: 1, YIAddr: a,
		HardwareAddr: lease.MustParseHardwareAddr(s.MAC),
		Options: option.Options{
			option.DHCPMessageType.New(uint8(dhcp4.TypeACK)),
			option.SubnetMask.New(netip.MustParseAddr("255.255.255.0")),
			option.DHCPLeaseTime.New(96 * time.Hour),
			option.DHCPServerIdentifier.New(a.Next()),
		},
	}
	b, err := ack.AppendBinary(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.File("lib/dhcpcd/"+Port+".lease", string(b), 0o644)
	return true
}

// Stop ends dhcpcd in good order, since it has helpers. It keeps its lease all
// the same.
func (dhcpcd) Stop(s *Station) {
	s.t.Helper()
	s.process.End()
}

// Renew sends the signal that dhcpcd -N sends.
func (dhcpcd) Renew(s *Station) {
	s.t.Helper()
	renewals := func() int { return strings.Count(s.process.Printed(), "renewing lease of ") }
	before := renewals()
	s.process.signalUntil(syscall.SIGUSR1, "dhcpcd to renew", func() bool { return renewals() > before })
}

// Release sends the signal that dhcpcd -k sends.
func (dhcpcd) Release(s *Station) {
	s.t.Helper()
	s.process.signalUntil(syscall.SIGALRM, "dhcpcd to end", s.process.ended)
}

func (dhcpcd) ID(mac string) string { return "01:" + mac }

func (dhcpcd) reports(s *Station) []Report {
	s.t.Helper()
	return s.scriptReports(standardReport, "BOUND", "RENEW", "REBIND", "REBOOT")
}
