package leasetest

import (
	"context"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// A flaw is a bug that the suite must find.
type flaw string

const (
	none              flaw = ""
	lostUpdate        flaw = "compare and write are two steps"
	noComparison      flaw = "revision is not compared"
	comparesValue     flaw = "values are compared, not revisions"
	revisionRestarts  flaw = "revisions start over with each life of a lease"
	zeroOldCreates    flaw = "an Old without revision counts as none"
	secondChange      flaw = "a second change of an address in one call may succeed"
	firstErrorStops   flaw = "changes after a conflict are not made"
	errorKept         flaw = "Err from an earlier use stays"
	impossibleStored  flaw = "impossible leases are stored"
	deleteIgnored     flaw = "deletes are not done"
	staleClientID     flaw = "a lease is still found by its former client id"
	foundTwice        flaw = "a lease that matches twice is found twice"
	expiredHidden     flaw = "expired leases are not found"
	emptyMatches      flaw = "empty identifiers match leases without one"
	subnetsAll        flaw = "Subnets restricts Addrs, too"
	emptySubnets      flaw = "an empty list of subnets means all"
	resultAppended    flaw = "earlier results stay in Leases"
	capacityDropped   flaw = "capacity of Leases is not reused"
	fieldLost         flaw = "PoolID is not stored"
	newestFirst       flaw = "leases come newest first"
	infiniteExpires   flaw = "infinite leases expire"
	expiredInclusive  flaw = "ExpiredBefore is inclusive"
	limitIgnored      flaw = "Limit is ignored"
	toExclusive       flaw = "To is exclusive"
	iteratesByIndex   flaw = "a loop goes by position"
	callerKept        flaw = "the caller's Lease stays in the store"
	torn              flaw = "readers see half a lease"
	resurrected       flaw = "deleted leases are back after reopening"
	forgotten         flaw = "replacements are lost in reopening"
	revisionNotStored flaw = "Find does not fill in the revision"
	purged            flaw = "leases that expired an hour ago are deleted"
	ownClock          flaw = "leases expire by the store's own clock"
	cutExpiry         flaw = "leases end a lifetime from now at the latest"
	ackBeforeSync     flaw = "Sync returns before it has saved"
	syncedByOthers    flaw = "Sync takes the end of a save that began too early for its own"
	deletesNotSynced  flaw = "Sync does not save deletes"
	crashTears        flaw = "of a change that was not saved half is there"
	hostnameStale     flaw = "a lease is still found by its former host name"
)

// A flawed is a plain store with one flaw, or with none.
type flawed struct {
	flaw flaw

	mu       sync.Mutex
	revision uint64
	leases   map[netip.Addr]*lease.Lease
	former   map[lease.ClientID]netip.Addr
	journal  []lease.Lease // as it was created
	names    map[netip.Addr]string

	saving  chan struct{} // closed at the end of the save that runs
	changes int
	saved   int
	written map[netip.Addr]lease.Lease // not durable yet
	durable map[netip.Addr]lease.Lease // survives a crash
}

func newFlawed(f flaw) *flawed {
	return &flawed{
		flaw: f, leases: make(map[netip.Addr]*lease.Lease), former: make(map[lease.ClientID]netip.Addr),
		names: make(map[netip.Addr]string), durable: make(map[netip.Addr]lease.Lease),
	}
}

// Sync saves for all who changed something before the save began.
func (s *flawed) Sync(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for want := s.changes; s.saved < want; {
		if done := s.saving; done != nil {
			s.mu.Unlock()
			<-done
			s.mu.Lock()
			if s.flaw == syncedByOthers {
				return nil
			}
			continue
		}
		s.save()
	}
	return nil
}

// save takes its time, in which others may change something.
func (s *flawed) save() {
	target, all := s.changes, make(map[netip.Addr]lease.Lease)
	for a, l := range s.leases {
		all[a] = *l
	}
	done := make(chan struct{})
	s.saving = done
	s.mu.Unlock()
	time.Sleep(100 * time.Microsecond)
	s.mu.Lock()
	if s.flaw == deletesNotSynced {
		for a, l := range s.durable {
			if _, ok := all[a]; !ok {
				all[a] = l
			}
		}
	}
	if s.flaw == ackBeforeSync {
		all, s.written = s.written, all // what the last Sync should have saved
	}
	s.durable = all
	s.saved, s.saving = target, nil
	close(done)
}

func (s *flawed) crash() *flawed {
	n := newFlawed(s.flaw)
	s.mu.Lock()
	defer s.mu.Unlock()
	for a, l := range s.durable {
		if now := s.leases[a]; s.flaw == crashTears && now != nil {
			l.SubnetID, l.PoolID = now.SubnetID, now.PoolID
		}
		n.revision++
		l.Revision = n.revision
		n.leases[a] = &l
		n.durable[a] = l
	}
	return n
}

func (s *flawed) FindHostname(_ context.Context, name string, dst []lease.Lease) ([]lease.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for a, l := range s.leases {
		if name != "" && (strings.EqualFold(l.Hostname, name) || s.flaw == hostnameStale && s.names[a] == name) {
			dst = append(dst, *l)
		}
	}
	return dst, nil
}

func (s *flawed) reopen() *flawed {
	n := newFlawed(s.flaw)
	put := func(l lease.Lease) {
		n.revision++
		l.Revision = n.revision
		n.leases[l.Addr] = &l
		n.durable[l.Addr] = l
	}
	for _, l := range s.leases {
		put(*l)
	}
	for _, l := range s.journal {
		_, ok := s.leases[l.Addr]
		if s.flaw == resurrected && !ok || s.flaw == forgotten && ok {
			put(l)
		}
	}
	return n
}

func (s *flawed) Find(_ context.Context, qs []lease.Query) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range qs {
		s.find(&qs[i])
	}
	return nil
}

func (s *flawed) find(q *lease.Query) {
	switch s.flaw {
	case resultAppended:
	case capacityDropped:
		q.Leases = nil
	default:
		q.Leases = q.Leases[:0]
	}
	yield := func(l *lease.Lease) {
		if s.flaw == expiredHidden && l.Expired(epoch) {
			return
		}
		q.Leases = append(q.Leases, *l)
		if s.flaw == revisionNotStored {
			q.Leases[len(q.Leases)-1].Revision = 0
		}
	}
	for _, l := range s.leases {
		inSubnet := q.Subnets == nil || slices.Contains(q.Subnets, l.SubnetID) ||
			s.flaw == emptySubnets && len(q.Subnets) == 0
		byAddr := slices.Contains(q.Addrs, l.Addr) && (inSubnet || s.flaw != subnetsAll)
		byID := inSubnet && l.ClientID.Octets() == string(q.ClientID) && (len(q.ClientID) > 0 || s.flaw == emptyMatches && q.ClientID != nil)
		byHW := inSubnet && l.HardwareAddr == q.HardwareAddr && !q.HardwareAddr.IsZero()
		if s.flaw == staleClientID && s.former[lease.ClientIDFrom(q.ClientID)] == l.Addr {
			byID = true
		}
		if byAddr || byID || byHW {
			yield(l)
		}
		if s.flaw == foundTwice && byID && byHW {
			yield(l)
		}
	}
}

func (s *flawed) Update(_ context.Context, cs []lease.Change) error {
	touched := make(map[netip.Addr]bool)
	for i := range cs {
		c := &cs[i]
		err := c.Check()
		if s.flaw == impossibleStored && c.New != nil && (c.Old == nil || c.Old.Addr == c.New.Addr) {
			err = nil
		}
		if err == nil {
			if touched[c.Addr()] && s.flaw != secondChange {
				err = lease.ErrConflict
			} else {
				err = s.change(c)
			}
			touched[c.Addr()] = true
		}
		if s.flaw != errorKept || c.Err == nil {
			c.Err = err
		}
		if s.flaw == firstErrorStops && err != nil {
			break
		}
	}
	return nil
}

func (s *flawed) change(c *lease.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, ok := s.leases[c.Addr()]
	conflict := ok
	if c.Old != nil {
		conflict = !ok || have.Revision != c.Old.Revision
	}
	switch s.flaw {
	case noComparison:
		conflict = false
	case comparesValue:
		conflict = ok && c.Old == nil || c.Old != nil && (!ok || !same(*have, *c.Old))
	case zeroOldCreates:
		if c.Old != nil && c.Old.Revision == 0 {
			conflict = ok
		}
	case lostUpdate:
		s.letOthersIn()
	}
	if conflict {
		return lease.ErrConflict
	}
	s.changes++
	if c.New == nil {
		if s.flaw != deleteIgnored {
			delete(s.leases, c.Old.Addr)
		}
		return nil
	}
	s.revision++
	c.New.Revision = s.revision
	if s.flaw == revisionRestarts {
		c.New.Revision = 1
		if ok {
			c.New.Revision = have.Revision + 1
		}
	}
	s.put(c.New)
	return nil
}

// letOthersIn gives the lock away long enough for the others to get it, also
// on one busy processor.
func (s *flawed) letOthersIn() {
	s.mu.Unlock()
	time.Sleep(100 * time.Microsecond)
	s.mu.Lock()
}

func (s *flawed) put(l *lease.Lease) {
	stored := new(lease.Lease)
	*stored = *l
	have, ok := s.leases[l.Addr]
	switch {
	case !ok:
		s.journal = append(s.journal, *l)
	case have.ClientID != l.ClientID:
		s.former[have.ClientID] = l.Addr
	}
	if ok && have.Hostname != l.Hostname {
		s.names[l.Addr] = have.Hostname
	}
	switch s.flaw {
	case cutExpiry:
		if latest := time.Now().UTC().Truncate(time.Second).Add(l.Lifetime); stored.Expires.After(latest) {
			stored.Expires = latest
		}
	case fieldLost:
		stored.PoolID = 0
	case callerKept:
		stored = l
	case torn:
		if ok {
			stored.Hostname = have.Hostname
			s.leases[l.Addr] = stored
			s.letOthersIn()
			whole := *l
			stored = &whole
		}
	}
	s.leases[l.Addr] = stored
}

func (s *flawed) Leases(_ context.Context, f lease.Filter) iter.Seq2[lease.Lease, error] {
	return func(yield func(lease.Lease, error) bool) {
		ls := s.matching(f)
		for i := range len(ls) {
			if s.flaw == iteratesByIndex {
				if ls = s.matching(f); i >= len(ls) {
					return
				}
			}
			if f.Limit > 0 && i == f.Limit && s.flaw != limitIgnored || !yield(ls[i], nil) {
				return
			}
		}
	}
}

func (s *flawed) matching(f lease.Filter) []lease.Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.flaw == purged:
		maps.DeleteFunc(s.leases, func(_ netip.Addr, l *lease.Lease) bool { return l.Expired(time.Now().Add(-time.Hour)) })
	case s.flaw == ownClock && f.ExpiredBefore.After(time.Now()):
		f.ExpiredBefore = time.Now()
	}
	ls := slices.DeleteFunc(slices.Collect(values(maps.Values(s.leases))), func(l lease.Lease) bool {
		switch {
		case s.flaw == infiniteExpires && l.Expires.IsZero():
			return f.Subnet != 0
		case s.flaw == expiredInclusive && l.Expires.Equal(f.ExpiredBefore):
			return f.Subnet != 0
		case s.flaw == toExclusive && l.Addr == f.To:
			return true
		}
		return !selects(f, l)
	})
	slices.SortFunc(ls, func(a, b lease.Lease) int {
		order := a.Expires.Compare(b.Expires)
		if f.ExpiredBefore.IsZero() || order == 0 {
			order = a.Addr.Compare(b.Addr)
		}
		if s.flaw == newestFirst {
			order = -order
		}
		return order
	})
	return ls
}

func values(ps iter.Seq[*lease.Lease]) iter.Seq[lease.Lease] {
	return func(yield func(lease.Lease) bool) {
		for p := range ps {
			if !yield(*p) {
				return
			}
		}
	}
}
