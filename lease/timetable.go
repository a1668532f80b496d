package lease

import (
	"cmp"
	"math"
	"slices"
)

// Minutes that are none: of a lease that does not exist yet, or no more, and
// of one that never expires.
const (
	passed = math.MinInt64
	never  = math.MaxInt64
)

// minuteOf tells in which minute since 1970 a lease expires.
func minuteOf(expires int64) int64 {
	if expires == forever {
		return never
	}
	m := expires / 60
	if expires%60 < 0 {
		m--
	}
	return m
}

// A timetable lists the slots that expire in each minute. Spans of 1024
// minutes keep insertion cheap when lifetimes of a year make half a million
// of them.
type timetable struct {
	spans []span // ascending
	pages []*[blocksInPage]block
	used  uint32 // blocks that have ever been; 0 is none
	free  uint32 // the first free block
}

type span struct {
	at      int64    // its minutes, shifted right by 10
	minutes []minute // ascending, never none
}

type minute struct {
	at    int64
	first uint32 // block; only this one may have places left
	count uint32 // slots, never 0
}

const (
	slotsInBlock = 31
	placeBits    = 5
	blocksInPage = 8
)

// A block lists slots of one minute.
type block struct {
	slots [slotsInBlock]slot
	next  uint32 // block of the same minute, or the next free one
}

func (t *timetable) block(b uint32) *block { return &t.pages[b/blocksInPage][b%blocksInPage] }

// span returns the position of the first span that ends after minute at.
func (t *timetable) span(at int64) (i int, found bool) {
	return slices.BinarySearchFunc(t.spans, at>>10, func(s span, at int64) int { return cmp.Compare(s.at, at) })
}

func (sp *span) minute(at int64) (i int, found bool) {
	return slices.BinarySearchFunc(sp.minutes, at, func(m minute, at int64) int { return cmp.Compare(m.at, at) })
}

// after returns the first minute after at, nil if there is none.
func (t *timetable) after(at int64) *minute {
	i, found := t.span(at)
	if found {
		sp := &t.spans[i]
		if j, _ := sp.minute(at + 1); j < len(sp.minutes) {
			return &sp.minutes[j]
		}
		i++
	}
	if i == len(t.spans) {
		return nil
	}
	return &t.spans[i].minutes[0]
}

// add lists slot s in minute at and returns its place.
func (t *timetable) add(at int64, s slot) (place uint32) {
	i, found := t.span(at)
	if !found {
		t.spans = slices.Insert(t.spans, i, span{at: at >> 10})
	}
	sp := &t.spans[i]
	i, found = sp.minute(at)
	if !found {
		sp.minutes = slices.Insert(sp.minutes, i, minute{at: at})
	}
	m := &sp.minutes[i]
	n := m.count % slotsInBlock
	if n == 0 {
		b := t.newBlock()
		t.block(b).next = m.first
		m.first = b
	}
	m.count++
	t.block(m.first).slots[n] = s
	return m.first<<placeBits | n
}

// remove deletes what is at a place of minute at. The slot that it returns has
// that place from then on.
func (t *timetable) remove(at int64, place uint32) (moved slot) {
	i, _ := t.span(at)
	sp := &t.spans[i]
	j, _ := sp.minute(at)
	m := &sp.minutes[j]
	m.count--
	first, n := t.block(m.first), m.count%slotsInBlock
	moved = first.slots[n]
	t.block(place >> placeBits).slots[place&(1<<placeBits-1)] = moved
	if n > 0 {
		return moved
	}
	b := m.first
	m.first = first.next
	first.next, t.free = t.free, b
	if m.count == 0 {
		sp.minutes = slices.Delete(sp.minutes, j, j+1)
		if len(sp.minutes) == 0 {
			t.spans = slices.Delete(t.spans, i, i+1)
		}
	}
	return moved
}

func (t *timetable) newBlock() uint32 {
	if b := t.free; b != 0 {
		t.free = t.block(b).next
		return b
	}
	t.used++
	if int(t.used/blocksInPage) == len(t.pages) {
		t.pages = append(t.pages, new([blocksInPage]block))
	}
	return t.used
}

// appendTo appends the slots of m to dst.
func (t *timetable) appendTo(dst []slot, m *minute) []slot {
	dst = slices.Grow(dst, int(m.count))
	n := (m.count-1)%slotsInBlock + 1
	for b := m.first; b != 0; n = slotsInBlock {
		block := t.block(b)
		dst = append(dst, block.slots[:n]...)
		b = block.next
	}
	return dst
}
