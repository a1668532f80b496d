package lease

import (
	"fmt"
	"testing"
	"time"
)

var sizes = []int{1_000, 100_000}

func benchmarkSizes(b *testing.B, f func(b *testing.B, m *Memory)) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("%dLeases", n), func(b *testing.B) {
			m := filled(b, n)
			b.ReportAllocs()
			f(b, m)
		})
	}
}

func BenchmarkMemoryFind(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, m *Memory) {
		f := newFinder(m)
		for b.Loop() {
			f.find()
		}
	})
}

func BenchmarkMemoryRenew(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, m *Memory) {
		r := newRenewer(b, m)
		for b.Loop() {
			r.renew()
		}
	})
}

func BenchmarkMemoryCreateDelete(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, m *Memory) {
		l := of(1<<23, time.Hour)
		cs := make([]Change, 1)
		for b.Loop() {
			cs[0] = Change{New: &l}
			_ = m.Update(b.Context(), cs)
			cs[0] = Change{Old: &l}
			_ = m.Update(b.Context(), cs)
		}
		if cs[0].Err != nil {
			b.Fatal(cs[0].Err)
		}
	})
}

func BenchmarkMemoryPut(b *testing.B) {
	m := new(Memory)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		l := of(i&(1<<20-1), time.Duration(i%1440)*time.Minute)
		i++
		if err := m.Put(l); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMemoryNextExpiry(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, m *Memory) {
		far := Filter{ExpiredBefore: start.AddDate(100, 0, 0), Limit: 1}
		for b.Loop() {
			for _, err := range m.Leases(b.Context(), far) {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

func BenchmarkMemoryLeases(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, m *Memory) {
		for b.Loop() {
			n := 0
			for range leasesOf(m) {
				n++
			}
			if n != m.Len() {
				b.Fatal(n)
			}
		}
	})
}
