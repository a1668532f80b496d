package lease

import "math/bits"

// The keys by which leases are found.
const (
	byAddr = iota
	byClient
	byHardware
	byHostname // only if Memory.IndexHostnames
	indexes
)

const headsInPage = 256

// An index chains the slots whose keys have the same tag, a hash of 32 bits,
// in its last bits. With every insertion it divides one chain more in two, so
// that none takes long and growing leaves no garbage (linear hashing).
type index struct {
	heads  []*[headsInPage]slot
	chains uint32
	mask   uint32 // the least of 2^n-1 that is not less than chains-1
	count  uint32 // slots in all chains
}

// head is where the chain of a tag begins. There must be one.
func (x *index) head(tag uint32) *slot {
	i := tag & x.mask
	if i >= x.chains {
		i &= x.mask >> 1 // not divided yet
	}
	return &x.heads[i/headsInPage][i%headsInPage]
}

func (x *index) first(tag uint32) slot {
	if x.chains == 0 {
		return 0
	}
	return *x.head(tag)
}

// next is the link from slot s in its chain.
func (m *Memory) next(k int, s slot) *slot {
	if k == byHostname {
		return &m.hostname(s).next
	}
	return &m.at(s).next[k]
}

func (m *Memory) tag(k int, s slot) uint32 {
	switch k {
	case byAddr:
		return addrTag(m.at(s).addr)
	case byClient:
		return m.at(s).client
	case byHardware:
		return m.at(s).hardware
	}
	return m.hostname(s).tag
}

// addrTag keeps sixteen addresses in a row together, in one cache line of
// heads: servers give them out, and files list them, in a row. Which of the
// sixteen has which place differs from row to row, so that addresses that are
// all multiples of something do not crowd.
func addrTag(k uint32) uint32 {
	row := uint64(k>>4) * 0x9e3779b97f4a7c15
	return uint32(row>>32)&^15 | (k^uint32(row>>60))&15
}

// insert adds slot s, whose tag is set.
func (m *Memory) insert(k int, s slot) {
	x := &m.indexes[k]
	switch {
	case x.count < x.chains:
	case m.loading && k == byAddr:
		m.enlarge(s)
	default:
		m.divide(k)
	}
	head := x.head(m.tag(k, s))
	*m.next(k, s), *head = *head, s
	x.count++
}

func (m *Memory) delete(k int, s slot) {
	x := &m.indexes[k]
	p := x.head(m.tag(k, s))
	for *p != s {
		p = m.next(k, *p)
	}
	*p = *m.next(k, s)
	x.count--
}

// reserve makes an index, whose chains are empty, ready for n slots.
func (x *index) reserve(n int) {
	x.chains = uint32(max(n, headsInPage))
	x.mask = 1<<bits.Len32(x.chains-1) - 1
	for len(x.heads) < int(x.chains+headsInPage-1)/headsInPage {
		x.heads = append(x.heads, new([headsInPage]slot))
	}
}

// enlarge makes half as many chains again for addresses, before slot added is
// inserted. While leases are put in that is faster than to divide one chain
// after the other, for it reads the records in a row.
func (m *Memory) enlarge(added slot) {
	x := &m.indexes[byAddr]
	for _, heads := range x.heads {
		clear(heads[:])
	}
	x.reserve(int(x.count + x.count/2))
	for s := slot(1); s <= m.slots; s++ {
		if r := m.at(s); r.revision != 0 && s != added {
			head := x.head(addrTag(r.addr))
			r.next[byAddr], *head = *head, s
		}
	}
}

// divide makes one chain more.
func (m *Memory) divide(k int) {
	x := &m.indexes[k]
	if x.chains == 0 {
		x.reserve(0)
		return
	}
	if x.chains%headsInPage == 0 {
		x.heads = append(x.heads, new([headsInPage]slot))
	}
	added := x.chains
	if added > x.mask {
		x.mask = x.mask<<1 | 1
	}
	from := x.head(added) // counted next, so this is the chain to divide
	x.chains++
	to := x.head(added)
	s := *from
	for s != 0 {
		next := m.next(k, s)
		if m.tag(k, s)&x.mask == added {
			*to, to = s, next
		} else {
			*from, from = s, next
		}
		s = *next
	}
	*from, *to = 0, 0
}
