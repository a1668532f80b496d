package lease

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// A SubnetCheck says what CheckSubnets does about a lease whose subnet is
// wrong, as Kea's sanity-checks.lease-checks.
type SubnetCheck uint8

// The checks.
const (
	CheckNone      SubnetCheck = iota // does nothing at all
	CheckWarn                         // tells
	CheckFix                          // gives the lease to the subnet that has its address; if none has, tells
	CheckFixDelete                    // gives it to that subnet; if none has it, deletes it
	CheckDelete                       // deletes it
)

var checkNames = [...]string{"none", "warn", "fix", "fix-del", "del"}

// String returns the name that Kea uses for the check.
func (c SubnetCheck) String() string {
	if int(c) < len(checkNames) {
		return checkNames[c]
	}
	return fmt.Sprintf("SubnetCheck(%d)", uint8(c))
}

// ParseSubnetCheck returns the check that has Kea's name s.
func ParseSubnetCheck(s string) (SubnetCheck, error) {
	for c, name := range checkNames {
		if s == name {
			return SubnetCheck(c), nil
		}
	}
	return 0, fmt.Errorf("lease: check %q is none of none, warn, fix, fix-del and del", s)
}

// A SubnetFault is a lease that CheckSubnets has found.
type SubnetFault struct {
	Lease    Lease  // as it was
	SubnetID uint32 // the smallest subnet that has its address, or zero
	Fixed    bool   // it is in that subnet now
	Deleted  bool
}

// CheckSubnets looks for leases whose subnet is not among subnets, prefixes by
// id, or does not have their address, and does with each what how says. A
// server calls it before it serves, for its configuration may have changed
// since it wrote the leases. A lease that is given to another subnet loses its
// PoolID.
//
// Changes go to st in small batches, and to the disk at the end. After each
// batch report, which may be nil, is called for the leases in it. A lease that
// somebody changes meanwhile is looked at again. The error is that of the
// store; what was reported before has happened, but need not be durable.
func CheckSubnets(ctx context.Context, st Store, subnets map[uint32]netip.Prefix, how SubnetCheck, report func(SubnetFault)) error {
	if how == CheckNone {
		return nil
	}
	if report == nil {
		report = func(SubnetFault) {}
	}
	c := subnetChecker{st: st, subnets: subnets, how: how, report: report, byPrefix: make(map[netip.Prefix]uint32, len(subnets))}
	for id, p := range subnets {
		c.byPrefix[p.Masked()] = id
	}
	for l, err := range st.Leases(ctx, Filter{}) {
		if err != nil {
			return fmt.Errorf("lease: check of subnets: %w", err)
		}
		if c.add(l); len(c.faults) == checkBatch {
			if err := c.apply(ctx); err != nil {
				return err
			}
		}
	}
	if err := c.apply(ctx); err != nil || !c.changed {
		return err
	}
	return st.Sync(ctx)
}

const (
	checkBatch   = 64
	checkRetries = 16 // of a lease that others change meanwhile
)

type subnetChecker struct {
	st       Store
	subnets  map[uint32]netip.Prefix
	byPrefix map[netip.Prefix]uint32
	how      SubnetCheck
	report   func(SubnetFault)

	faults  []SubnetFault // to be dealt with
	changed bool
}

// add notes l if its subnet is wrong.
func (c *subnetChecker) add(l Lease) {
	if p, ok := c.subnets[l.SubnetID]; ok && p.Contains(l.Addr) {
		return
	}
	f := SubnetFault{Lease: l, SubnetID: c.subnetOf(l.Addr)}
	f.Fixed = f.SubnetID != 0 && (c.how == CheckFix || c.how == CheckFixDelete)
	f.Deleted = c.how == CheckDelete || c.how == CheckFixDelete && !f.Fixed
	c.faults = append(c.faults, f)
}

// subnetOf returns the subnet with the longest prefix that has a.
func (c *subnetChecker) subnetOf(a netip.Addr) uint32 {
	for bits := a.BitLen(); bits >= 0; bits-- {
		if p, err := a.Prefix(bits); err == nil {
			if id, ok := c.byPrefix[p]; ok {
				return id
			}
		}
	}
	return 0
}

// apply makes the changes that the faults need, and reports them.
func (c *subnetChecker) apply(ctx context.Context) error {
	for range checkRetries {
		var again []SubnetFault
		changes := c.changes()
		if len(changes) > 0 {
			if err := c.st.Update(ctx, changes); err != nil {
				return fmt.Errorf("lease: check of subnets: %w", err)
			}
		}
		for _, f := range c.faults {
			var err error
			if f.Fixed || f.Deleted {
				err, changes = changes[0].Err, changes[1:]
			}
			switch {
			case err == nil:
				c.changed = c.changed || f.Fixed || f.Deleted
				c.report(f)
			case errors.Is(err, ErrConflict):
				again = append(again, f)
			default:
				return fmt.Errorf("lease: check of the subnet of %v: %w", f.Lease.Addr, err)
			}
		}
		c.faults = c.faults[:0]
		for _, f := range again {
			l, ok, err := Get(ctx, c.st, f.Lease.Addr)
			if err != nil {
				return fmt.Errorf("lease: check of subnets: %w", err)
			}
			if ok {
				c.add(l)
			}
		}
		if len(c.faults) == 0 {
			return nil
		}
	}
	return fmt.Errorf("lease: check of the subnet of %v: %w", c.faults[0].Lease.Addr, ErrConflict)
}

func (c *subnetChecker) changes() []Change {
	var cs []Change
	for i := range c.faults {
		f := &c.faults[i]
		old := f.Lease
		switch {
		case f.Fixed:
			next := old
			next.SubnetID, next.PoolID = f.SubnetID, 0
			cs = append(cs, Change{Old: &old, New: &next})
		case f.Deleted:
			cs = append(cs, Change{Old: &old})
		}
	}
	return cs
}
