package lease

import (
	"context"
	"hash/maphash"
	"net/netip"
	"slices"
	"sync"
)

// A Memory is a Store that lasts as long as the process. Its zero value is an
// empty store, ready to use; it must not be copied. Find and Update never
// fail and pay no attention to their context, Sync has nothing to do.
//
// A lease takes about 90 octets and what its identifiers, its host name and
// its user context have, and the garbage collector has next to nothing to do
// with it. Deleted leases leave room for others; it is not given back.
//
// The strings of the leases that Find and Leases yield are parts of larger
// ones: who keeps one for long keeps up to 16 KiB alive, or clones it.
type Memory struct {
	// IndexHostnames makes FindHostname fast, for 12 octets a lease. It must
	// be set before the first lease is stored. If false, FindHostname looks
	// at every lease.
	IndexHostnames bool

	mu        sync.RWMutex
	loading   bool   // only byAddr is complete
	revision  uint64 // the last one given out
	slots     slot   // as many have ever been in use
	free      slot   // the first that is free
	pages     []*recordPage
	hostnames []*hostnamePage

	arena     arena
	seed      maphash.Seed // of tags; set with the first lease
	indexes   [indexes]index
	timetable timetable

	scans   []*expiryScan       // under way
	touched map[uint32]struct{} // scratch of Update
}

// lock locks m for a change, rlock for reading. Both see to it that the
// indexes are complete.
func (m *Memory) lock() {
	m.mu.Lock()
	if m.loading {
		m.loaded()
	}
}

func (m *Memory) rlock() {
	m.mu.RLock()
	for m.loading {
		m.mu.RUnlock()
		m.lock()
		m.mu.Unlock()
		m.mu.RLock()
	}
}

// loaded makes the indexes that Put has left for later. To do it at once is
// several times faster, for they grow to their size in one step and nothing is
// indexed that a later row of a log replaces.
func (m *Memory) loaded() {
	m.loading = false
	n := int(m.indexes[byAddr].count)
	m.indexes[byClient].reserve(n)
	m.indexes[byHardware].reserve(n)
	if m.IndexHostnames {
		m.indexes[byHostname].reserve(n)
	}
	var l Lease
	for s := slot(1); s <= m.slots; s++ {
		if r := m.at(s); r.revision != 0 {
			m.lease(&l, r)
			m.link(s, r, &l)
		}
	}
}

// link indexes slot s, whose record is filled, by all but its address.
func (m *Memory) link(s slot, r *record, l *Lease) {
	m.setClient(s, r, "", l.ClientID.octets)
	m.setHardware(s, r, "", l.HardwareAddr)
	m.setHostname(s, "", l.Hostname)
	m.reschedule(s, r, passed, minuteOf(r.expires))
}

// Len returns the number of leases, expired ones included.
func (m *Memory) Len() int {
	m.rlock()
	defer m.mu.RUnlock()
	return int(m.indexes[byAddr].count)
}

// Find implements Store.
func (m *Memory) Find(_ context.Context, qs []Query) error {
	m.rlock()
	defer m.mu.RUnlock()
	for i := range qs {
		m.find(&qs[i])
	}
	return nil
}

// find adds a lease with the first of its keys that matches, so that each
// comes once without a look at what has been found. It asks the indexes before
// it needs to know: the processor fetches what is not in its cache meanwhile.
func (m *Memory) find(q *Query) {
	q.Leases = q.Leases[:0]
	if m.slots == 0 {
		return
	}
	octets := q.HardwareAddr.b[:q.HardwareAddr.n]
	clientTag, hardwareTag := m.hashBytes(q.ClientID), m.hashBytes(octets)
	clients, hardware := m.indexes[byClient].first(clientTag), m.indexes[byHardware].first(hardwareTag)
	for i, a := range q.Addrs {
		if !a.Is4() || slices.Contains(q.Addrs[:i], a) {
			continue
		}
		if s := m.lookup(key(a)); s != 0 {
			q.Leases = m.append(q.Leases, m.at(s))
		}
	}
	inSubnets := func(r *record) bool {
		return (q.Subnets == nil || slices.Contains(q.Subnets, r.subnet)) &&
			(len(q.Addrs) == 0 || !slices.Contains(q.Addrs, address(r.addr)))
	}
	if len(q.ClientID) == 0 {
		clients = 0
	}
	for s := clients; s != 0; {
		r := m.at(s)
		if r.client == clientTag && inSubnets(r) && m.arena.read(r.chunk, r.offset).client == string(q.ClientID) {
			q.Leases = m.append(q.Leases, r)
		}
		s = r.next[byClient]
	}
	if len(octets) == 0 {
		hardware = 0
	}
	for s := hardware; s != 0; {
		r := m.at(s)
		if r.hardware == hardwareTag && inSubnets(r) {
			t := m.arena.read(r.chunk, r.offset)
			if t.hardware == string(octets) && (t.client == "" || t.client != string(q.ClientID)) {
				q.Leases = m.append(q.Leases, r)
			}
		}
		s = r.next[byHardware]
	}
}

// hash makes the tag of an identifier. Clients choose theirs, so the seed is
// random.
func (m *Memory) hash(id string) uint32      { return uint32(maphash.String(m.seed, id)) }
func (m *Memory) hashBytes(id []byte) uint32 { return uint32(maphash.Bytes(m.seed, id)) }

// lookup returns the slot of an address, 0 if it has no lease.
func (m *Memory) lookup(k uint32) slot {
	s := m.indexes[byAddr].first(addrTag(k))
	for s != 0 {
		r := m.at(s)
		if r.addr == k {
			break
		}
		s = r.next[byAddr]
	}
	return s
}

// Update implements Store.
func (m *Memory) Update(_ context.Context, cs []Change) error {
	for i := range cs {
		cs[i].Err = cs[i].Check()
	}
	m.lock()
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
	s := m.lookup(k)
	if c.Old == nil {
		if s != 0 {
			return ErrConflict
		}
	} else if s == 0 || m.at(s).revision != c.Old.Revision {
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
//
// What is put in an empty Memory is indexed, all at once, by the next call of
// another method than Put and Delete; for a million leases that takes some
// tenths of a second. Len will do.
func (m *Memory) Put(l Lease) error {
	if err := l.Check(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.slots == 0 {
		m.loading = true
	}
	m.revision++
	l.Revision = m.revision
	m.set(m.lookup(key(l.Addr)), &l)
	return nil
}

// Peek returns the lease of addr, if there is one. Between calls of Put it may
// be called without indexing what was put.
func (m *Memory) Peek(addr netip.Addr) (l Lease, ok bool) {
	if !addr.Is4() {
		return l, false
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	s := m.lookup(key(addr))
	if s == 0 {
		return l, false
	}
	m.lease(&l, m.at(s))
	return l, true
}

// Delete removes the lease of addr, if there is one, whatever its revision.
// Like Put it is for stores that replay a log.
func (m *Memory) Delete(addr netip.Addr) {
	if !addr.Is4() {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.lookup(key(addr)); s != 0 {
		m.remove(s)
	}
}

// set stores l in slot s, or in a new slot if s is 0.
func (m *Memory) set(s slot, l *Lease) {
	if s == 0 {
		m.create(l)
		return
	}
	r := m.at(s)
	m.setText(s, r, l)
	before, after := minuteOf(r.expires), minuteOf(expiry(l))
	r.fill(l)
	if before != after {
		m.reschedule(s, r, before, after)
	}
	m.compact()
}

func (m *Memory) create(l *Lease) {
	if m.slots == 0 {
		m.seed = maphash.MakeSeed()
	}
	s := m.newSlot()
	r := m.at(s)
	r.addr = key(l.Addr)
	r.fill(l)
	r.chunk, r.offset = m.arena.add(s, l)
	m.insert(byAddr, s)
	if !m.loading {
		m.link(s, r, l)
	}
	m.compact()
}

// setText stores the texts of l unless they are what slot s has.
func (m *Memory) setText(s slot, r *record, l *Lease) {
	have := m.arena.read(r.chunk, r.offset)
	same := true
	if have.hardware != string(l.HardwareAddr.b[:l.HardwareAddr.n]) {
		m.setHardware(s, r, have.hardware, l.HardwareAddr)
		same = false
	}
	if have.client != l.ClientID.octets {
		m.setClient(s, r, have.client, l.ClientID.octets)
		same = false
	}
	if have.hostname != l.Hostname {
		m.setHostname(s, have.hostname, l.Hostname)
		same = false
	}
	if same && have.context == l.UserContext {
		return
	}
	old := r.chunk
	r.chunk, r.offset = m.arena.add(s, l)
	m.arena.drop(old, have.size)
}

func (m *Memory) setClient(s slot, r *record, before, after string) {
	if m.loading {
		return
	}
	if before != "" {
		m.delete(byClient, s)
	}
	if after != "" {
		r.client = m.hash(after)
		m.insert(byClient, s)
	}
}

func (m *Memory) setHardware(s slot, r *record, before string, after HardwareAddr) {
	if m.loading {
		return
	}
	if before != "" {
		m.delete(byHardware, s)
	}
	if !after.IsZero() {
		r.hardware = m.hashBytes(after.b[:after.n])
		m.insert(byHardware, s)
	}
}

// reschedule moves slot s, which has the new expiry, from one minute to
// another.
func (m *Memory) reschedule(s slot, r *record, before, after int64) {
	if m.loading {
		return
	}
	if before != passed && before != never {
		moved := m.timetable.remove(before, r.place)
		m.at(moved).place = r.place
	}
	if after != passed && after != never {
		r.place = m.timetable.add(after, s)
	}
	if after == passed {
		return
	}
	for _, sc := range m.scans {
		sc.moved(s, before, after)
	}
}

// remove deletes the lease of slot s, which exists.
func (m *Memory) remove(s slot) {
	r := m.at(s)
	have := m.arena.read(r.chunk, r.offset)
	m.delete(byAddr, s)
	m.setClient(s, r, have.client, "")
	m.setHardware(s, r, have.hardware, HardwareAddr{})
	m.setHostname(s, have.hostname, "")
	m.reschedule(s, r, minuteOf(r.expires), passed)
	chunk := r.chunk
	*r = record{expires: forever}
	r.next[0], m.free = m.free, s
	m.arena.drop(chunk, have.size)
	m.compact()
}

func (m *Memory) newSlot() slot {
	if s := m.free; s != 0 {
		m.free = m.at(s).next[0]
		return s
	}
	m.slots++
	if int(m.slots/recordsInPage) == len(m.pages) {
		m.pages = append(m.pages, new(recordPage))
	}
	return m.slots
}
