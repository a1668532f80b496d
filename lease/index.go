package lease

import (
	"math"
	"slices"
)

// An index chains the slots that have the same key. The zero key is not
// indexed. Nothing is allocated when a slot keeps its key.
type index[K comparable] struct {
	head  map[K]slot
	links []link // by slot
}

type link struct{ prev, next slot }

// move takes s from one key's chain to another's.
func (x *index[K]) move(from, to K, s slot) {
	var zero K
	if from == to {
		return
	}
	if from != zero {
		x.remove(from, s)
	}
	if to != zero {
		x.add(to, s)
	}
}

func (x *index[K]) add(k K, s slot) {
	if x.head == nil {
		x.head = make(map[K]slot)
	}
	if n := int(s) + 1; n > len(x.links) {
		x.links = slices.Grow(x.links, n-len(x.links))[:n]
	}
	first := x.head[k]
	x.links[s] = link{next: first}
	x.links[first].prev = s // of slot 0, which is none, nobody asks
	x.head[k] = s
}

func (x *index[K]) remove(k K, s slot) {
	l := x.links[s]
	switch {
	case l.prev != 0:
		x.links[l.prev].next = l.next
	case l.next != 0:
		x.head[k] = l.next
	default:
		delete(x.head, k)
	}
	x.links[l.next].prev = l.prev
}

// Minutes that are none: of a lease that does not exist yet, or no more, and
// of one that never expires.
const (
	passed = math.MinInt64
	never  = math.MaxInt64
)

// minuteOf tells in which minute since 1970 l expires.
func minuteOf(l *Lease) int64 {
	if l.Expires.IsZero() {
		return never
	}
	return floorMinute(l.Expires.Unix())
}

func floorMinute(seconds int64) int64 {
	m := seconds / 60
	if seconds%60 < 0 {
		m--
	}
	return m
}

// A timetable lists the slots that expire in each minute. Lifetimes of a month
// make 43,200 of them, few enough for a sorted slice.
type timetable struct {
	minutes []minute // ascending, none of them empty
	place   []uint32 // by slot: its place in minute.slots
	spare   []slot   // an empty list to use again
}

type minute struct {
	at    int64
	slots []slot
}

// from returns the position of the first minute that is not before at.
func (t *timetable) from(at int64) (i int, found bool) {
	return slices.BinarySearchFunc(t.minutes, at, func(m minute, at int64) int {
		switch {
		case m.at < at:
			return -1
		case m.at > at:
			return 1
		}
		return 0
	})
}

// move takes s from one minute's list to another's.
func (t *timetable) move(before, after int64, s slot) {
	if before != passed && before != never {
		t.remove(before, s)
	}
	if after != passed && after != never {
		t.add(after, s)
	}
}

func (t *timetable) add(at int64, s slot) {
	if n := int(s) + 1; n > len(t.place) {
		t.place = slices.Grow(t.place, n-len(t.place))[:n]
	}
	i, found := t.from(at)
	if !found {
		t.minutes = slices.Insert(t.minutes, i, minute{at: at, slots: t.spare})
		t.spare = nil
	}
	m := &t.minutes[i]
	t.place[s] = uint32(len(m.slots))
	m.slots = append(m.slots, s)
}

func (t *timetable) remove(at int64, s slot) {
	i, _ := t.from(at)
	m := &t.minutes[i]
	last := len(m.slots) - 1
	hole := t.place[s]
	m.slots[hole] = m.slots[last]
	t.place[m.slots[hole]] = hole
	m.slots = m.slots[:last]
	if last == 0 {
		t.spare = m.slots
		t.minutes = slices.Delete(t.minutes, i, i+1)
	}
}
