package keaconf_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
	"github.com/embedhcp/embedhcp/lease"
)

// leasesOf makes a store of leases that never expire, by their subnet.
func leasesOf(t testing.TB, subnets map[string]uint32) *lease.Memory {
	st := new(lease.Memory)
	for a, id := range subnets {
		l := lease.Lease{Addr: addr(a), SubnetID: id, HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:00:01"), Lifetime: lease.Infinite}
		if err := lease.CompareAndSwap(context.Background(), st, nil, &l); err != nil {
			t.Fatal(err)
		}
	}
	return st
}

func TestLeasesAreCheckedAsTheFileSays(t *testing.T) {
	const subnets = `"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24" } ],
		"shared-networks": [ { "name": "n", "subnet4": [ { "id": 2, "subnet": "198.51.100.7/24" } ] } ]`
	before := map[string]uint32{"192.0.2.1": 1, "198.51.100.1": 2, "192.0.2.2": 2, "198.51.100.2": 9, "203.0.113.1": 1}
	moved := map[string]uint32{"192.0.2.1": 1, "198.51.100.1": 2, "192.0.2.2": 1, "198.51.100.2": 2}
	withStray := map[string]uint32{"192.0.2.1": 1, "198.51.100.1": 2, "192.0.2.2": 1, "198.51.100.2": 2, "203.0.113.1": 1}
	right := map[string]uint32{"192.0.2.1": 1, "198.51.100.1": 2}
	for _, c := range []struct {
		check  string // a member, if any
		want   map[string]uint32
		faults []string
	}{
		{``, before, []string{"192.0.2.2", "198.51.100.2", "203.0.113.1"}},
		{`, "sanity-checks": { "extended-info-checks": "fix" }`, before, []string{"192.0.2.2", "198.51.100.2", "203.0.113.1"}},
		{`, "sanity-checks": { "lease-checks": "none" }`, before, nil},
		{`, "sanity-checks": { "lease-checks": "warn" }`, before, []string{"192.0.2.2", "198.51.100.2", "203.0.113.1"}},
		{`, "sanity-checks": { "lease-checks": "fix" }`, withStray, []string{"192.0.2.2 to 1", "198.51.100.2 to 2", "203.0.113.1"}},
		{`, "sanity-checks": { "lease-checks": "fix-del" }`, moved, []string{"192.0.2.2 to 1", "198.51.100.2 to 2", "203.0.113.1 deleted"}},
		{`, "sanity-checks": { "lease-checks": "del" }`, right, []string{"192.0.2.2 deleted", "198.51.100.2 deleted", "203.0.113.1 deleted"}},
		{`, "sanity-checks": { "lease-checks": "del" }, "lease-database": { "type": "memfile", "persist": false }`, before, nil},
	} {
		s := mustServe(t, dhcp4(subnets+c.check))
		st := leasesOf(t, before)
		var faults []string
		if err := s.CheckLeases(t.Context(), st, func(f lease.SubnetFault) {
			text := f.Lease.Addr.String()
			switch {
			case f.Fixed:
				text += fmt.Sprintf(" to %d", f.SubnetID)
			case f.Deleted:
				text += " deleted"
			}
			faults = append(faults, text)
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(faults)
		got := make(map[string]uint32)
		for l, err := range st.Leases(t.Context(), lease.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			got[l.Addr.String()] = l.SubnetID
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: leases (-want +got):\n%s", c.check, d)
		}
		if d := cmp.Diff(c.faults, faults); d != "" {
			t.Errorf("%s: faults (-want +got):\n%s", c.check, d)
		}
	}
}

// A subnet has got another id since the leases were written.
func ExampleServer_CheckLeases() {
	c, err := keaconf.Parse("kea-dhcp4.conf", []byte(`{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ "*" ] },
  "sanity-checks": { "lease-checks": "fix" },
  "subnet4": [ { "id": 7, "subnet": "192.168.1.0/24" } ]
} }`), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := c.Server()
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	leases := new(lease.Memory) // in a server: memfile.Open(s.LeaseFile.Path, …)
	l := lease.Lease{
		Addr: netip.MustParseAddr("192.168.1.100"), SubnetID: 1,
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"), Lifetime: lease.Infinite,
	}
	if err := lease.CompareAndSwap(ctx, leases, nil, &l); err != nil {
		fmt.Println(err)
		return
	}
	err = s.CheckLeases(ctx, leases, func(f lease.SubnetFault) {
		fmt.Println(f.Lease.Addr, "was in subnet", f.Lease.SubnetID, "and is in", f.SubnetID)
	})
	fmt.Println(err)
	// Output:
	// 192.168.1.100 was in subnet 1 and is in 7
	// <nil>
}
