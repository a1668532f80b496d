package memfile

import (
	"context"
	"iter"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
)

// Stores with planted bugs, for the simulation to find.

// ackBeforeSync confirms what is not yet durable.
func ackBeforeSync(st lease.Store) lease.Store { return unsynced{st} }

type unsynced struct{ lease.Store }

func (u unsynced) Sync(context.Context) error { return nil }

// expiryTooEarly stores the end of each lease a second before the one promised.
func expiryTooEarly(st lease.Store) lease.Store {
	return &leasetest.Hooks{Store: st, BeforeUpdate: func(_ context.Context, cs []lease.Change) error {
		for i := range cs {
			if l := cs[i].New; l != nil {
				l.Expires = l.Expires.Add(-time.Second)
			}
		}
		return nil
	}}
}

// expiredTooSoon shows leases as expired in the minute before their end.
func expiredTooSoon(st lease.Store) lease.Store { return soon{st} }

type soon struct{ lease.Store }

func (s soon) Leases(ctx context.Context, f lease.Filter) iter.Seq2[lease.Lease, error] {
	if !f.ExpiredBefore.IsZero() {
		f.ExpiredBefore = f.ExpiredBefore.Add(time.Minute)
	}
	return s.Store.Leases(ctx, f)
}

// offerAsLease takes the offer, which is volatile, for the lease: a new lease is
// kept beside the store until the client renews it.
func offerAsLease(st lease.Store) lease.Store { return &offering{Store: st} }

type offering struct {
	lease.Store
	offers lease.Memory
}

func (o *offering) Find(ctx context.Context, qs []lease.Query) error {
	if err := o.Store.Find(ctx, qs); err != nil {
		return err
	}
	for i := range qs {
		q := qs[i]
		q.Leases = nil
		more := []lease.Query{q}
		if err := o.offers.Find(ctx, more); err != nil {
			return err
		}
		qs[i].Leases = append(qs[i].Leases, more[0].Leases...)
	}
	return nil
}

func (o *offering) Leases(ctx context.Context, f lease.Filter) iter.Seq2[lease.Lease, error] {
	return func(yield func(lease.Lease, error) bool) {
		for _, st := range []lease.Store{o.Store, &o.offers} {
			for l, err := range st.Leases(ctx, f) {
				if !yield(l, err) {
					return
				}
			}
		}
	}
}

func (o *offering) Update(ctx context.Context, cs []lease.Change) error {
	for i := range cs {
		if err := o.change(ctx, cs[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (o *offering) change(ctx context.Context, c []lease.Change) error {
	_, stored, err := lease.Get(ctx, o.Store, c[0].Addr())
	switch {
	case err != nil:
		return err
	case stored:
		return o.Store.Update(ctx, c)
	case c[0].Old == nil || c[0].New == nil:
		return o.offers.Update(ctx, c)
	}
	old := []lease.Change{{Old: c[0].Old}}
	if err := o.offers.Update(ctx, old); err != nil || old[0].Err != nil {
		c[0].Err = old[0].Err
		return err
	}
	renewed := []lease.Change{{New: c[0].New}}
	err = o.Store.Update(ctx, renewed)
	c[0].Err = renewed[0].Err
	return err
}
