package lease

import (
	"context"
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
)

// A Memory is a Store that lasts as long as the process. Its zero value is an
// empty store, ready to use; it must not be copied. Find and Update never
// fail and pay no attention to their context, Sync has nothing to do.
//
// Leases given to a Memory share their strings with it.
type Memory struct {
	mu       sync.RWMutex
	revision uint64 // the last one given out
	slots    slot   // as many have ever been in use; 0 is none
	free     []slot
	pages    []*[pageSize]Lease // the lease of slot s is pages[s/pageSize][s%pageSize]

	byAddr   map[uint32]slot
	byClient index[ClientID]
	byHW     index[HardwareAddr]
	byMinute timetable

	scans   []*expiryScan       // under way
	touched map[uint32]struct{} // scratch of Update
}

// pageSize is small because many a server has ten clients.
const pageSize = 64

// A slot is the place of a lease from its creation to its deletion.
type slot uint32

func (m *Memory) at(s slot) *Lease { return &m.pages[s/pageSize][s%pageSize] }

// key is IPv4 addresses as a map key; netip.Addr takes three times as long.
func key(addr netip.Addr) uint32 {
	b := addr.As4()
	return binary.BigEndian.Uint32(b[:])
}

// Len returns the number of leases, expired ones included.
func (m *Memory) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.byAddr)
}

// Find implements Store.
func (m *Memory) Find(_ context.Context, qs []Query) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for i := range qs {
		m.find(&qs[i])
	}
	return nil
}

// find adds a lease with the first of its keys that matches, so that each
// comes once without a look at what has been found.
func (m *Memory) find(q *Query) {
	q.Leases = q.Leases[:0]
	for i, a := range q.Addrs {
		if !a.Is4() || slices.Contains(q.Addrs[:i], a) {
			continue
		}
		if s := m.byAddr[key(a)]; s != 0 {
			q.Leases = append(q.Leases, *m.at(s))
		}
	}
	inSubnets := func(l *Lease) bool {
		return (q.Subnets == nil || slices.Contains(q.Subnets, l.SubnetID)) && !slices.Contains(q.Addrs, l.Addr)
	}
	if len(q.ClientID) > 0 {
		for s := m.byClient.head[ClientID{string(q.ClientID)}]; s != 0; s = m.byClient.links[s].next {
			if l := m.at(s); inSubnets(l) {
				q.Leases = append(q.Leases, *l)
			}
		}
	}
	if !q.HardwareAddr.IsZero() {
		for s := m.byHW.head[q.HardwareAddr]; s != 0; s = m.byHW.links[s].next {
			l := m.at(s)
			if inSubnets(l) && (l.ClientID.IsZero() || l.ClientID.octets != string(q.ClientID)) {
				q.Leases = append(q.Leases, *l)
			}
		}
	}
}

// Update implements Store.
func (m *Memory) Update(_ context.Context, cs []Change) error {
	for i := range cs {
		cs[i].Err = cs[i].Check()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range cs {
		if c := &cs[i]; c.Err == nil {
			c.Err = m.apply(c, len(cs) > 1)
		}
	}
	if len(m.touched) > 1000 {
		m.touched = nil // one large call shall not make all others clear a large map
	}
	clear(m.touched)
	return nil
}

func (m *Memory) apply(c *Change, several bool) error {
	k := key(c.Addr())
	if several {
		if _, again := m.touched[k]; again {
			return ErrConflict
		}
		if m.touched == nil {
			m.touched = make(map[uint32]struct{})
		}
		m.touched[k] = struct{}{}
	}
	s := m.byAddr[k]
	if c.Old == nil {
		if s != 0 {
			return ErrConflict
		}
	} else if s == 0 || m.at(s).Revision != c.Old.Revision {
		return ErrConflict
	}
	if c.New == nil {
		m.remove(s)
		return nil
	}
	m.revision++
	c.New.Revision = m.revision
	m.set(s, c.New)
	return nil
}

// Sync implements Store. It returns nil.
func (m *Memory) Sync(context.Context) error { return nil }

// Put stores l whatever is stored for its address, and ignores its Revision.
// It is for a store that fills a Memory from elsewhere before anybody reads
// it; a server changes leases with Update. Put fails as Lease.Check does.
func (m *Memory) Put(l Lease) error {
	if err := l.Check(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.revision++
	l.Revision = m.revision
	m.set(m.byAddr[key(l.Addr)], &l)
	return nil
}

// Delete removes the lease of addr, if there is one, whatever its revision.
// Like Put it is for stores that replay a log.
func (m *Memory) Delete(addr netip.Addr) {
	if !addr.Is4() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.byAddr[key(addr)]; s != 0 {
		m.remove(s)
	}
}

// set stores l in slot s, or in a new slot if s is 0.
func (m *Memory) set(s slot, l *Lease) {
	before, after := int64(passed), minuteOf(l)
	if s == 0 {
		s = m.newSlot()
		if m.byAddr == nil {
			m.byAddr = make(map[uint32]slot)
		}
		m.byAddr[key(l.Addr)] = s
	} else {
		before = minuteOf(m.at(s))
	}
	have := m.at(s)
	m.byClient.move(have.ClientID, l.ClientID, s)
	m.byHW.move(have.HardwareAddr, l.HardwareAddr, s)
	if before != after {
		m.byMinute.move(before, after, s)
		for _, sc := range m.scans {
			sc.moved(s, before, after)
		}
	}
	*have = *l
}

// remove deletes the lease of slot s, which exists.
func (m *Memory) remove(s slot) {
	have := m.at(s)
	delete(m.byAddr, key(have.Addr))
	m.byClient.move(have.ClientID, ClientID{}, s)
	m.byHW.move(have.HardwareAddr, HardwareAddr{}, s)
	m.byMinute.move(minuteOf(have), passed, s)
	*have = Lease{}
	m.free = append(m.free, s)
}

func (m *Memory) newSlot() slot {
	if n := len(m.free); n > 0 {
		s := m.free[n-1]
		m.free = m.free[:n-1]
		return s
	}
	m.slots++
	if int(m.slots/pageSize) == len(m.pages) {
		m.pages = append(m.pages, new([pageSize]Lease))
	}
	return m.slots
}
