package dhcp4

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"iter"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// byAnyClient is the kind of a Reservation for AnyClient, which has no
// identifier.
const byAnyClient HostIdentifier = 0

// A kindSet is a set of HostIdentifiers.
type kindSet uint8

func (s kindSet) has(k HostIdentifier) bool { return s>>k&1 != 0 }

// A hostRecord is a Reservation as it is kept: small, for there may be
// millions.
type hostRecord struct {
	id, hostname string
	more         *hostMore // nil: nothing of it
	addr         [4]byte
	hasAddr      bool
	kind         HostIdentifier
	global       bool // of the Config, not of a Subnet
	deleted      bool // stands for a reservation of the Config that was deleted since
}

// hostMore is what few reservations have, or many in common.
type hostMore struct {
	conf    option.Options
	options optionSet
	life    time.Duration
	boot    Boot
	reuse   time.Duration

	stateless bool
}

func (r *hostRecord) address() netip.Addr {
	if !r.hasAddr {
		return netip.Addr{}
	}
	return netip.AddrFrom4(r.addr)
}

// is reports whether r is for the client with the identifier id.
func (r *hostRecord) is(id *hostID) bool { return r.kind == id.kind && r.id == string(id.octets) }

// sameClient reports whether r and o are for the same client.
func (r *hostRecord) sameClient(o *hostRecord) bool { return r.kind == o.kind && r.id == o.id }

// String tells who r is for, as in "HardwareAddr 00:0c:29:aa:bb:cc".
func (r *hostRecord) String() string {
	if r.kind == byAnyClient {
		return r.kind.field()
	}
	return r.kind.field() + " " + lease.ClientIDFromString(r.id).String()
}

// A hostID is one of the things that a client may be known by.
type hostID struct {
	kind   HostIdentifier
	octets []byte
	hash   uint64
}

// text returns the octets in hexadecimal.
func (id hostID) text() string { return lease.ClientIDFrom(id.octets).String() }

// A hostHasher makes the hashes of identifiers and addresses.
type hostHasher struct{ seed maphash.Seed }

func (h hostHasher) id(kind HostIdentifier, octets []byte) hostID {
	return hostID{kind, octets, maphash.Bytes(h.seed, octets) + uint64(kind)*0x9e3779b97f4a7c15}
}

// identifier returns what r knows its client by. It appends the octets to
// scratch.
func (h hostHasher) identifier(r *Reservation, scratch []byte) hostID {
	kind, text := byAnyClient, ""
	switch {
	case !r.HardwareAddr.IsZero():
		b, _ := r.HardwareAddr.AppendBinary(scratch[:0])
		return h.id(ByHardwareAddr, b)
	case !r.ClientID.IsZero():
		kind, text = ByClientID, r.ClientID.Octets()
	case r.DUID != "":
		kind, text = ByDUID, r.DUID
	case r.CircuitID != "":
		kind, text = ByCircuitID, r.CircuitID
	case r.RemoteID != "":
		kind, text = ByRemoteID, r.RemoteID
	case r.FlexID != "":
		kind, text = ByFlexID, r.FlexID
	}
	return h.id(kind, append(scratch[:0], text...))
}

// hashAddr spreads addresses, which come in a row. It needs no secret: nobody
// but who writes the configuration chooses what is in a table.
func hashAddr(a [4]byte) uint64 { return mix(uint64(binary.BigEndian.Uint32(a[:]))) }

// A hostTable holds reservations as they were configured. It is immutable.
//
// Each index is an open-addressed hash table of positions in records, with as
// many bits of the hash beside a position as there is room for: a record that
// is not meant is seldom looked at.
type hostTable struct {
	kinds   kindSet
	records []hostRecord
	byID    hostIndex
	byAddr  hostIndex
}

type hostIndex struct {
	slots []uint32 // tag and position + 1; 0: none
	bits  uint8    // of the position
}

func newHostIndex(n int) hostIndex {
	if n == 0 {
		return hostIndex{}
	}
	return hostIndex{
		slots: make([]uint32, 1<<bits.Len(uint(n+n/4))),
		bits:  uint8(bits.Len(uint(n))),
	}
}

// find calls match for positions that may have the hash h until it returns
// true, and returns that position.
func (x *hostIndex) find(h uint64, match func(i uint32) bool) (i uint32, ok bool) {
	if len(x.slots) == 0 {
		return 0, false
	}
	mask := uint32(len(x.slots) - 1)
	tag := uint32(h>>32) &^ (1<<x.bits - 1)
	for at := uint32(h) & mask; x.slots[at] != 0; at = (at + 1) & mask {
		s := x.slots[at]
		if i = s&(1<<x.bits-1) - 1; s&^(1<<x.bits-1) == tag && match(i) {
			return i, true
		}
	}
	return 0, false
}

// add adds the position i with the hash h.
func (x *hostIndex) add(h uint64, i uint32) {
	mask := uint32(len(x.slots) - 1)
	at := uint32(h) & mask
	for x.slots[at] != 0 {
		at = (at + 1) & mask
	}
	x.slots[at] = uint32(h>>32)&^(1<<x.bits-1) | (i + 1)
}

// find returns the reservation for id, or nil.
func (t *hostTable) find(id *hostID) *hostRecord {
	i, ok := t.byID.find(id.hash, func(i uint32) bool { return t.records[i].is(id) })
	if !ok {
		return nil
	}
	return &t.records[i]
}

// at returns the reservation of the address a, or nil.
func (t *hostTable) at(a [4]byte) *hostRecord {
	i, ok := t.indexAt(a)
	if !ok {
		return nil
	}
	return &t.records[i]
}

func (t *hostTable) indexAt(a [4]byte) (i uint32, ok bool) {
	return t.byAddr.find(hashAddr(a), func(i uint32) bool { return t.records[i].addr == a })
}

// A hostCompiler makes hostTables. What reservations have in common is kept
// once.
type hostCompiler struct {
	hostHasher
	bare    bool // identifiers and addresses only
	shared  map[string]*hostMore
	scratch []byte
}

// table compiles rs. It calls duplicate, if not nil, for each of them that
// has an identifier or address in common with an earlier one; of such, the
// earlier one is found.
func (c *hostCompiler) table(rs []Reservation, global bool, duplicate func(i, earlier int, field string)) hostTable {
	if len(rs) == 0 {
		return hostTable{}
	}
	t := hostTable{
		records: make([]hostRecord, len(rs)),
		byID:    newHostIndex(len(rs)),
		byAddr:  newHostIndex(len(rs)),
	}
	// All strings are part of one.
	size := 0
	for i := range rs {
		size += len(c.identifier(&rs[i], c.scratch).octets) + len(rs[i].Hostname)
	}
	var text strings.Builder
	text.Grow(size)
	keep := func(b []byte) string {
		text.Write(b)
		return text.String()[text.Len()-len(b):]
	}
	for i := range rs {
		h := &t.records[i]
		id := c.identifier(&rs[i], c.scratch)
		c.scratch = id.octets
		*h = c.record(&rs[i], id.kind, global)
		if earlier, ok := t.byID.find(id.hash, func(i uint32) bool { return t.records[i].is(&id) }); !ok {
			if len(id.octets) > 0 || rs[i].AnyClient { // else it is a mistake
				t.byID.add(id.hash, uint32(i))
			}
		} else if duplicate != nil {
			duplicate(i, int(earlier), id.kind.field())
		}
		h.id = keep(id.octets)
		if h.hostname != "" {
			h.hostname = keep([]byte(h.hostname))
		}
		t.kinds |= 1 << id.kind
		if !h.hasAddr {
			continue
		}
		hash := hashAddr(h.addr)
		if earlier, ok := t.byAddr.find(hash, func(i uint32) bool { return t.records[i].addr == h.addr }); !ok {
			t.byAddr.add(hash, uint32(i))
		} else if duplicate != nil {
			duplicate(i, int(earlier), "Addr")
		}
	}
	return t
}

// record compiles one Reservation but for its identifier.
func (c *hostCompiler) record(r *Reservation, kind HostIdentifier, global bool) hostRecord {
	h := hostRecord{kind: kind, global: global}
	if h.hasAddr = r.Addr.Is4(); h.hasAddr {
		h.addr = r.Addr.As4()
	}
	if !c.bare {
		h.hostname, h.more = strings.ToLower(r.Hostname), c.more(r)
	}
	return h
}

// single compiles one Reservation for the live table.
func (c *hostCompiler) single(r *Reservation, global bool) (*hostRecord, hostID) {
	id := c.identifier(r, nil)
	h := c.record(r, id.kind, global)
	h.id = string(id.octets)
	return &h, id
}

func (c *hostCompiler) more(r *Reservation) *hostMore {
	if len(r.Options) == 0 && r.Lifetime == 0 && r.Boot == (Boot{}) && r.Reuse == 0 && !r.Stateless {
		return nil
	}
	key := c.moreKey(r)
	if m := c.shared[key]; m != nil {
		return m
	}
	m := &hostMore{
		conf:      cloneOptions(r.Options),
		life:      r.Lifetime,
		boot:      r.Boot,
		reuse:     r.Reuse,
		stateless: r.Stateless,
	}
	m.options = compileOptions(m.conf)
	if c.shared != nil {
		c.shared[key] = m
	}
	return m
}

// moreKey returns a text that two reservations have in common only if they
// have all that hostMore holds in common.
func (c *hostCompiler) moreKey(r *Reservation) string {
	if c.shared == nil {
		return ""
	}
	var b []byte
	b = fmt.Appendf(b, "%d %d %t %v %q %q", r.Lifetime, r.Reuse, r.Stateless, r.Boot.NextServer, r.Boot.ServerName, r.Boot.File)
	for i := range r.Options {
		o := &r.Options[i]
		b = fmt.Appendf(b, " %d %t %t %q", o.Code, o.IsAlways(), o.IsNever(), o.Data)
	}
	return string(b)
}

func cloneOptions(opts option.Options) option.Options {
	m := slices.Clone(opts)
	for i := range m {
		m[i].Data = slices.Clone(m[i].Data)
	}
	return m
}

// field returns the name of the field of a Reservation that k is about.
func (k HostIdentifier) field() string {
	return [...]string{
		byAnyClient: "AnyClient", ByFlexID: "FlexID", ByHardwareAddr: "HardwareAddr", ByDUID: "DUID",
		ByCircuitID: "CircuitID", ByClientID: "ClientID", ByRemoteID: "RemoteID",
	}[k]
}

// A hostOverlay is what PutReservation and DeleteReservation have changed in
// the hostTable of a subnet, or of the Config. It is immutable; tombstones
// hide what is in the table.
type hostOverlay struct {
	subnet uint32 // the ID; zero: the Config's
	byID   trie[*hostRecord]
	byAddr trie[*hostRecord]
	kinds  kindSet
}

func (o *hostOverlay) find(id *hostID) (*hostRecord, bool) {
	return o.byID.get(id.hash, func(r *hostRecord) bool { return r.is(id) })
}

func (o *hostOverlay) at(a [4]byte) (*hostRecord, bool) {
	return o.byAddr.get(hashAddr(a), func(r *hostRecord) bool { return r.addr == a })
}

// with returns o with r, whose identifier is id, instead of old.
func (o *hostOverlay) with(r *hostRecord, id *hostID, old *hostRecord) *hostOverlay {
	m := *o
	m.byID = o.byID.put(id.hash, r, func(r *hostRecord) bool { return r.is(id) })
	m.kinds |= 1 << id.kind
	m.byAddr = withoutAddr(o.byAddr, old)
	if r.hasAddr {
		m.byAddr = m.byAddr.put(hashAddr(r.addr), r, func(o *hostRecord) bool { return o.addr == r.addr })
	}
	return &m
}

// without returns o without old, whose identifier is id.
func (o *hostOverlay) without(id *hostID, old *hostRecord) *hostOverlay {
	m := *o
	m.byID, _ = o.byID.remove(id.hash, func(r *hostRecord) bool { return r.is(id) })
	m.byAddr = withoutAddr(o.byAddr, old)
	return &m
}

func withoutAddr(t trie[*hostRecord], old *hostRecord) trie[*hostRecord] {
	if old != nil && old.hasAddr {
		t, _ = t.remove(hashAddr(old.addr), func(r *hostRecord) bool { return r == old })
	}
	return t
}

// A hostSet is all reservations of a subnet, or of the Config.
type hostSet struct {
	table *hostTable
	live  *hostOverlay // nil: nothing has changed
}

func (s hostSet) kinds() kindSet {
	if s.live == nil {
		return s.table.kinds
	}
	return s.table.kinds | s.live.kinds
}

// find returns the reservation for id, or nil.
func (s hostSet) find(id *hostID) *hostRecord {
	if s.live != nil {
		if r, ok := s.live.find(id); ok {
			if r.deleted {
				return nil
			}
			return r
		}
	}
	return s.table.find(id)
}

// at returns the reservation of the address a, or nil.
func (s hostSet) at(h hostHasher, a [4]byte) *hostRecord {
	if s.live == nil {
		return s.table.at(a)
	}
	if r, ok := s.live.at(a); ok {
		return r
	}
	r := s.table.at(a)
	if r != nil && s.hidden(h, r) {
		return nil
	}
	return r
}

// other returns the reservation of r's address for another client, or nil.
func (s hostSet) other(h hostHasher, r *hostRecord) *hostRecord {
	if s.live != nil {
		if o, ok := s.live.at(r.addr); ok && !o.sameClient(r) {
			return o
		}
	}
	if o := s.table.at(r.addr); o != nil && !o.sameClient(r) && (s.live == nil || !s.hidden(h, o)) {
		return o
	}
	return nil
}

// hidden reports whether r, which is in the table, was replaced or deleted.
func (s hostSet) hidden(h hostHasher, r *hostRecord) bool {
	id := h.id(r.kind, []byte(r.id))
	_, ok := s.live.find(&id)
	return ok
}

// all yields every reservation.
func (s hostSet) all(h hostHasher) iter.Seq[*hostRecord] {
	return func(yield func(*hostRecord) bool) {
		for i := range s.table.records {
			r := &s.table.records[i]
			if s.live != nil && s.hidden(h, r) {
				continue
			}
			if !yield(r) {
				return
			}
		}
		if s.live == nil {
			return
		}
		for r := range s.live.byID.all() {
			if !r.deleted && !yield(r) {
				return
			}
		}
	}
}
