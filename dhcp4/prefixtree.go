package dhcp4

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// A prefixTree maps IPv4 prefixes to values, and tells which overlap. It is persistent, as trie is. A
// node is below those whose prefix contains its own.
type prefixTree[V any] struct{ root *prefixNode[V] }

type prefixNode[V any] struct {
	addr, mask uint32
	bits       uint8
	value      *V                // nil: the node is only where two branches part
	child      [2]*prefixNode[V] // by the first bit behind the prefix
}

func addrBits(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// newPrefixNode returns the node of the first n bits of addr.
func newPrefixNode[V any](addr uint32, n int) *prefixNode[V] {
	mask := ^(^uint32(0) >> n)
	return &prefixNode[V]{addr: addr & mask, mask: mask, bits: uint8(n)}
}

func (n *prefixNode[V]) contains(addr uint32) bool { return addr&n.mask == n.addr }

// below returns the child that addr is in.
func (n *prefixNode[V]) below(addr uint32) **prefixNode[V] {
	return &n.child[addr<<n.bits>>31]
}

// overlapping returns a value that counts of a prefix that has addresses in
// common with p, or nil: the shortest that contains it, else one inside it.
func (t prefixTree[V]) overlapping(p netip.Prefix, counts func(*V) bool) *V {
	want := newPrefixNode[V](addrBits(p.Addr()), p.Bits())
	n := t.root
	for n != nil && n.bits < want.bits && n.contains(want.addr) {
		if n.value != nil && counts(n.value) {
			return n.value
		}
		n = *n.below(want.addr)
	}
	if n == nil || !want.contains(n.addr) {
		return nil
	}
	return n.first(counts)
}

// first returns a value of n and what is below it that counts, or nil.
func (n *prefixNode[V]) first(counts func(*V) bool) *V {
	switch {
	case n == nil:
		return nil
	case n.value != nil && counts(n.value):
		return n.value
	}
	if v := n.child[0].first(counts); v != nil {
		return v
	}
	return n.child[1].first(counts)
}

// put returns t with v at p.
func (t prefixTree[V]) put(p netip.Prefix, v *V) prefixTree[V] {
	fresh := newPrefixNode[V](addrBits(p.Addr()), p.Bits())
	fresh.value = v
	return prefixTree[V]{t.root.put(fresh)}
}

func (n *prefixNode[V]) put(fresh *prefixNode[V]) *prefixNode[V] {
	switch {
	case n == nil:
		return fresh
	case n.bits == fresh.bits && n.addr == fresh.addr:
		fresh.child = n.child
		return fresh
	case n.bits < fresh.bits && n.contains(fresh.addr):
		m := *n
		child := m.below(fresh.addr)
		*child = (*child).put(fresh)
		return &m
	case fresh.bits < n.bits && fresh.contains(n.addr):
		*fresh.below(n.addr) = n
		return fresh
	}
	fork := newPrefixNode[V](n.addr, bits.LeadingZeros32(n.addr^fresh.addr))
	*fork.below(n.addr), *fork.below(fresh.addr) = n, fresh
	return fork
}

// remove returns t without a value at p.
func (t prefixTree[V]) remove(p netip.Prefix) prefixTree[V] {
	return prefixTree[V]{t.root.remove(newPrefixNode[V](addrBits(p.Addr()), p.Bits()))}
}

func (n *prefixNode[V]) remove(gone *prefixNode[V]) *prefixNode[V] {
	if n == nil || n.bits > gone.bits || !n.contains(gone.addr) {
		return n
	}
	m := *n
	if n.bits == gone.bits {
		m.value = nil
	} else {
		child := m.below(gone.addr)
		*child = (*child).remove(gone)
	}
	switch {
	case m.value != nil || m.child[0] != nil && m.child[1] != nil:
		return &m
	case m.child[0] != nil:
		return m.child[0]
	}
	return m.child[1]
}
