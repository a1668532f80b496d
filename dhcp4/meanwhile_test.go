package dhcp4_test

import (
	"context"
	"iter"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/pool"
)

// afterLeases calls then, once, when all leases have been read.
type afterLeases struct {
	lease.Store
	then func()
}

func (s *afterLeases) Leases(ctx context.Context, f lease.Filter) iter.Seq2[lease.Lease, error] {
	return func(yield func(lease.Lease, error) bool) {
		for l, err := range s.Store.Leases(ctx, f) {
			if !yield(l, err) {
				return
			}
		}
		if then := s.then; then != nil && f.ExpiredBefore.IsZero() {
			s.then = nil
			then()
		}
	}
}

// What clients get and give back while Reconfigure reads the leases counts.
func TestLeasesThatChangeDuringReconfigureAreCounted(t *testing.T) {
	st := &afterLeases{Store: new(lease.Memory)}
	c := labConfig()
	c.Leases, c.HoldReclaimed = st, -1
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.2.100-192.0.2.102")
	l := newLab(t, c)
	take := func(n, a string) {
		l.expect(n, request{from: stranger(n), typ: dhcp4.TypeRequest, server: "us", asks: a}, ackOf(a))
	}
	take("0a", ".100")
	st.then = func() {
		take("0b", ".101")
		take("0c", ".102")
		l.send(request{from: stranger("0a"), typ: dhcp4.TypeRelease, server: "us", ciaddr: ".100"})
	}
	if err := l.srv.Reconfigure(c); err != nil {
		t.Fatal(err)
	}
	if free, _ := l.srv.PoolCounts(1); free != 1 {
		t.Errorf("%d addresses are free, want 1", free)
	}
	l.expect("what is free", request{from: stranger("0d"), typ: dhcp4.TypeDiscover}, offerOf(".100"))
}

// A full pool makes the Server compare it with the store. What clients give
// back meanwhile is free.
func TestLeaseThatEndsWhileAFullPoolIsReadIsFree(t *testing.T) {
	st := &afterLeases{Store: new(lease.Memory)}
	c := labConfig()
	c.Leases, c.HoldReclaimed = st, -1
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.2.100-192.0.2.101")
	l := newLab(t, c)
	for n, a := range map[string]string{"0a": ".100", "0b": ".101"} {
		l.expect(n, request{from: stranger(n), typ: dhcp4.TypeRequest, server: "us", asks: a}, ackOf(a))
	}
	st.then = func() {
		respondOn(t, l, (&request{from: stranger("0a"), typ: dhcp4.TypeRelease, server: "us", ciaddr: ".100"}).message())
	}
	_, offer, err := respondOn(t, l, (&request{from: stranger("0c"), typ: dhcp4.TypeDiscover}).message())
	if offer == nil || offer.YIAddr != fullAddr(".100") {
		t.Errorf("%v, %v", offer, err)
	}
}
