package keaconf

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
)

// DefaultLeaseFile is where leases are kept if the file does not say it.
const DefaultLeaseFile = "/var/lib/kea/kea-leases4.csv"

// A Server is what a file asks for, ready to be served.
type Server struct {
	// Config lacks what only the program knows: Leases, which are at the
	// LeaseFile, and the Logger.
	Config dhcp4.Config
	// LeaseFile tells where leases are kept.
	LeaseFile LeaseFile
	// Interfaces tells where clients are.
	Interfaces Interfaces
	// Loggers are in the order of the file.
	Loggers []Logger
	// Warnings name the keys that are served without, in the order of the
	// file. They come in addition to those of the Config that was parsed.
	Warnings []Problem
}

// A LeaseFile is the lease-database of type memfile.
type LeaseFile struct {
	// Path is the name of the file, for memfile.Open. If empty, leases are
	// kept in memory (Kea: persist false).
	Path string
	// CleanUp is how often the file is freed from rows that are out of date
	// (Kea: lfc-interval), for memfile.Options. If zero, never, which is a
	// negative LFCInterval there.
	CleanUp time.Duration
	// MaxRowErrors is as in memfile.Options.
	MaxRowErrors int
	// Check is for CheckLeases (Kea: sanity-checks.lease-checks, warn unless
	// it is given). If Path is empty, it is lease.CheckNone.
	Check lease.SubnetCheck
}

// CheckLeases does with leases of no subnet, or of the wrong one, what
// LeaseFile.Check says: see lease.CheckSubnets. A program calls it once it has
// opened the lease file, before it serves. Other than in Kea, what it changes
// is changed in the file, too.
func (s *Server) CheckLeases(ctx context.Context, st lease.Store, report func(lease.SubnetFault)) error {
	subnets := make(map[uint32]netip.Prefix, len(s.Config.Subnets))
	for i := range s.Config.Subnets {
		subnets[s.Config.Subnets[i].ID] = s.Config.Subnets[i].Prefix
	}
	return lease.CheckSubnets(ctx, st, subnets, s.LeaseFile.Check, report)
}

// Interfaces is the interfaces-config.
type Interfaces struct {
	// Names are the interfaces to listen on, each once, or with addresses: on
	// these alone.
	Names []Interface
	// All tells that the file has *: every interface but the loopback one,
	// besides Names.
	All bool
	// UDP tells that requests are to be received by UDP sockets alone (Kea:
	// dhcp-socket-type udp), which hear no broadcast in Kea. By default they
	// are read from the link, before the firewall.
	UDP bool

	// RequireAll tells that the server must not start unless it can listen on
	// all of them (Kea: service-sockets-require-all).
	RequireAll bool
	// Retries is how often an interface is tried again that cannot be
	// listened on, RetryWait the time between (Kea: 5 s).
	Retries   int
	RetryWait time.Duration
}

// An Interface is one element of interfaces.
type Interface struct {
	Name string
	Addr netip.Addr // of name/address; not valid: every one
}

// A Logger says which messages go where.
type Logger struct {
	Name     string // "kea-dhcp4", or a part of it such as "kea-dhcp4.leases"
	Severity string // FATAL, ERROR, WARN, INFO, DEBUG or NONE, in upper case
	// DebugLevel is 0 to 99; it counts if Severity is DEBUG.
	DebugLevel int
	Outputs    []Output // If empty, standard output.
}

// An Output is where messages go.
type Output struct {
	// Name is "stdout", "stderr", "syslog", "syslog:NAME", or else that of a
	// file.
	Name string
	// Flush tells that each message is written at once (by default it is).
	Flush bool
	// MaxSize is when a file is rotated, in octets (Kea: 10,240,000; less
	// than 204,800 is never). MaxVer is how many older ones are kept (1).
	MaxSize int64
	MaxVer  int
	// Pattern is the layout of a line, in the syntax of log4cplus. If empty,
	// Kea's own.
	Pattern string
}

// Server returns what c asks for. A key whose feature is missing is a problem
// in the error, which is an *[Error] and lists all of them, unless serving
// without it does no harm: then it is a warning. Server may be called from
// several goroutines at once.
func (c *Config) Server() (*Server, error) {
	s := service{
		checker: checker{versions: c.Version.set(), options: &Options{}},
		done:    make(map[*node]bool),
		places:  make(map[string]*node),
	}
	d := c.dhcp4
	s.kea = keaDefinitions(s.versions)
	s.defined = s.optionDefs(d.list("option-def"), s.kea, false)
	s.missing(d)
	s.config(d)
	s.leaseFile(d.get("lease-database"), d.get("sanity-checks").get("lease-checks"))
	s.interfaces(d.get("interfaces-config"))
	for _, l := range d.list("loggers") {
		s.logger(l)
	}
	if len(s.problems) == 0 {
		s.check(d)
	}
	byPos(s.problems)
	byPos(s.warnings)
	if len(s.problems) > 0 {
		return nil, &Error{Problems: s.problems}
	}
	s.server.Warnings = s.warnings
	return &s.server, nil
}

// byPos sorts what is in one file as that file has it.
func byPos(ps []Problem) {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
}

// A service makes a Server of a document that is right. The checker in it
// gives what the verdict already found: definitions, prefixes, ids.
type service struct {
	checker
	server Server
	done   map[*node]bool   // reported already: a value may be inherited often
	places map[string]*node // what the parts of the dhcp4.Config were made of, by their path

	global struct { // what Dhcp4 says
		lifetimes lifetimes
		caching   caching
	}
	tees []teeTimes // of each subnet
}

// refuse notes that n cannot be served, why, and what to do instead.
func (s *service) refuse(n *node, why, instead string) {
	if !s.done[n] {
		s.done[n] = true
		s.fail(n, "%s", why).Hint = instead
	}
}

// without notes that n is served without, and why that does no harm.
func (s *service) without(n *node, why, instead string) {
	if !s.done[n] {
		s.done[n] = true
		s.warn(n, "%s", why)
		s.warnings[len(s.warnings)-1].Hint = instead
	}
}

// check finds what NewServer would refuse, which is little: values that the
// tables here do not know to be beyond what a message can hold.
func (s *service) check(d *node) {
	srv, err := dhcp4.NewServer(s.server.Config)
	if err == nil {
		srv.Close()
		return
	}
	var list *dhcp4.ConfigError
	if !errors.As(err, &list) {
		s.fail(d, "%v", err)
		return
	}
	for _, p := range list.Problems {
		at, path := d, p.Path
		for path != "" {
			if n := s.places[path]; n != nil {
				at = n
				break
			}
			path = path[:max(strings.LastIndexByte(path, '.'), 0)]
		}
		s.fail(at, "%s %v", strings.TrimPrefix(strings.TrimPrefix(p.Path, path), "."), p.Err)
	}
}

// config makes the dhcp4.Config.
func (s *service) config(d *node) {
	c := &s.server.Config
	global := scopes{d}
	s.global.lifetimes, s.global.caching = s.lifetimes(global), s.caching(global)
	c.Lifetime = s.global.lifetimes.value
	c.MinLifetime, c.MaxLifetime = s.global.lifetimes.bounds()
	c.CacheThreshold, c.CacheMaxAge = s.global.caching.threshold, s.global.caching.maxAge
	opts := s.optionSet(d, nil)
	c.Options, c.ServerID = opts.list, opts.serverID.value
	s.places["ServerID"] = opts.serverID.node
	c.Authoritative = global.bool("authoritative")
	c.MatchClientID, c.EchoClientID = global.choice("match-client-id"), global.choice("echo-client-id")
	c.StoreExtendedInfo, c.StashAgentOptions = global.choice("store-extended-info"), global.bool("stash-agent-options")
	compatibility := scopes{d.get("compatibility")}
	c.IgnoreServerID = compatibility.bool("ignore-dhcp-server-identifier")
	c.IgnoreLinkSelection = compatibility.bool("ignore-rai-link-selection")
	if n := d.get("offer-lifetime"); n != nil {
		c.OfferLifetime = seconds(n.num)
	}
	if n := d.get("decline-probation-period"); n != nil {
		if c.DeclineProbation = seconds(n.num); n.num == 0 {
			c.DeclineProbation = time.Second
			s.without(n, "an address that a client declined is kept from others for one second at least", "")
		}
	}
	s.expiry(d.get("expired-leases-processing"))
	s.hosts(d, opts)
	s.classes(d)
	s.networks(d, opts)
	s.placeTeeTimes(s.teeTimes(global, c.Lifetime, opts), s.tees)
	s.unusedHosts(d)
	s.unusedStash(d)
	if len(c.Subnets) == 0 {
		s.warn(d, "there is no subnet, so no client gets an answer")
	}
}

// unusedStash tells that nothing is stored that renewals could get back.
func (s *service) unusedStash(d *node) {
	c := &s.server.Config
	stores := func(n dhcp4.Subnet) bool { return n.StoreExtendedInfo == dhcp4.Yes }
	if c.StashAgentOptions && c.StoreExtendedInfo != dhcp4.Yes && !slices.ContainsFunc(c.Subnets, stores) {
		s.without(d.get("stash-agent-options"), "without store-extended-info there is nothing to give back", `"store-extended-info": true`)
	}
}

// text returns a string, or an empty one if there is none.
func (n *node) text() string {
	if n == nil {
		return ""
	}
	return n.str
}

// text returns the innermost string for key that is not empty.
func (s scopes) text(key string) string {
	for _, m := range s {
		if t := m.get(key).text(); t != "" {
			return t
		}
	}
	return ""
}

// bootOf returns the fields of the fixed header that in rules. As in Kea an
// empty address says nothing, and 0.0.0.0 is none.
func (s *service) bootOf(in scopes) (b dhcp4.Boot) {
	if a, err := netip.ParseAddr(in.text("next-server")); err == nil && !a.IsUnspecified() {
		b.NextServer = a
	}
	name, file := in.get("server-hostname"), in.get("boot-file-name")
	b.ServerName, b.File = name.text(), file.text()
	// Kea looks at the length of the global ones when it answers a client.
	if len(b.ServerName) > maxSName {
		s.refuse(name, "the name has more than 63 octets", "shorten it")
	}
	switch {
	case len(b.File) > maxFile+1:
		s.refuse(file, "the name has more than 127 octets", "shorten it")
	case len(b.File) > maxFile:
		b.File = b.File[:maxFile]
		if file.parent.scope == "Dhcp4" { // of others the verdict warned
			s.without(file, "of the name 127 octets fit into the message", "shorten it")
		}
	}
	return b
}
