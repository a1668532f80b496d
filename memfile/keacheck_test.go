//go:build linux

package memfile

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/lease"
)

// TestKeasLeaseChecksAndOursAgree has both do each of Kea's sanity checks on a
// lease file.
func TestKeasLeaseChecksAndOursAgree(t *testing.T) {
	needsKea(t, "kea-dhcp4")
	subnets := map[uint32]netip.Prefix{
		1: netip.MustParsePrefix("192.0.2.0/24"), 2: netip.MustParsePrefix("198.51.100.0/25"), 3: netip.MustParsePrefix("10.0.0.0/8"),
	}
	const members = `"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24" }, { "id": 2, "subnet": "198.51.100.0/25" }, { "id": 3, "subnet": "10.0.0.0/8" } ],
		"sanity-checks": { "lease-checks": %q }`
	text := Schema21.line()
	n := 0
	for _, addr := range []string{"192.0.2.%d", "198.51.100.%d", "198.51.100.2%02d", "10.9.8.%d", "203.0.113.%d"} {
		for _, id := range []uint32{0, 1, 2, 3, 99, 1 << 31} {
			for _, state := range []lease.State{lease.StateDefault, lease.StateDeclined, lease.StateExpiredReclaimed} {
				n++
				l := testLease("192.0.2.1")
				l.Addr = netip.MustParseAddr(fmt.Sprintf(addr, 1+n%50))
				l.HardwareAddr = lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:00:%02x", n))
				l.SubnetID, l.State = id, state
				if n%4 == 0 {
					l.Expires = testTime.AddDate(-1, 0, 0)
				}
				text += string(appendRow(nil, l, newHeader(Schema21), testTime))
			}
		}
	}
	for _, check := range []lease.SubnetCheck{lease.CheckNone, lease.CheckWarn, lease.CheckFix, lease.CheckFixDelete, lease.CheckDelete} {
		t.Run(check.String(), func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(quickFolder(t), testFile)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			k := startKeaWith(t, path, fmt.Sprintf(members, check))
			want := k.leases()
			k.stop()
			if check == lease.CheckFixDelete || check == lease.CheckDelete {
				// Kea takes the id 0 for that of "no subnet" and finds it
				// right; there is no such subnet, so we delete these as well.
				differences := len(want)
				maps.DeleteFunc(want, func(_ netip.Addr, l lease.Lease) bool { return l.SubnetID == 0 })
				if differences -= len(want); differences == 0 {
					t.Error("Kea treats the id 0 as we do")
				}
			}

			st, err := Open(path, &Options{LFCInterval: -1})
			if err != nil {
				t.Fatal(err)
			}
			before := st.Len()
			faults := 0
			if err := lease.CheckSubnets(context.Background(), st, subnets, check, func(lease.SubnetFault) { faults++ }); err != nil {
				t.Fatal(err)
			}
			got, err := contents(st)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, sameLease); diff != "" {
				t.Errorf("leases (-Kea's +ours)\n%s", diff)
			}
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
			t.Logf("of %d leases %d are faulty, %d remain", before, faults, len(got))
			if (faults == 0) != (check == lease.CheckNone) {
				t.Errorf("%d faults", faults)
			}
			again, err := Open(path, &Options{ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			kept, err := contents(again)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, kept, sameLease); diff != "" {
				t.Errorf("leases (-checked +after a restart)\n%s", diff)
			}
		})
	}
}
