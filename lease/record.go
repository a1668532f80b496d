package lease

import (
	"encoding/binary"
	"math"
	"net/netip"
	"time"
)

// A slot is the place of a lease from its creation to its deletion; 0 is none.
type slot uint32

// A record is a lease without pointers, so that the garbage collector has
// nothing to do however many there are. It has the size of a cache line, which
// is all that a lease by lease search reads; identifiers and names are in the
// arena.
type record struct {
	revision uint64 // 0: the slot is free
	expires  int64  // seconds since 1970, or forever
	addr     uint32
	subnet   uint32
	pool     uint32
	lifetime uint32  // seconds
	next     [3]slot // in the chain of byAddr, byClient, byHardware; of a free slot the first is the next free one
	client   uint32  // tag of the ClientID, if there is one
	hardware uint32  // tag of the HardwareAddr, if there is one
	place    uint32  // in the timetable
	chunk    uint32  // of the arena
	offset   uint16  // in the chunk
	state    State
	flags    uint8
}

const (
	forever = math.MaxInt64 // as expires

	fqdnForward = 1 << 0
	fqdnReverse = 1 << 1
)

// recordsInPage is small because many a server has ten clients.
const recordsInPage = 64

type recordPage [recordsInPage]record

func (m *Memory) at(s slot) *record { return &m.pages[s/recordsInPage][s%recordsInPage] }

// key is an IPv4 address as records have it.
func key(addr netip.Addr) uint32 {
	b := addr.As4()
	return binary.BigEndian.Uint32(b[:])
}

// address is the reverse of key.
func address(k uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], k)
	return netip.AddrFrom4(b)
}

// lease writes to l what r stands for. The strings are parts of the arena.
func (m *Memory) lease(l *Lease, r *record) {
	t := m.arena.read(r.chunk, r.offset)
	l.Addr = address(r.addr)
	l.SubnetID, l.PoolID = r.subnet, r.pool
	l.HardwareAddr = HardwareAddr{n: uint8(len(t.hardware))}
	copy(l.HardwareAddr.b[:], t.hardware)
	l.ClientID = ClientID{t.client}
	l.Hostname, l.UserContext = t.hostname, t.context
	l.Expires = time.Time{}
	if r.expires != forever {
		l.Expires = time.Unix(r.expires, 0).UTC()
	}
	l.Lifetime = time.Duration(r.lifetime) * time.Second
	l.State = r.state
	l.FQDNForward = r.flags&fqdnForward != 0
	l.FQDNReverse = r.flags&fqdnReverse != 0
	l.Revision = r.revision
}

// fill takes from l what is no key and no text.
func (r *record) fill(l *Lease) {
	r.revision = l.Revision
	r.expires = expiry(l)
	r.subnet, r.pool = l.SubnetID, l.PoolID
	r.lifetime = uint32(l.Lifetime / time.Second)
	r.state = l.State
	r.flags = 0
	if l.FQDNForward {
		r.flags |= fqdnForward
	}
	if l.FQDNReverse {
		r.flags |= fqdnReverse
	}
}

func expiry(l *Lease) int64 {
	if l.Expires.IsZero() {
		return forever
	}
	return l.Expires.Unix()
}
