package netlab

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// networkd is systemd's. It runs with a bus and a /run of its own, and keeps
// what it knows about its lease in a file there.
type networkd struct{}

const networkdProgram = "/lib/systemd/systemd-networkd"

func (networkd) Programs() []string { return []string{networkdProgram, "networkctl", "dbus-daemon"} }

func (networkd) Start(s *Station) {
	s.t.Helper()
	text := s.file("eth0.network")
	if s.Probe {
		text += "SendDecline=yes\n"
	}
	if s.remembered.IsValid() {
		text = strings.Replace(text, "[Network]\n", "[Network]\nKeepConfiguration=dhcp\n", 1)
	}
	s.File("network/eth0.network", text, 0o644)
	bus := s.File("bus.conf", s.file("bus.conf"), 0o644)
	s.Folder("run/dbus")
	s.Folder("run/systemd") // it makes netif there before it gives up root
	s.Mounts["/etc/systemd/network"], s.Mounts["/run"] = s.Folder("network"), s.Folder("run")
	s.Host.Start("dbus-daemon", "--nofork", "--nopidfile", "--config-file="+bus)
	Await(s.t, "the bus of networkd", func() bool {
		_, err := os.Stat(s.Path("run/dbus/system_bus_socket"))
		return err == nil
	})
	// With a /sys that it cannot write to it does not wait for udev.
	s.process = s.Host.Start("sh", "-c", "mount -o remount,ro /sys && SYSTEMD_LOG_LEVEL=debug exec "+networkdProgram)
}

// Remember gives the interface the address with a lifetime: that is what
// networkd finds when it starts anew. It leaves it there.
func (networkd) Remember(s *Station, a netip.Addr) bool {
	s.t.Helper()
	s.remembered = a
	s.IP("addr", "add", a.String()+"/24", "dev", Port, "valid_lft", "86400", "preferred_lft", "86400")
	return true
}

func (networkd) Stop(s *Station) { s.process.Kill() }

func (networkd) Renew(s *Station) {
	s.t.Helper()
	s.Run("networkctl", "renew", Port)
}

// Release ends networkd, which gives its lease back then.
func (networkd) Release(s *Station) {
	s.t.Helper()
	s.process.End()
}

func (networkd) ID(mac string) string { return "01:" + mac }

// reports has one for each ACK in the log: networkd does not write its file
// anew when nothing has changed. The file is written before networkd has
// probed the address, so that a report counts when the interface has it.
func (networkd) reports(s *Station) []Report {
	s.t.Helper()
	if acks := strings.Count(s.process.Printed(), "DHCPv4 client: ACK\n"); acks <= len(s.seen) {
		return s.seen
	}
	files, err := filepath.Glob(s.Path("run/systemd/netif/leases/[0-9]*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it is just being replaced
		}
		v := map[string]string{}
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			v[name] = value
		}
		r := Report{
			Addr: withMask(v["ADDRESS"], v["NETMASK"]), Router: v["ROUTER"], DNS: v["DNS"], Domain: v["DOMAINNAME"],
			Search: v["DOMAIN_SEARCH_LIST"], Lease: v["LIFETIME"], T1: v["T1"], T2: v["T2"], Hostname: v["HOSTNAME"],
			ServerID: v["SERVER_ADDRESS"],
		}
		if slices.Contains(s.Addresses(Port), r.Addr) {
			s.seen = append(s.seen, r)
		}
	}
	return s.seen
}
