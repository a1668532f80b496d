package keaconf

import (
	"net/netip"
	"slices"
	"strings"
)

func (c *checker) class(m *node) {
	name := m.get("name")
	if name == nil {
		return
	}
	if name.str == "" {
		c.fail(name, "the name is empty")
		return
	}
	for _, key := range []string{"test", "template-test"} {
		n := m.get(key)
		if n == nil {
			continue
		}
		if isFixedClass(name.str) {
			if n.str != "" {
				c.fail(n, "Kea itself decides who is in the class %s", name.str)
			}
			continue
		}
		c.test(n, key == "template-test")
	}
	if t := m.get("template-test"); t != nil && m.get("test") != nil {
		c.fail(t, "test and template-test exclude each other")
	}
	c.optionList(m, c.optionDefs(m.list("option-def"), c.defined, true), false) // for the class alone
	if n := m.get("next-server"); n != nil {
		if a, err := netip.ParseAddr(n.str); err != nil || !a.Is4() || a == broadcast {
			c.fail(n, "%q is not the IPv4 address of a server", n.str)
		}
	}
	if n := m.get("server-hostname"); n != nil && len(n.str) > maxSName {
		c.fail(n, "the name has more than %d octets", maxSName)
	}
	c.bootFile(m)
	c.lifetimes(m, scopes{m}, false)
	if c.classes[name.str] {
		c.fail(m, "there is a class %q already", name.str)
	}
	c.classes[name.str] = true
}

// isFixedClass tells of the classes that have no test.
func isFixedClass(name string) bool {
	switch name {
	case "ALL", "KNOWN", "UNKNOWN":
		return true
	}
	return false
}

// isClass tells whether a test may name the class.
func (c *checker) isClass(name string) bool {
	if isFixedClass(name) || name == "BOOTP" || c.classes[name] {
		return true
	}
	prefixes := []string{"VENDOR_CLASS_", "HA_", "AFTER__", "EXTERNAL_"}
	if !c.is22() {
		prefixes = append(prefixes, "SPAWN_")
	}
	return slices.ContainsFunc(prefixes, func(prefix string) bool {
		return strings.HasPrefix(name, prefix) && name != prefix
	})
}

// test checks an expression. That of a template is a string.
func (c *checker) test(n *node, template bool) {
	p := exprParser{text: n.str, newer: !c.is22(), isClass: c.isClass, isOption: func(name string) bool {
		return c.defined.name(dhcp4Space, name) != nil
	}}
	if err := p.parse(template); err != nil {
		c.fail(n, "the expression is wrong: %v", err)
	}
}
