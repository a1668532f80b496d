package keaconf

import (
	"cmp"
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/embedhcp/embedhcp/option"
)

// An optionSet is the option-data of one scope.
type optionSet struct {
	weaker *optionSet // of the scope around it; nil: none
	list   option.Options
	never  map[option.Code]bool // in this scope and those around it

	// vendors are what option 125 is made of, of this scope and those around
	// it.
	vendors vendorOptions

	// Options that the Server sets from other values of its Config, of this
	// scope or else of those around it.
	serverID ownOption[netip.Addr]
	t1, t2   ownOption[time.Duration]
}

// An ownOption is one that the Server sets itself, and who asked for it; a nil
// node: nobody.
type ownOption[T any] struct {
	node  *node
	value T
}

// newOptionSet returns one without options of its own.
func newOptionSet(weaker *optionSet) *optionSet {
	o := &optionSet{weaker: weaker, never: make(map[option.Code]bool)}
	if weaker != nil {
		o.serverID, o.t1, o.t2, o.vendors = weaker.serverID, weaker.t1, weaker.t2, weaker.vendors
		maps.Copy(o.never, weaker.never)
	}
	return o
}

// onlyHere returns the options of o, a scope too small for those that the
// Server sets itself.
func (o *optionSet) onlyHere(s *service) option.Options {
	refuse := func(own, weaker *node, instead string) {
		if own != nil && own != weaker {
			s.refuse(own, "the option may differ between subnets, but not inside one", instead)
		}
	}
	refuse(o.serverID.node, o.weaker.serverID.node, "give it to the subnet")
	refuse(o.t1.node, o.weaker.t1.node, "give the subnet a renew-timer")
	refuse(o.t2.node, o.weaker.t2.node, "give the subnet a rebind-timer")
	return o.list
}

// A configured is an element of option-data.
type configured struct {
	node  *node
	def   *option.Definition // nil: none
	space string
	code  option.Code
	data  []byte
}

// is tells whether a flag of the option is set.
func (c *configured) is(flag string) bool {
	n := c.node.get(flag)
	return n != nil && n.b
}

// optionSet reads the option-data of m.
func (s *service) optionSet(m *node, weaker *optionSet) *optionSet {
	o := newOptionSet(weaker)
	spaces := make(map[string][]configured)
	for _, n := range m.list("option-data") {
		c, ok := s.configured(n)
		if !ok {
			continue
		}
		same := func(other configured) bool { return other.code == c.code }
		if i := slices.IndexFunc(spaces[c.space], same); i >= 0 {
			s.without(spaces[c.space][i].node, "the option comes again below, where it counts", "")
			spaces[c.space] = slices.Delete(spaces[c.space], i, i+1)
		}
		spaces[c.space] = append(spaces[c.space], c)
	}
	carried := map[string]bool{dhcp4Space: true}
	vendors, ownVendors := s.vendors(spaces, carried, weaker)
	o.vendors = vendors
	for _, c := range spaces[dhcp4Space] {
		if s.own(o, &c) {
			continue
		}
		p := s.payload(&c, spaces, carried, 0)
		if c.code == codeVendorOptions {
			p, ownVendors = s.vendorPayload(c.node, p, vendors), false
		}
		o.add(&c, p)
	}
	if ownVendors {
		c := configured{node: m.get("option-data"), code: codeVendorOptions}
		o.add(&c, s.vendorPayload(c.node, nil, vendors))
	}
	for space, list := range spaces {
		for _, c := range list {
			switch {
			case carried[space]:
			default:
				s.without(c.node, "no option in this place carries the space "+space+", so this one is never sent", "")
			}
		}
	}
	return o
}

// add adds an option with the payload p.
func (o *optionSet) add(c *configured, p []byte) {
	switch {
	case c.is("never-send"):
		o.list = append(o.list, option.Never(c.code))
		o.never[c.code] = true
	case o.weaker != nil && o.weaker.never[c.code]: // in Kea, a weaker scope keeps it out as well
	case c.is("always-send"):
		o.list = append(o.list, option.Always(option.Option{Code: c.code, Data: p}))
	default:
		o.list = append(o.list, option.Option{Code: c.code, Data: p})
	}
}

// configured reads an element of option-data, as the verdict found it right.
func (s *service) configured(n *node) (c configured, ok bool) {
	c = configured{node: n, space: dhcp4Space}
	if space := n.get("space"); space != nil {
		c.space = space.str
	}
	name, code := n.get("name"), n.get("code")
	switch {
	case code != nil:
		c.code = option.Code(code.num)
		c.def = s.defined.code(c.space, c.code)
	case name != nil:
		c.def = s.defined.name(c.space, name.str)
	}
	if c.def == nil && code == nil {
		s.fail(n, "the option is not known")
		return c, false
	}
	if c.def != nil {
		c.code = c.def.Code
	}
	var err error
	c.data, err = encode(n, c.def)
	if err != nil && s.unknownTo22(c.def) {
		c.data, err = encode(n, nil)
	}
	if err != nil {
		s.fail(n, "the data does not fit the option: %v", err)
	}
	return c, err == nil
}

const maxNested = 8 // spaces inside one another; more are a circle

// payload returns the payload of c, followed by the options of the space that
// it encapsulates, and notes that the space is carried.
func (s *service) payload(c *configured, spaces map[string][]configured, carried map[string]bool, depth int) []byte {
	if c.def == nil || c.def.Encapsulates == "" {
		return c.data
	}
	carried[c.def.Encapsulates] = true
	var subs []option.Option
	for _, sub := range spaces[c.def.Encapsulates] {
		if depth == maxNested {
			s.refuse(sub.node, "the spaces of sub-options contain each other", "")
			continue
		}
		if sub.is("never-send") {
			s.refuse(sub.node, "a sub-option cannot be kept out", "leave the sub-option out")
		}
		if sub.is("always-send") {
			s.without(sub.node.get("always-send"), "a sub-option is sent when the option is that carries it", "set it there")
		}
		subs = append(subs, option.Option{Code: sub.code, Data: s.payload(&sub, spaces, carried, depth+1)})
	}
	if len(subs) == 0 {
		return c.data
	}
	slices.SortStableFunc(subs, func(a, b option.Option) int { return cmp.Compare(a.Code, b.Code) })
	p, err := c.def.AppendSubOptions(c.data, subs...)
	if err != nil {
		s.fail(c.node, "the sub-options do not fit: %v", err)
	}
	return p
}

// own takes out options that are not for the Options of a Config.
func (s *service) own(o *optionSet, c *configured) bool {
	switch c.code {
	case 1, 51, 53:
		instead := map[option.Code]string{1: "it follows from subnet", 51: "set valid-lifetime"}[c.code]
		s.without(c.node, "the option is set by the server, whatever is configured", instead)
	case 50, 55, 57, 61:
		s.without(c.node, "the option is for clients to send, and is left out", "")
	case 52:
		s.without(c.node, "the option tells how a message is laid out, and is set as needed", "")
	case 82:
		s.without(c.node, "the option is for relay agents to send; what they send goes back", "")
	case 54:
		if len(c.data) == 4 {
			o.serverID = ownOption[netip.Addr]{c.node, netip.AddrFrom4([4]byte(c.data))}
		} else {
			s.refuse(c.node, "the option is not one IPv4 address", "")
		}
	case 58, 59:
		if len(c.data) != 4 {
			s.refuse(c.node, "the option is not a number of seconds in 4 octets", "")
			break
		}
		own := ownOption[time.Duration]{c.node, seconds(int64(binary.BigEndian.Uint32(c.data)))}
		if c.code == 58 {
			o.t1 = own
		} else {
			o.t2 = own
		}
	default:
		return false
	}
	return true
}
