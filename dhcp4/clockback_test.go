package dhcp4_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
)

// TestNoRenewalIsCachedWhileLeasesAreShifted: what is stored and the clock may
// differ by the step.
func TestNoRenewalIsCachedWhileLeasesAreShifted(t *testing.T) {
	for _, by := range []time.Duration{-20 * time.Second, 20 * time.Second} {
		var b *clockBed
		var held lease.Lease
		asked := false
		ask := func() {
			if b == nil || asked {
				return
			}
			asked = true
			ack, _, err := respond(t, b.srv, renewing(held.Addr))
			if ack == nil || ack.Type() != dhcp4.TypeACK {
				t.Errorf("renewal: %v, %v", ack, err)
			}
		}
		about := func(cs []lease.Change) bool {
			return slices.ContainsFunc(cs, func(c lease.Change) bool { return c.Old != nil && c.Old.Addr == held.Addr })
		}
		hooks := &leasetest.Hooks{}
		hooks.BeforeUpdate = func(_ context.Context, cs []lease.Change) error {
			if by < 0 && about(cs) { // not shifted yet
				ask()
			}
			return nil
		}
		hooks.AfterUpdate = func(_ context.Context, cs []lease.Change, err error) error {
			if by > 0 && about(cs) { // shifted
				ask()
			}
			return err
		}
		c := smallConfig()
		c.Leases, c.CacheThreshold = hooks, 0.5
		withClock(t, c, seconds(0), nil, func(t *testing.T, bed *clockBed) {
			a := dora(t, bed.srv, testMAC)
			held, _, _ = lease.Get(t.Context(), bed.store, a)
			time.Sleep(1000 * time.Second)
			b = bed
			b.clock.Step(by)
			b.packet()
			if !asked {
				t.Error("nobody asked")
			}
			if n := b.srv.CachedRenewals(); n != 0 {
				t.Errorf("%v: %d renewals have been cached", by, n)
			}
			b.wantExpires(a, (1000+43200)*time.Second)
			if ack, _, err := respond(t, b.srv, renewing(a)); ack == nil || b.srv.CachedRenewals() != 1 {
				t.Errorf("%v: after it, %d renewals have been cached (%v)", by, b.srv.CachedRenewals(), err)
			}
		})
	}
}

// TestStepBackGivesNoLeaseAway has another client ask for an address while
// leases are shifted by more than they last: none looks as if it had run out.
func TestStepBackGivesNoLeaseAway(t *testing.T) {
	for _, syncFails := range []bool{false, true} {
		var b *clockBed
		var held lease.Lease
		asked, failing := 0, false
		ask := func() {
			if b == nil || asked > 0 {
				return
			}
			asked++
			nak, _, err := respond(t, b.srv, from(otherMAC, selects(held.Addr)))
			if nak == nil || nak.Type() != dhcp4.TypeNAK {
				t.Errorf("sync fails %v: another client that asks for a lease gets %v, %v", syncFails, nak, err)
			}
		}
		hooks := &leasetest.Hooks{}
		hooks.AfterUpdate = func(_ context.Context, cs []lease.Change, err error) error {
			if !syncFails && slices.ContainsFunc(cs, func(c lease.Change) bool { return c.Old != nil && c.Old.Addr == held.Addr }) {
				ask()
			}
			return err
		}
		hooks.BeforeSync = func(context.Context) error {
			if failing {
				return errStore
			}
			return nil
		}
		c := smallConfig()
		c.Leases = hooks
		withClock(t, c, seconds(0), nil, func(t *testing.T, bed *clockBed) {
			a := dora(t, bed.srv, testMAC)
			held, _, _ = lease.Get(t.Context(), bed.store, a)
			b, failing = bed, syncFails
			b.clock.Step(-year)
			b.packet()
			if failing {
				failing = false
				ask()
				time.Sleep(time.Minute) // until the expiry tries again
				synctest.Wait()
			}
			if asked == 0 {
				t.Error("nobody asked")
			}
			b.wantExpires(a, 43200*time.Second)
			if d := b.srv.Now().Sub(b.clock.Wall()); d != 0 {
				t.Errorf("the Server's clock is %v ahead of the wall", d)
			}
			if l, _, _ := lease.Get(t.Context(), b.store, a); l.HardwareAddr != held.HardwareAddr {
				t.Errorf("the lease is %v", l)
			}
		})
	}
}
