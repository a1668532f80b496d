package keaconf

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/embedhcp/embedhcp/pool"
)

const (
	maxSubnetID = math.MaxUint32 - 1
	maxSName    = 63 // octets that fit into the field sname
	maxFile     = 127
)

// scopes are a map and those that it inherits from, the innermost first.
type scopes []*node

// get returns the value of key in the innermost map that has it, or nil.
func (s scopes) get(key string) *node {
	for _, m := range s {
		if n := m.get(key); n != nil {
			return n
		}
	}
	return nil
}

func (s scopes) bool(key string) bool {
	n := s.get(key)
	return n != nil && n.b
}

func (c *checker) networks(d *node) {
	next := int64(0) // the last id that was given out
	names := make(map[string]bool)
	for _, n := range d.list("shared-networks") {
		switch name := n.get("name"); {
		case !n.hasKey("name"):
			c.fail(n, `the key "name" is missing`)
		case name != nil && names[name.str]:
			c.fail(n.parent, "there are two shared networks %q", name.str)
		case name != nil:
			names[name.str] = true
		}
		c.interfaceOf(n)
		c.optionList(n, c.defined, false)
		for _, s := range n.list("subnet4") {
			c.subnet(s, scopes{s, n, d}, &next)
		}
		c.network(n, scopes{n, d})
	}
	for _, s := range d.list("subnet4") {
		c.subnet(s, scopes{s, d}, &next)
	}
}

func (c *checker) subnet(m *node, in scopes, next *int64) {
	var ranges []pool.Range
	for _, p := range m.list("pools") {
		if r, ok := c.poolRange(p); ok {
			ranges = append(ranges, r)
		}
		if !c.is30() {
			c.pool(p, in)
		}
	}
	if !c.is30() {
		c.optionList(m, c.defined, false)
	}
	prefix, ok := c.prefix(m.get("subnet"))
	id := c.subnetID(m, next)
	c.interfaceOf(m)
	c.network(m, in)
	if c.is30() {
		c.optionList(m, c.defined, false)
		for _, p := range m.list("pools") {
			c.pool(p, in)
		}
	}
	if n := m.get("4o6-subnet"); n != nil && n.str != "" {
		addr, _, found := strings.Cut(n.str, "/")
		if _, err := netip.ParseAddr(addr); !found || err != nil {
			c.fail(n, "%q is not an IPv6 prefix", n.str)
		}
	}
	if ok {
		c.poolsIn(m, prefix, ranges)
		switch {
		case id != 0 && c.ids[id]:
			c.fail(m, "there is a subnet with the id %d already", id)
		case c.prefixes[prefix]:
			c.fail(m, "there is a subnet %v already", prefix)
		}
		c.ids[id], c.prefixes[prefix] = true, true
	}
	c.reservations(m.list("reservations"), &hostScope{subnet: id, prefix: prefix, known: ok})
}

// subnetID returns the id of the subnet, as configured or as Kea gives it.
func (c *checker) subnetID(m *node, next *int64) int64 {
	n := m.get("id")
	switch {
	case n == nil && c.is30():
		if !m.hasKey("id") {
			c.fail(m, `the key "id" is missing: since Kea 2.6 each subnet needs one`)
		}
	case n != nil && c.is30() && n.num == 0 || n != nil && (n.num < 0 || n.num > maxSubnetID):
		c.fail(n, "the id %d is not between 1 and %d", n.num, int64(maxSubnetID))
	case n != nil && n.num != 0:
		return n.num
	default:
		*next++
		return *next
	}
	return 0
}

// prefix reads a subnet; blanks in it mean nothing to Kea.
func (c *checker) prefix(n *node) (p netip.Prefix, ok bool) {
	if n == nil {
		return p, false
	}
	addrText, bitsText, found := strings.Cut(strings.Map(dropBlanks, n.str), "/")
	if !found {
		c.fail(n, "%q is not a prefix such as 192.0.2.0/24", n.str)
		return p, false
	}
	addr, err := netip.ParseAddr(addrText)
	if err != nil || !addr.Is4() {
		c.fail(n, "%q is not an IPv4 address", addrText)
		return p, false
	}
	bits, err := strconv.Atoi(bitsText)
	if err != nil || bits < 0 || bits > 32 {
		c.fail(n, "the length of the prefix, %q, is not between 0 and 32", bitsText)
		return p, false
	}
	return netip.PrefixFrom(addr, bits), true
}

var errPool = errors.New(`is neither a range such as "192.0.2.10 - 192.0.2.20" nor a prefix`)

// poolRange reads the text of a pool.
func (c *checker) poolRange(m *node) (r pool.Range, ok bool) {
	n := m.get("pool")
	if n == nil {
		return r, false
	}
	r, err := parsePool(n.str)
	if err == nil && c.is30() && strings.Contains(n.str, "/") && !startsAt(n.str, r.First) {
		err = fmt.Errorf("has bits beyond the length of its prefix, which begins at %v", r.First)
	}
	if err != nil {
		p := c.fail(n, "%q %v", n.str, err)
		if a, err := netip.ParseAddr(n.str); err == nil {
			p.Hint = fmt.Sprintf("write %v - %v for one address", a, a)
		}
		return r, false
	}
	return r, true
}

func startsAt(text string, first netip.Addr) bool {
	addr, _, _ := strings.Cut(strings.Map(dropBlanks, text), "/")
	return addr == first.String()
}

func dropBlanks(r rune) rune {
	if r == ' ' || r == '\t' {
		return -1
	}
	return r
}

// parsePool reads what Kea takes for a pool.
func parsePool(s string) (r pool.Range, err error) {
	text := strings.Map(dropBlanks, s)
	if addrText, bitsText, found := strings.Cut(text, "/"); found {
		addr, err := netip.ParseAddr(addrText)
		bits, err2 := strconv.ParseUint(strings.TrimPrefix(bitsText, "+"), 10, 8)
		if err != nil || err2 != nil || !addr.Is4() || bits == 0 || bits > 32 {
			return r, errPool
		}
		return pool.RangeFrom(netip.PrefixFrom(addr, int(bits)).Masked()), nil
	}
	first, last, found := strings.Cut(text, "-")
	if !found {
		return r, errPool
	}
	a, err := netip.ParseAddr(first)
	b, err2 := netip.ParseAddr(last)
	switch {
	case err != nil || err2 != nil || !a.Is4() || !b.Is4():
		return r, errPool
	case b.Less(a):
		return r, errors.New("ends before it begins")
	}
	return pool.Range{First: a, Last: b}, nil
}

// pool checks the rest of a pool.
func (c *checker) pool(m *node, in scopes) {
	c.ranges(m)
	c.optionList(m, c.defined, false)
	c.classNames(m)
	c.ddnsTTL(m, append(scopes{m}, in...))
}

// poolsIn checks pools against the prefix and each other.
func (c *checker) poolsIn(m *node, prefix netip.Prefix, ranges []pool.Range) {
	slices.SortFunc(ranges, func(a, b pool.Range) int { return a.First.Compare(b.First) })
	for i, r := range ranges {
		switch {
		case !prefix.Contains(r.First) || !prefix.Contains(r.Last):
			c.fail(m, "the pool %v is not inside the subnet %v", r, prefix.Masked())
			return
		case i > 0 && r.Overlaps(ranges[i-1]):
			c.fail(m, "the pool %v overlaps with the pool %v", r, ranges[i-1])
			return
		}
	}
}

// interfaceOf checks the interface of a subnet or shared network.
func (c *checker) interfaceOf(m *node) {
	n := m.get("interface")
	if n == nil || n.str == "" || c.options.Interface == nil {
		return
	}
	if err := c.options.Interface(n.str, netip.Addr{}); err != nil {
		c.fail(n, "the interface cannot be used: %v", err)
	}
}

// network checks what subnets and shared networks have in common. The
// innermost of in is the map itself.
func (c *checker) network(m *node, in scopes) {
	c.relay(m.get("relay"))
	c.teeTimes(m, in)
	c.lifetimes(m, in, true)
	c.cache(m, in)
	c.boot(m)
	c.classNames(m)
	c.allocator(m)
	c.ddnsTTL(m, in)
	if n := m.get("hostname-char-set"); n != nil {
		if _, err := regexp.Compile(n.str); err != nil {
			at := n
			if m.scope == "shared-networks" {
				at = m // where Kea says that it is
			}
			c.fail(at, "hostname-char-set, %q, is not a regular expression", n.str)
		}
	}
	c.reservationMode(m)
}

func (c *checker) reservationMode(m *node) {
	mode := m.get("reservation-mode")
	if mode == nil {
		return
	}
	for _, key := range []string{"reservations-global", "reservations-in-subnet", "reservations-out-of-pool"} {
		if m.get(key) != nil {
			c.fail(mode, "reservation-mode is the older form of %s: use one of them", key)
			return
		}
	}
}

func (c *checker) relay(m *node) {
	if m == nil {
		return
	}
	if n := m.get("ip-address"); n != nil && !isIPv4(n.str) {
		c.fail(n, "%q is not an IPv4 address", n.str)
	}
	list := m.get("ip-addresses")
	seen := make(map[string]bool)
	for _, n := range m.list("ip-addresses") {
		switch {
		case !isIPv4(n.str):
			c.fail(list, "%q is not an IPv4 address", n.str)
			return
		case seen[n.str]:
			c.fail(list, "%s is in the list twice", n.str)
			return
		}
		seen[n.str] = true
	}
}

func isIPv4(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4()
}

// teeTimes checks T1 and T2, as configured and as calculated.
func (c *checker) teeTimes(m *node, in scopes) {
	for _, key := range []string{"renew-timer", "rebind-timer"} {
		if n := in.get(key); n != nil && n.num < 0 {
			c.failTerm(m, n, nil, "%s, %d, is negative", key, n.num)
		}
	}
	renew, rebind := in.get("renew-timer"), in.get("rebind-timer")
	if renew != nil && rebind != nil && renew.num > rebind.num {
		const text = "renew-timer, %d, is greater than rebind-timer, %d"
		if c.is22() {
			c.failTerm(m, renew, rebind, text, renew.num, rebind.num)
		} else if at, from := c.termAt(m, renew, rebind); at != nil {
			c.warn(at, text+"%s: it has no effect", renew.num, rebind.num, from)
		}
	}
	if !in.bool("calculate-tee-times") {
		return
	}
	t1, t2 := 0.5, 0.875
	for key, t := range map[string]*float64{"t1-percent": &t1, "t2-percent": &t2} {
		n := in.get(key)
		if n == nil {
			continue
		}
		if *t = n.flt; n.flt <= 0 || n.flt >= 1 {
			c.failTerm(m, n, nil, "%s, %v, is not between 0.0 and 1.0", key, n.flt)
			return
		}
	}
	if t1 >= t2 {
		if at, from := c.termAt(m, in.get("t1-percent"), in.get("t2-percent")); at != nil {
			c.fail(m, "t1-percent, %v, is not less than t2-percent, %v%s", t1, t2, from)
		}
	}
}

// termAt is where a problem with the value n in m is, which does not go with
// the value other; either may be nil. Kea finds one with inherited values in
// the map that inherits them; from tells whence. Who else inherits the same has
// no further problem: at is nil then.
func (c *checker) termAt(m, n, other *node) (at *node, from string) {
	if n != nil && n.parent == m {
		return n, ""
	}
	if other != nil && other.parent == m {
		return m, ""
	}
	key := [2]*node{n, other}
	if c.told[key] {
		return nil, ""
	}
	c.told[key] = true
	if n == nil {
		n = other
	}
	return m, ", inherited from " + n.path()
}

func (c *checker) failTerm(m, n, other *node, format string, args ...any) {
	if at, from := c.termAt(m, n, other); at != nil {
		c.fail(at, format+"%s", append(args, from)...)
	}
}

// lifetimes checks valid-lifetime and its bounds. Kea keeps 32 bits of each.
func (c *checker) lifetimes(m *node, in scopes, hasDefault bool) {
	value, has := uint32(7200), hasDefault
	low, high := in.get("min-valid-lifetime"), in.get("max-valid-lifetime")
	valid := in.get("valid-lifetime")
	if valid != nil {
		value, has = uint32(valid.num), true
	}
	switch {
	case low != nil && high != nil && uint32(low.num) > uint32(high.num):
		c.failTerm(m, low, high, "min-valid-lifetime, %d, is greater than max-valid-lifetime, %d", low.num, high.num)
	case low != nil && has && value < uint32(low.num):
		c.failTerm(m, valid, low, "min-valid-lifetime, %d, is greater than valid-lifetime, %d", low.num, value)
	case high != nil && has && value > uint32(high.num):
		c.failTerm(m, valid, high, "valid-lifetime, %d, is greater than max-valid-lifetime, %d", value, high.num)
	}
}

func (c *checker) cache(m *node, in scopes) {
	n := in.get("cache-threshold")
	if n == nil {
		return
	}
	if n.flt < 0 || n.flt >= 1 || n.flt == 0 && c.is22() {
		c.failTerm(m, n, nil, "cache-threshold, %v, is not between 0.0 and 1.0", n.flt)
	}
}

// boot checks the fields of the fixed header.
func (c *checker) boot(m *node) {
	if n := m.get("next-server"); n != nil && n.str != "" && !isIPv4(n.str) {
		c.fail(n, "%q is not an IPv4 address", n.str)
	}
	if n := m.get("server-hostname"); n != nil && len(n.str) > maxSName {
		c.fail(n, "the name has more than %d octets", maxSName)
	}
	c.bootFile(m)
}

// bootFile lets the name have one octet more than what fits, as Kea does but
// for reservations.
func (c *checker) bootFile(m *node) {
	n := m.get("boot-file-name")
	switch {
	case n == nil || len(n.str) <= maxFile:
	case len(n.str) == maxFile+1:
		c.warn(n, "the name has %d octets, of which %d fit into the message", len(n.str), maxFile)
	default:
		c.fail(n, "the name has more than %d octets", maxFile)
	}
}

// classNames checks the classes that a subnet, network or pool names.
func (c *checker) classNames(m *node) {
	for _, key := range []string{"client-classes", "require-client-classes", "evaluate-additional-classes"} {
		for _, n := range m.list(key) {
			if n.str == "" {
				c.fail(n, "the name of the class is empty")
				return
			}
		}
	}
}

func (c *checker) allocator(m *node) {
	n := m.get("allocator")
	if n == nil {
		return
	}
	names := []string{"iterative", "random", "flq"}
	if slices.Contains(names, n.str) {
		return
	}
	p := c.fail(n, "there is no allocator %q", n.str)
	if w := closest(n.str, names); w != "" {
		p.Hint = fmt.Sprintf("did you mean %q?", w)
	}
}

// ddnsTTL checks how the lifetime of DNS records is configured, which is since
// 3.0.
func (c *checker) ddnsTTL(m *node, in scopes) {
	fixed, low, high := m.get("ddns-ttl"), in.get("ddns-ttl-min"), in.get("ddns-ttl-max")
	if fixed != nil {
		for _, key := range []string{"ddns-ttl-percent", "ddns-ttl-min", "ddns-ttl-max"} {
			if m.get(key) != nil {
				c.fail(fixed, "ddns-ttl and %s exclude each other", key)
				return
			}
		}
	}
	if low != nil && high != nil && low.num > high.num {
		c.failTerm(m, low, high, "ddns-ttl-min, %d, is greater than ddns-ttl-max, %d", low.num, high.num)
	}
}

// networksTogether checks shared networks against their subnets.
func (c *checker) networksTogether(networks []*node) {
	for _, n := range networks {
		c.sharedInterface(n)
		if name := n.get("name"); name != nil && name.str == "" {
			c.fail(name, "the name is empty")
		}
	}
}

func (c *checker) sharedInterface(network *node) {
	global := network.parent.parent
	authoritative := scopes{network, global}.bool("authoritative")
	used := ""
	if n := network.get("interface"); n != nil {
		used = n.str
	}
	for _, s := range network.list("subnet4") {
		if n := s.get("authoritative"); n != nil && n.b != authoritative {
			c.fail(n, "the shared network has authoritative %v", authoritative)
			return
		}
		n := s.get("interface")
		switch {
		case n == nil || n.str == "":
		case used == "":
			used = n.str
		case n.str != used:
			c.fail(n, "the shared network, or a subnet of it, has the interface %q", used)
			return
		}
	}
}
