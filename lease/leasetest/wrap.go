package leasetest

import (
	"context"
	"errors"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// Hooks is a Store around another one with functions that see every call and
// may make it fail. Functions that are nil do nothing. They are called without
// a lock, by as many goroutines as call the Store, and must not be replaced
// meanwhile.
//
// A call whose Before function returns an error fails with it and does not
// reach the store. An After function gets what the store said and returns what
// the caller is told; an error made up in AfterUpdate is a change that was
// made although the caller cannot know, like a reply lost on the network.
type Hooks struct {
	lease.Store

	BeforeFind   func(ctx context.Context, qs []lease.Query) error
	AfterFind    func(ctx context.Context, qs []lease.Query, err error) error
	BeforeUpdate func(ctx context.Context, cs []lease.Change) error
	AfterUpdate  func(ctx context.Context, cs []lease.Change, err error) error
	BeforeSync   func(ctx context.Context) error
	AfterSync    func(ctx context.Context, err error) error
}

// Find calls BeforeFind, the store's Find and AfterFind.
func (h *Hooks) Find(ctx context.Context, qs []lease.Query) error {
	return around(ctx, qs, h.BeforeFind, h.Store.Find, h.AfterFind)
}

// Update calls BeforeUpdate, the store's Update and AfterUpdate.
func (h *Hooks) Update(ctx context.Context, cs []lease.Change) error {
	return around(ctx, cs, h.BeforeUpdate, h.Store.Update, h.AfterUpdate)
}

// Sync calls BeforeSync, the store's Sync and AfterSync.
func (h *Hooks) Sync(ctx context.Context) error {
	if h.BeforeSync != nil {
		if err := h.BeforeSync(ctx); err != nil {
			return err
		}
	}
	err := h.Store.Sync(ctx)
	if h.AfterSync != nil {
		err = h.AfterSync(ctx, err)
	}
	return err
}

func around[T any](ctx context.Context, v T, before, call func(context.Context, T) error,
	after func(context.Context, T, error) error) error {
	if before != nil {
		if err := before(ctx, v); err != nil {
			return err
		}
	}
	err := call(ctx, v)
	if after != nil {
		err = after(ctx, v, err)
	}
	return err
}

// Slow returns a Store that takes d longer for each Find, Update and Sync, as
// one across a network does. When ctx ends first, the call fails with its
// cause and does not reach st. In a testing/synctest bubble the time is
// virtual. Leases is passed through.
func Slow(st lease.Store, d time.Duration) lease.Store {
	wait := func(ctx context.Context) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return &Hooks{
		Store:        st,
		BeforeFind:   func(ctx context.Context, _ []lease.Query) error { return wait(ctx) },
		BeforeUpdate: func(ctx context.Context, _ []lease.Change) error { return wait(ctx) },
		BeforeSync:   wait,
	}
}

// Unchecked returns a Store with a planted bug: its Update does not compare
// revisions but makes every possible change, whatever is stored. It is there
// to show that a test finds what two servers on such a store would do.
func Unchecked(st lease.Store) lease.Store { return unchecked{st} }

type unchecked struct{ lease.Store }

func (u unchecked) Update(ctx context.Context, cs []lease.Change) error {
	for i := range cs {
		c := &cs[i]
		if c.Err = c.Check(); c.Err != nil {
			continue
		}
		if err := u.force(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// force makes a change based on what is stored now, until it succeeds.
func (u unchecked) force(ctx context.Context, c *lease.Change) error {
	for {
		have, ok, err := lease.Get(ctx, u.Store, c.Addr())
		if err != nil {
			return err
		}
		forced := []lease.Change{{New: c.New}}
		if ok {
			forced[0].Old = &have
		} else if c.New == nil {
			return nil // nothing to delete
		}
		if err := u.Store.Update(ctx, forced); err != nil {
			return err
		}
		if c.Err = forced[0].Err; !errors.Is(c.Err, lease.ErrConflict) {
			return nil
		}
	}
}
