package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/dhcp4test"
	"github.com/embedhcp/embedhcp/examples/internal/netlab"
	"github.com/embedhcp/embedhcp/lease"
)

const (
	laptop    = "02:00:00:00:10:01" // a client that nobody knows
	webServer = "00:0c:29:aa:bb:cc" // a client with a reservation
)

// clients start a DHCP client on the client that gets one lease, and end when
// it has.
var clients = map[string]func(t *testing.T, l *lab) *netlab.Process{
	"udhcpc": func(t *testing.T, l *lab) *netlab.Process {
		return l.client.Start("udhcpc", "-f", "-q", "-n", "-i", clientPort, "-s", script(t, "udhcpc-script"),
			"-x", "hostname:laptop", "-O", "search", "-O", "58", "-O", "59", "-t", "5", "-T", "5")
	},
	"dhclient": func(t *testing.T, l *lab) *netlab.Process {
		// AppArmor may allow dhclient the folders of its package alone.
		etc, lib, run := filepath.Dir(script(t, "dhclient-script")), t.TempDir(), t.TempDir()
		text := "timeout 20; retry 1; initial-interval 2; send host-name \"laptop\";\n" +
			"request subnet-mask, routers, domain-name-servers, host-name, domain-name, domain-search, dhcp-renewal-time, dhcp-rebinding-time;\n"
		if err := os.WriteFile(filepath.Join(etc, "dhclient.conf"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(lib, "dhcp"), 0o755); err != nil {
			t.Fatal(err)
		}
		l.client.Mounts["/etc/dhcp"], l.client.Mounts["/var/lib"], l.client.Mounts["/run"] = etc, lib, run
		return l.client.Start("dhclient", "-4", "-d", "-1", "-v",
			"-cf", "/etc/dhcp/dhclient.conf", "-sf", "/etc/dhcp/dhclient-script",
			"-lf", "/var/lib/dhcp/dhclient.leases", "-pf", "/run/dhclient.pid", clientPort)
	},
	"dhcpcd": func(t *testing.T, l *lab) *netlab.Process {
		name := script(t, "dhcpcd-script")
		conf, lib, run := filepath.Join(filepath.Dir(name), "dhcpcd.conf"), t.TempDir(), t.TempDir()
		text := "ipv4only\nnoarp\nnoipv4ll\nnodelay\nclientid\nhostname laptop\nscript " + name + "\n" +
			"option subnet_mask, routers, domain_name_servers, host_name, domain_name, domain_search, dhcp_renewal_time, dhcp_rebinding_time\n"
		if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(lib, "dhcpcd"), 0o755); err != nil {
			t.Fatal(err)
		}
		l.client.Mounts["/var/lib"], l.client.Mounts["/run"] = lib, run
		return l.client.Start("dhcpcd", "-B", "-d", "-f", conf, clientPort)
	},
}

// script installs a client's script, which does nothing, in a folder of its own.
func script(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// A served lease is what a client and a lease file have been told, in a form
// that two servers may be compared by.
type served struct {
	Messages []map[string]string // the OFFER and the ACK
	Row      string              // without expire
}

// serveOne lets one client get a lease.
func (l *lab) serveOne(t *testing.T, client string) (s served) {
	t.Helper()
	before := time.Now()
	p := clients[client](t, l)
	// What matters ends with the second message; the client may go on.
	for deadline := time.Now().Add(netlab.Patience); ; time.Sleep(10 * time.Millisecond) {
		l.mu.Lock()
		n := len(l.replies)
		l.mu.Unlock()
		if n >= 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s has got %d messages:\n%s", client, n, p.Printed())
		}
	}
	p.Kill()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.replies {
		s.Messages = append(s.Messages, fields(&l.replies[i]))
	}
	rows := l.leaseRows()
	f := strings.Split(rows[len(rows)-1], ",")
	lifetime, _ := strconv.ParseInt(f[3], 10, 64)
	expire, _ := strconv.ParseInt(f[4], 10, 64)
	if d := expire - lifetime - before.Unix(); d < -2 || d > 2+int64(time.Since(before).Seconds()) {
		t.Errorf("the lease begins %d s after the client", d)
	}
	s.Row = strings.Join(slices.Delete(f, 4, 5), ",")
	return s
}

// fields tells all that is in a message but secs and xid.
func fields(m *dhcp4.Message) map[string]string {
	f := map[string]string{
		"htype": fmt.Sprint(m.HType), "hops": fmt.Sprint(m.Hops), "flags": fmt.Sprint(m.Flags), "chaddr": m.HardwareAddr.String(),
		"ciaddr": m.CIAddr.String(), "yiaddr": m.YIAddr.String(), "siaddr": m.SIAddr.String(), "giaddr": m.GIAddr.String(),
		"sname": fmt.Sprintf("%q", m.SName), "file": fmt.Sprintf("%q", m.File),
	}
	for _, o := range m.Options {
		f[fmt.Sprintf("option %d", uint8(o.Code))] = fmt.Sprintf("%x", o.Data)
	}
	return f
}

func TestEndToEndServesAsKeaDoes(t *testing.T) {
	netlab.Needs(t, "kea-dhcp4")
	for client := range clients {
		for name, mac := range map[string]string{"unknown": laptop, "reserved": webServer} {
			t.Run(client+"/"+name, func(t *testing.T) {
				netlab.Needs(t, client)
				t.Parallel()
				var got [2]served
				for i, server := range []string{"kea-dhcp4", program(t)} {
					l := newLab(t, mac)
					p := l.serve(server)
					got[i] = l.serveOne(t, client)
					p.MustExit(syscall.SIGTERM, 2*time.Second)
				}
				if diff := cmp.Diff(got[0], got[1]); diff != "" {
					t.Errorf("(-Kea +ours):\n%s", diff)
				}
				if name == "reserved" {
					ack := got[1].Messages[len(got[1].Messages)-1]
					if want := fmt.Sprintf("%x", "web-server"); ack["yiaddr"] != "192.168.1.20" || ack["option 12"] != want {
						t.Errorf("the reserved client got %v", ack)
					}
				}
			})
		}
	}
}

// TestEndToEndLeaseFileGoesToKeaAndBack exchanges the server in the middle of a
// lease, which its client then renews.
func TestEndToEndLeaseFileGoesToKeaAndBack(t *testing.T) {
	netlab.Needs(t, "kea-dhcp4", "udhcpc")
	for _, servers := range [][]string{{"kea-dhcp4", program(t), "kea-dhcp4"}, {program(t), "kea-dhcp4", program(t)}} {
		t.Run(filepath.Base(servers[0])+" first", func(t *testing.T) {
			t.Parallel()
			l := newLab(t, laptop)
			p := l.serve(servers[0])
			c := l.client.Start("udhcpc", "-f", "-i", clientPort, "-s", renewScript(t), "-x", "hostname:laptop", "-t", "5", "-T", "5")
			c.Awaits("lease of 192.168.1.100 obtained")
			p.Awaits(" DHCP4_LEASE_ALLOC ")
			for i, server := range servers[1:] {
				p.MustExit(syscall.SIGTERM, 2*time.Second)
				kept := l.leaseRows()
				p = l.serve(server)
				c.Signal(syscall.SIGUSR1) // renew
				c.AwaitsN("lease of 192.168.1.100 obtained", i+2)
				// The client may miss an answer to its first message.
				if diff := cmp.Diff([]string{"43200"}, slices.Compact(allocations(p))); diff != "" {
					t.Errorf("%s: lifetimes (-want +got):\n%s", server, diff)
				}
				rows := l.leaseRows()
				if len(rows) <= len(kept) || !slices.Equal(rows[:len(kept)], kept) {
					t.Errorf("%s: the rows have become\n%s", server, strings.Join(rows, "\n"))
				}
			}
			if log := p.Printed(); strings.Contains(log, " ERROR ") {
				t.Error(log)
			}
		})
	}
}

// renewScript installs a script that gives the client its address, so that it
// can renew.
func renewScript(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "udhcpc-script")
	text := "#!/bin/sh\n[ -z \"$ip\" ] || ip addr replace \"$ip/$mask\" dev \"$interface\"\n"
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

var allocated = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO  \[kea-dhcp4\.leases/\d+\.\d+\] DHCP4_LEASE_ALLOC ` +
	`\[hwtype=1 02:00:00:00:10:01\], cid=\[01:02:00:00:00:10:01\], tid=0x[0-9a-f]+: lease 192\.168\.1\.100 has been allocated for (\d+) seconds$`)

// allocations returns the lifetimes of the leases that a server says to have
// given to the laptop.
func allocations(p *netlab.Process) (lifetimes []string) {
	for _, m := range allocated.FindAllStringSubmatch(p.Printed(), -1) {
		lifetimes = append(lifetimes, m[1])
	}
	return lifetimes
}

func TestEndToEndReload(t *testing.T) {
	netlab.Needs(t, "udhcpc")
	t.Parallel()
	l := newLab(t, laptop)
	p := l.serve(program(t))
	once := func(want ...string) {
		t.Helper()
		c := clients["udhcpc"](t, l)
		if c.Status() != 0 {
			t.Fatalf("udhcpc has no lease:\n%s", c.Printed())
		}
		if diff := cmp.Diff(want, allocations(p)); diff != "" {
			t.Fatalf("lifetimes (-want +got):\n%s", diff)
		}
	}
	once("43200")

	l.configure(`"valid-lifetime": 43200`, `"valid-lifetyme": 7200`)
	p.Signal(syscall.SIGHUP)
	p.Awaits(" DHCP4_DYNAMIC_RECONFIGURATION_FAIL ")
	if s := p.Printed(); !strings.Contains(s, "ERROR [kea-dhcp4.dhcp4/") || !strings.Contains(s, "kea-dhcp4.conf:17.5") || !strings.Contains(s, "valid-lifetime") {
		t.Errorf("the log does not tell where the mistake is:\n%s", s)
	}
	once("43200", "43200")

	l.configure(`"valid-lifetime": 43200`, `"valid-lifetime": 50000`)
	p.Signal(syscall.SIGHUP)
	p.Awaits(" DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS ")
	once("43200", "43200", "50000")

	l.configure(`"persist": true`, `"persist": false`)
	p.Signal(syscall.SIGHUP)
	p.AwaitsN(" DHCP4_DYNAMIC_RECONFIGURATION_FAIL ", 2)
	p.MustExit(syscall.SIGINT, 2*time.Second)
	if files, err := os.ReadDir(filepath.Join(l.run, "kea")); err != nil || len(files) > 0 {
		t.Errorf("left behind: %v (%v)", files, err)
	}
}

func TestEndToEndLogFileIsOpenedAnew(t *testing.T) {
	netlab.Needs(t, "udhcpc")
	t.Parallel()
	l := newLab(t, laptop)
	l.configure(`"output": "stdout"`, `"output": "/var/lib/kea/kea.log", "pattern": "PATTERN %-5p %m%n"`)
	log := filepath.Join(l.lib, "kea/kea.log")
	p := l.server.Start(program(t), "-c", "/etc/kea/kea-dhcp4.conf")
	contains := func(path, text string) {
		t.Helper()
		for deadline := time.Now().Add(netlab.Patience); ; time.Sleep(10 * time.Millisecond) {
			if b, err := os.ReadFile(path); err == nil && strings.Contains(string(b), text) {
				return
			} else if time.Now().After(deadline) {
				t.Fatalf("%s has no %q (%v):\n%s%s", path, text, err, b, p.Printed())
			}
		}
	}
	contains(log, "PATTERN INFO  DHCP4_STARTED ")
	if err := os.Rename(log, log+".old"); err != nil {
		t.Fatal(err)
	}
	p.Signal(syscall.SIGHUP)
	contains(log, "DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS")
	if c := clients["udhcpc"](t, l); c.Status() != 0 {
		t.Fatal(c.Printed())
	}
	contains(log, "DHCP4_LEASE_ALLOC")
	p.MustExit(syscall.SIGTERM, 2*time.Second)
}

func TestEndToEndSecondServerIsRefused(t *testing.T) {
	netlab.Needs(t)
	t.Parallel()
	for _, first := range []string{program(t), "kea-dhcp4"} {
		t.Run(filepath.Base(first), func(t *testing.T) {
			netlab.Needs(t, first)
			t.Parallel()
			l := newLab(t, laptop)
			p := l.serve(first)
			second := l.server.Start(program(t), "-c", "/etc/kea/kea-dhcp4.conf")
			if code := second.Status(); code != 1 || !strings.Contains(second.Printed(), " DHCP4_ALREADY_RUNNING ") {
				t.Errorf("exit status %d:\n%s", code, second.Printed())
			}
			if _, err := os.Stat(filepath.Join(l.run, "kea/kea-dhcp4.kea-dhcp4.pid")); err != nil {
				t.Error(err)
			}
			p.MustExit(syscall.SIGTERM, 2*time.Second)
		})
	}
}

func TestEndToEndServesWithoutRoot(t *testing.T) {
	netlab.Needs(t, "udhcpc", "setpriv")
	t.Parallel()
	l := newLab(t, laptop)
	manager := filepath.Join(l.run, "notify")
	told, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: manager, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	if err := errors.Join(os.Chmod(manager, 0o777), told.SetReadDeadline(time.Now().Add(netlab.Patience))); err != nil {
		t.Fatal(err)
	}
	p := l.serve("env", "NOTIFY_SOCKET=/run/notify", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs",
		"--bounding-set=-all,+net_bind_service,+net_raw", "--inh-caps=-all,+net_bind_service,+net_raw",
		"--ambient-caps=-all,+net_bind_service,+net_raw", program(t))
	state := make([]byte, 64)
	if n, err := told.Read(state); err != nil || string(state[:n]) != "READY=1" {
		t.Errorf("the service manager is told %q, %v", state[:n], err)
	}
	if c := clients["udhcpc"](t, l); c.Status() != 0 {
		t.Fatal(c.Printed())
	}
	if diff := cmp.Diff([]string{"43200"}, allocations(p)); diff != "" {
		t.Errorf("lifetimes (-want +got):\n%s", diff)
	}
	if s := p.Printed(); strings.Contains(s, " WARN ") {
		t.Errorf("it misses something:\n%s", s)
	}
	p.MustExit(syscall.SIGTERM, 2*time.Second)
}

func TestEndToEndServesBehindAFirewallAsKeaDoes(t *testing.T) {
	netlab.Needs(t, "udhcpc", "nft")
	t.Parallel()
	for _, server := range []string{"kea-dhcp4", program(t)} {
		for _, interfaces := range []string{`"ens33"`, `"*"`} {
			t.Run(filepath.Base(server)+"/"+interfaces, func(t *testing.T) {
				netlab.Needs(t, server)
				t.Parallel()
				l := newLab(t, laptop)
				l.configure(`"ens33"`, interfaces)
				l.server.Run("nft", "add table inet filter; add chain inet filter input { type filter hook input priority 0; policy drop; }")
				p := l.serve(server)
				if c := clients["udhcpc"](t, l); c.Status() != 0 {
					t.Fatal(c.Printed())
				}
				if diff := cmp.Diff([]string{"43200"}, allocations(p)); diff != "" {
					t.Errorf("lifetimes (-want +got):\n%s", diff)
				}
				p.MustExit(syscall.SIGTERM, 2*time.Second)
			})
		}
	}
}

func TestEndToEndInterfacesThatAreExchangedByAReload(t *testing.T) {
	netlab.Needs(t, "udhcpc")
	t.Parallel()
	l := newLab(t, laptop)
	p := l.serve(program(t))
	for i, interfaces := range []string{`[ "*" ]`, `[ ]`, `[ "ens33/192.168.1.1" ]`, `[ "lo" ]`, `[ "ens33" ], "dhcp-socket-type": "udp"`} {
		l.configure(`[ "ens33" ]`, interfaces)
		p.Signal(syscall.SIGHUP)
		p.AwaitsN(" DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS ", i+1)
		before := len(allocations(p))
		c := l.client.Start("udhcpc", "-f", "-q", "-n", "-i", clientPort, "-s", "/bin/true", "-t", "2", "-T", "1")
		c.Status()
		served := len(allocations(p)) > before
		if want := strings.ContainsAny(interfaces, "*3"); served != want {
			t.Errorf("%s: served %v, want %v:\n%s", interfaces, served, want, c.Printed())
		}
	}
	p.MustExit(syscall.SIGTERM, 2*time.Second)
}

// TestEndToEndTroublesAreTold checks the list of troubles in README.md: each has
// the line of the log that it promises.
func TestEndToEndTroublesAreTold(t *testing.T) {
	netlab.Needs(t, "udhcpc")
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change []string // of the configuration
		host   []string // a command on the server
		giaddr string   // of a relay agent
		want   string   // in README.md, and in the log
	}{
		{"wrong subnet", []string{"192.168.1.0/24", "192.168.9.0/24"}, nil, "", "DHCP4_SUBNET_SELECTION_FAILED"},
		{"giaddr in no subnet", nil, nil, "10.9.9.9", "DHCP4_SUBNET_SELECTION_FAILED"},
		{"interface down", nil, []string{"ip", "link", "set", serverPort, "down"}, "", "interface ens33 is down"},
		{"no address", nil, []string{"ip", "addr", "flush", "dev", serverPort}, "", "interface ens33 has no IPv4 address"},
		{"no address left", []string{`192.168.1.100 - 192.168.1.200`, `192.168.1.1 - 192.168.1.1`}, nil, "", "ALLOC_ENGINE_V4_ALLOC_FAIL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, laptop)
			if strings.HasPrefix(tt.name, "wrong subnet") {
				tt.change = append(tt.change, "192.168.1.100 - 192.168.1.200", "192.168.9.100 - 192.168.9.200",
					`"192.168.1.20"`, `"192.168.9.20"`, `"192.168.1.30"`, `"192.168.9.30"`)
			}
			l.configure(tt.change...)
			if tt.host != nil {
				l.server.Run(tt.host...)
			}
			p := l.serve(program(t))
			if tt.giaddr != "" {
				l.relay(t, netip.MustParseAddr(tt.giaddr))
			} else {
				l.client.Start("udhcpc", "-f", "-q", "-n", "-i", clientPort, "-s", "/bin/true", "-t", "2", "-T", "1").Status()
			}
			p.Awaits(tt.want)
			if !strings.Contains(string(readme), tt.want) {
				t.Errorf("README.md does not have %q", tt.want)
			}
			if strings.Contains(p.Printed(), "DHCP4_LEASE_ALLOC") {
				t.Error("the client has a lease all the same")
			}
		})
	}
}

// relay sends a DISCOVER with the giaddr.
func (l *lab) relay(t *testing.T, giaddr netip.Addr) {
	t.Helper()
	l.client.IP("addr", "add", "192.168.1.2/24", "dev", clientPort)
	var conn dhcp4.Conn
	err := l.client.Within(func() (err error) {
		conn, err = dhcp4.Listen(clientPort)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := dhcp4test.Client{
		Conn: conn, HardwareAddr: lease.MustParseHardwareAddr(laptop), GIAddr: giaddr,
		Server: netip.MustParseAddrPort("192.168.1.1:67"), Attempts: 1,
	}
	if _, err := c.Discover(context.Background()); err == nil {
		t.Error("the relay agent has an offer")
	}
}

// TestEndToEndReloadUnderLoad sends 200 SIGHUPs, 20 of them for a file that is
// wrong, while clients renew: each must have its answer to the first message
// or the first repetition.
func TestEndToEndReloadUnderLoad(t *testing.T) {
	netlab.Needs(t)
	if os.Getenv("CI") != "true" && os.Getenv("KEADHCP4_LOAD") == "" {
		t.Skip("takes 20 s of both processors: set KEADHCP4_LOAD=1")
	}
	l := newLab(t, laptop)
	l.configure(`"severity": "INFO"`, `"severity": "WARN"`)
	p := l.server.Start(program(t), "-c", "/etc/kea/kea-dhcp4.conf")
	p.Awaits(" DCTL_CONFIG_FILE ")

	var conn dhcp4.Conn
	err := l.client.Within(func() (err error) {
		conn, err = (&dhcp4.ListenConfig{Port: 68}).Listen(clientPort)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := dhcp4test.Client{Conn: conn, HardwareAddr: lease.MustParseHardwareAddr(laptop), Broadcast: true, Attempts: 20}
	if _, err := c.Acquire(context.Background()); err != nil { // many attempts: the server is starting
		t.Fatalf("%v\n%s", err, p.Printed())
	}
	addr := c.Addr
	l.client.IP("addr", "add", addr.String()+"/24", "dev", clientPort)

	var (
		stop = make(chan struct{})
		done = make(chan error, 1)
		n    int
	)
	c.Attempts = 2
	go func() {
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if _, err := c.Renew(context.Background()); err != nil || c.Addr != addr {
				done <- fmt.Errorf("renewal %d: %v, %w", n, c.Addr, err)
				return
			}
			n++
		}
	}()
	const reloads = 200
	for i := range reloads {
		if i%10 == 9 {
			l.configure(`"Dhcp4"`, `"Dhcp6"`)
		} else {
			l.configure(`43200`, strconv.Itoa(40000+i), `"severity": "INFO"`, `"severity": "WARN"`)
		}
		p.Signal(syscall.SIGHUP)
		time.Sleep(100 * time.Millisecond)
	}
	close(stop)
	if err := <-done; err != nil {
		t.Errorf("%v\n%s", err, p.Printed())
	}
	t.Logf("%d renewals", n)
	if failed := strings.Count(p.Printed(), " DHCP4_DYNAMIC_RECONFIGURATION_FAIL "); failed != reloads/10 {
		t.Errorf("%d of %d reloads failed, want one of ten", failed, reloads)
	}
	p.MustExit(syscall.SIGTERM, 2*time.Second)
	if rows := l.leaseRows(); !strings.HasPrefix(rows[len(rows)-1], addr.String()+","+laptop+",") {
		t.Errorf("the lease is lost: %q", rows[len(rows)-1])
	}
}
