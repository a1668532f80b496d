package option

import (
	"iter"
	"slices"
	"strconv"
	"strings"
)

// A Registry finds definitions by code or name. It is immutable and safe for
// concurrent use. The zero Registry is empty.
type Registry struct {
	defs []*Definition // sorted by space and code; at most one for each
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

// VendorSpace returns the space of the sub-options in VendorEncapsulatedOptions
// of a client with that VendorClassIdentifier: the longest of r's spaces with
// which class begins, as PXEClient does PXEClient:Arch:00000, but not dhcp4. If
// there is none it is "vendor-encapsulated-options-space", Kea's. Definitions
// of one's own in a space named like a vendor class thus apply to its clients.
func (r *Registry) VendorSpace(class string) string {
	space := ""
	for _, d := range r.defs {
		if len(d.Space) > len(space) && strings.HasPrefix(class, d.Space) && d.Space != "dhcp4" {
			space = d.Space
		}
	}
	if space == "" {
		return "vendor-encapsulated-options-space"
	}
	return space
}

// EnterpriseSpace returns the space of the options of an enterprise in
// VIVSOSuboptions, "vendor-4491", as Kea names it.
func EnterpriseSpace(enterprise uint32) string {
	return "vendor-" + strconv.FormatUint(uint64(enterprise), 10)
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
