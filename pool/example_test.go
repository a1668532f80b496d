package pool_test

import (
	"fmt"
	"net/netip"

	"github.com/embedhcp/embedhcp/pool"
)

func Example() {
	a, err := pool.New(pool.LeastRecentlyUsed, pool.MustParseRange("192.168.1.100-192.168.1.102"))
	if err != nil {
		fmt.Println(err)
		return
	}
	a.Take(netip.MustParseAddr("192.168.1.100")) // a printer

	wish := netip.MustParseAddr("192.168.1.102")
	ip, ok := a.Next(wish, 0)
	fmt.Println(ip, ok)
	ip, ok = a.Next(wish, 0) // another client wishes for the same
	fmt.Println(ip, ok)
	_, ok = a.Next(wish, 0)
	fmt.Println(ok)

	a.Release(wish)
	free, total := a.Counts()
	fmt.Println(free, "of", total)
	// Output:
	// 192.168.1.102 true
	// 192.168.1.101 true
	// false
	// 1 of 3
}

// Two programs that share a lease store do not know of each other's leases.
func ExampleAllocator_Conflict() {
	a, err := pool.New(pool.LeastRecentlyUsed, pool.MustParseRange("10.0.0.0/16"))
	if err != nil {
		fmt.Println(err)
		return
	}
	inStore := pool.MustParseRange("10.0.0.0-10.0.0.99") // by the other one

	ip, ok := a.Next(netip.Addr{}, 0)
	for ok && inStore.Contains(ip) {
		a.Conflict(ip)
		ip, ok = a.Next(netip.Addr{}, 0)
	}
	fmt.Println(ip)
	// Output: 10.0.0.194
}

func ExampleParseRange() {
	for _, s := range []string{"192.168.1.100 - 192.168.1.200", "10.0.0.0/29", "10.0.0.9-10.0.0.1"} {
		r, err := pool.ParseRange(s)
		fmt.Println(r, r.Len(), err)
	}
	// Output:
	// 192.168.1.100-192.168.1.200 101 <nil>
	// 10.0.0.0-10.0.0.7 8 <nil>
	// invalid IP-invalid IP 0 pool: range "10.0.0.9-10.0.0.1": the first address is above the last
}
