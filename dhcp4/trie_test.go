package dhcp4

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

type trieEntry struct{ key, value int }

// checkTrie does random changes of a trie and of a map and compares them, and
// earlier versions of the trie with copies of the map. hash gives few different
// hashes, so that values meet in one place.
func checkTrie(r *rand.Rand, hash func(key int) uint64, same func(a, b int) bool) error {
	type version struct {
		trie trie[trieEntry]
		want map[int]int
	}
	var now version
	now.want = make(map[int]int)
	var before []version
	keys := 1 + r.IntN(300)
	for step := range 1000 {
		key := r.IntN(keys)
		match := func(e trieEntry) bool { return same(e.key, key) }
		if r.IntN(3) > 0 {
			now.trie = now.trie.put(hash(key), trieEntry{key, step}, match)
			now.want[key] = step
		} else {
			var removed bool
			now.trie, removed = now.trie.remove(hash(key), match)
			if _, ok := now.want[key]; ok != removed {
				return fmt.Errorf("step %d: removed %d: %v, want %v", step, key, removed, ok)
			}
			delete(now.want, key)
		}
		if r.IntN(50) == 0 {
			before = append(before, version{now.trie, maps.Clone(now.want)})
		}
	}
	for i, v := range append(before, now) {
		if v.trie.len != len(v.want) {
			return fmt.Errorf("version %d has %d values, want %d", i, v.trie.len, len(v.want))
		}
		all := make(map[int]int)
		for e := range v.trie.all() {
			all[e.key] = e.value
		}
		if !maps.Equal(all, v.want) {
			return fmt.Errorf("version %d: all are %v, want %v", i, all, v.want)
		}
		for key := range keys {
			e, ok := v.trie.get(hash(key), func(e trieEntry) bool { return same(e.key, key) })
			if want, there := v.want[key]; ok != there || e.value != want {
				return fmt.Errorf("version %d: %d is %v, %v, want %d, %v", i, key, e, ok, want, there)
			}
		}
	}
	return nil
}

var trieHashes = map[string]func(key int) uint64{
	"spread":         func(key int) uint64 { return mix(uint64(key)) },
	"low bits alike": func(key int) uint64 { return uint64(key) << 58 },
	"nine in all":    func(key int) uint64 { return mix(uint64(key % 9)) },
	"one in all":     func(int) uint64 { return 1 << 63 },
}

func TestTrieIsAMapInEveryVersion(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for name, hash := range trieHashes {
		for range 20 {
			if err := checkTrie(r, hash, func(a, b int) bool { return a == b }); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

// TestTrieCheckFindsAPlantedBug: values with the same hash taken for the same.
func TestTrieCheckFindsAPlantedBug(t *testing.T) {
	hash := trieHashes["nine in all"]
	if checkTrie(rand.New(rand.NewPCG(1, 1)), hash, func(a, b int) bool { return hash(a) == hash(b) }) == nil {
		t.Error("not found")
	}
}

// checkPrefixTree does random changes of a prefixTree and of a list and compares
// what overlaps.
func checkPrefixTree(r *rand.Rand, overlaps func(a, b netip.Prefix) bool) error {
	random := func() netip.Prefix {
		// Few bits differ, so that there is much in common.
		a := netip.AddrFrom4([4]byte{byte(r.IntN(4)) << 6, 0, byte(r.IntN(2)), byte(r.IntN(4))})
		p, _ := a.Prefix([]int{0, 1, 2, 8, 23, 24, 30, 31, 32}[r.IntN(9)])
		return p
	}
	var tree prefixTree[netip.Prefix]
	var list []netip.Prefix
	for range 200 {
		switch p := random(); {
		case r.IntN(3) == 0:
			tree = tree.remove(p)
			list = slices.DeleteFunc(list, func(o netip.Prefix) bool { return o == p })
		case !slices.Contains(list, p):
			tree = tree.put(p, &p)
			list = append(list, p)
		}
		old := tree
		old.put(random(), new(netip.Prefix)) // a version that nobody wants
		old.remove(random())

		p, bits := random(), r.IntN(3)*8
		counts := func(o *netip.Prefix) bool { return o.Bits() >= bits }
		want := slices.ContainsFunc(list, func(o netip.Prefix) bool { return counts(&o) && overlaps(o, p) })
		got := tree.overlapping(p, counts)
		if (got != nil) != want {
			return fmt.Errorf("overlapping with %v among %v of at least %d bits: %v, want %v", p, list, bits, got, want)
		}
		if got != nil && !got.Overlaps(p) {
			return fmt.Errorf("%v does not overlap with %v", got, p)
		}
	}
	return nil
}

func TestPrefixTreeKnowsWhatOverlaps(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		if err := checkPrefixTree(r, netip.Prefix.Overlaps); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPrefixTreeCheckFindsAPlantedBug(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var err error
	for range 10 {
		// Only what contains the other one.
		err = errors.Join(err, checkPrefixTree(r, func(a, b netip.Prefix) bool { return a.Bits() <= b.Bits() && a.Overlaps(b) }))
	}
	if err == nil {
		t.Error("not found")
	}
}
