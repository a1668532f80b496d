package pool

import (
	"bytes"
	"slices"
)

const (
	maxChunks = 250 // a mark is one byte, 0 is none, and settle needs a spare
	pageSize  = 4096
	smallCap  = 64   // entries that a chunk keeps the memory of
	allocUnit = 2048 // entries in 8 KB, to which the runtime rounds up
)

// freed is a queue of numbers in the order in which they were put in, out of
// which any number can be taken at any time. It needs 5 bytes a number: an
// entry in a chunk, and a mark that names the chunk.
//
// A number that is taken out loses its mark, and that is all: its entry stays
// behind until the chunk is settled. A chunk is settled when too many entries
// are void and before it is read, so that each operation visits a constant
// number of entries in the long run, and at most about a hundredth of the
// whole at once.
type freed struct {
	marks  [][]uint8 // by number/pageSize; a page is made when it is needed
	chunks []chunk   // by mark
	order  []uint8   // the chunks in use, oldest first
	idle   []uint8   // marks of no chunk in use
	open   bool      // the last chunk in order takes entries
	cur    int       // index in order of the chunk that is read
	live   int
	bound  uint32
	limit  int // entries of a chunk
}

type chunk struct {
	entries []uint32
	head    int // where to read on
	live    int // entries that count
}

func newFreed(bound uint32) *freed {
	// With maxChunks chunks, the two neighbours that hold the least together
	// must fit into one.
	limit := int(bound/100) + smallCap
	if limit > allocUnit {
		limit = (limit + allocUnit - 1) / allocUnit * allocUnit
	}
	return &freed{
		marks:  make([][]uint8, (bound+pageSize-1)/pageSize),
		chunks: make([]chunk, 1, 4),
		bound:  bound,
		limit:  limit,
	}
}

func (q *freed) has(i uint32) bool {
	page := q.marks[i/pageSize]
	return page != nil && page[i%pageSize] != 0
}

// mark returns where the mark of i is, which must have been set once.
func (q *freed) mark(i uint32) *uint8 { return &q.marks[i/pageSize][i%pageSize] }

// push puts in i, which must not be in the queue.
func (q *freed) push(i uint32) {
	if !q.open || len(q.chunks[q.order[len(q.order)-1]].entries) >= q.limit {
		q.extend()
	}
	if page := &q.marks[i/pageSize]; *page == nil {
		*page = make([]uint8, min(pageSize, q.bound-i/pageSize*pageSize))
	}
	id := q.order[len(q.order)-1]
	*q.mark(i) = id
	c := &q.chunks[id]
	c.entries = append(c.entries, i)
	c.live++
	q.live++
}

// remove takes out i, which must be in the queue.
func (q *freed) remove(i uint32) {
	m := q.mark(i)
	id := *m
	*m = 0
	q.live--
	c := &q.chunks[id]
	c.live--
	k := bytes.IndexByte(q.order, id)
	switch {
	case c.live == 0:
		q.drop(k)
	case len(c.entries) > c.live+c.live/4+smallCap:
		q.settle(k)
	}
}

// pop takes out the first number after about skip others, the first of all if
// skip is 0 and none was ever skipped. Those skipped come again after the last
// full chunk. The queue must not be empty.
func (q *freed) pop(skip int) uint32 {
	skip = min(skip, q.live-1)
	for {
		if q.open && q.cur == len(q.order)-1 || q.cur == len(q.order) {
			q.cur = 0
		}
		if q.open && len(q.order) == 1 {
			q.settle(0)
			q.open = false
		}
		id := q.order[q.cur]
		c := &q.chunks[id]
		if n := min(skip, len(c.entries)-c.head); n > 0 {
			c.head += n
			skip -= n
		}
		for c.head < len(c.entries) {
			i := c.entries[c.head]
			c.head++
			m := q.mark(i)
			if *m != id {
				continue
			}
			*m = 0
			q.live--
			if c.live--; c.live == 0 {
				q.drop(q.cur)
			}
			return i
		}
		c.head = 0
		q.cur++
	}
}

// extend opens a new last chunk.
func (q *freed) extend() {
	if q.open {
		q.settle(len(q.order) - 1)
		q.open = false
	}
	if len(q.order) == maxChunks {
		q.mergeSmallest()
	}
	q.order = append(q.order, q.newID())
	q.open = true
}

// settle rebuilds chunk order[k] with the entries that count and no others. A
// number that was put into it twice keeps the later place.
func (q *freed) settle(k int) {
	old, id := q.order[k], q.newID()
	c := q.chunks[old]
	w := len(c.entries)
	for r := w - 1; r >= 0; r-- {
		i := c.entries[r]
		if m := q.mark(i); *m == old {
			*m = id // the new mark voids the earlier entries of i
			w--
			c.entries[w] = i
		}
	}
	c.entries = append(c.entries[:0], c.entries[w:]...)
	if cap(c.entries) > c.live+c.live/64+smallCap {
		c.entries = slices.Clone(c.entries)
	}
	c.head = 0
	q.chunks[id] = c
	q.chunks[old] = chunk{}
	q.idle = append(q.idle, old)
	q.order[k] = id
}

// mergeSmallest makes one of the two neighbours that hold the least.
func (q *freed) mergeSmallest() {
	k, least := 0, int(q.bound)+1
	for j := range len(q.order) - 1 {
		if n := q.chunks[q.order[j]].live + q.chunks[q.order[j+1]].live; n < least {
			k, least = j, n
		}
	}
	q.settle(k)
	q.settle(k + 1)
	id := q.order[k]
	into, from := &q.chunks[id], &q.chunks[q.order[k+1]]
	for _, i := range from.entries {
		*q.mark(i) = id
	}
	into.entries = append(slices.Grow(into.entries, len(from.entries)), from.entries...)
	into.live += from.live
	from.live = 0
	q.drop(k + 1)
}

// drop ends chunk order[k], which has no entry that counts.
func (q *freed) drop(k int) {
	id := q.order[k]
	c := &q.chunks[id]
	c.head = 0
	if c.entries = c.entries[:0]; cap(c.entries) > smallCap {
		c.entries = nil
	}
	if q.open && k == len(q.order)-1 {
		return // it goes on, empty
	}
	q.idle = append(q.idle, id)
	q.order = slices.Delete(q.order, k, k+1)
	if q.cur > k {
		q.cur--
	}
}

func (q *freed) newID() uint8 {
	if n := len(q.idle); n > 0 {
		id := q.idle[n-1]
		q.idle = q.idle[:n-1]
		return id
	}
	q.chunks = append(q.chunks, chunk{})
	return uint8(len(q.chunks) - 1)
}
