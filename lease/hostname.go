package lease

import (
	"context"
	"hash/maphash"
)

// A HostnameFinder is a Store that finds leases by host name. A server does
// not need it; tools do.
type HostnameFinder interface {
	Store

	// FindHostname appends to dst every lease whose Hostname is name, ASCII
	// letters of either case being the same, expired ones too, in no order.
	// The empty name matches nothing. After an error nothing of the result
	// may be used.
	FindHostname(ctx context.Context, name string, dst []Lease) ([]Lease, error)
}

var _ HostnameFinder = (*Memory)(nil)

// A hostnameLink is what a slot has in the index of host names.
type hostnameLink struct {
	tag  uint32
	next slot
}

type hostnamePage [recordsInPage]hostnameLink

func (m *Memory) hostname(s slot) *hostnameLink {
	return &m.hostnames[s/recordsInPage][s%recordsInPage]
}

// setHostname changes the index, if there is one.
func (m *Memory) setHostname(s slot, before, after string) {
	if !m.IndexHostnames || m.loading {
		return
	}
	if before != "" {
		m.delete(byHostname, s)
	}
	if after != "" {
		for int(s/recordsInPage) >= len(m.hostnames) {
			m.hostnames = append(m.hostnames, new(hostnamePage))
		}
		m.hostname(s).tag = m.hostnameTag(after)
		m.insert(byHostname, s)
	}
}

func (m *Memory) hostnameTag(name string) uint32 {
	var lower [64]byte
	var h maphash.Hash
	h.SetSeed(m.seed)
	for name != "" {
		n := copy(lower[:], name)
		for i, c := range lower[:n] {
			lower[i] = toLower(c)
		}
		_, _ = h.Write(lower[:n])
		name = name[n:]
	}
	return uint32(h.Sum64())
}

func toLower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func sameName(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if toLower(a[i]) != toLower(b[i]) {
			return false
		}
	}
	return true
}

// FindHostname implements HostnameFinder. Without IndexHostnames it takes time
// in proportion to the number of leases, and ends with the cause of ctx when
// that is done.
func (m *Memory) FindHostname(ctx context.Context, name string, dst []Lease) ([]Lease, error) {
	if name == "" {
		return dst, nil
	}
	if !m.IndexHostnames {
		for l, err := range m.Leases(ctx, Filter{}) {
			if err != nil {
				return dst, err
			}
			if sameName(l.Hostname, name) {
				dst = append(dst, l)
			}
		}
		return dst, nil
	}
	m.rlock()
	defer m.mu.RUnlock()
	if m.slots == 0 {
		return dst, nil
	}
	tag := m.hostnameTag(name)
	for s := m.indexes[byHostname].first(tag); s != 0; s = m.hostname(s).next {
		r := m.at(s)
		if m.hostname(s).tag == tag && sameName(m.arena.read(r.chunk, r.offset).hostname, name) {
			dst = m.append(dst, r)
		}
	}
	return dst, nil
}
