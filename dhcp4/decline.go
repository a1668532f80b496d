package dhcp4

import "github.com/embedhcp/embedhcp/lease"

// decline takes the address that the client found in use out of service for
// the probation period (RFC 2131, section 4.3.3), if it is the client's own.
// It is never answered. The lease forgets the client, as in Kea.
func (s *Server) decline(x *Exchange) {
	a, ok := x.requestedAddr()
	if !ok {
		x.drop(ReasonMalformed)
		return
	}
	l := x.leaseAt(a)
	if l == nil || !x.owns(l) || !l.Active(x.Time) {
		x.drop(ReasonNotOwner)
		return
	}
	x.newLease = lease.Lease{Addr: a, SubnetID: l.SubnetID, PoolID: l.PoolID, State: lease.StateDeclined}
	x.newLease.SetLifetime(x.Time, x.snap.declineProbation)
	x.old, x.Lease, x.verdict = l, &x.newLease, served
}
