package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/embedhcp/embedhcp/examples/internal/netlab"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/memfile"
)

// A kea is a running kea-dhcp4 in the place of the lab's server.
type kea struct {
	*netlab.Process
	t      *testing.T
	socket string // its control socket
	leases string // its lease file
}

// startKea starts Kea with the given lease file, or none yet, and the named
// interface, or none. AppArmor may allow Kea the folders of its package
// alone, so that folders of the test are mounted there.
func (l *lab) startKea(leases []byte, device string) *kea {
	l.t.Helper()
	hooks, err := filepath.Glob("/usr/lib/*/kea/hooks/libdhcp_lease_cmds.so") // Debian's place, on any architecture
	if err != nil || len(hooks) == 0 {
		l.t.Fatal("Kea has no libdhcp_lease_cmds.so here")
	}
	// A socket's path must be short.
	run, err := os.MkdirTemp("", "kea")
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { os.RemoveAll(run) })
	for _, dir := range []string{run + "/kea", run + "/lock/kea"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			l.t.Fatal(err)
		}
	}
	lib := l.server.Folder("lib")
	l.server.Folder("lib/kea")
	if device != "" {
		device = `"` + device + `"`
	}
	conf, err := os.ReadFile("testdata/kea-dhcp4.conf")
	if err != nil {
		l.t.Fatal(err)
	}
	l.server.File("etc/kea-dhcp4.conf", strings.NewReplacer("@INTERFACES@", device, "@HOOK@", hooks[0]).Replace(string(conf)), 0o644)
	k := &kea{
		t: l.t, socket: filepath.Join(run, "kea/kea4-ctrl-socket"),
		leases: filepath.Join(lib, "kea/kea-leases4.csv"),
	}
	if leases != nil {
		if err := os.WriteFile(k.leases, leases, 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
	l.server.Mounts["/etc/kea"], l.server.Mounts["/var/lib"], l.server.Mounts["/run"] = l.server.Folder("etc"), lib, run
	k.Process = l.server.Start("kea-dhcp4", "-c", "/etc/kea/kea-dhcp4.conf")
	netlab.Await(l.t, "Kea's control socket", func() bool {
		c, err := net.Dial("unix", k.socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return k
}

// command gives Kea a command and returns what it answers.
func (k *kea) command(name string, arguments any) json.RawMessage {
	k.t.Helper()
	c, err := net.Dial("unix", k.socket)
	if err != nil {
		k.t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(netlab.Patience)); err != nil {
		k.t.Fatal(err)
	}
	request := map[string]any{"command": name}
	if arguments != nil {
		request["arguments"] = arguments
	}
	if err := json.NewEncoder(c).Encode(request); err != nil {
		k.t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		k.t.Fatal(err)
	}
	var result struct {
		Result    int
		Arguments json.RawMessage
	}
	if err := json.Unmarshal(answer, &result); err != nil || result.Result != 0 {
		k.t.Fatalf("%s: %s (%v)", name, answer, err)
	}
	return result.Arguments
}

// all returns the leases that Kea has, by address.
func (k *kea) all() []lease.Lease {
	k.t.Helper()
	var answer struct {
		Leases []struct {
			Addr        netip.Addr         `json:"ip-address"`
			HWAddr      lease.HardwareAddr `json:"hw-address"`
			ClientID    lease.ClientID     `json:"client-id"`
			CLTT        int64              `json:"cltt"`
			Valid       int64              `json:"valid-lft"`
			SubnetID    uint32             `json:"subnet-id"`
			FQDNForward bool               `json:"fqdn-fwd"`
			FQDNReverse bool               `json:"fqdn-rev"`
			Hostname    string             `json:"hostname"`
			State       lease.State        `json:"state"`
			UserContext json.RawMessage    `json:"user-context"`
		}
	}
	if err := json.Unmarshal(k.command("lease4-get-all", nil), &answer); err != nil {
		k.t.Fatal(err)
	}
	var all []lease.Lease
	for _, a := range answer.Leases {
		l := lease.Lease{
			Addr: a.Addr, SubnetID: a.SubnetID, HardwareAddr: a.HWAddr, ClientID: a.ClientID,
			Hostname: a.Hostname, UserContext: string(a.UserContext), State: a.State,
			FQDNForward: a.FQDNForward, FQDNReverse: a.FQDNReverse,
			Lifetime: time.Duration(a.Valid) * time.Second,
		}
		if l.Lifetime != lease.Infinite {
			l.Expires = time.Unix(a.CLTT+a.Valid, 0).UTC()
		}
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b lease.Lease) int { return a.Addr.Compare(b.Addr) })
	return all
}

// keaComplains finds what Kea logs about more than what it does.
var keaComplains = regexp.MustCompile(`(?m)^\S+ \S+ (?:WARN|ERROR|FATAL) +\[[^]]*\] (\S+).*$`)

// mustBeContent fails the test if Kea has complained about anything but its
// configuration, which has no interfaces.
func (k *kea) mustBeContent() {
	k.t.Helper()
	log := k.Printed()
	if !strings.Contains(log, "] DHCP4_STARTED ") {
		k.t.Errorf("Kea does not say that it has started:\n%s", log)
	}
	saysNoSockets := false
	for _, line := range keaComplains.FindAllStringSubmatch(log, -1) {
		switch line[1] {
		case "DHCPSRV_NO_SOCKETS_OPEN":
			saysNoSockets = true
		case "DHCP4_MULTI_THREADING_INFO":
		default:
			k.t.Errorf("Kea complains: %s", line[0])
		}
	}
	if !saysNoSockets {
		k.t.Errorf("not even DHCPSRV_NO_SOCKETS_OPEN is found in Kea's log:\n%s", log)
	}
}

// ourLeases returns what memfile finds in a lease file, by address.
func ourLeases(t *testing.T, file string) []lease.Lease {
	t.Helper()
	st, err := memfile.Open(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if n := st.RowErrors(); n > 0 {
		t.Errorf("%d rows of %s are malformed", n, file)
	}
	var all []lease.Lease
	for l, err := range st.Leases(context.Background(), lease.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		l.Revision = 0
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b lease.Lease) int { return a.Addr.Compare(b.Addr) })
	return all
}

// sameLeases compares leases; of a user context it compares the meaning.
func sameLeases(t *testing.T, what string, want, got []lease.Lease) {
	t.Helper()
	for _, ls := range [][]lease.Lease{want, got} {
		for i := range ls {
			if ls[i].UserContext == "" {
				continue
			}
			var v any
			if err := json.Unmarshal([]byte(ls[i].UserContext), &v); err != nil {
				t.Fatalf("user context of %v: %v", ls[i].Addr, err)
			}
			text, _ := json.Marshal(v)
			ls[i].UserContext = string(text)
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestEndToEndKeaLoadsOurLeaseFile(t *testing.T) {
	netlab.Needs(t, "kea-dhcp4", "dhclient", "udhcpc")
	t.Parallel()
	netlab.KeepsResolvConf(t)
	l := newLab(t)
	server := l.serve()

	// A lease of a reservation, one that was released, and one from the pool.
	for i, mac := range []string{webServer, laptop, "02:00:00:00:10:02"} {
		s := l.station(mac, netlab.Clients()[[]string{"dhclient", "udhcpc", "udhcpc"}[i]])
		if i == 2 {
			s.Args = []string{"-C", "-x", "0x3d:00:6c:61:70:74:6f:70"}
		}
		s.Start()
		s.Next()
		if i == 1 {
			s.Release()
			netlab.Await(t, "the released lease's row", func() bool { return strings.HasSuffix(l.row(), ",1,1,0,0,laptop,3,") })
		}
	}
	server.MustExit(syscall.SIGTERM, 2*time.Second)

	want := ourLeases(t, l.leaseFile())
	if len(want) != 3 {
		t.Fatalf("%d leases instead of 3: %v", len(want), want)
	}
	file, err := os.ReadFile(l.leaseFile())
	if err != nil {
		t.Fatal(err)
	}
	k := l.startKea(file, "")
	sameLeases(t, "Kea's leases", want, k.all())
	k.End()
	k.mustBeContent()
	after, err := os.ReadFile(k.leases)
	if err != nil || string(after) != string(file) {
		t.Errorf("Kea has changed the file (%v):\n%s", err, cmp.Diff(string(file), string(after)))
	}
}

func TestEndToEndKeasLeaseFileIsLoaded(t *testing.T) {
	netlab.Needs(t, "kea-dhcp4", "dhclient")
	t.Parallel()
	netlab.KeepsResolvConf(t)
	l := newLab(t)
	k := l.startKea(nil, serverPort)
	s := l.station(webServer, netlab.Clients()["dhclient"])
	s.Start()
	if got := s.Next(); got.Addr != "192.168.1.20/24" {
		t.Fatalf("Kea's client has %s", got.Addr)
	}
	for _, add := range []map[string]any{
		{"ip-address": "192.168.1.110", "hw-address": "02:00:00:00:10:02", "client-id": "00:6c:61:70",
			"hostname": "Laptop.lab.example.com.", "fqdn-fwd": true, "fqdn-rev": true,
			"user-context": map[string]any{"comment": "a, b & c; &#x2c", "n": []int{1, 2}}},
		{"ip-address": "192.168.1.111", "hw-address": "02:00:00:00:10:03", "valid-lft": int64(0xffffffff)},
		{"ip-address": "192.168.1.112", "hw-address": "02:00:00:00:10:04", "state": 1},
		{"ip-address": "192.168.1.113", "hw-address": "02:00:00:00:10:05"},
	} {
		add["subnet-id"] = 1
		k.command("lease4-add", add)
	}
	k.command("lease4-del", map[string]any{"ip-address": "192.168.1.113"})

	want := k.all()
	if len(want) != 4 {
		t.Fatalf("Kea has %d leases instead of 4: %v", len(want), want)
	}
	k.MustExit(syscall.SIGTERM, netlab.Patience)
	sameLeases(t, "our leases", want, ourLeases(t, k.leases))
}
