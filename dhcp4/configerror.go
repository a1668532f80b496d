package dhcp4

import (
	"fmt"
	"hash/maphash"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// A ConfigError lists every mistake of a Config.
type ConfigError struct {
	Problems []ConfigProblem
}

// A ConfigProblem is one mistake and where it is.
type ConfigProblem struct {
	Path string // such as "Subnets[0].Pools[1].Range"
	Err  error
}

// Error returns one line for each mistake.
func (e *ConfigError) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "dhcp4: config: %s: %v", p.Path, p.Err)
	}
	return b.String()
}

// Unwrap returns the mistakes for errors.Is and errors.As.
func (e *ConfigError) Unwrap() []error {
	errs := make([]error, len(e.Problems))
	for i, p := range e.Problems {
		errs[i] = p.Err
	}
	return errs
}

// check returns a *ConfigError with every mistake in c, or nil.
func (c *Config) check() error {
	var k configChecker
	k.terms("", c.termFields(), compileTerms(new(Subnet), c))
	if c.WriteBudget < 0 {
		k.add("WriteBudget", "is negative")
	}
	k.choices("", []namedChoice{
		{"MatchClientID", c.MatchClientID},
		{"EchoClientID", c.EchoClientID},
		{"ReservationsGlobal", c.ReservationsGlobal},
		{"ReservationsInSubnet", c.ReservationsInSubnet},
		{"ReservationsOutOfPool", c.ReservationsOutOfPool},
		{"StoreExtendedInfo", c.StoreExtendedInfo},
	})
	k.options("Options", c.Options)
	k.serverID("ServerID", c.ServerID)
	k.boot("Boot", &c.Boot)
	for _, d := range []struct {
		path string
		d    time.Duration
	}{
		{"OfferLifetime", c.OfferLifetime},
		{"DeclineProbation", c.DeclineProbation},
		{"DecideTimeout", c.DecideTimeout},
	} {
		if d.d < 0 {
			k.add(d.path, "is negative")
		}
	}
	for _, n := range []struct {
		path string
		n    int
	}{{"MaxOffers", c.MaxOffers}, {"MaxPending", c.MaxPending}, {"Loops", c.Loops}} {
		if n.n < 0 {
			k.add(n.path, "is negative")
		}
	}
	k.hostIdentifiers(c.HostIdentifiers)
	global := k.reservations("", c.Reservations, nil, true)
	ids := make(map[uint32]int)
	for i := range c.Subnets {
		s, path := &c.Subnets[i], fmt.Sprintf("Subnets[%d]", i)
		if j, ok := ids[s.ID]; ok && s.ID != 0 {
			k.add(path+".ID", "%d is the ID of Subnets[%d] too", s.ID, j)
		}
		ids[s.ID] = i
		k.subnet(path, s, c, &global)
	}
	k.overlaps(c.Subnets)
	k.networks(c)
	if len(k.problems) == 0 {
		return nil
	}
	return &ConfigError{Problems: k.problems}
}

// under returns the problems as those of what is at path.
func (k *configChecker) under(path string) error {
	for i := range k.problems {
		k.problems[i].Path = path + k.problems[i].Path
	}
	return &ConfigError{Problems: k.problems}
}

type configChecker struct {
	problems []ConfigProblem
	seed     maphash.Seed // of the tables of reservations
}

func (k *configChecker) add(path, format string, args ...any) {
	k.problems = append(k.problems, ConfigProblem{Path: path, Err: fmt.Errorf(format, args...)})
}

func (k *configChecker) subnet(path string, s *Subnet, c *Config, global *hostTable) {
	if s.ID == 0 {
		k.add(path+".ID", "must not be zero")
	}
	prefixOK := s.Prefix.IsValid() && s.Prefix.Addr().Is4()
	if !prefixOK {
		k.add(path+".Prefix", "is not an IPv4 prefix: %v", s.Prefix)
	}
	k.serverID(path+".ServerID", s.ServerID)
	k.serverID(path+".Source", s.Source)
	k.relays(path+".Relays", s.Relays)
	k.terms(path+".", s.termFields(), compileTerms(s, c))
	k.choices(path+".", []namedChoice{
		{"Authoritative", s.Authoritative},
		{"MatchClientID", s.MatchClientID},
		{"ReservationsGlobal", s.ReservationsGlobal},
		{"ReservationsInSubnet", s.ReservationsInSubnet},
		{"ReservationsOutOfPool", s.ReservationsOutOfPool},
		{"StoreExtendedInfo", s.StoreExtendedInfo},
	})
	k.options(path+".Options", s.Options)
	k.boot(path+".Boot", &s.Boot)
	if s.Order > pool.Hash {
		k.add(path+".Order", "%v is not an order", s.Order)
	}
	k.pools(path, s, prefixOK)
	own := k.reservations(path+".", s.Reservations, s, prefixOK)
	k.shared(path+".", &own, global, s, c)
}

func (k *configChecker) pools(path string, s *Subnet, prefixOK bool) {
	before := len(k.problems)
	var ranges []pool.Range
	for i := range s.Pools {
		p, path := &s.Pools[i], fmt.Sprintf("%s.Pools[%d]", path, i)
		k.options(path+".Options", p.Options)
		if !p.Range.IsValid() || !isUnicast(p.Range.First) || !isUnicast(p.Range.Last) {
			k.add(path+".Range", "is not a range of unicast IPv4 addresses")
			continue
		}
		if prefixOK && !(s.Prefix.Contains(p.Range.First) && s.Prefix.Contains(p.Range.Last)) {
			k.add(path+".Range", "%v is not inside the subnet %v", p.Range, s.Prefix.Masked())
		}
		for j, r := range ranges {
			if r.Overlaps(p.Range) {
				k.add(path+".Range", "%v overlaps with Pools[%d], %v", p.Range, j, r)
			}
		}
		ranges = append(ranges, p.Range)
	}
	if len(k.problems) == before {
		if _, err := pool.New(pool.LeastRecentlyUsed, ranges...); err != nil {
			k.add(path+".Pools", "%w", err)
		}
	}
}

// reservation checks what is not about the client's identity.
func (k *configChecker) reservation(path string, r *Reservation) {
	if r.Addr.IsValid() && !isUnicast(r.Addr) {
		k.add(path+".Addr", "%v is not a unicast IPv4 address", r.Addr)
	}
	if r.Stateless && !r.Addr.IsValid() {
		k.add(path+".Addr", "must be set, for the reservation is Stateless")
	}
	if r.Reuse < 0 {
		k.add(path+".Reuse", "is negative")
	}
	if len(r.Hostname) > 253 {
		k.add(path+".Hostname", "is longer than 253 octets")
	}
	if strings.ContainsFunc(r.Hostname, unicode.IsControl) {
		k.add(path+".Hostname", "%q has control characters", r.Hostname)
	}
	k.lifetime(path+".Lifetime", r.Lifetime)
	k.options(path+".Options", r.Options)
	k.boot(path+".Boot", &r.Boot)
}

func (k *configChecker) boot(path string, b *Boot) {
	if b.NextServer.IsValid() && !b.NextServer.Is4() {
		k.add(path+".NextServer", "%v is not an IPv4 address", b.NextServer)
	}
	for _, f := range []struct {
		name, text string
		max        int
	}{{"ServerName", b.ServerName, 63}, {"File", b.File, 127}} {
		if len(f.text) > f.max {
			k.add(path+"."+f.name, "is longer than %d octets", f.max)
		}
		if strings.IndexByte(f.text, 0) >= 0 {
			k.add(path+"."+f.name, "%.32q has a NUL", f.text)
		}
	}
}

// ownOptions are those that the Server sets itself, with what to use instead.
var ownOptions = [256]string{
	0:   "it is padding",
	50:  "clients send it",
	51:  "use Lifetime",
	52:  "it tells how a message is laid out",
	53:  "it is set by the Server",
	54:  "use ServerID",
	55:  "clients send it",
	57:  "clients send it",
	58:  "use T1",
	59:  "use T2",
	61:  "clients send it",
	82:  "relay agents add it",
	255: "it ends the options",
}

func (k *configChecker) options(path string, opts option.Options) {
	var seen codeSet
	for i := range opts {
		o, path := &opts[i], fmt.Sprintf("%s[%d]", path, i)
		if err := o.Err(); err != nil {
			k.add(path, "%w", err)
		}
		if why := ownOptions[o.Code]; why != "" {
			k.add(path, "%v cannot be configured: %s", o.Code, why)
		}
		if seen.has(o.Code) {
			k.add(path, "%v is in the list already", o.Code)
		}
		seen.add(o.Code)
		if len(o.Data) > 4096 {
			k.add(path, "%v is longer than 4,096 octets", o.Code)
		}
	}
}

func (k *configChecker) serverID(path string, id netip.Addr) {
	if id.IsValid() && !isUnicast(id) {
		k.add(path, "%v is not a unicast IPv4 address", id)
	}
}
