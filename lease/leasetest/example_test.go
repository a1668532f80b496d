package leasetest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
)

// The reply to an Update is lost: the change was made, and the caller must not
// believe that it was not.
func ExampleHooks() {
	ctx := context.Background()
	st := &leasetest.Hooks{
		Store: new(lease.Memory),
		AfterUpdate: func(context.Context, []lease.Change, error) error {
			return errors.New("connection reset")
		},
	}
	l := newLease()
	fmt.Println(lease.CompareAndSwap(ctx, st, nil, &l))
	_, ok, err := lease.Get(ctx, st, l.Addr)
	fmt.Println(ok, err)
	// Output:
	// connection reset
	// true <nil>
}
