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
	members := make(map[string]int) // the first member that names a link
	for i := range c.Subnets {
		n, path := &c.Subnets[i], fmt.Sprintf("Subnets[%d]", i)
		k.relays(path+".Relays", n.Relays)
		k.serverID(path+".Source", n.Source)
		if n.SharedNetwork == "" {
			continue
		}
		at, ok := byName[n.SharedNetwork]
		if !ok {
			k.add(path+".SharedNetwork", "there is no SharedNetwork with the Name %q", n.SharedNetwork)
			continue
		}
		if n.Interface == "" {
			continue
		}
		if of := c.SharedNetworks[at].Interface; of != "" && of != n.Interface {
			k.add(path+".Interface", "%q is not %q, the Interface of SharedNetworks[%d]", n.Interface, of, at)
			continue
		}
		first, ok := members[n.SharedNetwork]
		if !ok {
			members[n.SharedNetwork] = i
		} else if of := c.Subnets[first].Interface; of != n.Interface {
			k.add(path+".Interface", "%q is not %q, the Interface of Subnets[%d] in the same SharedNetwork", n.Interface, of, first)
		}
	}
}

func (k *configChecker) relays(path string, relays []netip.Addr) {
	for i, a := range relays {
		if !isUnicast(a) {
			k.add(fmt.Sprintf("%s[%d]", path, i), "%v is not a unicast IPv4 address", a)
		}
	}
}
