package dhcp4_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
	"github.com/embedhcp/embedhcp/pool"

	"github.com/google/go-cmp/cmp"
)

const year = 365 * 24 * time.Hour

// A clockBed is a Server whose machine's clocks can be set.
type clockBed struct {
	t     *testing.T
	clock *dhcp4.TestClock
	store *lease.Memory
	srv   *dhcp4.Server
	log   *eventLog
}

// withClock runs f in a bubble. The wall clock shows now when the Server is
// made, and the store has leases.
func withClock(t *testing.T, c dhcp4.Config, now time.Time, leases []lease.Lease, f func(t *testing.T, b *clockBed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &clockBed{t: t, clock: dhcp4.NewTestClock(now), store: new(lease.Memory)}
		for _, l := range leases {
			if err := b.store.Put(l); err != nil {
				t.Fatal(err)
			}
		}
		if c.Leases == nil {
			c.Leases = b.store
		} else {
			c.Leases.(*leasetest.Hooks).Store = b.store
		}
		srv, err := dhcp4.NewServerWithClock(c, b.clock)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { srv.Close() })
		b.srv, b.log = srv, listenTo(t.Context(), srv)
		f(t, b)
	})
}

// packet lets the Server look at its clocks.
func (b *clockBed) packet() {
	b.t.Helper()
	m := message(dhcp4.TypeInform)
	m.CIAddr = netip.MustParseAddr("192.168.1.50")
	if ack, _, err := respond(b.t, b.srv, m); ack == nil {
		b.t.Fatal(err)
	}
	synctest.Wait()
}

// expires returns when the lease of a ends, in time since the bubble began, as
// the wall clock now shows it.
func (b *clockBed) expires(a netip.Addr) time.Duration {
	b.t.Helper()
	l, ok, err := lease.Get(b.t.Context(), b.store, a)
	if !ok || err != nil {
		b.t.Fatalf("no lease of %v, %v", a, err)
	}
	return l.Expires.Sub(b.clock.Wall()) + time.Since(seconds(0))
}

func (b *clockBed) wantExpires(a netip.Addr, want time.Duration) {
	b.t.Helper()
	if got := b.expires(a); got != want {
		b.t.Errorf("after %v, the lease of %v ends at %v, want %v", time.Since(seconds(0)), a, got, want)
	}
}

// wantKinds checks the kinds of the events since the last call.
func (b *clockBed) wantKinds(want ...dhcp4.EventKind) {
	b.t.Helper()
	var got []dhcp4.EventKind
	for _, e := range b.log.take() {
		got = append(got, e.Kind)
	}
	if d := cmp.Diff(want, got); d != "" {
		b.t.Errorf("after %v, events (-want +got):\n%s", time.Since(seconds(0)), d)
	}
}

var steps = []struct {
	name string
	by   time.Duration
}{
	{"a year forward", year},
	{"a year backward", -year},
	{"a minute forward", time.Minute},
	{"a minute backward", -time.Minute},
	{"from 1970", 56 * year},
}

func TestStepOfTheWallClockMovesLeases(t *testing.T) {
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			withClock(t, smallConfig(), seconds(0), nil, func(t *testing.T, b *clockBed) {
				a, other := dora(t, b.srv, testMAC), dora(t, b.srv, otherMAC)
				b.wantKinds(dhcp4.EventAllocated, dhcp4.EventAllocated)
				respond(t, b.srv, from(otherMAC, releasing(other)))
				b.wantKinds(dhcp4.EventReleased)
				time.Sleep(1000 * time.Second)
				b.clock.Step(step.by)
				b.packet()
				b.wantExpires(a, 43200*time.Second)
				if d := b.srv.Now().Sub(b.clock.Wall()); d != 0 {
					t.Errorf("the Server's clock is %v ahead of the wall", d)
				}
				if got := discoverFor(t, b.srv, otherMAC); got != other {
					t.Errorf("the other client was offered %v, want %v", got, other)
				}
				wantFree(t, b.srv, 0)
				time.Sleep(60 * time.Second) // for the offer
				wantFree(t, b.srv, 1)
				time.Sleep(time.Until(seconds(43200)) - 1)
				b.wantKinds(dhcp4.EventForgotten) // what was released
				if ack, _, err := respond(t, b.srv, renewing(a)); ack == nil || ack.Type() != dhcp4.TypeACK {
					t.Fatalf("renewal: %v, %v", ack, err)
				}
				b.wantKinds(dhcp4.EventRenewed)
				time.Sleep(43200 * time.Second)
				b.wantKinds()
				time.Sleep(time.Second)
				b.wantKinds(dhcp4.EventExpired)
			})
		})
	}
}

// Nobody sends anything, and the timer for the lease is the first to notice.
func TestStepIsNoticedByTheTimer(t *testing.T) {
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			withClock(t, smallConfig(), seconds(0), nil, func(t *testing.T, b *clockBed) {
				dora(t, b.srv, testMAC)
				b.clock.Step(step.by)
				time.Sleep(43200*time.Second - 1)
				b.wantKinds(dhcp4.EventAllocated)
				time.Sleep(1 * time.Nanosecond)
				b.wantKinds(dhcp4.EventExpired)
				time.Sleep(2 * time.Hour)
				b.wantKinds(dhcp4.EventForgotten)
				if n := b.store.Len(); n != 0 {
					t.Errorf("%d leases are left", n)
				}
			})
		})
	}
}

func TestSmallStepMovesNothing(t *testing.T) {
	withClock(t, smallConfig(), seconds(0), nil, func(t *testing.T, b *clockBed) {
		a := dora(t, b.srv, testMAC)
		b.clock.Step(10 * time.Second)
		b.packet()
		b.wantExpires(a, 43190*time.Second) // as it was stored
		time.Sleep(43200 * time.Second)
		b.wantKinds(dhcp4.EventAllocated, dhcp4.EventExpired)
	})
	// Small steps add up.
	withClock(t, smallConfig(), seconds(0), nil, func(t *testing.T, b *clockBed) {
		a := dora(t, b.srv, testMAC)
		for range 3 {
			b.clock.Step(-4 * time.Second)
			b.packet()
		}
		b.wantExpires(a, 43200*time.Second)
	})
}

func TestSuspendMovesNothing(t *testing.T) {
	c := smallConfig()
	c.Lifetime = 48 * time.Hour
	withClock(t, c, seconds(0), nil, func(t *testing.T, b *clockBed) {
		a := dora(t, b.srv, testMAC)
		before, _, _ := lease.Get(t.Context(), b.store, a)
		b.clock.Suspend(24 * time.Hour)
		b.packet()
		if after, _, _ := lease.Get(t.Context(), b.store, a); after != before {
			t.Errorf("after a suspend the lease is %+v, want %+v", after, before)
		}
		if d := b.srv.Now().Sub(b.clock.Wall()); d != 0 {
			t.Errorf("the Server's clock is %v ahead of the wall", d)
		}
		other := dora(t, b.srv, otherMAC) // by the new time
		if l, _, _ := lease.Get(t.Context(), b.store, other); !l.Expires.Equal(seconds(72 * 3600)) {
			t.Errorf("the new lease ends at %v", l.Expires)
		}
		time.Sleep(24*time.Hour - 1) // of 48, with the sleep
		b.wantKinds(dhcp4.EventAllocated, dhcp4.EventAllocated)
		time.Sleep(1 * time.Nanosecond)
		b.wantKinds(dhcp4.EventExpired)
	})
}

// What became due in a suspend is noticed by the next packet.
func TestLeaseEndsInSuspend(t *testing.T) {
	withClock(t, smallConfig(), seconds(0), nil, func(t *testing.T, b *clockBed) {
		a := dora(t, b.srv, testMAC)
		b.clock.Suspend(24 * time.Hour)
		time.Sleep(time.Hour)
		b.wantKinds(dhcp4.EventAllocated) // no timer ran
		b.packet()
		b.wantKinds(dhcp4.EventExpired) // and the hold is over, too
		if _, ok, _ := lease.Get(t.Context(), b.store, a); ok {
			t.Error("the lease is still there")
		}
	})
}

func TestClockOfTheConfigDoesNotFollowTheWall(t *testing.T) {
	c := smallConfig()
	c.Now = time.Now
	withClock(t, c, seconds(0), nil, func(t *testing.T, b *clockBed) {
		a := dora(t, b.srv, testMAC)
		before, _, _ := lease.Get(t.Context(), b.store, a)
		b.clock.Step(year)
		b.packet()
		if after, _, _ := lease.Get(t.Context(), b.store, a); after != before {
			t.Errorf("the lease is %+v, want %+v", after, before)
		}
	})
}

// TestBootAt1970 starts with the leases of a machine that has no clock of its
// own: the wall shows 1970 until NTP sets it, the leases are from 2000.
func TestBootAt1970(t *testing.T) {
	c := smallConfig()
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.168.1.100-192.168.1.107")
	lived := storedLease(testMAC, "192.168.1.100", -7200)          // 10 hours to go
	ended := storedLease(otherMAC, "192.168.1.101", -100*24*3600)  // since long
	gone := held(storedLease(otherMAC, "192.168.1.102", -43200-9)) // and held
	forever := lease.Lease{Addr: netip.MustParseAddr("192.168.1.103"), SubnetID: 1, HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:00:03"), Lifetime: lease.Infinite}
	promised := storedLease(lease.MustParseHardwareAddr("02:00:00:00:00:04"), "192.168.1.104", 0) // a week, before the configuration changed
	promised.Lifetime, promised.Expires = 7*24*time.Hour, seconds(7*24*3600)
	elsewhere := storedLease(lease.MustParseHardwareAddr("02:00:00:00:00:05"), "10.0.0.1", 0)
	elsewhere.SubnetID = 99
	leases := []lease.Lease{lived, ended, gone, forever, promised, elsewhere}
	boot := time.Date(1970, 1, 1, 0, 0, 7, 0, time.UTC)
	declined := lease.Lease{Addr: netip.MustParseAddr("192.168.1.106"), SubnetID: 1, State: lease.StateDeclined, Lifetime: time.Hour, Expires: seconds(3600)}
	leases = append(leases, declined)
	const longest, probation = 43200 * time.Second, 24 * time.Hour

	for _, before := range []bool{false, true} {
		t.Run(fmt.Sprintf("set before the first packet %v", before), func(t *testing.T) {
			withClock(t, c, boot, leases, func(t *testing.T, b *clockBed) {
				b.wantExpires(lived.Addr, longest)
				b.wantExpires(ended.Addr, longest)
				b.wantExpires(promised.Addr, 7*24*time.Hour)
				b.wantExpires(elsewhere.Addr, longest)
				b.wantExpires(declined.Addr, probation)
				if l, _, _ := lease.Get(t.Context(), b.store, forever.Addr); !l.Expires.IsZero() {
					t.Errorf("the infinite lease is %+v", l)
				}
				if l, _, _ := lease.Get(t.Context(), b.store, gone.Addr); !l.Expires.Equal(boot) || l.State != lease.StateExpiredReclaimed {
					t.Errorf("the held lease is %+v", l)
				}
				if !before {
					time.Sleep(100 * time.Second)
					b.packet()
					if ack, _, err := respond(t, b.srv, renewing(lived.Addr)); ack == nil || ack.Type() != dhcp4.TypeACK {
						t.Fatalf("renewal: %v, %v", ack, err)
					}
					b.wantExpires(lived.Addr, (100+43200)*time.Second)
				}
				b.clock.Step(seconds(0).Sub(boot)) // by NTP
				b.packet()
				b.wantExpires(ended.Addr, longest)
				b.wantExpires(promised.Addr, 7*24*time.Hour)
				if now := b.srv.Now(); now.Sub(b.clock.Wall()).Abs() > time.Second {
					t.Errorf("the Server's clock shows %v", now)
				}
				b.log.take()
				time.Sleep(30 * time.Hour)
				// Two that ended, or live for a week, or for ever.
				b.log.take()
				if n := b.store.Len(); n != 2 {
					t.Errorf("%d leases are left", n)
				}
				b.wantExpires(promised.Addr, 7*24*time.Hour)
				time.Sleep(7 * 24 * time.Hour)
				if n := b.store.Len(); n != 1 {
					t.Errorf("%d leases are left", n)
				}
			})
		})
	}
}

// A clock that is right cuts nothing, whatever was promised.
func TestNothingIsCutByAClockThatIsRight(t *testing.T) {
	l := storedLease(testMAC, "192.168.1.100", 0)
	l.Lifetime, l.Expires = 100*24*time.Hour, seconds(100*24*3600)
	withClock(t, smallConfig(), seconds(0), []lease.Lease{l}, func(t *testing.T, b *clockBed) {
		b.wantExpires(l.Addr, 100*24*time.Hour)
	})
}

// TestStepWhileClientsRenew has many leases in a slow store, whose clients
// renew, come and go while all are shifted; and the store fails now and then.
func TestStepWhileClientsRenew(t *testing.T) {
	const clients = 1000
	for _, step := range []time.Duration{year, -year} {
		t.Run(step.String(), func(t *testing.T) {
			c := testConfig()
			c.Subnets[0].Prefix = netip.MustParsePrefix("10.1.0.0/16")
			c.Subnets[0].Pools[0].Range = pool.MustParseRange("10.1.1.0-10.1.200.255")
			c.Subnets[0].Reservations = nil
			var mu sync.Mutex
			calls, failing := 0, false
			c.Leases = &leasetest.Hooks{BeforeUpdate: func(_ context.Context, cs []lease.Change) error {
				time.Sleep(time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				if calls++; failing && calls%7 == 0 && len(cs) > 1 { // not for one client
					return errors.New("planted")
				}
				return nil
			}}
			withClock(t, c, seconds(0), nil, func(t *testing.T, b *clockBed) {
				macs := make([]lease.HardwareAddr, clients)
				addrs := make([]netip.Addr, clients)
				promised := make([]time.Time, clients) // by the bubble's clock
				for i := range clients {
					macs[i] = lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:%02x:%02x", i>>8, i&0xff))
					addrs[i] = dora(t, b.srv, macs[i])
					promised[i] = time.Now().Add(43200 * time.Second)
				}
				mu.Lock()
				failing = true
				mu.Unlock()
				b.clock.Step(step)
				var all sync.WaitGroup
				for g := range 4 {
					all.Go(func() {
						for i := g; i < clients; i += 4 {
							asked := time.Now()
							ack, _, err := respond(t, b.srv, from(macs[i], renewing(addrs[i])))
							if ack == nil || ack.Type() != dhcp4.TypeACK {
								t.Errorf("renewal of client %d: %v, %v", i, ack, err)
								continue
							}
							promised[i] = asked.Add(43200 * time.Second)
							if i%10 == 0 {
								respond(t, b.srv, from(macs[i], releasing(addrs[i])))
								promised[i] = time.Time{}
							}
						}
					})
				}
				all.Wait()
				time.Sleep(10 * time.Minute) // for what failed
				synctest.Wait()
				if d := b.srv.Now().Sub(b.clock.Wall()); d != 0 {
					t.Fatalf("the Server's clock is %v ahead of the wall", d)
				}
				for i, a := range addrs {
					l, ok, err := lease.Get(t.Context(), b.store, a)
					if !ok || err != nil {
						t.Fatal(ok, err)
					}
					if (l.State == lease.StateReleased) != promised[i].IsZero() {
						t.Errorf("client %d: %+v", i, l)
					}
					if l.State == lease.StateReleased {
						continue
					}
					// The lease ends when the client was told, or a second later.
					if late := l.Expires.Sub(b.clock.Wall()) - time.Until(promised[i]); late < 0 || late > time.Second {
						t.Errorf("the lease of client %d ends %v later than promised", i, late)
					}
				}
			})
		})
	}
}
