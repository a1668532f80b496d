// Package pool proposes free IPv4 addresses out of ranges, in constant time
// however full they are.
//
//	a, err := pool.New(pool.LeastRecentlyUsed, pool.MustParseRange("192.168.1.100-192.168.1.200"))
//	if err != nil {
//		return err
//	}
//	a.Take(printer)                // an exclusion, or a lease read at start
//	ip, ok := a.Next(wish, seed)   // wish if it is free, else a free address by the order
//	if !ok {
//		return errNoneFree
//	}
//	a.Release(ip)                  // when the lease ended, or never came to be
//
// A proposal is a hint. The Allocator keeps one program's offers and leases
// apart; only the lease store can tell whether an address is free for all
// programs that share it. When the store knows better, say so with Conflict.
//
// The package does not know clients, leases or time, keeps nothing on disk,
// and never gives up a taken address by itself: who took it must release it,
// once.
package pool
