package dhcp4

import (
	"iter"
	"math/bits"
	"slices"
)

// A trie is a persistent hash table: put and remove return a new one, which
// shares all but one path with the old one, and leave the old one as it was.
// Readers need no lock. The zero value is empty.
//
// The caller hashes and compares: match tells which of the values with the
// same hash is meant.
type trie[V any] struct {
	root *trieNode[V]
	len  int
}

// A trieNode has a slot for each value of trieBits bits of the hash that
// occurs. Below the last bits, it holds all that have the same hash.
type trieNode[V any] struct {
	present uint32 // bit i: the next slot is for i
	slots   []trieSlot[V]
}

type trieSlot[V any] struct {
	below *trieNode[V] // nil: the slot holds a value
	hash  uint64
	value V
}

const trieBits = 5

// at returns which slot of n is for the hash h, and whether it is there.
func (n *trieNode[V]) at(h uint64, shift uint) (i int, bit uint32, ok bool) {
	bit = 1 << (h >> shift & (1<<trieBits - 1))
	return bits.OnesCount32(n.present & (bit - 1)), bit, n.present&bit != 0
}

// get returns the value with the hash h that match accepts.
func (t trie[V]) get(h uint64, match func(V) bool) (v V, ok bool) {
	n := t.root
	for shift := uint(0); n != nil && shift < 64; shift += trieBits {
		i, _, ok := n.at(h, shift)
		if !ok {
			return v, false
		}
		s := &n.slots[i]
		if s.below == nil {
			if s.hash == h && match(s.value) {
				return s.value, true
			}
			return v, false
		}
		n = s.below
	}
	if n != nil {
		for i := range n.slots {
			if match(n.slots[i].value) {
				return n.slots[i].value, true
			}
		}
	}
	return v, false
}

// put returns t with v, instead of the value that match accepts if there is
// one.
func (t trie[V]) put(h uint64, v V, match func(V) bool) trie[V] {
	s := trieSlot[V]{hash: h, value: v}
	if t.root == nil {
		t.root = new(trieNode[V])
	}
	root, added := t.root.put(0, s, match)
	if added {
		t.len++
	}
	return trie[V]{root, t.len}
}

func (n *trieNode[V]) put(shift uint, s trieSlot[V], match func(V) bool) (_ *trieNode[V], added bool) {
	if shift >= 64 {
		for i := range n.slots {
			if match(n.slots[i].value) {
				return n.with(i, s), false
			}
		}
		return &trieNode[V]{slots: append(slices.Clip(n.slots), s)}, true
	}
	i, bit, ok := n.at(s.hash, shift)
	if !ok {
		return &trieNode[V]{present: n.present | bit, slots: inserted(n.slots, i, s)}, true
	}
	old := n.slots[i]
	switch {
	case old.below != nil:
		below, added := old.below.put(shift+trieBits, s, match)
		return n.with(i, trieSlot[V]{below: below}), added
	case old.hash == s.hash && match(old.value):
		return n.with(i, s), false
	}
	// Two values where there was one: they go one level down.
	below, _ := new(trieNode[V]).put(shift+trieBits, old, match)
	below, _ = below.put(shift+trieBits, s, match)
	return n.with(i, trieSlot[V]{below: below}), true
}

// remove returns t without the value that match accepts.
func (t trie[V]) remove(h uint64, match func(V) bool) (_ trie[V], removed bool) {
	if t.root == nil {
		return t, false
	}
	root, removed := t.root.remove(0, h, match)
	if removed {
		t.len--
	}
	return trie[V]{root, t.len}, removed
}

func (n *trieNode[V]) remove(shift uint, h uint64, match func(V) bool) (_ *trieNode[V], removed bool) {
	if shift >= 64 {
		for i := range n.slots {
			if match(n.slots[i].value) {
				return &trieNode[V]{slots: without(n.slots, i)}, true
			}
		}
		return n, false
	}
	i, bit, ok := n.at(h, shift)
	if !ok {
		return n, false
	}
	old := n.slots[i]
	if old.below == nil {
		if old.hash != h || !match(old.value) {
			return n, false
		}
		return &trieNode[V]{present: n.present &^ bit, slots: without(n.slots, i)}, true
	}
	below, removed := old.below.remove(shift+trieBits, h, match)
	if !removed {
		return n, false
	}
	// A node with a single value is not needed.
	if len(below.slots) == 1 && below.slots[0].below == nil {
		return n.with(i, below.slots[0]), true
	}
	return n.with(i, trieSlot[V]{below: below}), true
}

// with returns a copy of n with slot i replaced.
func (n *trieNode[V]) with(i int, s trieSlot[V]) *trieNode[V] {
	m := &trieNode[V]{present: n.present, slots: slices.Clone(n.slots)}
	m.slots[i] = s
	return m
}

// inserted returns a copy of list with v at i.
func inserted[E any](list []E, i int, v E) []E {
	m := make([]E, len(list)+1)
	copy(m, list[:i])
	m[i] = v
	copy(m[i+1:], list[i:])
	return m
}

// without returns a copy of list that lacks element i.
func without[E any](list []E, i int) []E {
	m := make([]E, len(list)-1)
	copy(m, list[:i])
	copy(m[i:], list[i+1:])
	return m
}

// all yields the values, in no particular order.
func (t trie[V]) all() iter.Seq[V] {
	return func(yield func(V) bool) {
		if t.root != nil {
			t.root.each(yield)
		}
	}
}

func (n *trieNode[V]) each(yield func(V) bool) bool {
	for i := range n.slots {
		if below := n.slots[i].below; below != nil {
			if !below.each(yield) {
				return false
			}
		} else if !yield(n.slots[i].value) {
			return false
		}
	}
	return true
}

// mix spreads the bits of a small number for use as a hash.
func mix(n uint64) uint64 {
	n = (n ^ n>>32) * 0xd6e8feb86659fd93
	n = (n ^ n>>32) * 0xd6e8feb86659fd93
	return n ^ n>>32
}
