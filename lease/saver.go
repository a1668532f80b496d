package lease

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/netip"
	"slices"
	"sync"
)

// A SaveFunc saves leases for a Saver. When it returns nil, all that it was
// given must be as durable as the program wants leases to be.
//
// There are two ways to do that. all yields every lease, sorted by address, as
// of one moment when the loop begins: write them to a new file, and rename it.
// changed tells what has become of each lease that changed since the last
// SaveFunc that returned nil: Old is what it was then (nil: there was none), New
// what it is now (nil: deleted); Err is of no use. Append that to a journal,
// or put it in a database. Neither may be used after the function has returned.
//
// The function is never called by two goroutines at once. Others may call the
// Saver meanwhile; what they change comes with the next call, and all may have
// it already. The function itself may call Find and Leases, never Sync. It may
// fail for a while: the next call has the same changes and those since. ctx is
// that of the Sync that calls it.
type SaveFunc func(ctx context.Context, all iter.Seq[Lease], changed []Change) error

// A Saver is a Store in memory for programs that keep a file of their own: its
// Sync has a function of the program save what has changed. Make one with
// NewSaver. It is safe for concurrent use.
type Saver struct {
	mem  Memory
	save SaveFunc

	// mu makes a change in mem and what the next SaveFunc shall know about it
	// one step.
	mu      sync.Mutex
	changes int64 // so many calls of Update
	saved   int64 // of them
	before  map[netip.Addr]Lease
	saving  chan struct{} // closed at the end of the SaveFunc that runs; nil if none does
	qs      []Query       // scratch of Update
}

var _ HostnameFinder = (*Saver)(nil)

// NewSaver returns a Store that has leases to begin with, which count as saved.
// Their revisions are ignored; of several of one address the last one counts.
// It fails if one of them fails Lease.Check.
func NewSaver(leases []Lease, save SaveFunc) (*Saver, error) {
	s := &Saver{save: save, before: make(map[netip.Addr]Lease)}
	for i := range leases {
		if err := s.mem.Put(leases[i]); err != nil {
			return nil, err
		}
	}
	s.mem.Len() // makes the indexes
	return s, nil
}

// Len returns the number of leases, expired ones included.
func (s *Saver) Len() int { return s.mem.Len() }

// Find implements Store.
func (s *Saver) Find(ctx context.Context, qs []Query) error { return s.mem.Find(ctx, qs) }

// Leases implements Store.
func (s *Saver) Leases(ctx context.Context, f Filter) iter.Seq2[Lease, error] {
	return s.mem.Leases(ctx, f)
}

// FindHostname implements HostnameFinder. It looks at every lease.
func (s *Saver) FindHostname(ctx context.Context, name string, dst []Lease) ([]Lease, error) {
	return s.mem.FindHostname(ctx, name, dst)
}

// Update implements Store. It saves nothing and never fails.
func (s *Saver) Update(ctx context.Context, cs []Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.qs) < len(cs) {
		s.qs = append(s.qs, Query{Addrs: make([]netip.Addr, 1)})
	}
	for i := range cs {
		s.qs[i].Addrs[0] = cs[i].Addr()
	}
	_ = s.mem.Find(ctx, s.qs[:len(cs)])
	_ = s.mem.Update(ctx, cs)
	s.changes++
	for i := range cs {
		if cs[i].Err == nil {
			s.note(&s.qs[i])
		}
		clear(s.qs[i].Leases)
	}
	return nil
}

// note remembers what q found, before a change, if it is the first change of
// its address since the last SaveFunc began. A Lease without revision is none.
func (s *Saver) note(q *Query) {
	if _, noted := s.before[q.Addrs[0]]; noted {
		return
	}
	var had Lease
	if len(q.Leases) > 0 {
		had = q.Leases[0]
	}
	s.before[q.Addrs[0]] = had
}

// Sync implements Store: unless everything is saved, it calls the SaveFunc, and
// returns its error. What changed before the SaveFunc began is saved by it
// whoever called Sync, so that others wait for it and need no other. If ctx
// ends while Sync waits it returns the cause.
func (s *Saver) Sync(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for want := s.changes; s.saved < want; {
		if s.saving == nil {
			if err := s.saveChanges(ctx); err != nil {
				return err
			}
		} else if err := s.await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// await waits for the SaveFunc that runs. The caller holds mu, which is
// released meanwhile.
func (s *Saver) await(ctx context.Context) error {
	done := s.saving
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// saveChanges calls the SaveFunc. The caller holds mu, which is released
// meanwhile. A SaveFunc that panics has not saved anything.
func (s *Saver) saveChanges(ctx context.Context) error {
	before, target := s.before, s.changes
	s.before = make(map[netip.Addr]Lease)
	changed := s.changed(before)
	s.saving = make(chan struct{})
	s.mu.Unlock()

	err := errors.New("lease: SaveFunc panicked")
	defer func() {
		s.mu.Lock()
		close(s.saving)
		s.saving = nil
		if err == nil {
			s.saved = target
			return
		}
		for addr, had := range before {
			s.before[addr] = had // older than what may be there
		}
	}()
	if len(changed) == 0 {
		err = nil
	} else {
		err = s.save(ctx, s.all, changed)
	}
	return err
}

// changed compares what was with what is. The caller holds mu.
func (s *Saver) changed(before map[netip.Addr]Lease) []Change {
	cs := make([]Change, 0, len(before))
	for addr, had := range before {
		var c Change
		if had.Revision != 0 {
			c.Old = &had
		}
		if l, ok, _ := Get(context.Background(), &s.mem, addr); ok {
			c.New = &l
		}
		if c.Old != nil || c.New != nil {
			cs = append(cs, c)
		}
	}
	slices.SortFunc(cs, func(a, b Change) int { return a.Addr().Compare(b.Addr()) })
	return cs
}

// all yields every lease of one moment. It copies them, so that nobody waits
// for the loop body.
func (s *Saver) all(yield func(Lease) bool) {
	s.mu.Lock()
	ls := make([]Lease, 0, s.mem.Len())
	for l := range s.mem.Leases(context.Background(), Filter{}) {
		ls = append(ls, l)
	}
	s.mu.Unlock()
	slices.SortFunc(ls, func(a, b Lease) int { return cmp.Compare(key(a.Addr), key(b.Addr)) })
	for _, l := range ls {
		if !yield(l) {
			return
		}
	}
}
