package dhcp4

import (
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// release ends the client's lease of ciaddr (RFC 2131, section 4.3.4), and
// holds the address for it (section 4.3.4: the server SHOULD retain a record)
// unless Config.HoldReclaimed is negative. It is never answered.
func (s *Server) release(x *Exchange) {
	l := x.leaseAt(x.Request.CIAddr)
	if l == nil || isOver(l) || !x.owns(l) {
		x.drop(ReasonNotOwner)
		return
	}
	x.old, x.verdict = l, served
	if x.snap.hold == 0 {
		return
	}
	x.newLease = *l
	x.newLease.State = lease.StateReleased
	x.newLease.Expires = x.Time.Round(0).UTC().Truncate(time.Second)
	// Kea has a lifetime of zero here, which in a lease file is a deletion.
	x.newLease.Lifetime = time.Second
	x.Lease = &x.newLease
}
