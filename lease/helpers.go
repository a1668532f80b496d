package lease

import (
	"context"
	"net/netip"
)

// Get returns the lease of addr, expired or not; ok is false if there is none.
func Get(ctx context.Context, st Store, addr netip.Addr) (l Lease, ok bool, err error) {
	qs := []Query{{Addrs: []netip.Addr{addr}}}
	if err := st.Find(ctx, qs); err != nil {
		return Lease{}, false, err
	}
	if len(qs[0].Leases) == 0 {
		return Lease{}, false, nil
	}
	return qs[0].Leases[0], true, nil
}

// CompareAndSwap makes one change: it replaces old by new, creates new if old
// is nil, or deletes old if new is nil. It sets new.Revision. The error is
// ErrConflict if the store has another revision than old's, or why the change
// is impossible. After any other error the outcome is unknown.
func CompareAndSwap(ctx context.Context, st Store, old, new *Lease) error {
	cs := []Change{{Old: old, New: new}}
	if err := st.Update(ctx, cs); err != nil {
		return err
	}
	return cs[0].Err
}
