package lease

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"time"
)

// ErrConflict is the Err of a Change that lost: the stored revision was not
// the one that Old carries, or Old was nil and the address has a lease.
var ErrConflict = errors.New("lease: conflict: another revision is stored")

// A Store holds the leases of one address space, keyed by address. It is safe
// for concurrent use. Find and Update take a whole slice so that a store
// across a network needs one round trip for a batch of packets.
//
// A Store has no clock: times arrive in Filter and Lease. There is no Close
// in the interface; who opened a store closes it.
//
// Package leasetest checks that an implementation keeps these promises.
type Store interface {
	// Find fills the Leases of every query. An error means that none of the
	// results may be used.
	Find(ctx context.Context, qs []Query) error

	// Update applies each change if and only if the stored revision is that
	// of its Old, in order and each by itself; Change.Err tells how each one
	// went. Of two changes of one address in one call the second conflicts,
	// whatever becomes of the first. The returned error means that the
	// outcome of all of them is unknown.
	Update(ctx context.Context, cs []Change) error

	// Sync returns nil when everything that Update (any caller's) did, and
	// everything that Find showed, before this call is as durable as the
	// store promises.
	Sync(ctx context.Context) error

	// Leases yields the leases that match f. A lease that exists and matches
	// throughout comes exactly once, even if it changes meanwhile. The loop
	// body may call the Store. An error ends the sequence. With
	// f.ExpiredBefore set the oldest come first, within the grain of one
	// minute.
	Leases(ctx context.Context, f Filter) iter.Seq2[Lease, error]
}

// A Query asks for every lease that has one of Addrs, or that belongs to
// ClientID or HardwareAddr (either one) in one of Subnets. Each matching
// lease is found once, expired ones too. An empty identifier matches nothing.
type Query struct {
	Addrs        []netip.Addr
	Subnets      []uint32 // If nil, all subnets; if empty, none. Does not restrict Addrs.
	ClientID     []byte   // borrowed for the call
	HardwareAddr HardwareAddr

	Leases []Lease // the result; its capacity is reused, its order unspecified
}

// A Change replaces, creates or deletes one lease. The Lease values belong to
// this Change; the store keeps no pointer to them after Update has returned.
type Change struct {
	// Old is what the caller saw, or nil: there is none, create it. Only
	// Addr and Revision count; a Revision of 0 always conflicts.
	Old *Lease
	// New is what shall be stored, or nil: delete. Update sets its Revision
	// if it applies the change.
	New *Lease

	// Err is set by Update: nil (applied), ErrConflict, or why the change is
	// impossible (what Check returns).
	Err error
}

// Addr returns the address that c is about, the zero Addr if c has neither Old
// nor New.
func (c *Change) Addr() netip.Addr {
	switch {
	case c.New != nil:
		return c.New.Addr
	case c.Old != nil:
		return c.Old.Addr
	}
	return netip.Addr{}
}

// Check returns why the change is impossible whatever is stored, or nil: it
// has neither Old nor New, they have different addresses, the address is not
// IPv4, or New.Check fails. Stores call it in Update, once for every change.
func (c *Change) Check() error {
	switch {
	case c.Old == nil && c.New == nil:
		return errors.New("lease: change has neither Old nor New")
	case c.Old != nil && c.New != nil && c.Old.Addr != c.New.Addr:
		return fmt.Errorf("lease: change from %v to %v: different addresses", c.Old.Addr, c.New.Addr)
	case c.New != nil:
		return c.New.Check()
	case !c.Old.Addr.Is4():
		return fmt.Errorf("lease: %v: not an IPv4 address", c.Old.Addr)
	}
	return nil
}

// A Filter selects leases; the zero Filter selects all of them.
type Filter struct {
	Subnet        uint32     // If zero, any.
	From, To      netip.Addr // Inclusive bounds. If invalid, unbounded.
	ExpiredBefore time.Time  // Only leases that expire before this moment, so none that are infinite. If zero, all.
	ExpiredSince  time.Time  // Of those, only leases that expire at this moment or later. Counts only with ExpiredBefore.
	Limit         int        // At most so many. If zero, all.
}
