package pool

import "math/bits"

// maxLevels is enough for maxAddrs bits: 64 to the power of 5 is more.
const maxLevels = 5

// A bitmap is a set of numbers below a bound, with the smallest absent number
// above another found in constant time. Above the bits, level 0, each level has
// one bit for a word of the level below, set when that word is full.
//
// Present is 1, so that a large bitmap is nothing but fresh zero pages until
// it is used.
type bitmap struct {
	words []uint64
	// off[l] is where level l begins. Levels that do not exist are empty.
	off [maxLevels + 1]uint32
}

func newBitmap(n uint32) bitmap {
	var b bitmap
	var sizes [maxLevels]uint32 // in bits
	end := uint32(0)
	for l := range maxLevels {
		b.off[l] = end
		if l == 0 {
			sizes[0] = n
		} else if words := end - b.off[l-1]; words > 1 {
			sizes[l] = words
		}
		end += (sizes[l] + 63) / 64
	}
	b.off[maxLevels] = end
	b.words = make([]uint64, end)
	for l, size := range sizes {
		if size%64 != 0 { // what is beyond the bound counts as present
			b.words[b.off[l+1]-1] = ^uint64(0) << (size % 64)
		}
	}
	return b
}

func (b *bitmap) has(i uint32) bool { return b.words[i/64]>>(i%64)&1 != 0 }

func (b *bitmap) add(i uint32) {
	for l := 0; l < maxLevels && b.off[l] < b.off[l+1]; l++ {
		w := &b.words[b.off[l]+i/64]
		*w |= 1 << (i % 64)
		if *w != ^uint64(0) {
			return
		}
		i /= 64
	}
}

func (b *bitmap) remove(i uint32) {
	for l := 0; l < maxLevels && b.off[l] < b.off[l+1]; l++ {
		w := &b.words[b.off[l]+i/64]
		wasFull := *w == ^uint64(0)
		*w &^= 1 << (i % 64)
		if !wasFull {
			return
		}
		i /= 64
	}
}

// nextAbsent returns the smallest absent number that is not below i.
func (b *bitmap) nextAbsent(i uint32) (uint32, bool) {
	l := 0
	for {
		if l == maxLevels || i/64 >= b.off[l+1]-b.off[l] {
			return 0, false
		}
		absent := ^b.words[b.off[l]+i/64] >> (i % 64) << (i % 64)
		if absent != 0 {
			i = i&^63 | uint32(bits.TrailingZeros64(absent))
			break
		}
		i = i/64 + 1
		l++
	}
	for ; l > 0; l-- {
		i = i*64 + uint32(bits.TrailingZeros64(^b.words[b.off[l-1]+i]))
	}
	return i, true
}
