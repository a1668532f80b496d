package dhcp4_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
)

// TestAddressesInDoubtComeBack has a store that deletes and creates leases and
// says that it failed: the pool has to learn what became of them.
func TestAddressesInDoubtComeBack(t *testing.T) {
	for _, hold := range []time.Duration{-1, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			fail := new(faultSwitch)
			c := labConfig()
			c.HoldReclaimed = hold
			c.Leases = faultyStore(new(lease.Memory), fail)
			l := newLab(t, c)
			free := func(when string, want int) {
				t.Helper()
				synctest.Wait()
				if got, total := l.srv.PoolCounts(1); got != total-want {
					t.Errorf("hold %v, %s: %d of %d addresses are taken, want %d", hold, when, total-got, total, want)
				}
			}
			before, total := l.srv.PoolCounts(1)
			reserved := total - before
			ask := func(addr string) request {
				return request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: addr}
			}
			l.expect("a lease", ask(".120"), ackOf(".120"))
			free("with a lease", reserved+1)

			fail.on("Update, but done")
			l.expect("given back", request{from: client1, typ: dhcp4.TypeRelease, ciaddr: ".120"}, silence(dhcp4.ReasonStoreFailed))
			fail.off()
			time.Sleep(time.Minute)
			free("after the RELEASE", reserved)

			fail.on("Update, but done")
			l.expect("a new one", ask(".121"), silence(dhcp4.ReasonStoreFailed))
			fail.off()
			time.Sleep(24 * time.Hour)
			free("after its end", reserved)
			l.srv.Close()
		})
	}
}
