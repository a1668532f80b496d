// Package leasetest checks that an implementation of lease.Store keeps the
// promises of that interface, and has stores that misbehave on purpose for
// tests of whatever uses one.
//
// A store's own test is
//
//	func TestStore(t *testing.T) {
//		leasetest.Run(t, func(t testing.TB) lease.Store {
//			return mystore.New(t.TempDir())
//		})
//	}
//
// or, if the store outlives its process,
//
//	leasetest.Suite{Open: open, Reopen: reopen, Crash: crash}.Run(t)
//
// Run the suite with -race. It does not check speed, nor what survives a crash
// in the middle of a write.
package leasetest
