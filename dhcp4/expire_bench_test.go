package dhcp4_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
	"github.com/embedhcp/embedhcp/pool"
)

// BenchmarkExpiryOfManyAtOnce has a million leases, of which 100,000 expire in
// one second. It reports how long all of it takes, the worst single step of
// the Server, and how long a swap and a Find of somebody else take meanwhile
// at worst, in 999 of 1,000 cases, and at worst in as much time without.
func BenchmarkExpiryOfManyAtOnce(b *testing.B) {
	const leases, expiring = 1_000_000, 100_000
	addrOf := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(1 + i>>16), byte(i >> 8), byte(i)}) }
	for range b.N {
		b.StopTimer()
		store := new(lease.Memory)
		due := time.Now().Add(8 * time.Second).Truncate(time.Second)
		for i := range leases {
			l := lease.Lease{
				Addr: addrOf(i), SubnetID: 1, Hostname: fmt.Sprintf("host-%d", i),
				HardwareAddr: lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:%02x:%02x:%02x", i>>16, i>>8&0xff, i&0xff)),
			}
			l.SetLifetime(due, time.Hour+time.Duration(i%40_000)*time.Second)
			if i%(leases/expiring) == 0 {
				l.Expires, l.Lifetime = due.UTC(), time.Hour
			}
			if err := store.Put(l); err != nil {
				b.Fatal(err)
			}
		}
		var mu sync.Mutex
		var began time.Time
		var worstStep time.Duration
		hooks := &leasetest.Hooks{
			Store: store,
			BeforeUpdate: func(context.Context, []lease.Change) error {
				mu.Lock()
				defer mu.Unlock()
				began = time.Now()
				return nil
			},
			AfterUpdate: func(_ context.Context, _ []lease.Change, err error) error {
				mu.Lock()
				defer mu.Unlock()
				worstStep = max(worstStep, time.Since(began))
				return err
			},
		}
		srv, err := dhcp4.NewServer(dhcp4.Config{
			Leases: hooks,
			Subnets: []dhcp4.Subnet{{
				ID: 1, Prefix: netip.MustParsePrefix("10.0.0.0/8"),
				Pools: []dhcp4.Pool{{Range: pool.MustParseRange("10.0.0.1-10.255.255.254")}},
			}},
		})
		if err != nil {
			b.Fatal(err)
		}
		free, _ := srv.PoolCounts(1)

		// client swaps a lease and looks for it until done says so.
		client := func(done func() bool) []time.Duration {
			var took []time.Duration
			for i := 1; !done(); i++ {
				start := time.Now()
				q := []lease.Query{{Addrs: []netip.Addr{addrOf(i%(leases-1) | 1)}}} // none that expires
				if err := store.Find(b.Context(), q); err != nil {
					b.Fatal(err)
				}
				old := q[0].Leases[0]
				next := old
				next.SetLifetime(start, 2*time.Hour)
				if err := store.Update(b.Context(), []lease.Change{{Old: &old, New: &next}}); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
				time.Sleep(20 * time.Microsecond)
			}
			slices.Sort(took)
			return took
		}
		if time.Now().After(due) {
			b.Fatal("the machine is too slow: the leases expired before")
		}
		quiet := client(func() bool { return time.Now().After(due.Add(-time.Second)) })
		time.Sleep(time.Until(due))
		b.StartTimer()
		start := time.Now()
		busy := client(func() bool {
			now, _ := srv.PoolCounts(1)
			return now >= free+expiring || time.Since(start) > time.Minute
		})
		b.StopTimer()
		took := time.Since(start)
		srv.Close()
		b.ReportMetric(float64(took.Milliseconds()), "ms/expiry")
		b.ReportMetric(float64(worstStep.Microseconds()), "µs/worst-step")
		b.ReportMetric(float64(busy[len(busy)-1].Microseconds()), "µs/worst-swap")
		b.ReportMetric(float64(busy[len(busy)*999/1000].Microseconds()), "µs/p99.9-swap")
		b.ReportMetric(float64(quiet[len(quiet)-1].Microseconds()), "µs/worst-swap-without")
		b.ReportMetric(float64(len(busy)), "swaps")
	}
}
