package dhcp4_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/pool"
)

func discoverFor(t *testing.T, s *dhcp4.Server, mac lease.HardwareAddr) netip.Addr {
	t.Helper()
	offer, _, err := respond(t, s, from(mac, message(dhcp4.TypeDiscover)))
	if offer == nil {
		t.Fatal(err)
	}
	return offer.YIAddr
}

func TestAddressIsHeldForItsClient(t *testing.T) {
	ends := map[string]func(t *testing.T, s *dhcp4.Server, a netip.Addr){
		"expired": func(*testing.T, *dhcp4.Server, netip.Addr) { time.Sleep(43200 * time.Second) },
		"released": func(t *testing.T, s *dhcp4.Server, a netip.Addr) {
			respond(t, s, releasing(a))
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, smallConfig())
				a := dora(t, s, testMAC)
				end(t, s, a)
				synctest.Wait()
				wantFree(t, s, 2)
				// A stranger gets the other address, the client its old one,
				// whoever comes first.
				if got := discoverFor(t, s, otherMAC); got == a {
					t.Errorf("a stranger was offered %v", got)
				}
				if got := discoverFor(t, s, testMAC); got != a {
					t.Errorf("the client was offered %v, want %v", got, a)
				}
				if got := dora(t, s, testMAC); got != a {
					t.Errorf("the client got %v, want %v", got, a)
				}
			})
		})
	}
}

func TestHeldAddressBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, smallConfig())
		log := listenTo(t.Context(), s)
		a := dora(t, s, testMAC)
		respond(t, s, releasing(a))
		b := dora(t, s, otherMAC)
		log.take()
		third := lease.MustParseHardwareAddr("02:00:00:00:00:03")
		if got := dora(t, s, third); got != a || got == b {
			t.Errorf("the third client got %v, want %v", got, a)
		}
		l := storedLease(testMAC, "192.168.1.100", 0)
		log.want(t, 4, dhcp4.Event{Kind: dhcp4.EventForgotten, Time: seconds(0), Old: released(l, 0)},
			dhcp4.Event{Kind: dhcp4.EventAllocated, Time: seconds(0), New: storedLease(third, "192.168.1.100", 0)})
		if ack, _, err := respond(t, s, renewing(a)); ack == nil || ack.Type() != dhcp4.TypeNAK {
			t.Errorf("the first client renews what it gave back: %v, %v", ack, err)
		}
		time.Sleep(2 * time.Hour)
		log.want(t, 6) // nothing is left to be deleted
		wantFree(t, s, 0)
	})
}

func TestHeldLeaseIsDeletedAfterItsTime(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hold  time.Duration
		after []int // seconds from the end of the lease: nothing yet, and gone
	}{
		{"default", 0, []int{3600, 3660}},
		{"configured", 10 * time.Second, []int{10, 70}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := smallConfig()
				store := new(lease.Memory)
				c.Leases, c.HoldReclaimed = store, tt.hold
				s := newServer(t, c)
				log := listenTo(t.Context(), s)
				dora(t, s, testMAC)
				l := storedLease(testMAC, "192.168.1.100", 0)
				time.Sleep(43200 * time.Second)
				log.want(t, 1, dhcp4.Event{Kind: dhcp4.EventAllocated, Time: seconds(0), New: l},
					dhcp4.Event{Kind: dhcp4.EventExpired, Time: seconds(43200), Old: l, New: held(l)})
				time.Sleep(time.Until(seconds(43200 + tt.after[0])))
				log.want(t, 3)
				time.Sleep(time.Until(seconds(43200 + tt.after[1])))
				log.want(t, 3, dhcp4.Event{Kind: dhcp4.EventForgotten, Time: seconds(43200 + tt.after[1]), Old: held(l)})
				if n := store.Len(); n != 0 {
					t.Errorf("%d leases are stored", n)
				}
				wantFree(t, s, 2)
			})
		})
	}
}

func TestNothingIsHeldIfSoConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := smallConfig()
		store := new(lease.Memory)
		c.Leases, c.HoldReclaimed = store, -1
		s := newServer(t, c)
		log := listenTo(t.Context(), s)
		dora(t, s, testMAC)
		respond(t, s, from(otherMAC, releasing(dora(t, s, otherMAC))))
		log.take()
		time.Sleep(43200 * time.Second)
		log.want(t, 4, dhcp4.Event{Kind: dhcp4.EventExpired, Time: seconds(43200), Old: storedLease(testMAC, "192.168.1.100", 0)})
		if n := store.Len(); n != 0 {
			t.Errorf("%d leases are stored", n)
		}
		wantFree(t, s, 2)
	})
}

// What Kea, or an earlier run, held is held on after a start: it does not
// block its address, others get it last, and it goes at its time.
func TestHeldLeasesAreLearnedFromTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := smallConfig()
		c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.168.1.100-192.168.1.103")
		store := new(lease.Memory)
		ended := held(storedLease(testMAC, "192.168.1.100", -43200-60))
		if err := store.Put(ended); err != nil {
			t.Fatal(err)
		}
		gaveUp := released(storedLease(otherMAC, "192.168.1.101", 0), -600)
		if err := store.Put(gaveUp); err != nil {
			t.Fatal(err)
		}
		c.Leases = store
		s := newServer(t, c)
		log := listenTo(t.Context(), s)
		wantFree(t, s, 4)
		for i, want := range []string{"192.168.1.102", "192.168.1.103", "192.168.1.101"} {
			mac := lease.MustParseHardwareAddr("02:00:00:00:00:1" + string(rune('0'+i)))
			if got := dora(t, s, mac); got != netip.MustParseAddr(want) {
				t.Errorf("client %d got %v, want %s", i, got, want)
			}
		}
		log.take()
		time.Sleep(3600 * time.Second)
		log.want(t, 5, dhcp4.Event{Kind: dhcp4.EventForgotten, Time: seconds(3600), Old: ended})
	})
}
