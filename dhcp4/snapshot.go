package dhcp4

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"slices"
	"time"

	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// A snapshot is a Config made ready to serve from. It is immutable; a packet
// sees one snapshot from start to end. A change while serving makes another
// one, which shares with it what has not changed.
type snapshot struct {
	hosts            HostFinder
	echoClientID     bool
	onlyConfigured   bool
	options          optionSet
	optionsFunc      func(*Exchange) option.Options
	decideTimeout    time.Duration
	declineProbation time.Duration
	hold             time.Duration
	longestLifetime  map[uint32]time.Duration
	maxPending       int

	ignoreLinkSelection, ignoreServerID, stashAgentOptions bool

	compiler *compiler
	subnets  subnetIndex
	networks trie[*network] // by name
	serverID netip.Addr     // the Config's

	// Reservations: those of the Config; those of its Subnets are in each
	// subnet; and what was changed since, by the ID of the subnet.
	global      hostTable
	live        trie[*hostOverlay]
	identifiers []HostIdentifier
	kinds       kindSet // that any reservation is known by
	flexID      func(x *Exchange) string
}

// A subnet is a compiled Subnet. What every request needs comes first: where
// there are thousands, it has to come from far away.
type subnet struct {
	id      uint32
	network uint32 // the prefix
	bits    uint8

	hasServerID bool // conf says it

	alone     bool // there is no shared network
	knownOnly bool
	hasBoot   bool // conf.Boot says something
	// Which reservations count.
	globalHosts, ownHosts, outOfPool bool

	// All pools are between these.
	poolsFirst, poolsLast uint32

	live        *liveSubnet
	terms       *terms // those that say the same are the same
	hosts       hostTable
	pools       []subnetPool
	options     optionSet // own, and the Config's
	optionsFunc func(*Exchange) option.Options

	conf  Subnet    // without the Reservations
	own   optionSet // and those of the shared network
	lists []listKey
}

type subnetPool struct {
	id          uint32
	first, last uint32
	options     optionSet
}

// or returns b with its empty fields taken from weaker.
func (b *Boot) or(weaker *Boot) Boot {
	m := *b
	if !m.NextServer.IsValid() {
		m.NextServer = weaker.NextServer
	}
	if m.ServerName == "" {
		m.ServerName = weaker.ServerName
	}
	if m.File == "" {
		m.File = weaker.File
	}
	return m
}

// A compiler holds what subnets are compiled with.
type compiler struct {
	conf    Config // without Subnets and Reservations
	options optionSet
	hosts   hostCompiler
	shared  map[terms]*terms
}

func newCompiler(c *Config, seed maphash.Seed) *compiler {
	m := &compiler{
		conf:    *c,
		options: compileOptions(c.Options),
		hosts:   hostCompiler{hostHasher: hostHasher{seed}},
		shared:  make(map[terms]*terms),
	}
	m.conf.Subnets, m.conf.Reservations = nil, nil
	return m
}

// compile makes a snapshot of a checked Config, with what was changed while
// serving in the subnets that it has. live gives each subnet the state that
// survives from one snapshot to the next; it is called when the snapshot is
// complete. All snapshots of a Server have the same seed.
func compile(c *Config, seed maphash.Seed, changed trie[*hostOverlay], live func(*snapshot, *subnet) *liveSubnet) *snapshot {
	m := newCompiler(c, seed)
	s := &snapshot{
		hosts:            c.Hosts,
		echoClientID:     c.EchoClientID.or(true),
		onlyConfigured:   c.OnlyConfigured,
		options:          m.options,
		optionsFunc:      c.OptionsFunc,
		decideTimeout:    cmp.Or(c.DecideTimeout, 5*time.Second),
		declineProbation: cmp.Or(c.DeclineProbation, 24*time.Hour),
		hold:             max(cmp.Or(c.HoldReclaimed, time.Hour), 0),
		longestLifetime:  longestLifetimes(c),
		maxPending:       cmp.Or(c.MaxPending, 1024),
		compiler:         m,
		subnets:          subnetIndex{seed: m.hosts.seed},
		serverID:         c.ServerID,
		identifiers:      hostIdentifiers(c),
		flexID:           c.FlexID,

		ignoreLinkSelection: c.IgnoreLinkSelection,
		ignoreServerID:      c.IgnoreServerID,
		stashAgentOptions:   c.StashAgentOptions,
	}
	for i := range c.SharedNetworks {
		w := &network{conf: c.SharedNetworks[i], options: compileOptions(c.SharedNetworks[i].Options)}
		w.conf.Relays = slices.Clone(w.conf.Relays)
		s.setNetwork(w)
	}
	m.hosts.shared = make(map[string]*hostMore)
	s.global = m.hosts.table(c.Reservations, true, nil)
	s.kinds = s.global.kinds
	all := make([]*subnet, len(c.Subnets))
	for i := range c.Subnets {
		all[i] = m.subnet(&c.Subnets[i], s.networkNamed(c.Subnets[i].SharedNetwork))
		s.addSubnet(all[i])
	}
	m.hosts.shared = nil // what is added later is compiled one by one
	for o := range changed.all() {
		if o.subnet == 0 || s.subnets.id(o.subnet) != nil {
			s.setOverlay(o)
		}
	}
	for _, n := range all {
		n.live = live(s, n)
	}
	return s
}

// addSubnet adds n. It may be called once for a snapshot and all its copies.
func (s *snapshot) addSubnet(n *subnet) {
	s.subnets.add(n)
	s.kinds |= n.hosts.kinds
	if w := s.network(n); w != nil {
		s.setNetwork(w.with(append(w.subnets, n), append(w.ids, n.id)))
	}
}

// removeSubnet removes n.
func (s *snapshot) removeSubnet(n *subnet) {
	s.subnets.remove(n)
	s.setOverlay(&hostOverlay{subnet: n.id})
	if w := s.network(n); w != nil {
		i := slices.Index(w.subnets, n)
		w = w.with(without(w.subnets, i), without(w.ids, i))
		w.recent.CompareAndSwap(n, nil)
		s.setNetwork(w)
	}
}

// network returns the shared network of n, or nil.
func (s *snapshot) network(n *subnet) *network {
	if n.alone {
		return nil
	}
	return s.networkNamed(n.conf.SharedNetwork)
}

// networkNamed returns the shared network with the given name, or nil.
func (s *snapshot) networkNamed(name string) *network {
	if s.networks.len == 0 {
		return nil
	}
	w, _ := s.networks.get(maphash.String(s.subnets.seed, name), func(w *network) bool { return w.conf.Name == name })
	return w
}

func (s *snapshot) setNetwork(w *network) {
	s.networks = s.networks.put(maphash.String(s.subnets.seed, w.conf.Name), w, func(o *network) bool { return o.conf.Name == w.conf.Name })
}

// terms returns the one pointer to what is equal to t.
func (m *compiler) terms(t terms) *terms {
	p := m.shared[t]
	if p == nil {
		p = &t
		m.shared[t] = p
	}
	return p
}

// subnet compiles a Subnet, of the shared network w if that is not nil.
func (m *compiler) subnet(conf *Subnet, w *network) *subnet {
	c := &m.conf
	n := &subnet{
		conf:        *conf,
		lists:       listKeys(conf, w),
		id:          conf.ID,
		terms:       m.terms(compileTerms(conf, c)),
		hosts:       m.hosts.table(conf.Reservations, false, nil),
		globalHosts: conf.ReservationsGlobal.or(c.ReservationsGlobal.or(true)),
		ownHosts:    conf.ReservationsInSubnet.or(c.ReservationsInSubnet.or(true)),
		outOfPool:   conf.ReservationsOutOfPool.or(c.ReservationsOutOfPool.or(false)),
	}
	n.conf.Prefix = conf.Prefix.Masked()
	n.conf.Boot = conf.Boot.or(&c.Boot)
	if !conf.ServerID.IsValid() {
		n.conf.ServerID = c.ServerID
	}
	n.network, n.bits = addrBits(n.conf.Prefix.Addr()), uint8(n.conf.Prefix.Bits())
	n.alone, n.knownOnly, n.hasBoot = w == nil, conf.KnownOnly, n.conf.Boot != Boot{}
	n.optionsFunc = conf.OptionsFunc
	n.conf.Pools = slices.Clone(conf.Pools)
	n.conf.Relays = slices.Clone(conf.Relays)
	n.conf.Options = slices.Clone(conf.Options)
	n.conf.Reservations = nil
	n.own = compileOptions(conf.Options)
	if w != nil {
		n.own = n.own.over(&w.options)
	}
	n.options = n.own.over(&m.options)
	n.hasServerID = n.conf.ServerID.IsValid()
	n.poolsFirst = ^uint32(0)
	for _, p := range conf.Pools {
		n.poolsFirst = min(n.poolsFirst, addrBits(p.Range.First))
		n.poolsLast = max(n.poolsLast, addrBits(p.Range.Last))
		n.pools = append(n.pools, subnetPool{
			id:      p.ID,
			first:   addrBits(p.Range.First),
			last:    addrBits(p.Range.Last),
			options: compileOptions(p.Options),
		})
	}
	return n
}

// contains reports whether a is in the prefix of n.
func (n *subnet) contains(a netip.Addr) bool { return a.Is4() && n.isPrefix(addrBits(a), int(n.bits)) }

// isBroadcast reports whether a is the broadcast address of the subnet, which
// is nobody's own.
func (n *subnet) isBroadcast(a netip.Addr) bool {
	return n.bits <= 30 && a.Is4() && addrBits(a) == n.network|^uint32(0)>>n.bits
}

// broadcastOf returns the last address of p.
func broadcastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])|uint32(1<<(32-p.Bits())-1))
	return netip.AddrFrom4(b)
}

// poolOf returns the pool that a is in, or nil.
func (n *subnet) poolOf(a netip.Addr) *subnetPool {
	if !a.Is4() {
		return nil
	}
	addr := addrBits(a)
	if addr < n.poolsFirst || addr > n.poolsLast {
		return nil
	}
	for i := range n.pools {
		if p := &n.pools[i]; p.first <= addr && addr <= p.last {
			return p
		}
	}
	return nil
}

// mayGive reports whether a is in a pool of n. That it is in one of the
// allocator does not say so: that may be of a newer configuration than n.
func (n *subnet) mayGive(a netip.Addr) bool { return n.poolOf(a) != nil }

// isConfigured reports whether a is a server identifier of the Config or of a
// Subnet.
func (s *snapshot) isConfigured(a netip.Addr) bool {
	return a.IsValid() && a == s.serverID || s.subnets.isServer(a)
}

// allocator makes the allocator of n, with the reserved addresses taken.
func (s *snapshot) allocator(n *subnet) *pool.Allocator {
	alloc := newAllocator(&n.conf)
	for a := range s.reservedAddrs(n) {
		alloc.Take(a)
	}
	return alloc
}

// newLive makes the state of n that is not configured.
func (s *snapshot) newLive(n *subnet) *liveSubnet {
	return newLiveSubnet(s.allocator(n), n, &s.compiler.conf)
}
