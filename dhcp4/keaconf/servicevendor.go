package keaconf

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/embedhcp/embedhcp/option"
)

// vendorOptions are those of spaces such as vendor-4491, by the number of the
// enterprise, each list by ascending code. They go into option 125.
type vendorOptions map[uint32][]option.Option

const codeVendorOptions = 125

// enterpriseOf returns the number of the enterprise whose options are in the
// space.
func enterpriseOf(space string) (enterprise uint32, ok bool) {
	text, ok := strings.CutPrefix(space, "vendor-")
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), ok && err == nil && strconv.FormatUint(n, 10) == text
}

// vendors returns the options by vendor of a scope. A message has one option
// 125, so that of a scope has those of the scopes around it, too.
func (s *service) vendors(spaces map[string][]configured, carried map[string]bool, weaker *optionSet) (all vendorOptions, own bool) {
	if weaker != nil {
		all = maps.Clone(weaker.vendors)
	}
	for space, list := range spaces {
		enterprise, ok := enterpriseOf(space)
		if !ok || len(list) == 0 {
			continue
		}
		own, carried[space] = true, true
		if all == nil {
			all = make(vendorOptions)
		}
		merged := slices.Clone(all[enterprise])
		for _, c := range list {
			if c.is("never-send") {
				s.refuse(c.node, "a sub-option cannot be kept out", "leave the sub-option out")
			}
			merged = slices.DeleteFunc(merged, func(o option.Option) bool { return o.Code == c.code })
			merged = append(merged, option.Option{Code: c.code, Data: s.payload(&c, spaces, carried, 1)})
		}
		slices.SortFunc(merged, func(a, b option.Option) int { return cmp.Compare(a.Code, b.Code) })
		all[enterprise] = merged
	}
	return all, own
}

// vendorPayload returns the payload of an option 125 with the sub-options
// behind what it has itself, which may be the mere number of an enterprise.
func (s *service) vendorPayload(at *node, data []byte, vendors vendorOptions) []byte {
	if len(data) == 4 {
		data = append(slices.Clone(data), 0)
	}
	if len(vendors) == 0 {
		return data
	}
	p, err := joinVendors(data, vendors)
	if err != nil {
		s.fail(at, "the sub-options do not fit: %v", err)
	}
	return p
}

// joinVendors adds the vendors' options that data has not.
func joinVendors(data []byte, vendors vendorOptions) ([]byte, error) {
	var list []option.VendorData
	if len(data) > 0 {
		var err error
		list, _, err = option.VIVSOSuboptions.Get(option.Options{{Code: codeVendorOptions, Data: data}})
		if err != nil {
			return nil, err
		}
	}
	for _, enterprise := range slices.Sorted(maps.Keys(vendors)) {
		i := slices.IndexFunc(list, func(v option.VendorData) bool { return v.Enterprise == enterprise })
		if i < 0 {
			i = len(list)
			list = append(list, option.VendorData{Enterprise: enterprise})
		}
		has, err := list[i].AppendOptions(nil)
		if err != nil {
			return nil, err
		}
		subs := slices.DeleteFunc(slices.Clone(vendors[enterprise]), func(o option.Option) bool {
			return slices.ContainsFunc(has, func(h option.Option) bool { return h.Code == o.Code })
		})
		v, err := option.NewVendorOptions(enterprise, subs...)
		if err != nil {
			return nil, err
		}
		list[i].Data = slices.Concat(list[i].Data, v.Data)
	}
	o := option.VIVSOSuboptions.New(list...)
	return o.Data, o.Err()
}
