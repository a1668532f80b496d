package pool

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// queueModel is a queue as a table of when each number was put in.
type queueModel struct {
	since map[uint32]int
	clock int
}

func (m *queueModel) push(i uint32) {
	m.clock++
	m.since[i] = m.clock
}

func (m *queueModel) oldest() uint32 {
	var oldest uint32
	at := m.clock + 1
	for i, t := range m.since {
		if t < at {
			oldest, at = i, t
		}
	}
	return oldest
}

// TestQueueKeepsItsOrderThroughMerges fills chunks and takes most of each out by
// number, over and over, until there are more than maxChunks that hold a few.
func TestQueueKeepsItsOrderThroughMerges(t *testing.T) {
	const bound, cold = 4000, 10
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	q, m := newFreed(bound), queueModel{since: map[uint32]int{}}
	push := func(i uint32) { q.push(i); m.push(i) }
	remove := func(i uint32) { q.remove(i); delete(m.since, i) }

	hot := uint32(q.limit - cold + 1)
	most, merges := 0, 0
	for next := hot; next+cold <= bound; {
		for range cold {
			push(next)
			next++
		}
		before := len(q.order)
		for i := range hot { // the last one closes the chunk
			push(i)
		}
		if before == len(q.order) {
			merges++
		}
		most = max(most, len(q.order))
		for _, i := range rnd.Perm(int(hot)) {
			remove(uint32(i))
		}
		if err := q.check(); err != nil {
			t.Fatal(err)
		}
		if rnd.IntN(10) == 0 {
			want := m.oldest()
			if got := q.pop(0); got != want {
				t.Fatalf("pop: got %d, want %d", got, want)
			}
			delete(m.since, want)
		}
	}
	if most != maxChunks || merges < 50 {
		t.Errorf("at most %d chunks, %d merges: the test does not reach what it is about", most, merges)
	}
	for len(m.since) > 0 {
		want := m.oldest()
		if got := q.pop(0); got != want {
			t.Fatalf("%d left, pop: got %d, want %d", len(m.since), got, want)
		}
		delete(m.since, want)
	}
	if q.live != 0 {
		t.Errorf("%d left", q.live)
	}
}

func TestQueueSkipsAndComesBack(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for round := range 200 {
		bound := 1 + rnd.IntN(2000)
		q := newFreed(uint32(bound))
		in := make([]bool, bound)
		count := 0
		for range 20 * bound {
			i := uint32(rnd.IntN(bound))
			switch op := rnd.IntN(10); {
			case op < 6 && !in[i]:
				q.push(i)
				in[i] = true
				count++
			case op < 7 && in[i]:
				q.remove(i)
				in[i] = false
				count--
			case op == 9 && count > 0:
				got := q.pop(rnd.IntN(3) * rnd.IntN(bound+1))
				if !in[got] {
					t.Fatalf("round %d: pop returned %d, which is not in", round, got)
				}
				in[got] = false
				count--
			}
		}
		if err := q.check(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for ; count > 0; count-- {
			got := q.pop(0)
			if !in[got] {
				t.Fatalf("round %d: pop returned %d, which is not in", round, got)
			}
			in[got] = false
		}
	}
}

func TestQueueReadsOnWhenEarlierChunksEnd(t *testing.T) {
	const bound = 600
	q := newFreed(bound)
	for i := range uint32(bound) {
		q.push(i)
	}
	if got := q.pop(300); got != 300 {
		t.Fatalf("got %d after 300", got)
	}
	for i := range uint32(200) {
		q.remove(i)
	}
	// The last chunk is still open: what was skipped comes before it.
	var got []uint32
	for q.live > 0 {
		got = append(got, q.pop(0))
	}
	open := bound / q.limit * q.limit
	var want []uint32
	for i := 301; i < open; i++ {
		want = append(want, uint32(i))
	}
	for i := 200; i < 300; i++ {
		want = append(want, uint32(i))
	}
	for i := open; i < bound; i++ {
		want = append(want, uint32(i))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
