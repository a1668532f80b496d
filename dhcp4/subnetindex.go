package dhcp4

import (
	"hash/maphash"
	"net/netip"
	"slices"
)

// A subnetIndex finds subnets by all that a packet may show. It is persistent,
// as trie is: adding or removing a subnet makes another index in the time of a
// few look-ups, however many there are.
type subnetIndex struct {
	seed     maphash.Seed
	byID     trie[*subnet]
	byPrefix trie[*subnet]
	lengths  [33]int // how many of the prefixes have this length
	lists    trie[*subnetList]
	ordered  prefixTree[subnet] // what overlaps with what
}

// A subnetList holds the subnets that have something in common, in the order
// of the Config and then of AddSubnet.
type subnetList struct {
	key     listKey
	subnets []*subnet
}

// A listKey is what the subnets of a list have in common.
type listKey struct {
	kind listKind
	name string
	addr netip.Addr
}

type listKind uint8

const (
	onInterface listKind = iota // Subnet.Interface
	behindRelay                 // Subnet.Relays
	asServer                    // Subnet.ServerID, Subnet.Source
)

// listKeys returns the keys of the lists that a subnet is in; w is its shared
// network, or nil.
func listKeys(n *Subnet, w *network) []listKey {
	var keys []listKey
	if name := interfaceOf(n, w); name != "" {
		keys = append(keys, listKey{kind: onInterface, name: name})
	}
	if n.ServerID.IsValid() {
		keys = append(keys, listKey{kind: asServer, addr: n.ServerID})
	}
	if n.Source.IsValid() && n.Source != n.ServerID {
		keys = append(keys, listKey{kind: asServer, addr: n.Source})
	}
	relays := relaysOf(n, w)
	for i, a := range relays {
		if !slices.Contains(relays[:i], a) {
			keys = append(keys, listKey{kind: behindRelay, addr: a})
		}
	}
	return keys
}

// id returns the subnet with the given ID, or nil.
func (x *subnetIndex) id(id uint32) *subnet {
	n, _ := x.byID.get(mix(uint64(id)), func(n *subnet) bool { return n.id == id })
	return n
}

// prefix returns the subnet with the longest prefix that contains a, or nil.
func (x *subnetIndex) prefix(a netip.Addr) *subnet {
	if !isUnicast(a) {
		return nil
	}
	addr := addrBits(a)
	for bits := 32; bits >= 0; bits-- {
		if x.lengths[bits] == 0 {
			continue
		}
		if n, ok := x.byPrefix.get(hashPrefix(addr, bits), func(n *subnet) bool { return n.isPrefix(addr, bits) }); ok {
			return n
		}
	}
	return nil
}

// hashPrefix returns the hash of the first bits of addr as a prefix.
func hashPrefix(addr uint32, bits int) uint64 {
	return mix(uint64(addr&^(^uint32(0)>>bits))<<6 | uint64(bits))
}

// isPrefix reports whether n has a prefix of so many bits that contains addr.
func (n *subnet) isPrefix(addr uint32, bits int) bool {
	return int(n.bits) == bits && (n.network^addr)&^(^uint32(0)>>bits) == 0
}

// overlapping returns a subnet that has addresses in common with n, or nil. A
// subnet for the rest of all networks overlaps with nothing but another one.
func (x *subnetIndex) overlapping(n *Subnet) *subnet {
	return x.ordered.overlapping(n.Prefix, func(o *subnet) bool { return o.conf.isRest() == n.isRest() })
}

// list returns the subnets with the given key. The slice is read-only.
func (x *subnetIndex) list(key listKey) []*subnet {
	if x.lists.len == 0 {
		return nil
	}
	l, ok := x.lists.get(maphash.Comparable(x.seed, key), func(l *subnetList) bool { return l.key == key })
	if !ok {
		return nil
	}
	return l.subnets
}

// interfaceSubnets returns the subnets that are on the link with the given name.
func (x *subnetIndex) interfaceSubnets(name string) []*subnet {
	return x.list(listKey{kind: onInterface, name: name})
}

// relaySubnets returns the subnets that name the relay agent a.
func (x *subnetIndex) relaySubnets(a netip.Addr) []*subnet {
	return x.list(listKey{kind: behindRelay, addr: a})
}

// isServer reports whether a subnet is configured with the server identifier a.
func (x *subnetIndex) isServer(a netip.Addr) bool {
	return len(x.list(listKey{kind: asServer, addr: a})) > 0
}

// add adds n. It may be called once for an index and all its copies: the lists
// share memory.
func (x *subnetIndex) add(n *subnet) {
	x.byID = x.byID.put(mix(uint64(n.id)), n, func(o *subnet) bool { return o.id == n.id })
	x.byPrefix = x.byPrefix.put(hashPrefix(n.network, int(n.bits)), n, func(o *subnet) bool { return o.isPrefix(n.network, int(n.bits)) })
	x.lengths[n.bits]++
	x.ordered = x.ordered.put(n.conf.Prefix, n)
	for _, key := range n.lists {
		// Nobody looks behind the end of a list that is shorter.
		x.setList(key, append(x.list(key), n))
	}
}

// remove removes n.
func (x *subnetIndex) remove(n *subnet) {
	x.byID, _ = x.byID.remove(mix(uint64(n.id)), func(o *subnet) bool { return o == n })
	x.byPrefix, _ = x.byPrefix.remove(hashPrefix(n.network, int(n.bits)), func(o *subnet) bool { return o == n })
	x.lengths[n.bits]--
	x.ordered = x.ordered.remove(n.conf.Prefix)
	for _, key := range n.lists {
		list := x.list(key)
		x.setList(key, without(list, slices.Index(list, n)))
	}
}

func (x *subnetIndex) setList(key listKey, list []*subnet) {
	h := maphash.Comparable(x.seed, key)
	match := func(l *subnetList) bool { return l.key == key }
	if len(list) == 0 {
		x.lists, _ = x.lists.remove(h, match)
		return
	}
	x.lists = x.lists.put(h, &subnetList{key, list}, match)
}
