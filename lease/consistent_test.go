package lease

import "testing"

// consistent checks everything that a Memory has twice.
func (m *Memory) consistent(t *testing.T) {
	t.Helper()
	m.lock()
	defer m.mu.Unlock()
	want := [indexes]uint32{}
	minutes := 0
	used := make([]int, len(m.arena.chunks))
	free := 0
	for s := m.free; s != 0; s = m.at(s).next[0] {
		if *m.at(s) != (record{expires: forever, next: [3]slot{m.at(s).next[0]}}) {
			t.Fatalf("free slot %d keeps %+v", s, m.at(s))
		}
		free++
	}
	for s := slot(1); s <= m.slots; s++ {
		r := m.at(s)
		if r.revision == 0 {
			free--
			continue
		}
		if r.revision > m.revision {
			t.Fatalf("slot %d has revision %d of %d", s, r.revision, m.revision)
		}
		text := m.arena.read(r.chunk, r.offset)
		if text.slot != s {
			t.Fatalf("slot %d has the text of %d", s, text.slot)
		}
		used[r.chunk] += text.size
		want[byAddr]++
		if text.client != "" {
			want[byClient]++
		}
		if text.hardware != "" {
			want[byHardware]++
		}
		if text.hostname != "" && m.IndexHostnames {
			want[byHostname]++
		}
		if r.expires != forever {
			minutes++
		}
	}
	if free != 0 {
		t.Fatalf("%d free slots are not in the chain of them", free)
	}
	for k := range indexes {
		m.consistentIndex(t, k, want[k])
	}
	m.consistentArena(t, used)
	m.consistentTimetable(t, minutes)
	if len(m.scans) != 0 || len(m.touched) != 0 {
		t.Fatalf("%d scans and %d touched addresses are left", len(m.scans), len(m.touched))
	}
}

func (m *Memory) consistentIndex(t *testing.T, k int, want uint32) {
	t.Helper()
	x := &m.indexes[k]
	if x.count != want || x.count > x.chains || x.chains > 0 && (x.chains-1 > x.mask || x.mask>>1 >= x.chains) {
		t.Fatalf("index %d has %d keys, want %d, in %d chains with mask %x", k, x.count, want, x.chains, x.mask)
	}
	n := uint32(0)
	for i := range x.chains {
		for s := x.heads[i/headsInPage][i%headsInPage]; s != 0; s = *m.next(k, s) {
			if n++; n > want {
				t.Fatalf("index %d has a loop", k)
			}
			if m.at(s).revision == 0 {
				t.Fatalf("slot %d is free but in index %d", s, k)
			}
			tag := m.tag(k, s)
			if x.head(tag) != &x.heads[i/headsInPage][i%headsInPage] {
				t.Fatalf("slot %d with tag %x is in chain %d of index %d", s, tag, i, k)
			}
			var l Lease
			m.lease(&l, m.at(s))
			if tag != m.tagOf(k, &l) {
				t.Fatalf("slot %d has tag %x in index %d, want %x", s, tag, k, m.tagOf(k, &l))
			}
		}
	}
	if n != want {
		t.Fatalf("%d slots in the chains of index %d, want %d", n, k, want)
	}
}

// tagOf computes a tag anew.
func (m *Memory) tagOf(k int, l *Lease) uint32 {
	switch k {
	case byAddr:
		return addrTag(key(l.Addr))
	case byClient:
		return m.hash(l.ClientID.octets)
	case byHardware:
		return m.hash(string(l.HardwareAddr.b[:l.HardwareAddr.n]))
	}
	return m.hostnameTag(l.Hostname)
}

func (m *Memory) consistentArena(t *testing.T, used []int) {
	t.Helper()
	a := &m.arena
	live := 0
	for _, n := range a.free {
		if a.chunks[n] != (chunk{}) {
			t.Fatalf("free chunk %d has %d octets", n, len(a.chunks[n].text))
		}
	}
	for n := range a.chunks {
		c := &a.chunks[n]
		if c.live != used[n] {
			t.Fatalf("chunk %d has %d octets in use, want %d", n, c.live, used[n])
		}
		if c.isSparse() && uint32(n) != a.current {
			t.Fatalf("chunk %d has %d octets in use of %d", n, c.live, len(c.text))
		}
		live += c.live
	}
	if a.live != live || len(a.sparse) != 0 {
		t.Fatalf("the arena counts %d octets, its chunks %d; %d chunks left to be emptied", a.live, live, len(a.sparse))
	}
}

func (m *Memory) consistentTimetable(t *testing.T, want int) {
	t.Helper()
	at := int64(passed)
	blocks := uint32(0)
	for _, sp := range m.timetable.spans {
		if len(sp.minutes) == 0 {
			t.Fatalf("span %d is empty", sp.at)
		}
		for i := range sp.minutes {
			min := &sp.minutes[i]
			if min.at <= at || min.at>>10 != sp.at || min.count == 0 {
				t.Fatalf("minute %d after %d with %d slots in span %d", min.at, at, min.count, sp.at)
			}
			if next := m.timetable.after(at); next != min {
				t.Fatalf("after minute %d comes %v, want %v", at, next, min)
			}
			at = min.at
			slots := m.timetable.appendTo(nil, min)
			if len(slots) != int(min.count) {
				t.Fatalf("minute %d has %d slots, want %d", at, len(slots), min.count)
			}
			for _, s := range slots {
				r := m.at(s)
				if r.revision == 0 || minuteOf(r.expires) != at || m.timetable.block(r.place >> placeBits).slots[r.place&(1<<placeBits-1)] != s {
					t.Fatalf("slot %d in minute %d has %+v", s, at, r)
				}
			}
			want -= len(slots)
			blocks += (min.count + slotsInBlock - 1) / slotsInBlock
		}
	}
	if next := m.timetable.after(at); next != nil {
		t.Fatalf("after the last minute comes %v", next)
	}
	for b := m.timetable.free; b != 0; b = m.timetable.block(b).next {
		blocks++
	}
	if want != 0 || blocks != m.timetable.used {
		t.Fatalf("%d leases without a minute; %d blocks in use or free, want %d", want, blocks, m.timetable.used)
	}
}
