package dhcp4_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// TestNetworkSchedules plays random lives of ten clients on a shared network
// with six addresses in three subnets, one of them reserved, and checks each
// answer; with one server also that it loses no address.
//
// EMBEDHCP_SEED is the seed of the first of 100.
func TestNetworkSchedules(t *testing.T) {
	const n = 100
	seed := envUint(t, "EMBEDHCP_SEED", uint64(rand.Uint32()))
	t.Logf("seeds from %d on", seed)
	seen := make(map[string]int)
	for i := range uint64(n) {
		if v := playNetwork(t, seed+i, 1+int(i%2), seen, nil); v != "" {
			t.Errorf("EMBEDHCP_SEED=%d: %s", seed+i, v)
		}
	}
	t.Log(seen)
	for _, what := range []string{"OFFER 1", "OFFER 2", "OFFER 3", "ACK 1", "ACK 2", "ACK 3", "NAK", "no free address", "moved"} {
		if seen[what] < n/10 {
			t.Errorf("%q happened %d times: the schedules test too little", what, seen[what])
		}
	}
}

// A store that forgets which subnet a lease is in must be found out.
func TestNetworkSchedulesFindLeasesOfTheWrongSubnet(t *testing.T) {
	forget := func(l *lease.Lease) { l.SubnetID = 1 }
	for seed := range uint64(20) {
		if playNetwork(t, seed, 1, make(map[string]int), forget) != "" {
			return
		}
	}
	t.Error("nothing was noticed")
}

// playNetwork plays one schedule and returns what is wrong. spoil is applied
// to what is read back from the store.
func playNetwork(t *testing.T, seed uint64, servers int, seen map[string]int, spoil func(*lease.Lease)) (wrong string) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(seed, 1))
		var st lease.Memory
		c := networkConfig()
		c.Leases, c.Lifetime, c.HoldReclaimed = &st, 300*time.Second, -1
		reserved := netip.MustParseAddr("10.2.0.101")
		c.Subnets[1].Reservations = []dhcp4.Reservation{{HardwareAddr: discoverOf(0).HardwareAddr, Addr: reserved}}
		var wires []*wire
		for range servers {
			w := newWire(t, c)
			defer w.srv.Close()
			wires = append(wires, w)
		}
		var has [10]netip.Addr // what each client believes
		var until [10]time.Time
		addr := func() string { return fmt.Sprintf("10.%d.0.%d", 1+r.IntN(3), 100+r.IntN(2)) }
		for range 150 {
			time.Sleep(time.Duration(r.IntN(20_000)) * time.Millisecond)
			i := r.IntN(len(has))
			n := byte(i)
			mine := time.Now().Before(until[i])
			var m *dhcp4.Message
			switch k := r.IntN(10); {
			case k < 3:
				m = discoverOf(n)
			case k < 6:
				m = selectOf(n, "10.1.0.1", addr())
			case k < 8 && mine:
				m = renewOf(n, has[i].String())
			case k < 9 && mine:
				m = releaseOf(n, has[i].String())
				until[i] = time.Time{}
			default:
				m = rebootOf(n, addr())
			}
			if r.IntN(4) == 0 {
				via(fmt.Sprintf("10.%d.0.1", 1+r.IntN(3)), m)
			}
			reply, _, reason := wires[r.IntN(servers)].send(m)
			if reply == nil {
				seen[reason.Error()]++
				continue
			}
			switch reply.Type() {
			case dhcp4.TypeNAK:
				seen["NAK"]++
				if want, _, _ := option.DHCPRequestedAddress.Get(m.Options); m.CIAddr == has[i] || want == has[i] {
					until[i] = time.Time{}
				}
				continue
			case dhcp4.TypeOffer:
				seen[fmt.Sprint("OFFER ", reply.YIAddr.As4()[1])]++
			case dhcp4.TypeACK:
				seen[fmt.Sprint("ACK ", reply.YIAddr.As4()[1])]++
				for j := range has {
					if j != i && has[j] == reply.YIAddr && time.Now().Before(until[j]) {
						wrong = fmt.Sprintf("client %d gets %v, which client %d has", i, reply.YIAddr, j)
						return
					}
				}
				if mine && has[i] != reply.YIAddr {
					seen["moved"]++
				}
				has[i], until[i] = reply.YIAddr, time.Now().Add(300*time.Second)
				if wrong = checkStored(&st, m.HardwareAddr, reply.YIAddr, spoil); wrong != "" {
					return
				}
			}
			if i != 0 && reply.YIAddr == reserved {
				wrong = fmt.Sprintf("client %d gets the reserved address", i)
				return
			}
			router := netip.AddrFrom4([4]byte{10, reply.YIAddr.As4()[1], 0, 1})
			if got, _, _ := option.Routers.Get(reply.Options); len(got) != 1 || got[0] != router {
				wrong = fmt.Sprintf("router %v with the address %v", got, reply.YIAddr)
				return
			}
		}
		time.Sleep(2 * time.Minute) // the offers end
		if servers == 1 {
			wrong = checkPools(&st, wires[0].srv, reserved)
		}
	})
	return wrong
}

// checkStored returns what is wrong with the lease of a just given to mac.
func checkStored(st *lease.Memory, mac lease.HardwareAddr, a netip.Addr, spoil func(*lease.Lease)) string {
	count := 0
	for l := range st.Leases(context.Background(), lease.Filter{}) {
		if spoil != nil {
			spoil(&l)
		}
		if l.HardwareAddr != mac || l.State != lease.StateDefault {
			continue
		}
		if count++; l.Addr == a && l.SubnetID != uint32(a.As4()[1]) {
			return fmt.Sprintf("%v is stored in subnet %d", a, l.SubnetID)
		}
	}
	if count != 1 {
		return fmt.Sprintf("the client has %d leases", count)
	}
	return ""
}

// checkPools returns what is wrong with the counts of the pools, when nothing
// is on offer.
func checkPools(st *lease.Memory, s *dhcp4.Server, reserved netip.Addr) string {
	taken := map[uint32]int{2: 1} // reserved
	for l := range st.Leases(context.Background(), lease.Filter{}) {
		if l.Addr != reserved {
			taken[l.SubnetID]++
		}
	}
	for id := uint32(1); id <= 3; id++ {
		if free, total := s.PoolCounts(id); free != total-taken[id] {
			return fmt.Sprintf("subnet %d has %d of %d addresses free, and %d are taken", id, free, total, taken[id])
		}
	}
	return ""
}
