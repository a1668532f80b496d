package dhcp4

import (
	"context"
	"errors"
	"net/netip"

	"github.com/embedhcp/embedhcp/lease"
)

// maxAttempts is how often a decision is made again when the store changes
// under it.
const maxAttempts = 16

// A batch takes exchanges from the request to the answer together, with one
// round trip to the store for what all of them ask and one for what they
// change. It is used by one goroutine at a time and reused.
type batch struct {
	s         *Server
	exchanges []*Exchange // all there are, reused
	n         int         // how many are in use

	ready   []*Exchange // prepared, to be decided
	work    []*Exchange
	again   []*Exchange
	queries []lease.Query
	changes []lease.Change
	changed []*Exchange
	out     []Packet
	outOf   []*Exchange
	kept    packetKeeper // the writer of Respond
}

// next returns an exchange for one more packet, with nothing in it.
func (b *batch) next() *Exchange {
	if b.n == len(b.exchanges) {
		b.exchanges = append(b.exchanges, new(Exchange))
	}
	b.n++
	return b.exchanges[b.n-1]
}

// clear forgets the exchanges of the last run, and the snapshot that they saw:
// an idle batch keeps no configuration that has been replaced.
func (b *batch) clear() {
	for _, x := range b.exchanges[:b.n] {
		x.reset()
	}
	b.n = 0
	b.ready = b.ready[:0]
	// These point into the buffers of the exchanges.
	clear(b.queries[:cap(b.queries)])
	clear(b.changes[:cap(b.changes)])
	b.changes, b.changed = emptied(b.changes), emptied(b.changed)
}

// emptied returns s without its elements, to be filled again. It keeps no more
// room than most exchanges need: a client may come to have thousands of leases.
func emptied[T any](s []T) []T {
	const most = 4 * maxBatch
	if cap(s) > most {
		return nil
	}
	return s[:0]
}

// A writer is the half of a Conn that sends.
type writer interface {
	WriteBatch(ps []Packet) (int, error)
}

// run takes b.ready through Find, decide, Update, Sync and write.
func (b *batch) run(ctx context.Context, w writer) {
	xs := b.ready
	s := b.s
	s.gate.enter()
	defer s.gate.leave()
	s.keepTime(xs)
	b.findAndDecide(ctx, xs)
	b.commit(ctx, xs)

	sync := false
	for _, x := range xs {
		sync = sync || x.committed || x.confirms()
	}
	b.write(w, xs, false)
	if sync {
		if err := s.store.Sync(ctx); err != nil {
			s.failed(ctx, callSync, err)
			for _, x := range xs {
				if x.confirms() {
					x.drop(ReasonStoreFailed)
				}
				x.committed = false
			}
		} else {
			s.worked(callSync)
		}
	}
	b.write(w, xs, true)
	for _, x := range xs {
		s.finish(x)
	}
}

// confirms reports whether the reply tells the client that it has a stored
// lease: such a reply leaves after Sync.
func (x *Exchange) confirms() bool {
	return x.verdict == answered && x.msgType == TypeRequest && x.replyType == TypeACK && !x.stateless
}

// findAndDecide asks the store about xs and decides them, again and again for
// those that chose an address that the store was not asked about.
func (b *batch) findAndDecide(ctx context.Context, xs []*Exchange) {
	work := b.work[:0]
	for _, x := range xs {
		if x.withoutStore() {
			b.decide(x)
			continue
		}
		x.fillQuery()
		work = append(work, x)
	}
	for round := 0; len(work) > 0; round++ {
		if err := b.find(ctx, work); err != nil {
			b.s.failed(ctx, callFind, err)
			for _, x := range work {
				x.drop(ReasonStoreFailed)
			}
			break
		}
		next := work[:0]
		for _, x := range work {
			b.decide(x)
			switch {
			case x.verdict != lookAgain && x.verdict != noneFree:
			case round == maxAttempts:
				x.drop(ReasonContention)
			default:
				next = append(next, x)
			}
		}
		b.reclaim(ctx, next)
		work = next
	}
	b.work = work[:0]
}

// decide comes to a verdict about x and encodes the reply, if it is one: what
// cannot be told to the client must not be stored.
func (b *batch) decide(x *Exchange) {
	b.s.decide(x)
	if x.verdict == answered {
		b.s.encode(x)
	}
}

// find fills the Leases of xs.
func (b *batch) find(ctx context.Context, xs []*Exchange) error {
	b.queries = b.queries[:0]
	for _, x := range xs {
		x.query.Leases = x.query.Leases[:0]
		b.queries = append(b.queries, x.query)
	}
	if err := b.s.store.Find(ctx, b.queries); err != nil {
		return err
	}
	b.s.worked(callFind)
	for i, x := range xs {
		x.found(&b.queries[i])
	}
	return nil
}

// reclaim looks for expired leases where the pool has nothing free, once for
// each subnet and the clients that it is for.
func (b *batch) reclaim(ctx context.Context, xs []*Exchange) {
	for i, x := range xs {
		if x.verdict != noneFree || x.reclaimed {
			continue
		}
		for n := range x.members {
			if x.barred(n) {
				continue
			}
			if b.s.makeRoom(ctx, n, x.Time); n.live.hasFree() {
				break
			}
		}
		for _, o := range xs[i:] {
			if o.selected == x.selected && (o.host == nil) == (x.host == nil) {
				o.reclaimed = true
			}
		}
	}
}

// commit writes the changes of xs. A change that the store refuses because
// the lease is not what was seen is decided again.
func (b *batch) commit(ctx context.Context, xs []*Exchange) {
	for attempt := 1; ; attempt++ {
		again := b.update(ctx, xs)
		if len(again) == 0 {
			break
		}
		for _, x := range again {
			x.Attempt = attempt
			if attempt == maxAttempts {
				x.drop(ReasonContention)
			}
		}
		if attempt == maxAttempts {
			break
		}
		b.s.count.conflicts.Add(uint64(len(again)))
		b.findAndDecide(ctx, again)
		xs = again
	}
	b.deleteSuperseded(ctx)
}

// update applies the changes of xs and returns those that must be decided
// again.
func (b *batch) update(ctx context.Context, xs []*Exchange) []*Exchange {
	b.changes, b.changed = b.changes[:0], b.changed[:0]
	for _, x := range xs {
		if x.committed || x.verdict != answered && x.verdict != served || x.Lease == nil && x.old == nil {
			continue
		}
		b.changes = append(b.changes, lease.Change{Old: x.old, New: x.Lease})
		b.changed = append(b.changed, x)
	}
	if len(b.changes) == 0 {
		return nil
	}
	if err := b.s.store.Update(ctx, b.changes); err != nil {
		// The outcome is unknown: confirm nothing of it.
		b.s.failed(ctx, callUpdate, err)
		b.s.inDoubt(b.changes)
		b.s.expiry.note(b.s.now().Add(firstRetry))
		for _, x := range b.changed {
			x.drop(ReasonStoreFailed)
		}
		for _, x := range b.ready {
			if b.outdates(x) {
				x.drop(ReasonStoreFailed)
			}
		}
		return nil
	}
	b.s.worked(callUpdate)
	again := b.again[:0]
	for i, x := range b.changed {
		switch err := b.changes[i].Err; {
		case err == nil:
			x.committed = true
			b.s.applied(x)
		case errors.Is(err, lease.ErrConflict):
			again = append(again, x)
		default:
			b.s.logStore(callUpdate, err)
			x.drop(ReasonStoreFailed)
		}
	}
	for _, x := range b.ready {
		if b.outdates(x) {
			again = append(again, x)
		}
	}
	b.again = again
	return again
}

// outdates reports whether the last Update was about a lease that x confirms as
// it was stored before, such as that of a client that released it and came back
// within the batch.
func (b *batch) outdates(x *Exchange) bool {
	if !x.cached || x.verdict != answered {
		return false
	}
	for i := range b.changes {
		c := &b.changes[i]
		l := c.New
		if l == nil {
			l = c.Old
		}
		if c.Err == nil && l.Addr == x.Reply.YIAddr {
			return true
		}
	}
	return false
}

// applied notes a committed change where free addresses and due leases are
// kept.
func (s *Server) applied(x *Exchange) {
	if x.Lease == nil {
		s.released(x.old)
		return
	}
	s.step.wrote(x.Lease)
	s.expiry.noteLease(x.Lease, x.snap.hold)
	if isOver(x.Lease) {
		s.released(x.Lease)
		return
	}
	if n := x.subnetWith(x.Lease.SubnetID); n != nil {
		n.live.leased(x.Lease.Addr)
	}
	x.withdraw() // it took another address than the one on offer
	s.budget.spend(x.Lease, x.Time)
}

// released frees the address of a lease that is over or deleted, but for a
// reserved one: that belongs to its reservation. What is reserved now
// counts, not what was when the exchange began.
func (s *Server) released(l *lease.Lease) {
	snap := s.snapshot.Load()
	if n := snap.subnets.id(l.SubnetID); n != nil && snap.reservedAt(n, l.Addr) == nil {
		n.live.released(l.Addr)
	}
}

// deleteSuperseded deletes the leases that clients have given up by taking
// another one, now that the other one is stored. What fails is left to the
// next exchange of the client.
func (b *batch) deleteSuperseded(ctx context.Context) {
	b.changes, b.changed = b.changes[:0], b.changed[:0]
	for _, x := range b.ready {
		if !x.committed {
			continue
		}
		for i := range x.superseded {
			if old := &x.superseded[i]; b.isConfirmed(old.Addr) {
				*old = lease.Lease{} // it stays, so there is no event
				continue
			}
			b.changes = append(b.changes, lease.Change{Old: &x.superseded[i]})
			b.changed = append(b.changed, x)
		}
	}
	if len(b.changes) == 0 {
		return
	}
	if err := b.s.store.Update(ctx, b.changes); err != nil {
		b.s.failed(ctx, callUpdate, err)
		b.s.inDoubt(b.changes)
		b.s.expiry.note(b.s.now().Add(firstRetry))
		for _, x := range b.changed {
			x.superseded = x.superseded[:0]
		}
		return
	}
	for i := range b.changed {
		old := b.changes[i].Old
		if b.changes[i].Err != nil {
			*old = lease.Lease{} // it is still there, so there is no event
			continue
		}
		b.s.released(old)
	}
}

// isConfirmed reports whether an exchange confirms a lease of a as it is stored.
func (b *batch) isConfirmed(a netip.Addr) bool {
	for _, x := range b.ready {
		if x.cached && x.verdict == answered && x.Reply.YIAddr == a {
			return true
		}
	}
	return false
}

// write sends the replies that confirm a lease, or those that do not.
func (b *batch) write(w writer, xs []*Exchange, confirming bool) {
	b.out, b.outOf = b.out[:0], b.outOf[:0]
	for _, x := range xs {
		if x.verdict == answered && x.confirms() == confirming {
			b.out = append(b.out, x.outPacket)
			b.outOf = append(b.outOf, x)
		}
	}
	// What cannot be sent is skipped.
	for done := 0; done < len(b.out); {
		n, err := w.WriteBatch(b.out[done:])
		if done += n; done == len(b.out) {
			break
		}
		if err == nil {
			err = errShortWrite
		}
		b.s.logWrite(b.outOf[done], err)
		b.s.countReason(ReasonWrite)
		done++
	}
}

var errShortWrite = errors.New("dhcp4: the Conn sent nothing and gave no error")
