package lease

import (
	"context"
	"iter"
	"slices"
	"time"
)

// How many leases are copied, or looked at in vain, while the lock is held.
const (
	firstChunk = 8 // who wants the next lease to expire stops after the first
	chunk      = 256
	lookedAt   = 8192
)

// A scan copies leases chunk by chunk. It runs under the Memory's read lock.
type scan interface {
	// fill appends at most n leases to dst; more is false at the end. It may
	// append none although there are more.
	fill(m *Memory, dst []Lease, n int) (_ []Lease, more bool)
}

// Leases implements Store. Leases that are created during the loop may or may
// not be among those it yields. A loop over leases that expire finds the first
// one at once, however many there are. When ctx is done the loop ends with its
// error.
func (m *Memory) Leases(ctx context.Context, f Filter) iter.Seq2[Lease, error] {
	return func(yield func(Lease, error) bool) {
		sc := m.begin(&f)
		defer m.end(sc)
		var buf []Lease
		n, left := firstChunk, f.Limit
		for more := true; more; n = min(2*n, chunk) {
			if ctx.Err() != nil {
				yield(Lease{}, context.Cause(ctx))
				return
			}
			if f.Limit > 0 {
				n = min(n, left)
			}
			buf, more = m.fill(sc, slices.Grow(buf[:0], n), n)
			for i := range buf {
				if !yield(buf[i], nil) {
					return
				}
			}
			if left -= len(buf); f.Limit > 0 && left <= 0 {
				return
			}
		}
	}
}

func (m *Memory) fill(sc scan, dst []Lease, n int) ([]Lease, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return sc.fill(m, dst, n)
}

func (m *Memory) begin(f *Filter) scan {
	if f.ExpiredBefore.IsZero() {
		m.mu.RLock()
		defer m.mu.RUnlock()
		return &slotScan{filter: f, next: 1, end: m.slots}
	}
	sc := &expiryScan{filter: f, at: passed}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.scans = append(m.scans, sc)
	return sc
}

func (m *Memory) end(sc scan) {
	e, ok := sc.(*expiryScan)
	if !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := slices.Index(m.scans, e); i >= 0 {
		m.scans = slices.Delete(m.scans, i, i+1)
	}
}

// A slotScan goes through the slots that were in use when it began. A lease
// keeps its slot, so it comes once whatever happens to the others.
type slotScan struct {
	filter    *Filter
	next, end slot
}

func (sc *slotScan) fill(m *Memory, dst []Lease, n int) ([]Lease, bool) {
	for looked := 0; sc.next <= sc.end; looked++ {
		if len(dst) == n || looked == lookedAt {
			return dst, true
		}
		if l := m.at(sc.next); sc.filter.matches(l) {
			dst = append(dst, *l)
		}
		sc.next++
	}
	return dst, false
}

// An expiryScan goes through the minutes. A lease that moves across the
// minute where the scan is would come twice or never; moved sees to it.
type expiryScan struct {
	filter *Filter
	at     int64             // this minute and those before are done, but for
	rest   []slot            // these, of this minute or moved back from a later one
	skip   map[slot]struct{} // in a later minute, but done or created since
}

// moved takes note that the lease in slot s moved; before is passed if it is
// a new one. The Memory's lock is held.
func (sc *expiryScan) moved(s slot, before, after int64) {
	if (before <= sc.at) == (after <= sc.at) {
		return
	}
	if _, ok := sc.skip[s]; ok {
		return
	}
	if sc.skip == nil {
		sc.skip = make(map[slot]struct{})
	}
	sc.skip[s] = struct{}{}
	if after <= sc.at {
		sc.rest = append(sc.rest, s)
	}
}

func (sc *expiryScan) fill(m *Memory, dst []Lease, n int) ([]Lease, bool) {
	for looked := 0; len(dst) < n && looked < lookedAt; looked++ {
		last := len(sc.rest) - 1
		if last < 0 {
			if !sc.nextMinute(m) {
				return dst, false
			}
			continue
		}
		s := sc.rest[last]
		sc.rest = sc.rest[:last]
		l := m.at(s)
		if minuteOf(l) > sc.at {
			// It moved on before its turn, which comes in its new minute. Or
			// it is gone.
			delete(sc.skip, s)
		} else if sc.filter.matches(l) {
			dst = append(dst, *l)
		}
	}
	return dst, true
}

// nextMinute goes to the next minute that has leases; ok is false at the end.
func (sc *expiryScan) nextMinute(m *Memory) (ok bool) {
	minutes := m.byMinute.minutes
	i, found := m.byMinute.from(sc.at)
	if found {
		i++
	}
	if i == len(minutes) || !time.Unix(minutes[i].at*60, 0).Before(sc.filter.ExpiredBefore) {
		return false
	}
	sc.at = minutes[i].at
	sc.rest = slices.Grow(sc.rest, len(minutes[i].slots))
	for _, s := range minutes[i].slots {
		if _, done := sc.skip[s]; !done {
			sc.rest = append(sc.rest, s)
		}
	}
	return true
}

// matches reports whether f selects l; an empty slot never matches.
func (f *Filter) matches(l *Lease) bool {
	return l.Revision != 0 &&
		(f.Subnet == 0 || l.SubnetID == f.Subnet) &&
		(!f.From.IsValid() || !l.Addr.Less(f.From)) &&
		(!f.To.IsValid() || !f.To.Less(l.Addr)) &&
		(f.ExpiredBefore.IsZero() || !l.Expires.IsZero() && l.Expires.Before(f.ExpiredBefore))
}
