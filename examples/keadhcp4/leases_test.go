package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
	"github.com/embedhcp/embedhcp/memfile"
)

const leaseHeader = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n"

func leaseRow(addr string, subnet int) string {
	return fmt.Sprintf("%s,02:00:00:00:00:01,,43200,1795529844,%d,0,0,,0,\n", addr, subnet)
}

// opened opens a lease file for a configuration with the members and one
// subnet, and returns what is logged.
func opened(t *testing.T, path, members string) (st *memfile.Store, lines []string, err error) {
	t.Helper()
	text := fmt.Sprintf(`{ "Dhcp4": { "interfaces-config": { "interfaces": [ "*" ] }, "lease-database": { "type": "memfile", "name": %q, "lfc-interval": 1800 %s },
		"subnet4": [ { "id": 1, "subnet": "192.168.1.0/24" } ] } }`, path, members)
	c, err := keaconf.Parse("f", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Server()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KEA_LOGGER_DESTINATION", "stdout")
	var out bytes.Buffer
	d, err := newDaemon(flags{log: "kea"}, &out, &out)
	if err != nil {
		t.Fatal(err)
	}
	st, err = d.openLeases(planOf(s))
	if err == nil && st != nil {
		t.Cleanup(func() { st.Close() })
	}
	for line := range strings.Lines(anonymous(t, out.String())) {
		lines = append(lines, strings.TrimSuffix(strings.ReplaceAll(line, path, "FILE"), "\n"))
	}
	return st, lines, err
}

func TestLeasesAreCheckedAtTheStart(t *testing.T) {
	const (
		right     = "192.168.1.7"
		moved     = "192.168.1.8"
		elsewhere = "10.0.0.1"
	)
	fail := "WARN  [kea-dhcp4.dhcpsrv/PID.TID] DHCPSRV_LEASE_SANITY_FAIL lease %s is in subnet %d, which does not exist or does not have the address; the right one is %d (0: none)"
	discard := "INFO  [kea-dhcp4.dhcpsrv/PID.TID] DHCPSRV_LEASE_SANITY_FAIL_DISCARD lease %s has been deleted: subnet %d does not exist or does not have the address; the right one is %d (0: none)"
	fixed := "INFO  [kea-dhcp4.dhcpsrv/PID.TID] DHCPSRV_LEASE_SANITY_FIXED lease 192.168.1.8 has been moved from subnet 9 to 1, which has the address"
	for check, want := range map[string]struct {
		leases int
		lines  []string
	}{
		"none":    {3, nil},
		"warn":    {3, []string{fmt.Sprintf(fail, elsewhere, 1, 0), fmt.Sprintf(fail, moved, 9, 1)}},
		"fix":     {3, []string{fmt.Sprintf(fail, elsewhere, 1, 0), fixed}},
		"fix-del": {2, []string{fmt.Sprintf(discard, elsewhere, 1, 0), fixed}},
		"del":     {1, []string{fmt.Sprintf(discard, elsewhere, 1, 0), fmt.Sprintf(discard, moved, 9, 1)}},
	} {
		path := filepath.Join(t.TempDir(), "leases.csv")
		content := leaseHeader + leaseRow(right, 1) + leaseRow(moved, 9) + leaseRow(elsewhere, 1)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		st, lines, err := opened(t, path, fmt.Sprintf(`}, "sanity-checks": { "lease-checks": %q`, check))
		if err != nil {
			t.Fatal(err)
		}
		if st.Len() != want.leases {
			t.Errorf("%s: %d leases, want %d", check, st.Len(), want.leases)
		}
		lines = slices.DeleteFunc(lines, func(line string) bool { return !strings.Contains(line, "SANITY") })
		slices.Sort(lines)
		slices.Sort(want.lines)
		if diff := cmp.Diff(want.lines, lines, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", check, diff)
		}
	}
}

// TestNotesOfTheLeaseFileHaveKeasIDs starts with a file that has been through
// something.
func TestNotesOfTheLeaseFileHaveKeasIDs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.csv")
	if err := os.WriteFile(path, []byte(leaseHeader+leaseRow("192.168.1.7", 1)+"damaged\n"+"192.168.1.8,02:"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, lines, err := opened(t, path, "")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"INFO  [kea-dhcp4.dhcpsrv/PID.TID] DHCPSRV_MEMFILE_DB the lease file is FILE",
		"ERROR [kea-dhcp4.dhcpsrv/PID.TID] DHCPSRV_MEMFILE_LEASE_LOAD_ROW_ERROR lease file: row skipped, row=2, err=FILE:3: row has 1 columns, want at least 11, text=\"damaged\"",
		"WARN  [kea-dhcp4.dhcp4/PID.TID] lease file: incomplete last line removed, file=FILE, offset=",
		"INFO  [kea-dhcp4.dhcpsrv/PID.TID] DHCPSRV_MEMFILE_LEASE_FILE_LOAD lease file loaded, file=FILE, schema=2.1, leases=1, skipped=1",
		"INFO  [kea-dhcp4.dhcpsrv/PID.TID] DHCPSRV_MEMFILE_LFC_SETUP the lease file is cleaned up every 1800 seconds",
	}
	if len(lines) == len(want) {
		lines[2], _, _ = strings.Cut(lines[2], "offset=")
		lines[2] += "offset="
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLeaseFileOfAnotherProcessIsRefusedByItsName(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("not every system has locks")
	}
	path := filepath.Join(t.TempDir(), "leases.csv")
	st, err := memfile.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := os.WriteFile(path+".lock", []byte("process 7 (quickstart)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err = opened(t, path, "")
	if want := "memfile: open " + path + ": lease file is in use: " + path + ".lock is locked by process 7 (quickstart)"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestLeasesInMemoryAreWarnedOf(t *testing.T) {
	st, lines, err := opened(t, "none", `, "persist": false`)
	if st != nil || err != nil || len(lines) != 1 || !strings.Contains(lines[0], "WARN  [kea-dhcp4.dhcpsrv/PID.TID] DHCPSRV_MEMFILE_NO_STORAGE ") {
		t.Errorf("%v, %v, %q", st, err, lines)
	}
}
