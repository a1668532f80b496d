package option

import (
	"iter"
	"slices"
	"strings"
)

// A Registry finds definitions by code or name. It is immutable and safe for
// concurrent use. The zero Registry is empty.
type Registry struct {
	defs []*Definition // sorted by space and code; at most one for each
}

// Standard returns the definitions of this package. A program that calls it
// links all of them.
func Standard() *Registry { return &Registry{standard[:]} }

// Sorted by space and code. An array of addresses: it is there when the
// program starts, and is left out of a program that does not call Standard.
var standard = [...]*Definition{
	&AgentCircuitID.Definition,
	&AgentRemoteID.Definition,
	&AgentLinkSelection.Definition,
	&AgentSubscriberID.Definition,
	&AgentServerIDOverride.Definition,
	&SubnetMask.Definition,
	&Routers.Definition,
	&TimeServers.Definition,
	&DomainNameServers.Definition,
	&LogServers.Definition,
	&HostName.Definition,
	&DomainName.Definition,
	&InterfaceMTU.Definition,
	&BroadcastAddress.Definition,
	&NTPServers.Definition,
	&VendorEncapsulatedOptions.Definition,
	&DHCPRequestedAddress.Definition,
	&DHCPLeaseTime.Definition,
	&DHCPOptionOverload.Definition,
	&DHCPMessageType.Definition,
	&DHCPServerIdentifier.Definition,
	&DHCPParameterRequestList.Definition,
	&DHCPMessage.Definition,
	&DHCPMaxMessageSize.Definition,
	&DHCPRenewalTime.Definition,
	&DHCPRebindingTime.Definition,
	&VendorClassIdentifier.Definition,
	&DHCPClientIdentifier.Definition,
	&TFTPServerName.Definition,
	&BootFileName.Definition,
	&DHCPAgentOptions.Definition,
	&DomainSearch.Definition,
	&ClasslessStaticRoute.Definition,
}

// With returns a Registry of the definitions of r and defs. One of defs takes
// the place of what has its space and code, the last one if there are several.
func (r *Registry) With(defs ...Definition) *Registry {
	with := slices.Clone(r.defs)
	for _, d := range defs {
		d.Fields = slices.Clone(d.Fields)
		i, found := slices.BinarySearchFunc(with, &d, compareDefinitions)
		if found {
			with[i] = &d
		} else {
			with = slices.Insert(with, i, &d)
		}
	}
	return &Registry{with}
}

// Lookup returns the definition of the code c in space.
func (r *Registry) Lookup(space string, c Code) (d Definition, ok bool) {
	i, found := slices.BinarySearchFunc(r.defs, &Definition{Space: space, Code: c}, compareDefinitions)
	if !found {
		return Definition{}, false
	}
	return *r.defs[i], true
}

// LookupName returns the definition that has name in space; the one with the
// lowest code if there are several.
func (r *Registry) LookupName(space, name string) (d Definition, ok bool) {
	for _, d := range r.defs {
		if d.Name == name && d.Space == space {
			return *d, true
		}
	}
	return Definition{}, false
}

// All yields the definitions by space and code.
func (r *Registry) All() iter.Seq[Definition] {
	return func(yield func(Definition) bool) {
		for _, d := range r.defs {
			if !yield(*d) {
				return
			}
		}
	}
}

func compareDefinitions(a, b *Definition) int {
	if c := strings.Compare(a.Space, b.Space); c != 0 {
		return c
	}
	return int(a.Code) - int(b.Code)
}
