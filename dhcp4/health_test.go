package dhcp4_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
)

func TestHealthTellsHowTheStoreIs(t *testing.T) {
	for _, call := range []string{"Find", "Update", "Update, but done", "Sync"} {
		t.Run(call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fail := new(faultSwitch)
				c := smallConfig()
				c.Leases = faultyStore(new(lease.Memory), fail)
				s := newServer(t, c)
				a := dora(t, s, testMAC)
				log := listenTo(t.Context(), s)
				want := func(err error, events ...dhcp4.EventKind) {
					t.Helper()
					if got := s.Health(); !errors.Is(got, err) || (got == nil) != (err == nil) {
						t.Errorf("Health: %v, want %v", got, err)
					}
					got := log.take()
					if len(got) != len(events) {
						t.Fatalf("events %+v, want %v", got, events)
					}
					for i, e := range got {
						if e.Kind != events[i] || (e.Kind == dhcp4.EventStoreFailed) != errors.Is(e.Err, errStore) {
							t.Errorf("event %d is %+v, want %v", i, e, events[i])
						}
					}
				}
				want(nil)
				fail.on(call)
				for i := range 3 {
					if _, _, err := respond(t, s, renewing(a)); err != dhcp4.ReasonStoreFailed {
						t.Errorf("renewal: %v", err)
					}
					if i == 0 {
						want(errStore, dhcp4.EventStoreFailed)
					}
				}
				time.Sleep(time.Hour) // in which nothing happens
				want(errStore)
				fail.off()
				want(errStore)
				if ack, _, err := respond(t, s, renewing(a)); ack == nil || ack.Type() != dhcp4.TypeACK {
					t.Fatalf("renewal: %v, %v", ack, err)
				}
				want(nil, dhcp4.EventStoreRecovered, dhcp4.EventRenewed)
			})
		})
	}
}

// What could not be done when it was due is done as soon as a client shows
// that the store works again.
func TestRecoveryOfTheStoreBringsExpiryBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fail atomic.Bool
		c := smallConfig()
		c.Leases = &leasetest.Hooks{Store: new(lease.Memory), BeforeUpdate: func(context.Context, []lease.Change) error {
			if fail.Load() {
				return errStore
			}
			return nil
		}}
		s := newServer(t, c)
		dora(t, s, testMAC)
		fail.Store(true)
		time.Sleep(43200*time.Second + time.Hour)
		wantFree(t, s, 1)
		log := listenTo(t.Context(), s)
		fail.Store(false)
		dora(t, s, otherMAC)
		var kinds []dhcp4.EventKind
		for _, e := range log.take() {
			kinds = append(kinds, e.Kind)
		}
		if len(kinds) != 3 || kinds[0] != dhcp4.EventStoreRecovered || kinds[1] != dhcp4.EventAllocated || kinds[2] != dhcp4.EventExpired {
			t.Errorf("events %v", kinds)
		}
		if err := s.Health(); err != nil {
			t.Errorf("Health: %v", err)
		}
	})
}
