package leasetest

import (
	"errors"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

func randomChecks() []check {
	return []check{
		{name: "RandomOperationsAgreeWithModel", run: func(t *tester) { checkRandom(t, 1500, false) }},
		{name: "RandomOperationsSurviveReopening", keeps: true, run: func(t *tester) { checkRandom(t, 500, true) }},
	}
}

// A model is the slowest Store that is obviously right, and remembers what was.
type model struct {
	t       *tester
	rnd     *rand.Rand
	leases  map[netip.Addr]lease.Lease
	history []lease.Lease // for changes that must conflict
	given   map[netip.Addr]map[uint64]bool
}

// checkRandom does random operations on few addresses and few clients, so
// that they meet, and compares each result with the model's.
func checkRandom(t *tester, steps int, reopen bool) {
	m := &model{
		t:      t,
		rnd:    rand.New(rand.NewPCG(t.seed, 0)),
		leases: make(map[netip.Addr]lease.Lease),
		given:  make(map[netip.Addr]map[uint64]bool),
	}
	defer func() {
		if t.Failed() {
			t.Logf("Suite.Seed %d repeats this", t.seed)
		}
	}()
	for range steps {
		switch n := m.rnd.IntN(100); {
		case n < 60:
			m.update()
		case n < 85:
			m.find()
		case n < 98:
			m.iterate()
		case reopen:
			m.reopen()
		}
	}
}

const (
	someAddrs   = 24
	someClients = 6
	someSubnets = 3
)

func (m *model) lease() lease.Lease {
	l := sample(m.rnd.IntN(someAddrs))
	l.SubnetID = 1 + m.rnd.Uint32N(someSubnets)
	l.HardwareAddr = hardwareAddr(m.rnd.IntN(someClients))
	l.ClientID = clientID(m.rnd.IntN(someClients))
	l.SetLifetime(epoch, time.Duration(1+m.rnd.IntN(600))*time.Second)
	switch m.rnd.IntN(12) {
	case 0:
		l.ClientID = lease.ClientID{}
	case 1:
		l.HardwareAddr = lease.HardwareAddr{}
	case 2:
		l = declined(l)
	case 3:
		l = infinite(l)
	case 4:
		l.State = lease.StateReleased
	}
	return l
}

// change proposes one change and says what must come of it.
func (m *model) change(touched map[netip.Addr]bool) (c lease.Change, want error) {
	next := m.lease()
	have, ok := m.leases[next.Addr]
	switch n := m.rnd.IntN(10); {
	case n == 0 && len(m.history) > 0:
		old := m.history[m.rnd.IntN(len(m.history))] // perhaps the current one
		have, ok = m.leases[old.Addr]
		next.Addr = old.Addr
		c.Old = &old
	case n == 1:
		// Create, whatever there is.
	case ok:
		c.Old = &have
	}
	if c.Old == nil || m.rnd.IntN(4) > 0 {
		c.New = &next
	}
	a := c.Addr()
	switch {
	case touched[a]:
		want = lease.ErrConflict
	case c.Old == nil && ok, c.Old != nil && (!ok || have.Revision != c.Old.Revision):
		want = lease.ErrConflict
	}
	touched[a] = true
	return c, want
}

func (m *model) update() {
	n := 1
	if m.rnd.IntN(2) == 0 {
		n += m.rnd.IntN(6)
	}
	touched := make(map[netip.Addr]bool)
	cs, want := make([]lease.Change, n), make([]error, n)
	for i := range cs {
		cs[i], want[i] = m.change(touched)
	}
	m.t.update(cs...)
	for i, c := range cs {
		if !errors.Is(c.Err, want[i]) || (c.Err == nil) != (want[i] == nil) {
			m.t.Fatalf("change %d of %d, of %v: Err is %v, want %v", i, n, c.Addr(), c.Err, want[i])
		}
		if c.Err != nil {
			continue
		}
		if c.New == nil {
			delete(m.leases, c.Old.Addr)
			continue
		}
		a := c.New.Addr
		m.leases[a] = *c.New
		m.history = append(m.history, *c.New)
		if m.given[a] == nil {
			m.given[a] = make(map[uint64]bool)
		}
		if m.given[a][c.New.Revision] {
			m.t.Fatalf("revision %d of %v came back", c.New.Revision, a)
		}
		m.given[a][c.New.Revision] = true
	}
}

func (m *model) find() {
	qs := make([]lease.Query, 1+m.rnd.IntN(4))
	for i := range qs {
		q := &qs[i]
		for range m.rnd.IntN(4) {
			q.Addrs = append(q.Addrs, addr(m.rnd.IntN(someAddrs)))
		}
		if m.rnd.IntN(2) == 0 {
			q.ClientID = []byte(clientID(m.rnd.IntN(someClients)).Octets())
		}
		if m.rnd.IntN(2) == 0 {
			q.HardwareAddr = hardwareAddr(m.rnd.IntN(someClients))
		}
		if m.rnd.IntN(2) == 0 {
			q.Subnets = []uint32{1 + m.rnd.Uint32N(someSubnets), 1 + m.rnd.Uint32N(someSubnets)}
		}
	}
	if err := m.t.st.Find(m.t.ctx, qs); err != nil {
		m.t.Fatalf("Find: %v", err)
	}
	for _, q := range qs {
		var want []lease.Lease
		for _, l := range m.leases {
			if asksFor(&q, &l) {
				want = append(want, l)
			}
		}
		m.equal("Find", q.Leases, want)
	}
}

// asksFor is what Query says, word by word.
func asksFor(q *lease.Query, l *lease.Lease) bool {
	return slices.Contains(q.Addrs, l.Addr) ||
		(q.Subnets == nil || slices.Contains(q.Subnets, l.SubnetID)) &&
			(len(q.ClientID) > 0 && l.ClientID.Octets() == string(q.ClientID) ||
				!q.HardwareAddr.IsZero() && l.HardwareAddr == q.HardwareAddr)
}

func (m *model) iterate() {
	var f lease.Filter
	if m.rnd.IntN(2) == 0 {
		f.Subnet = 1 + m.rnd.Uint32N(someSubnets)
	}
	if m.rnd.IntN(2) == 0 {
		f.From = addr(m.rnd.IntN(someAddrs))
	}
	if m.rnd.IntN(2) == 0 {
		f.To = addr(m.rnd.IntN(someAddrs))
	}
	if m.rnd.IntN(2) == 0 {
		f.ExpiredBefore = epoch.Add(time.Duration(m.rnd.IntN(700)) * time.Second)
	}
	if m.rnd.IntN(4) == 0 {
		f.ExpiredSince = epoch.Add(time.Duration(m.rnd.IntN(700)) * time.Second)
	}
	got := m.t.all(f)
	var want []lease.Lease
	for _, l := range m.leases {
		if selects(f, l) {
			want = append(want, l)
		}
	}
	m.equal("Leases", got, want)
	if !f.ExpiredBefore.IsZero() {
		m.t.oldestFirst(got)
	}
}

// equal compares revisions, too.
func (m *model) equal(what string, got, want []lease.Lease) {
	m.t.Helper()
	m.t.equal(what, got, want)
	got, want = byAddr(got), byAddr(want)
	for i := range got {
		if got[i].Revision != want[i].Revision {
			m.t.Fatalf("%s: revision of %v is %d, want %d", what, got[i].Addr, got[i].Revision, want[i].Revision)
		}
	}
}

// reopen compares everything. Revisions are the new store's own.
func (m *model) reopen() {
	m.t.reopen()
	got := m.t.all(lease.Filter{})
	m.t.equal("Leases of a reopened store", got, slices.Collect(maps.Values(m.leases)))
	clear(m.leases)
	clear(m.given)
	m.history = m.history[:0]
	for _, l := range got {
		m.leases[l.Addr] = l
	}
}
