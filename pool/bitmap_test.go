package pool

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestBitmapFindsWhatAScanFinds uses sizes around those where a word and a level
// end.
func TestBitmapFindsWhatAScanFinds(t *testing.T) {
	for _, n := range []uint32{1, 2, 63, 64, 65, 128, 129, 4095, 4096, 4097, 64*64*64 + 1} {
		seed := rand.Uint64()
		rnd := rand.New(rand.NewPCG(seed, 0))
		b := newBitmap(n)
		present := make([]bool, n)
		set := func(i uint32, to bool) {
			if present[i] = to; to {
				b.add(i)
			} else {
				b.remove(i)
			}
		}
		check := func(i uint32) {
			t.Helper()
			if b.has(i) != present[i] {
				t.Fatalf("seed %d, %d numbers: has(%d) is not %v", seed, n, i, present[i])
			}
			got, ok := b.nextAbsent(i)
			k := slices.Index(present[i:], false)
			if ok != (k >= 0) || ok && got != i+uint32(k) {
				t.Fatalf("seed %d, %d numbers: nextAbsent(%d) = %d, %v, want %d", seed, n, i, got, ok, int(i)+k)
			}
		}
		if _, ok := b.nextAbsent(n); ok {
			t.Errorf("%d numbers: something is above the last", n)
		}
		for i := range n {
			set(i, true)
		}
		check(0)
		for range 300 { // nearly full: a hole or a few
			i := rnd.Uint32N(n)
			set(i, false)
			check(0)
			check(rnd.Uint32N(n))
			check(i)
			if rnd.IntN(4) > 0 {
				set(i, true)
			}
		}
		for range 300 {
			set(rnd.Uint32N(n), rnd.IntN(2) == 0)
			check(rnd.Uint32N(n))
		}
	}
}

func TestEmptyBitmapHasNoNumber(t *testing.T) {
	b := newBitmap(0)
	if i, ok := b.nextAbsent(0); ok {
		t.Errorf("found %d", i)
	}
}
