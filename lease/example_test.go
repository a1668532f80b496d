package lease_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

func Example() {
	ctx := context.Background()
	now := time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)
	var st lease.Memory

	l := lease.Lease{
		Addr:         netip.MustParseAddr("192.168.1.100"),
		SubnetID:     1,
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"),
	}
	l.SetLifetime(now, 12*time.Hour)
	if err := lease.CompareAndSwap(ctx, &st, nil, &l); err != nil {
		fmt.Println(err)
	}

	got, ok, err := lease.Get(ctx, &st, l.Addr)
	fmt.Println(got.HardwareAddr, got.Expires, ok, err)
	// Output:
	// 00:0c:29:aa:bb:cc 2026-05-05 00:00:00 +0000 UTC true <nil>
}

// Two programs read a lease and change it: the second one is told.
func ExampleCompareAndSwap() {
	ctx := context.Background()
	now := time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)
	var st lease.Memory
	seen := lease.Lease{
		Addr:     netip.MustParseAddr("192.168.1.100"),
		ClientID: lease.MustParseClientID("01:00:0c:29:aa:bb:cc"),
	}
	seen.SetLifetime(now, time.Hour)
	if err := lease.CompareAndSwap(ctx, &st, nil, &seen); err != nil {
		fmt.Println(err)
	}

	renewed, named := seen, seen
	renewed.SetLifetime(now.Add(30*time.Minute), time.Hour)
	named.Hostname = "printer"
	fmt.Println(lease.CompareAndSwap(ctx, &st, &seen, &renewed))
	err := lease.CompareAndSwap(ctx, &st, &seen, &named)
	fmt.Println(errors.Is(err, lease.ErrConflict))
	// Output:
	// <nil>
	// true
}

// The lease that expires next is the first of those that expire at all.
func ExampleMemory_Leases() {
	ctx := context.Background()
	now := time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)
	var st lease.Memory
	for i, hours := range []int{12, 3, 7} {
		l := lease.Lease{
			Addr:         netip.AddrFrom4([4]byte{192, 168, 1, byte(100 + i)}),
			HardwareAddr: lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:00:%02x", i)),
		}
		l.SetLifetime(now, time.Duration(hours)*time.Hour)
		if err := lease.CompareAndSwap(ctx, &st, nil, &l); err != nil {
			fmt.Println(err)
		}
	}
	for l, err := range st.Leases(ctx, lease.Filter{ExpiredBefore: now.AddDate(1, 0, 0)}) {
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(l.Addr, l.Expires.Format(time.TimeOnly))
	}
	// Output:
	// 192.168.1.101 15:00:00
	// 192.168.1.102 19:00:00
	// 192.168.1.100 00:00:00
}

// A server checks the leases that it finds before it serves: since they were
// written, its subnets may have got other ids and prefixes.
func ExampleCheckSubnets() {
	ctx := context.Background()
	var leases lease.Memory // or what memfile.Open returns
	for _, l := range []lease.Lease{
		{Addr: netip.MustParseAddr("192.168.1.100"), SubnetID: 1, HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"), Lifetime: lease.Infinite},
		{Addr: netip.MustParseAddr("192.168.1.101"), SubnetID: 7, HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:dd:ee:ff"), Lifetime: lease.Infinite},
		{Addr: netip.MustParseAddr("172.16.0.9"), SubnetID: 1, HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:12:34:56"), Lifetime: lease.Infinite},
	} {
		if err := lease.CompareAndSwap(ctx, &leases, nil, &l); err != nil {
			fmt.Println(err)
		}
	}

	subnets := map[uint32]netip.Prefix{1: netip.MustParsePrefix("192.168.1.0/24")} // those of the dhcp4.Config
	err := lease.CheckSubnets(ctx, &leases, subnets, lease.CheckFixDelete, func(f lease.SubnetFault) {
		switch {
		case f.Fixed:
			fmt.Println("moved to subnet", f.SubnetID, "lease", f.Lease.Addr)
		case f.Deleted:
			fmt.Println("deleted lease", f.Lease.Addr)
		}
	})
	fmt.Println(leases.Len(), err)
	// Unordered output:
	// moved to subnet 1 lease 192.168.1.101
	// deleted lease 172.16.0.9
	// 2 <nil>
}
