package dhcp4

import (
	"fmt"
	"net/netip"
)

// networks checks the SharedNetworks, and what the Subnets say about them.
func (k *configChecker) networks(c *Config) {
	byName := make(map[string]int)
	for i := range c.SharedNetworks {
		w, path := &c.SharedNetworks[i], fmt.Sprintf("SharedNetworks[%d]", i)
		if w.Name == "" {
			k.add(path+".Name", "must not be empty")
		} else if j, ok := byName[w.Name]; ok {
			k.add(path+".Name", "%q is the Name of SharedNetworks[%d] too", w.Name, j)
		} else {
			byName[w.Name] = i
		}
		k.options(path+".Options", w.Options)
		k.relays(path+".Relays", w.Relays)
	}
	first := make(map[string]*Subnet) // the first member that names a link
	for i := range c.Subnets {
		n, path := &c.Subnets[i], fmt.Sprintf("Subnets[%d]", i)
		if n.SharedNetwork == "" {
			continue
		}
		var w *SharedNetwork
		if j, ok := byName[n.SharedNetwork]; ok {
			w = &c.SharedNetworks[j]
		}
		k.member(path, n, w, first[n.SharedNetwork])
		if n.Interface != "" && first[n.SharedNetwork] == nil {
			first[n.SharedNetwork] = n
		}
	}
}

// member checks what n says about the SharedNetwork that it names: w, or nil if
// there is none. other is another member that names a link, or nil.
func (k *configChecker) member(path string, n *Subnet, w *SharedNetwork, other *Subnet) {
	switch {
	case w == nil:
		k.add(path+".SharedNetwork", "there is no SharedNetwork with the Name %q", n.SharedNetwork)
	case n.Interface == "":
	case w.Interface != "" && w.Interface != n.Interface:
		k.add(path+".Interface", "%q is not %q, the Interface of the SharedNetwork %q", n.Interface, w.Interface, w.Name)
	case other != nil && other.Interface != n.Interface:
		k.add(path+".Interface", "%q is not %q, the Interface of the subnet %d in the same SharedNetwork", n.Interface, other.Interface, other.ID)
	}
}

func (k *configChecker) relays(path string, relays []netip.Addr) {
	for i, a := range relays {
		if !isUnicast(a) {
			k.add(fmt.Sprintf("%s[%d]", path, i), "%v is not a unicast IPv4 address", a)
		}
	}
}
