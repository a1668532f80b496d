package dhcp4_test

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// from makes m a message of the client with that hardware address.
func from(mac lease.HardwareAddr, m *dhcp4.Message) *dhcp4.Message {
	m.HardwareAddr = mac
	return m
}

// selecting is the REQUEST that follows an OFFER of addr.
func selecting(addr netip.Addr) *dhcp4.Message {
	return message(dhcp4.TypeRequest, option.DHCPServerIdentifier.New(serverID), option.DHCPRequestedAddress.New(addr))
}

// renewing is the REQUEST that extends the lease of addr.
func renewing(addr netip.Addr) *dhcp4.Message {
	m := message(dhcp4.TypeRequest)
	m.CIAddr = addr
	return m
}

// releasing and declining give addr up.
func releasing(addr netip.Addr) *dhcp4.Message {
	m := message(dhcp4.TypeRelease, option.DHCPServerIdentifier.New(serverID))
	m.CIAddr = addr
	return m
}

func declining(addr netip.Addr) *dhcp4.Message {
	return message(dhcp4.TypeDecline, option.DHCPServerIdentifier.New(serverID), option.DHCPRequestedAddress.New(addr))
}

// smallConfig is the tutorial network with two addresses to give.
func smallConfig() dhcp4.Config {
	c := testConfig()
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.168.1.100-192.168.1.101")
	return c
}

// An eventLog is what one listener got.
type eventLog struct {
	mu     sync.Mutex
	events []dhcp4.Event
}

// listenTo listens until the Server is closed or ctx ends.
func listenTo(ctx context.Context, s *dhcp4.Server) *eventLog {
	l := new(eventLog)
	events := s.Events(ctx)
	go func() {
		for e := range events {
			l.mu.Lock()
			l.events = append(l.events, e)
			l.mu.Unlock()
		}
	}()
	return l
}

// take returns the events since the last call.
func (l *eventLog) take() []dhcp4.Event {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.events
	l.events = nil
	return events
}

// want checks the events since the last call, and that their numbers have no
// gap.
func (l *eventLog) want(t *testing.T, first uint64, want ...dhcp4.Event) {
	t.Helper()
	for i := range want {
		want[i].Seq = first + uint64(i)
	}
	diff := cmp.Diff(want, l.take(), cmpopts.EquateComparable(netip.Addr{}, lease.HardwareAddr{}, lease.ClientID{}),
		cmpopts.IgnoreFields(lease.Lease{}, "Revision"), cmpopts.EquateEmpty(), cmpopts.EquateErrors())
	if diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func wantFree(t *testing.T, s *dhcp4.Server, want int) {
	t.Helper()
	if free, _ := s.PoolCounts(1); free != want {
		t.Errorf("%d addresses are free, want %d", free, want)
	}
}

// seconds is the time since the bubble began.
func seconds(n int) time.Time {
	return time.Date(2000, 1, 1, 0, 0, n, 0, time.UTC)
}

func storedLease(mac lease.HardwareAddr, addr string, since int) lease.Lease {
	return lease.Lease{
		Addr: netip.MustParseAddr(addr), SubnetID: 1, HardwareAddr: mac,
		Lifetime: 43200 * time.Second, Expires: seconds(since + 43200),
	}
}

// held is what is left of a lease that expired.
func held(l lease.Lease) lease.Lease {
	l.State = lease.StateExpiredReclaimed
	return l
}

// released is what is left of a lease that its client gave back.
func released(l lease.Lease, at int) lease.Lease {
	l.State, l.Expires, l.Lifetime = lease.StateReleased, seconds(at), time.Second
	return l
}

func TestLeaseEndsAtItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, smallConfig())
		log := listenTo(t.Context(), s)
		first, renewed := storedLease(testMAC, "192.168.1.100", 0), storedLease(testMAC, "192.168.1.100", 1000)
		other := storedLease(otherMAC, "192.168.1.101", 500)

		a := dora(t, s, testMAC)
		log.want(t, 1, dhcp4.Event{Kind: dhcp4.EventAllocated, Time: seconds(0), New: first})
		time.Sleep(500 * time.Second)
		dora(t, s, otherMAC)
		log.want(t, 2, dhcp4.Event{Kind: dhcp4.EventAllocated, Time: seconds(500), New: other})
		time.Sleep(500 * time.Second)
		if ack, _, err := respond(t, s, renewing(a)); ack == nil || ack.Type() != dhcp4.TypeACK {
			t.Fatalf("renewal: %v, %v", ack, err)
		}
		log.want(t, 3, dhcp4.Event{Kind: dhcp4.EventRenewed, Time: seconds(1000), Old: first, New: renewed})

		time.Sleep(time.Until(seconds(43700)) - 1)
		log.want(t, 4)
		wantFree(t, s, 0)
		time.Sleep(time.Nanosecond)
		log.want(t, 4, dhcp4.Event{Kind: dhcp4.EventExpired, Time: seconds(43700), Old: other, New: held(other)})
		wantFree(t, s, 1)
		time.Sleep(500 * time.Second)
		log.want(t, 5, dhcp4.Event{Kind: dhcp4.EventExpired, Time: seconds(44200), Old: renewed, New: held(renewed)})
		wantFree(t, s, 2)
	})
}

func TestReleasedAddressIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, smallConfig())
		log := listenTo(t.Context(), s)
		l := storedLease(testMAC, "192.168.1.100", 0)
		a := dora(t, s, testMAC)
		if _, _, err := respond(t, s, releasing(a)); err != dhcp4.ReasonUnanswered {
			t.Errorf("RELEASE: %v", err)
		}
		log.want(t, 1, dhcp4.Event{Kind: dhcp4.EventAllocated, Time: seconds(0), New: l},
			dhcp4.Event{Kind: dhcp4.EventReleased, Time: seconds(0), Old: l, New: released(l, 0)})
		wantFree(t, s, 2)
	})
}

func TestDeclinedAddressIsBackAfterProbation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, smallConfig())
		log := listenTo(t.Context(), s)
		l := storedLease(testMAC, "192.168.1.100", 0)
		declined := lease.Lease{
			Addr: l.Addr, SubnetID: 1, State: lease.StateDeclined,
			Lifetime: 24 * time.Hour, Expires: seconds(10 + 86400),
		}
		a := dora(t, s, testMAC)
		time.Sleep(10 * time.Second)
		if _, _, err := respond(t, s, declining(a)); err != dhcp4.ReasonUnanswered {
			t.Errorf("DECLINE: %v", err)
		}
		log.want(t, 1, dhcp4.Event{Kind: dhcp4.EventAllocated, Time: seconds(0), New: l},
			dhcp4.Event{Kind: dhcp4.EventDeclined, Time: seconds(10), Old: l, New: declined})
		if b := dora(t, s, testMAC); b == a {
			t.Errorf("the client got %v again", b)
		}
		if offer, _, err := respond(t, s, from(otherMAC, message(dhcp4.TypeDiscover))); offer != nil || err != dhcp4.ReasonNoAddress {
			t.Errorf("another client was offered %v, %v", offer, err)
		}
		time.Sleep(time.Until(seconds(10+86400)) - 1)
		wantFree(t, s, 1) // of the client's second lease
		log.take()
		time.Sleep(time.Nanosecond)
		log.want(t, 6, dhcp4.Event{Kind: dhcp4.EventReclaimed, Time: seconds(10 + 86400), Old: declined})
		if got := dora(t, s, otherMAC); got != a && got != netip.MustParseAddr("192.168.1.101") {
			t.Errorf("another client got %v", got)
		}
	})
}

func TestClientThatMovesGivesItsOldAddressBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, smallConfig())
		log := listenTo(t.Context(), s)
		dora(t, s, testMAC)
		log.take()
		moved := storedLease(testMAC, "192.168.1.101", 0)
		if ack, _, err := respond(t, s, selecting(moved.Addr)); ack == nil || ack.Type() != dhcp4.TypeACK {
			t.Fatalf("REQUEST for another address: %v, %v", ack, err)
		}
		log.want(t, 2, dhcp4.Event{Kind: dhcp4.EventAllocated, Time: seconds(0), New: moved},
			dhcp4.Event{Kind: dhcp4.EventReclaimed, Time: seconds(0), Old: storedLease(testMAC, "192.168.1.100", 0)})
		wantFree(t, s, 1)
	})
}

func TestFailedMoveKeepsTheOldAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := false
		store := new(lease.Memory)
		c := smallConfig()
		c.Leases = &leasetest.Hooks{Store: store, BeforeUpdate: func(_ context.Context, cs []lease.Change) error {
			if fail && cs[0].New != nil {
				return errors.New("planted")
			}
			return nil
		}}
		s := newServer(t, c)
		a := dora(t, s, testMAC)
		fail = true
		if ack, _, err := respond(t, s, selecting(a.Next())); ack != nil || err != dhcp4.ReasonStoreFailed {
			t.Errorf("REQUEST for another address: %v, %v", ack, err)
		}
		if _, ok, err := lease.Get(t.Context(), store, a); !ok || err != nil {
			t.Errorf("the lease of %v is gone, %v", a, err)
		}
	})
}

// Events tell what is durable, so there are none of what Sync did not confirm.
func TestNoEventWithoutSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := false
		planted := errors.New("planted")
		c := smallConfig()
		c.Leases = &leasetest.Hooks{Store: new(lease.Memory), BeforeSync: func(context.Context) error {
			if fail {
				return planted
			}
			return nil
		}}
		s := newServer(t, c)
		dora(t, s, testMAC)
		log := listenTo(t.Context(), s)
		fail = true
		if ack, _, err := respond(t, s, selecting(netip.MustParseAddr("192.168.1.101"))); ack != nil || err != dhcp4.ReasonStoreFailed {
			t.Errorf("REQUEST: %v, %v", ack, err)
		}
		log.want(t, 2, dhcp4.Event{Kind: dhcp4.EventStoreFailed, Time: seconds(0), Err: planted})
	})
}

func TestOfferKeepsAddressForItsLifetime(t *testing.T) {
	hint := netip.MustParseAddr("192.168.1.100")
	asks := func(t *testing.T, s *dhcp4.Server, mac lease.HardwareAddr) netip.Addr {
		offer, _, err := respond(t, s, from(mac, message(dhcp4.TypeDiscover, option.DHCPRequestedAddress.New(hint))))
		if offer == nil {
			t.Fatal(err)
		}
		return offer.YIAddr
	}
	for _, tt := range []struct {
		name string
		wait time.Duration
		free bool
	}{
		{"just before its end", 60*time.Second - 1, false},
		{"at its end", 60 * time.Second, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, smallConfig())
				if got := asks(t, s, testMAC); got != hint {
					t.Fatalf("offered %v, want %v", got, hint)
				}
				time.Sleep(tt.wait)
				if got := asks(t, s, otherMAC); (got == hint) != tt.free {
					t.Errorf("the other client was offered %v", got)
				}
			})
		})
	}
}

func TestOfferIsOverWhenItsTimeIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, smallConfig())
		if offer, _, err := respond(t, s, message(dhcp4.TypeDiscover)); offer == nil {
			t.Fatal(err)
		}
		wantFree(t, s, 1)
		time.Sleep(60 * time.Second)
		synctest.Wait()
		wantFree(t, s, 2)
	})
}

func TestExpiryTriesAgainWhenTheStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := 2
		planted := errors.New("planted")
		c := smallConfig()
		c.Leases = &leasetest.Hooks{Store: new(lease.Memory), BeforeUpdate: func(_ context.Context, cs []lease.Change) error {
			if cs[0].Old != nil && fails > 0 {
				fails--
				return planted
			}
			return nil
		}}
		s := newServer(t, c)
		dora(t, s, testMAC)
		log := listenTo(t.Context(), s)
		time.Sleep(43200*time.Second + 2*time.Minute)
		l := storedLease(testMAC, "192.168.1.100", 0)
		log.want(t, 2,
			dhcp4.Event{Kind: dhcp4.EventStoreFailed, Time: seconds(43200), Err: planted},
			dhcp4.Event{Kind: dhcp4.EventStoreRecovered, Time: seconds(43200 + 10 + 20)},
			dhcp4.Event{Kind: dhcp4.EventExpired, Time: seconds(43200 + 10 + 20), Old: l, New: held(l)})
	})
}

func TestServerLearnsWhatIsDueFromTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := storedLease(testMAC, "192.168.1.100", 0)
		store := new(lease.Memory)
		if err := store.Put(l); err != nil {
			t.Fatal(err)
		}
		c := smallConfig()
		c.Leases = store
		s := newServer(t, c)
		log := listenTo(t.Context(), s)
		wantFree(t, s, 1)
		time.Sleep(43200 * time.Second)
		log.want(t, 1, dhcp4.Event{Kind: dhcp4.EventExpired, Time: seconds(43200), Old: l, New: held(l)})
		wantFree(t, s, 2)
	})
}

// Config.Now is the clock of the leases; durations are those of the bubble.
func TestLeasesEndByTheServersClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := smallConfig()
		c.Now = func() time.Time { return time.Now().Add(1000 * time.Hour) }
		s := newServer(t, c)
		log := listenTo(t.Context(), s)
		dora(t, s, testMAC)
		time.Sleep(43200 * time.Second)
		l := storedLease(testMAC, "192.168.1.100", 1000*3600)
		log.want(t, 1, dhcp4.Event{Kind: dhcp4.EventAllocated, Time: seconds(1000 * 3600), New: l},
			dhcp4.Event{Kind: dhcp4.EventExpired, Time: seconds(1000*3600 + 43200), Old: l, New: held(l)})
	})
}

func TestSlowListenerSeesJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, testConfig())
		a := dora(t, s, testMAC) // nobody listens yet
		const events = 3000
		slow := s.Events(t.Context())
		quick := listenTo(t.Context(), s)
		for range events {
			if ack, _, err := respond(t, s, renewing(a)); ack == nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		got := quick.take()
		for i, e := range got {
			if e.Seq != uint64(2+i) {
				t.Fatalf("the quick listener got event %d after %d others", e.Seq, i)
			}
		}
		if len(got) != events {
			t.Errorf("the quick listener got %d events, want %d", len(got), events)
		}
		s.Close() // what happened before is still to be had
		next := uint64(1 + events - 1024 + 1)
		for e := range slow {
			if e.Seq != next {
				t.Fatalf("the slow listener got event %d, want %d", e.Seq, next)
			}
			next++
		}
		if next != 1+events+1 {
			t.Errorf("the slow listener got events up to %d, want %d", next-1, 1+events)
		}
	})
}

func TestContextEndsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, testConfig())
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for range s.Events(ctx) {
			}
		}()
		stays := listenTo(t.Context(), s)
		synctest.Wait()
		cancel()
		<-ended
		for range s.Events(ctx) {
			t.Error("an event from a context that has ended")
		}
		dora(t, s, testMAC)
		stays.want(t, 1, dhcp4.Event{Kind: dhcp4.EventAllocated, Time: seconds(0), New: storedLease(testMAC, "192.168.1.100", 0)})
		s.Close()
		for range s.Events(context.Background()) {
			t.Error("an event from a Server that is closed")
		}
	})
}

func TestListenerMayStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, testConfig())
		events := s.Events(t.Context())
		dora(t, s, testMAC)
		for e := range events {
			if e.Kind != dhcp4.EventAllocated {
				t.Errorf("got %v", e.Kind)
			}
			break
		}
		dora(t, s, otherMAC)
		later := listenTo(t.Context(), s)
		respond(t, s, renewing(netip.MustParseAddr("192.168.1.100")))
		if got := later.take(); len(got) != 1 || got[0].Seq != 3 {
			t.Errorf("a later listener got %+v", got)
		}
	})
}
