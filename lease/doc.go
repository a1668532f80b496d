// Package lease defines what a DHCP server remembers about its clients: the
// Lease, the client's identifiers, the Store that keeps leases, and two Stores
// in memory: Memory, and Saver for programs that keep a file of their own.
//
// A Store compares revisions, never values, so any number of servers and tools
// can share one without a lock between them: read a lease, decide, and have
// the change refused if somebody else was faster.
//
//	var st lease.Memory
//	old, ok, err := lease.Get(ctx, &st, addr)
//	if err != nil || !ok {
//		return err
//	}
//	renewed := old
//	renewed.SetLifetime(now, 12*time.Hour)
//	err = lease.CompareAndSwap(ctx, &st, &old, &renewed)
//	if errors.Is(err, lease.ErrConflict) {
//		// Changed or deleted meanwhile: read it again.
//	}
//
// The package does not decide which lease is a given client's, hands out no
// addresses, has no clock and starts no goroutine. Package memfile keeps
// leases in Kea's file, and package leasetest checks a Store of one's own.
package lease
