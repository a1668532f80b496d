package keaconf

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/embedhcp/embedhcp/option"
)

const (
	maxHWAddr = 20
	maxDUID   = 128
)

// A hostScope is the subnet that reservations belong to; nil: all.
type hostScope struct {
	subnet int64
	prefix netip.Prefix
	known  bool // prefix is
}

func (c *checker) reservations(list []*node, in *hostScope) {
	for _, m := range list {
		c.reservation(m, in)
	}
}

func (c *checker) reservation(m *node, in *hostScope) {
	before := len(c.problems)
	id, ok := c.identifier(m)
	if !ok {
		return
	}
	if n := m.get("boot-file-name"); n != nil && len(n.str) > maxFile {
		c.fail(n, "the name has more than %d octets", maxFile)
	}
	addr := c.hostAddr(m)
	if n := m.get("next-server"); n != nil && (!isIPv4(n.str) || n.str == broadcast.String()) {
		c.fail(n, "%q is not the IPv4 address of a server", n.str)
	}
	c.optionList(m, c.defined, false)
	if n := m.get("server-hostname"); n != nil && len(n.str) > maxSName {
		c.fail(n, "the name has more than %d octets", maxSName)
	}
	if len(c.problems) > before {
		return
	}
	subnet := "global"
	if in != nil {
		subnet = strconv.FormatInt(in.subnet, 10)
		if in.known && addr.IsValid() && !in.prefix.Contains(addr) {
			c.fail(m.get("ip-address"), "the address is not inside the subnet %v", in.prefix.Masked())
			return
		}
	}
	if c.is22() && !addr.IsValid() && !reserves(m) {
		c.fail(m, "the reservation reserves nothing")
		return
	}
	if key := subnet + "/" + id; c.hosts[key] {
		c.fail(m, "there is a reservation for this identifier already")
	} else {
		c.hosts[key] = true
	}
	if !addr.IsValid() || !c.uniqueAddrs(m) {
		return
	}
	if key := subnet + "/" + addr.String(); c.hosts[key] {
		c.fail(m.get("ip-address"), "there is a reservation for this address already")
	} else {
		c.hosts[key] = true
	}
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// reserves tells whether m reserves anything besides an address.
func reserves(m *node) bool {
	for _, key := range []string{"hostname", "server-hostname", "boot-file-name"} {
		if n := m.get(key); n != nil && n.str != "" {
			return true
		}
	}
	for _, n := range m.list("client-classes") {
		if n.str != "" {
			return true
		}
	}
	n := m.get("next-server")
	return n != nil && n.str != "0.0.0.0" || len(m.list("option-data")) > 0
}

// uniqueAddrs tells whether an address may be reserved once only.
func (c *checker) uniqueAddrs(m *node) bool {
	for m.parent.parent != nil {
		m = m.parent
	}
	n := m.get("ip-reservations-unique")
	return n == nil || n.b
}

// identifier returns the one identifier of a reservation, its type before it.
func (c *checker) identifier(m *node) (id string, ok bool) {
	var found *node
	for _, key := range []string{"hw-address", "duid", "circuit-id", "client-id", "flex-id"} {
		n := m.get(key)
		switch {
		case n == nil && m.hasKey(key):
			return "", false // the parser has said so
		case n == nil:
			continue
		case found != nil:
			c.fail(m, "%s and %s exclude each other", found.key, key)
			return "", false
		}
		found = n
	}
	if found == nil {
		c.fail(m, "the reservation needs one of hw-address, duid, circuit-id, client-id and flex-id")
		return "", false
	}
	p, err := option.AppendRawText(nil, found.str)
	switch {
	case err != nil || strings.TrimSpace(found.str) == "":
		problem := c.fail(m, "%s, %q, is neither hexadecimal digits, such as 0a:0b or 0a0b, nor 'text'", found.key, found.str)
		if strings.Contains(found.str, "-") {
			problem.Hint = "write : for -"
		}
		return "", false
	case found.key == "hw-address" && len(p) > maxHWAddr, found.key == "duid" && len(p) > maxDUID:
		c.fail(m, "%s has %d octets, which is too many", found.key, len(p))
		return "", false
	}
	return found.key + "=" + string(p), true
}

// hostAddr returns the reserved address; it is not valid if there is none.
func (c *checker) hostAddr(m *node) (a netip.Addr) {
	n := m.get("ip-address")
	if n == nil {
		return a
	}
	a, err := netip.ParseAddr(n.str)
	switch {
	case err != nil || !a.Is4():
		c.fail(n, "%q is not an IPv4 address", n.str)
	case a.IsUnspecified() || a == broadcast:
		c.fail(n, "the address %v cannot be reserved", a)
	}
	return a
}
