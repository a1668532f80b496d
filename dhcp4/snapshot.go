package dhcp4

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// A snapshot is a Config made ready to serve from. It is immutable; a packet
// sees one snapshot from start to end.
type snapshot struct {
	hosts            HostFinder
	echoClientID     bool
	onlyConfigured   bool
	options          optionSet
	optionsFunc      func(*Exchange) option.Options
	decideTimeout    time.Duration
	declineProbation time.Duration
	maxPending       int

	subnets     []*subnet
	byID        map[uint32]*subnet
	byInterface map[string]*subnet
	byPrefix    prefixMap
	serverIDs   map[netip.Addr]bool // every configured one is "us"
}

// A subnet is a compiled Subnet.
type subnet struct {
	conf    Subnet
	terms   terms
	live    *liveSubnet
	own     optionSet
	options optionSet // own, and the Config's
	pools   []subnetPool

	byHardwareAddr map[lease.HardwareAddr]*host
	byClientID     map[lease.ClientID]*host
	byAddr         map[netip.Addr]*host
	any            *host
}

type subnetPool struct {
	id      uint32
	addrs   pool.Range
	options optionSet
}

// A host is a compiled Reservation.
type host struct {
	conf    Reservation
	options optionSet
}

func compileHost(r *Reservation, n *subnet) *host {
	h := &host{conf: *r, options: compileOptions(r.Options)}
	h.conf.Hostname = strings.ToLower(r.Hostname)
	h.conf.Boot = r.Boot.or(&n.conf.Boot)
	return h
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

// compile makes a snapshot of a checked Config. live gives each subnet the
// state that survives from one snapshot to the next.
func compile(c *Config, live func(*Subnet) *liveSubnet) *snapshot {
	s := &snapshot{
		hosts:            c.Hosts,
		echoClientID:     c.EchoClientID.or(true),
		onlyConfigured:   c.OnlyConfigured,
		options:          compileOptions(c.Options),
		optionsFunc:      c.OptionsFunc,
		decideTimeout:    cmp.Or(c.DecideTimeout, 5*time.Second),
		declineProbation: cmp.Or(c.DeclineProbation, 24*time.Hour),
		maxPending:       cmp.Or(c.MaxPending, 1024),
		byID:             make(map[uint32]*subnet, len(c.Subnets)),
		byInterface:      make(map[string]*subnet),
		serverIDs:        make(map[netip.Addr]bool),
	}
	for i := range c.Subnets {
		n := compileSubnet(&c.Subnets[i], c, &s.options)
		n.live = live(&n.conf)
		s.subnets = append(s.subnets, n)
		s.byID[n.conf.ID] = n
		if name := n.conf.Interface; name != "" && s.byInterface[name] == nil {
			s.byInterface[name] = n
		}
		if n.conf.ServerID.IsValid() {
			s.serverIDs[n.conf.ServerID] = true
		}
		s.byPrefix.add(n.conf.Prefix, n)
	}
	return s
}

func compileSubnet(conf *Subnet, c *Config, global *optionSet) *subnet {
	n := &subnet{
		conf:           *conf,
		terms:          compileTerms(conf, c),
		byHardwareAddr: make(map[lease.HardwareAddr]*host),
		byClientID:     make(map[lease.ClientID]*host),
		byAddr:         make(map[netip.Addr]*host),
	}
	n.conf.Prefix = conf.Prefix.Masked()
	n.conf.Boot = conf.Boot.or(&c.Boot)
	if !conf.ServerID.IsValid() {
		n.conf.ServerID = c.ServerID
	}
	n.conf.Pools = slices.Clone(conf.Pools)
	n.conf.Options = slices.Clone(conf.Options)
	n.conf.Reservations = slices.Clone(conf.Reservations)
	n.own = compileOptions(conf.Options)
	n.options = n.own.over(global)
	for _, p := range conf.Pools {
		n.pools = append(n.pools, subnetPool{id: p.ID, addrs: p.Range, options: compileOptions(p.Options)})
	}
	for i := range n.conf.Reservations {
		h := compileHost(&n.conf.Reservations[i], n)
		switch {
		case h.conf.AnyClient:
			n.any = h
		case !h.conf.ClientID.IsZero():
			n.byClientID[h.conf.ClientID] = h
		default:
			n.byHardwareAddr[h.conf.HardwareAddr] = h
		}
		if h.conf.Addr.IsValid() {
			n.byAddr[h.conf.Addr] = h
		}
	}
	return n
}

// named returns the reservation made for exactly this client, or nil. The
// hardware address comes first, as in Kea.
func (n *subnet) named(x *Exchange) *host {
	if h := n.byHardwareAddr[x.Request.HardwareAddr]; h != nil && !x.Request.HardwareAddr.IsZero() {
		return h
	}
	if len(x.clientID) > 0 {
		return n.byClientID[lease.ClientIDFrom(x.clientID)]
	}
	return nil
}

// isBroadcast reports whether a is the broadcast address of the subnet, which
// is nobody's own.
func (n *subnet) isBroadcast(a netip.Addr) bool {
	return n.conf.Prefix.Bits() <= 30 && a == broadcastOf(n.conf.Prefix)
}

// broadcastOf returns the last address of p.
func broadcastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])|uint32(1<<(32-p.Bits())-1))
	return netip.AddrFrom4(b)
}

// poolOf returns the pool that a is in, or nil.
func (n *subnet) poolOf(a netip.Addr) *subnetPool {
	for i := range n.pools {
		if n.pools[i].addrs.Contains(a) {
			return &n.pools[i]
		}
	}
	return nil
}

// reservedForOther reports whether a is reserved for a client other than x's.
func (n *subnet) reservedForOther(x *Exchange, a netip.Addr) bool {
	h := n.byAddr[a]
	return h != nil && h != x.host
}

// A prefixMap finds the longest prefix that contains an address, one map
// look-up for each prefix length in use.
type prefixMap struct {
	lengths uint64 // bit n: some prefix has length n
	subnets map[netip.Prefix]*subnet
}

func (m *prefixMap) add(p netip.Prefix, n *subnet) {
	if m.subnets == nil {
		m.subnets = make(map[netip.Prefix]*subnet)
	}
	m.lengths |= 1 << p.Bits()
	if m.subnets[p] == nil {
		m.subnets[p] = n
	}
}

func (m *prefixMap) lookup(a netip.Addr) *subnet {
	if !isUnicast(a) {
		return nil
	}
	for rest := m.lengths; rest != 0; {
		n := 63 - bits.LeadingZeros64(rest)
		rest &^= 1 << n
		p, err := a.Prefix(n)
		if err != nil {
			return nil
		}
		if found := m.subnets[p]; found != nil {
			return found
		}
	}
	return nil
}
