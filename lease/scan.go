package lease

import (
	"context"
	"iter"
	"math"
	"net/netip"
	"slices"
	"time"
)

// How many leases are copied, or looked at in vain, while the lock is held.
const (
	firstChunk = 8 // who wants the next lease to expire stops after the first
	mostCopied = 256
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
		for more := true; more; n = min(2*n, mostCopied) {
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
	m.rlock()
	defer m.mu.RUnlock()
	return sc.fill(m, dst, n)
}

func (m *Memory) begin(f *Filter) scan {
	sel := newSelector(f)
	if f.ExpiredBefore.IsZero() {
		m.rlock()
		defer m.mu.RUnlock()
		return &slotScan{selector: sel, next: 1, end: m.slots}
	}
	sc := &expiryScan{selector: sel, at: passed}
	if sel.since != passed {
		sc.at = minuteOf(sel.since) - 1
	}
	m.lock()
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
	selector
	next, end slot
}

func (sc *slotScan) fill(m *Memory, dst []Lease, n int) ([]Lease, bool) {
	for looked := 0; sc.next <= sc.end; looked++ {
		if len(dst) == n || looked == lookedAt {
			return dst, true
		}
		if r := m.at(sc.next); sc.matches(r) {
			dst = m.append(dst, r)
		}
		sc.next++
	}
	return dst, false
}

// An expiryScan goes through the minutes. A lease that moves across the
// minute where the scan is would come twice or never; moved sees to it.
type expiryScan struct {
	selector
	at   int64             // this minute and those before are done, but for
	rest []slot            // these, of this minute or moved back from a later one
	skip map[slot]struct{} // in a later minute, but done or created since
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
		r := m.at(s)
		if minuteOf(r.expires) > sc.at {
			// It moved on before its turn, which comes in its new minute. Or
			// it is gone.
			delete(sc.skip, s)
		} else if sc.matches(r) {
			dst = m.append(dst, r)
		}
	}
	return dst, true
}

// nextMinute goes to the next minute that has leases; ok is false at the end.
func (sc *expiryScan) nextMinute(m *Memory) (ok bool) {
	min := m.timetable.after(sc.at)
	if min == nil || min.at*60 >= sc.before {
		return false
	}
	sc.at = min.at
	sc.rest = m.timetable.appendTo(sc.rest, min)
	if len(sc.skip) > 0 {
		sc.rest = slices.DeleteFunc(sc.rest, func(s slot) bool {
			_, done := sc.skip[s]
			return done
		})
	}
	return true
}

func (m *Memory) append(dst []Lease, r *record) []Lease {
	dst = append(dst, Lease{})
	m.lease(&dst[len(dst)-1], r)
	return dst
}

// A selector is a Filter in the terms of a record.
type selector struct {
	subnet   uint32
	from, to int64 // keys of addresses, both inclusive
	since    int64 // seconds since 1970, or passed
	before   int64 // seconds since 1970; exclusive
	all      bool  // since and before do not count
}

func newSelector(f *Filter) selector {
	s := selector{subnet: f.Subnet, to: math.MaxUint32, since: passed, all: f.ExpiredBefore.IsZero()}
	if !s.all {
		s.before = secondFrom(f.ExpiredBefore)
		if !f.ExpiredSince.IsZero() {
			s.since = secondFrom(f.ExpiredSince)
		}
	}
	if f.From.IsValid() {
		s.from = bound(f.From)
	}
	if f.To.IsValid() {
		s.to = bound(f.To)
	}
	return s
}

// secondFrom returns the first whole second that is not before t. Leases
// expire at whole seconds.
func secondFrom(t time.Time) int64 {
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}

// bound is the key of addr; as for netip.Addr all of IPv6 is above IPv4.
func bound(addr netip.Addr) int64 {
	if addr.Is4() {
		return int64(key(addr))
	}
	return math.MaxInt64
}

// matches reports whether s selects r; a free slot never matches.
func (s *selector) matches(r *record) bool {
	return r.revision != 0 &&
		(s.subnet == 0 || r.subnet == s.subnet) &&
		s.from <= int64(r.addr) && int64(r.addr) <= s.to &&
		(s.all || s.since <= r.expires && r.expires < s.before) // forever is before nothing
}
