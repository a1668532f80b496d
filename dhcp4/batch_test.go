package dhcp4_test

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"

	"github.com/google/go-cmp/cmp"
)

// serveTogether gives rs to the Server as one batch, and returns the types of
// the replies. Serve goes on until the test ends.
func (l *lab) serveTogether(rs ...request) []dhcp4.MessageType {
	l.t.Helper()
	inform := request{from: stranger("77"), typ: dhcp4.TypeInform, ciaddr: ".77"}
	// A loop reads the first packet alone, then two, then four.
	all := append([]request{inform, inform, inform}, rs...)
	if len(rs) > 4 {
		l.t.Fatal("they are no batch")
	}
	conn := &scriptConn{closed: make(chan struct{})}
	for _, r := range all {
		data, err := r.message().AppendBinary(nil)
		if err != nil {
			l.t.Fatal(err)
		}
		conn.packets = append(conn.packets, dhcp4.Packet{Data: data, Link: l.link})
	}
	var mu sync.Mutex
	var got []dhcp4.MessageType
	conn.wrote = func(types []dhcp4.MessageType) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, types...)
	}
	idle := make(chan struct{})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.srv.Serve(ctx, &idleConn{scriptConn: conn, idle: idle}) }()
	l.t.Cleanup(func() {
		stop()
		<-ended
	})
	<-idle
	mu.Lock()
	defer mu.Unlock()
	return slices.Clone(got[3:])
}

// An idleConn closes idle when all packets have been read and answered.
type idleConn struct {
	*scriptConn
	idle chan struct{}
}

func (c *idleConn) ReadBatch(ps []dhcp4.Packet) (int, error) {
	if c.given == len(c.packets) {
		close(c.idle)
	}
	return c.scriptConn.ReadBatch(ps)
}

// TestRenewalBehindReleaseInOneBatch: what is confirmed without a write is
// looked at again if the batch itself has changed it.
func TestRenewalBehindReleaseInOneBatch(t *testing.T) {
	l, st := cachingLab(t, nil)
	got := l.serveTogether(
		request{from: client1, typ: dhcp4.TypeRelease, ciaddr: ".100"},
		request{from: client1, typ: dhcp4.TypeRequest, ciaddr: ".100", unicast: true})
	if d := cmp.Diff([]dhcp4.MessageType{dhcp4.TypeACK}, got); d != "" {
		t.Fatalf("replies (-want +got):\n%s", d)
	}
	if row, ok, err := lease.Get(t.Context(), st, fullAddr(".100")); !ok || err != nil || !row.Active(time.Now()) {
		t.Errorf("the lease that was confirmed is %v, %v", row, err)
	}
}

// TestRenewalBehindMoveInOneBatch: a lease that the batch confirms is not
// deleted for the other one that the client takes in it.
func TestRenewalBehindMoveInOneBatch(t *testing.T) {
	l, st := cachingLab(t, nil)
	got := l.serveTogether(
		request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".120"},
		request{from: client1, typ: dhcp4.TypeRequest, ciaddr: ".100", unicast: true})
	if d := cmp.Diff([]dhcp4.MessageType{dhcp4.TypeACK, dhcp4.TypeACK}, got); d != "" {
		t.Fatalf("replies (-want +got):\n%s", d)
	}
	revision(t, st) // it is there
}

// lookedAt calls during once, in the middle of the next reading of all leases
// of a subnet.
type lookedAt struct {
	lease.Store
	during func()
}

func (s *lookedAt) Leases(ctx context.Context, f lease.Filter) iter.Seq2[lease.Lease, error] {
	return func(yield func(lease.Lease, error) bool) {
		if f.Subnet != 0 && f.ExpiredBefore.IsZero() && s.during != nil {
			during := s.during
			s.during = nil
			during()
		}
		s.Store.Leases(ctx, f)(yield)
	}
}

// TestReconfigureWhileThePoolIsCompared: what the Server knew about the pools
// before does not come back.
func TestReconfigureWhileThePoolIsCompared(t *testing.T) {
	st := &lookedAt{Store: new(lease.Memory)}
	c := labConfig()
	c.Leases = st
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.2.100-192.0.2.100")
	l := newLab(t, c)
	l.expect("the only one", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".100"}, ackOf(".100"))
	other := labConfig()
	other.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.2.110-192.0.2.119")
	st.during = func() { reconfigure(t, l.srv, other) }
	l.send(request{from: client2, typ: dhcp4.TypeDiscover})
	if st.during != nil {
		t.Fatal("the pool was not compared")
	}
	l.expect("the new pool", request{from: client2, typ: dhcp4.TypeDiscover}, offerOf(".110"))
	if _, total := l.srv.PoolCounts(1); total != 10 {
		t.Errorf("the pool has %d addresses, want 10", total)
	}
}

// TestRoomIsMadeWhereTheClientMayBe: the free addresses of a subnet that is
// not for it are no reason to look no further.
func TestRoomIsMadeWhereTheClientMayBe(t *testing.T) {
	c := labConfig()
	c.Lifetime = 100 * time.Second
	c.SharedNetworks = []dhcp4.SharedNetwork{{Name: "n"}}
	c.Subnets[0].SharedNetwork, c.Subnets[0].KnownOnly = "n", true
	c.Subnets = append(c.Subnets, dhcp4.Subnet{
		ID: 2, Prefix: netip.MustParsePrefix("198.51.100.0/24"), SharedNetwork: "n",
		Pools: []dhcp4.Pool{{Range: pool.MustParseRange("198.51.100.7-198.51.100.7")}},
	})
	l := newLab(t, c)
	l.now = time.Unix(2_000_000_000, 0) // so that no timer is due
	a, _ := l.send(request{from: client1, typ: dhcp4.TypeRequest})
	if a.Type != dhcp4.TypeACK {
		t.Fatalf("got %+v", a)
	}
	l.now = l.now.Add(200 * time.Second)
	if a, _ := l.send(request{from: client2, typ: dhcp4.TypeDiscover}); a.Type != dhcp4.TypeOffer {
		t.Errorf("got %+v, want an offer of the lease that has expired", a)
	}
}

// TestReplacedConfigurationIsForgotten has a Serve that is idle since.
func TestReplacedConfigurationIsForgotten(t *testing.T) {
	c := labConfig()
	var seen weak.Pointer[[1 << 20]byte]
	c.OptionsFunc, seen = func() (func(*dhcp4.Exchange) option.Options, weak.Pointer[[1 << 20]byte]) {
		large := new([1 << 20]byte)
		large[0] = 'x'
		return func(*dhcp4.Exchange) option.Options {
			return option.Options{option.DomainName.New(string(large[:1]))}
		}, weak.Make(large)
	}()
	l := newLab(t, c)
	l.serveTogether(request{from: client1, typ: dhcp4.TypeDiscover}, request{from: client2, typ: dhcp4.TypeDiscover})
	c.OptionsFunc = nil
	reconfigure(t, l.srv, c)
	for range 100 {
		if runtime.GC(); seen.Value() == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the old configuration is still there")
}

// A slowConn gives one packet after each call of the HostFinder.
type slowConn struct {
	*scriptConn
	asked chan struct{}
}

func (c *slowConn) ReadBatch(ps []dhcp4.Packet) (int, error) {
	if c.given > 0 && c.given < len(c.packets) {
		<-c.asked
	}
	return c.scriptConn.ReadBatch(ps[:1])
}

// TestAnswersOfTheHostFinderDoNotPileUp has a HostFinder that answers at once
// and a store that hangs.
func TestAnswersOfTheHostFinderDoNotPileUp(t *testing.T) {
	const packets, maxPending, batch = 240, 40, 32
	asked, hang := make(chan struct{}, packets), make(chan struct{})
	c := labConfig()
	c.MaxPending = maxPending
	c.Hosts = dhcp4.HostFinderFunc(func(context.Context, *dhcp4.Exchange) (*dhcp4.Reservation, error) {
		asked <- struct{}{}
		return nil, nil
	})
	c.Leases = &leasetest.Hooks{Store: new(lease.Memory), BeforeFind: func(context.Context, []lease.Query) error {
		<-hang
		return nil
	}}
	l := newLab(t, c)
	var replies atomic.Int64
	conn := &scriptConn{closed: make(chan struct{}), wrote: func(types []dhcp4.MessageType) { replies.Add(int64(len(types))) }}
	for i := range packets {
		r := request{from: stranger(fmt.Sprintf("%02x", i)), typ: dhcp4.TypeRequest, server: "us", asks: ".100"}
		data, err := r.message().AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		conn.packets = append(conn.packets, dhcp4.Packet{Data: data, Link: l.link})
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- l.srv.Serve(ctx, &slowConn{conn, asked}) }()
	full := func() int64 { return int64(l.srv.Count(dhcp4.ReasonPendingFull)) }
	for deadline := time.Now().Add(10 * time.Second); full() < packets-batch-2*maxPending && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	close(hang)
	for deadline := time.Now().Add(time.Minute); replies.Load()+full() < packets && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	stop()
	<-ended
	if n := replies.Load(); n > batch+2*maxPending {
		t.Errorf("%d packets have been kept", n)
	}
	if n := replies.Load() + full(); n != packets {
		t.Errorf("%d packets are accounted for, want %d", n, packets)
	}
}

// TestReconfigureWhileTheStoreIsAsked: an exchange that began by the old
// configuration gets nothing from the new one's pools.
func TestReconfigureWhileTheStoreIsAsked(t *testing.T) {
	for _, r := range []request{
		{from: client1, typ: dhcp4.TypeDiscover},
		{from: client1, typ: dhcp4.TypeRequest},
		{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: "192.0.2.40"},
	} {
		var during func()
		c := labConfig()
		c.Leases = &leasetest.Hooks{Store: new(lease.Memory), BeforeFind: func(context.Context, []lease.Query) error {
			if f := during; f != nil {
				during = nil
				f()
			}
			return nil
		}}
		l := newLab(t, c)
		other := labConfig()
		other.Subnets[0].Prefix = netip.MustParsePrefix("192.0.0.0/22")
		other.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.2.40-192.0.2.49")
		during = func() { reconfigure(t, l.srv, other) }
		if a, m := l.send(r); m != nil && a.Type != dhcp4.TypeNAK {
			mask, _, _ := option.SubnetMask.Get(m.Options)
			t.Errorf("%v: got %v %s with the mask %v", r.typ, a.Type, a.Addr, mask)
		}
		if a, _ := l.send(request{from: client1, typ: dhcp4.TypeDiscover}); a.Addr != ".40" {
			t.Errorf("%v: then %+v", r.typ, a)
		}
	}
}
