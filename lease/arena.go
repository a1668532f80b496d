package lease

import "strings"

// Chunks are as large as what the arena holds, within these bounds: a server
// with ten clients wants little memory, and a result of Find, whose strings
// are parts of a chunk, must not keep much of it alive.
const (
	smallestChunk = 512
	largestChunk  = 16 << 10
	ownChunk      = largestChunk / 4 // a text of this size gets a chunk for itself
)

// An arena has the texts of all leases: identifiers, host name, user context,
// one after the other. Chunks are written front to back and never changed, so
// that strings may be cut out of them without a copy, and stay what they are
// when the text is replaced. What is still in use of a chunk with too much
// garbage moves to a new one, and the old one goes to the collector.
type arena struct {
	chunks []chunk // by number; 0 is none
	free   []uint32
	sparse []uint32 // chunks to be emptied

	current uint32 // the chunk that is written,
	fill    strings.Builder

	live int // bytes in use in all chunks
}

type chunk struct {
	text string
	live int // bytes in use
}

// isSparse tells whether so much of a chunk is garbage that copying the rest
// pays: a lease that changes its text copies the texts of three others.
func (c *chunk) isSparse() bool { return c.live < len(c.text)/4*3 }

// A text is what a lease has of variable length.
type text struct {
	hardware, client, hostname, context string

	slot slot // whose it is
	size int  // in the arena
}

// read cuts a text out of its chunk.
func (a *arena) read(chunk uint32, offset uint16) (t text) {
	return cut(a.chunks[chunk].text[offset:])
}

// cut reads the text at the beginning of s: the slot in four octets, the
// lengths, and the strings.
func cut(s string) (t text) {
	t.slot = slot(s[0]) | slot(s[1])<<8 | slot(s[2])<<16 | slot(s[3])<<24
	hardware, client := int(s[4]), int(s[5])
	hostname, n := uvarint(s[6:])
	context, n2 := uvarint(s[6+n:])
	head := 6 + n + n2
	t.size = head + hardware + client + hostname + context
	s = s[head:t.size]
	t.hardware, s = s[:hardware], s[hardware:]
	t.client, s = s[:client], s[client:]
	t.hostname, t.context = s[:hostname], s[hostname:]
	return t
}

func uvarint(s string) (v, n int) {
	for shift := 0; ; shift += 7 {
		b := s[n]
		n++
		v |= int(b&0x7f) << shift
		if b < 0x80 {
			return v, n
		}
	}
}

func uvarintSize(v int) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// add stores the text of l for slot s.
func (a *arena) add(s slot, l *Lease) (chunk uint32, offset uint16) {
	size := 6 + uvarintSize(len(l.Hostname)) + uvarintSize(len(l.UserContext)) +
		l.HardwareAddr.Len() + len(l.ClientID.octets) + len(l.Hostname) + len(l.UserContext)
	return a.write(size, func(b *strings.Builder) {
		var head [16]byte
		h := append(head[:0], byte(s), byte(s>>8), byte(s>>16), byte(s>>24),
			l.HardwareAddr.n, byte(len(l.ClientID.octets)))
		for _, v := range [...]int{len(l.Hostname), len(l.UserContext)} {
			for ; v >= 0x80; v >>= 7 {
				h = append(h, byte(v)|0x80)
			}
			h = append(h, byte(v))
		}
		b.Write(h)
		b.Write(l.HardwareAddr.b[:l.HardwareAddr.n])
		b.WriteString(l.ClientID.octets)
		b.WriteString(l.Hostname)
		b.WriteString(l.UserContext)
	})
}

// write finds room for size octets, which the function writes.
func (a *arena) write(size int, f func(*strings.Builder)) (number uint32, offset uint16) {
	a.live += size
	if size >= ownChunk {
		var b strings.Builder
		b.Grow(size)
		f(&b)
		number = a.number()
		a.chunks[number] = chunk{b.String(), size}
		return number, 0
	}
	if a.fill.Cap()-a.fill.Len() < size {
		a.begin(size)
	}
	offset = uint16(a.fill.Len())
	f(&a.fill)
	c := &a.chunks[a.current]
	c.text = a.fill.String()
	c.live += size
	return a.current, offset
}

// begin makes a new chunk the current one.
func (a *arena) begin(size int) {
	full := a.current
	a.fill.Reset()
	a.fill.Grow(max(size, min(max(a.live, smallestChunk), largestChunk)))
	a.current = a.number()
	a.chunks[a.current] = chunk{}
	if full == 0 {
		return
	}
	if c := &a.chunks[full]; c.live == 0 {
		a.release(full)
	} else if c.isSparse() {
		a.sparse = append(a.sparse, full)
	}
}

// number returns an unused number for a chunk.
func (a *arena) number() uint32 {
	if n := len(a.free); n > 0 {
		number := a.free[n-1]
		a.free = a.free[:n-1]
		return number
	}
	if a.chunks == nil {
		a.chunks = make([]chunk, 1, 2)
	}
	a.chunks = append(a.chunks, chunk{})
	return uint32(len(a.chunks) - 1)
}

func (a *arena) release(number uint32) {
	a.chunks[number] = chunk{}
	a.free = append(a.free, number)
}

// drop takes note that size octets of a chunk are garbage.
func (a *arena) drop(number uint32, size int) {
	a.live -= size
	c := &a.chunks[number]
	was := c.isSparse()
	c.live -= size
	switch {
	case number == a.current:
		// It is looked at when it is full.
	case c.live == 0 && !was:
		a.release(number)
	case c.live == 0:
		// It is in sparse, and empty until compact comes to it.
	case !was && c.isSparse():
		a.sparse = append(a.sparse, number)
	}
}

// compact empties the chunks that have become sparse. Each text moves to where
// its record says from then on.
func (m *Memory) compact() {
	a := &m.arena
	for len(a.sparse) > 0 {
		last := len(a.sparse) - 1
		number := a.sparse[last]
		a.sparse = a.sparse[:last]
		m.empty(number)
	}
}

func (m *Memory) empty(number uint32) {
	a := &m.arena
	whole, left := a.chunks[number].text, a.chunks[number].live
	for offset := 0; left > 0; {
		t := cut(whole[offset:])
		if r := m.at(t.slot); r.chunk == number && int(r.offset) == offset {
			one := whole[offset : offset+t.size]
			a.live -= t.size // write counts it again
			r.chunk, r.offset = a.write(t.size, func(b *strings.Builder) { b.WriteString(one) })
			left -= t.size
		}
		offset += t.size
	}
	a.release(number)
}
