package keaconf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// A checker judges the values of a document whose form the parser has judged,
// in Kea's order, so that the first problem is the one at which Kea stops.
type checker struct {
	grammar  grammar
	versions versions
	options  *Options
	problems []Problem
	warnings []Problem

	kea      *definitions          // the options that Kea defines itself
	defined  *definitions          // and those that the file does, in front of them
	classes  map[string]bool       // defined so far
	ids      map[int64]bool        // of the subnets so far
	prefixes map[netip.Prefix]bool // of them, as written, host bits included
	hosts    map[string]bool       // reserved so far: identifiers and addresses by subnet
	told     map[[2]*node]bool     // inherited values that have been a problem
}

// is22 and is30 tell that one version alone was asked for, so that its rules
// apply where they are stricter than those of the other.
func (c *checker) is22() bool { return c.versions == in22 }
func (c *checker) is30() bool { return c.versions == in30 }

// fail notes a problem with n.
func (c *checker) fail(n *node, format string, args ...any) *Problem {
	c.problems = append(c.problems, Problem{Pos: n.pos, Path: n.path(), Text: fmt.Sprintf(format, args...)})
	return &c.problems[len(c.problems)-1]
}

func (c *checker) warn(n *node, format string, args ...any) {
	c.warnings = append(c.warnings, Problem{Pos: n.pos, Path: n.path(), Text: fmt.Sprintf(format, args...)})
}

func (c *checker) document(d *node) {
	c.kea = keaDefinitions(c.versions)
	c.classes, c.hosts = make(map[string]bool), make(map[string]bool)
	c.ids, c.prefixes = make(map[int64]bool), make(map[netip.Prefix]bool)
	c.told = make(map[[2]*node]bool)
	c.defined = c.optionDefs(d.list("option-def"), c.kea, false)
	c.optionList(d, c.defined, true)
	c.controlSockets(d)
	c.ranges(d.get("multi-threading"))
	c.ranges(d.get("dhcp-queue-control"))
	c.duplicates(d.list("host-reservation-identifiers"))
	if !c.is30() {
		c.interfaces(d.get("interfaces-config"))
	}
	c.ranges(d.get("expired-leases-processing"))
	c.hooks(d.list("hooks-libraries"))
	c.ddns(d.get("dhcp-ddns"))
	for _, class := range d.list("client-classes") {
		c.class(class)
	}
	c.database(d.get("lease-database"))
	c.database(d.get("hosts-database"))
	for _, db := range d.list("hosts-databases") {
		c.database(db)
	}
	c.networks(d)
	c.reservations(d.list("reservations"), nil)
	if c.is30() {
		c.interfaces(d.get("interfaces-config"))
	}
	c.configControl(d.get("config-control"))
	c.globals(d)
}

// ranges checks the numbers of a map against the table.
func (c *checker) ranges(m *node) {
	if m == nil {
		return
	}
	for _, f := range m.fields {
		if f.value == nil || f.value.kind != tokInt {
			continue
		}
		for _, s := range c.grammar.lookup(m.scope, f.key, c.versions) {
			if !s.ranged || s.min <= f.value.num && f.value.num <= s.max {
				continue
			}
			at := f.value
			if m.scope == "config-control" {
				at = m // where Kea says that it is
			}
			c.fail(at, "%s, %d, is not between %d and %d", f.key, f.value.num, s.min, s.max)
			break
		}
	}
}

// duplicates reports strings that are in a list twice.
func (c *checker) duplicates(items []*node) {
	for i, n := range items {
		if slices.ContainsFunc(items[:i], func(m *node) bool { return m.str == n.str }) {
			c.fail(n, "%q is in the list already", n.str)
			return
		}
	}
}

func (c *checker) interfaces(m *node) {
	if m == nil {
		return
	}
	seen := make(map[string]bool) // "name", "name/address", and "name/" for any address of it
	for _, n := range m.list("interfaces") {
		if n.kind != tokString {
			continue
		}
		name, text, hasAddr := strings.Cut(strings.Trim(n.str, " \t"), "/")
		name, text = strings.Trim(name, " \t"), strings.Trim(text, " \t")
		var addr netip.Addr
		switch {
		case name == "":
			c.fail(n, "the name of the interface is empty")
			continue
		case name == "*" && hasAddr:
			c.fail(n, "* stands for all interfaces and has no address")
			continue
		case hasAddr:
			var err error
			if addr, err = netip.ParseAddr(text); err != nil || !addr.Is4() {
				c.fail(n, "%q is not an IPv4 address", text)
				continue
			}
		}
		if seen[name] || seen[name+"/"+text] || !hasAddr && seen[name+"/"] {
			c.fail(n, "the interface %s is in the list already", name)
			continue
		}
		if hasAddr {
			seen[name+"/"+text], seen[name+"/"] = true, true
		} else {
			seen[name] = true
		}
		if name == "*" || c.options.Interface == nil {
			continue
		}
		if err := c.options.Interface(name, addr); err != nil {
			c.fail(n, "the interface cannot be used: %v", err)
		}
	}
	c.ranges(m)
}

func (c *checker) hooks(libraries []*node) {
	for _, l := range libraries {
		n := l.get("library")
		if n == nil {
			continue
		}
		if strings.TrimSpace(n.str) == "" {
			c.fail(n, "the name of the library is empty")
		} else if c.options.Library != nil {
			if err := c.options.Library(n.str); err != nil {
				c.fail(l.parent, "the library %s cannot be opened: %v", n.str, err)
			}
		}
	}
}

// controlSockets has rules for 3.0 only; 2.2 looks at them when it opens them.
func (c *checker) controlSockets(d *node) {
	sockets := d.list("control-sockets")
	if s := d.get("control-socket"); s != nil {
		sockets = append(sockets, s)
	}
	if !c.is30() {
		return
	}
	unix := false
	for _, s := range sockets {
		typ := "unix"
		if n := s.get("socket-type"); n != nil {
			typ = n.str
		}
		name := s.get("socket-name")
		switch {
		case typ == "unix" && name == nil:
			c.fail(s, `the key "socket-name" is missing`)
		case typ == "unix" && unix:
			c.fail(s, "there is a socket of type unix already")
		case typ != "unix" && name != nil:
			c.fail(name, "a socket of type %s has no name", typ)
		case typ == "https" && (s.get("trust-anchor") == nil || s.get("cert-file") == nil || s.get("key-file") == nil):
			c.fail(s, "a socket of type https needs trust-anchor, cert-file and key-file")
		}
		unix = unix || typ == "unix"
		c.ranges(s)
	}
}

func (c *checker) ddns(m *node) {
	if m == nil {
		return
	}
	c.ranges(m)
	if n := m.get("ncr-protocol"); n != nil && n.str == "TCP" {
		c.fail(n, "TCP is not supported")
	}
	server, ok := c.address(m.get("server-ip"), netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	if !ok {
		return
	}
	none := netip.IPv4Unspecified()
	if server.Is6() {
		none = netip.IPv6Unspecified()
	}
	at := m
	if n := m.get("sender-ip"); n != nil {
		at = n
	}
	sender := none
	if at.str != "" {
		if sender, ok = c.address(at, none); !ok {
			return
		}
	}
	port := func(key string, port int64) int64 {
		if n := m.get(key); n != nil {
			return n.num
		}
		return port
	}
	switch {
	case server.Is4() != sender.Is4():
		c.fail(at, "server-ip and sender-ip are not of the same family")
	case server == sender && port("server-port", 53001) == port("sender-port", 0):
		c.fail(at, "server and sender have the same address and port")
	}
}

// address reads an address; without one it is the default.
func (c *checker) address(n *node, without netip.Addr) (a netip.Addr, ok bool) {
	if n == nil {
		return without, true
	}
	a, err := netip.ParseAddr(n.str)
	if err != nil {
		c.fail(n, "%q is not an address", n.str)
	}
	return a, err == nil
}

func (c *checker) database(m *node) {
	if m == nil {
		return
	}
	c.ranges(m)
	typ := m.get("type")
	if typ == nil {
		return
	}
	switch typ.str {
	case "memfile", "mysql", "postgresql":
	default:
		p := c.fail(typ, "there is no type of database %q", typ.str)
		if w := closest(typ.str, []string{"memfile", "mysql", "postgresql"}); w != "" {
			p.Hint = fmt.Sprintf("did you mean %q?", w)
		}
	}
	for _, f := range m.fields {
		if f.value == nil || !c.is30() {
			continue
		}
		only := map[string]string{"read-timeout": "mysql", "write-timeout": "mysql", "tcp-user-timeout": "postgresql"}[f.key]
		if only != "" && only != typ.str {
			c.fail(f.value, "the key is for the type %s only", only)
		}
	}
}

// configControl checks the databases that hold configuration. What is wrong
// with all of them together Kea finds in the map around them.
func (c *checker) configControl(m *node) {
	c.ranges(m)
	seen := make(map[string]bool)
	for _, db := range m.list("config-databases") {
		c.database(db)
		var access []string
		for _, f := range db.fields {
			if f.value == nil {
				continue
			}
			// Kea joins all keys into one text, with blanks between; only the
			// password has quotes around it.
			if f.key != "password" && strings.Contains(f.value.str, " ") {
				c.fail(m, "%s of a configuration database has a blank", f.key)
				return
			}
			access = append(access, fmt.Sprint(f.key, "=", f.value.str, f.value.num, f.value.b))
		}
		slices.Sort(access)
		key := strings.Join(access, " ")
		if seen[key] {
			c.fail(m, "a configuration database is in the list twice")
			return
		}
		seen[key] = true
	}
}

// globals is what Kea looks at last.
func (c *checker) globals(d *node) {
	c.ranges(d)
	c.lifetimes(d, scopes{d}, true)
	c.reservationMode(d)
	c.networksTogether(d.list("shared-networks"))
}
