package dhcp4

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/embedhcp/embedhcp/pool"
)

// overlaps reports each subnet that overlaps with an earlier one of the list:
// nobody could tell which one an address belongs to.
func (k *configChecker) overlaps(subnets []Subnet) {
	order := make([]int, 0, len(subnets))
	for i := range subnets {
		if s := &subnets[i]; s.Prefix.IsValid() && s.Prefix.Addr().Is4() && !s.isRest() {
			order = append(order, i)
		}
	}
	// Wide ones first, so that whatever contains a prefix comes before it.
	slices.SortStableFunc(order, func(a, b int) int { return comparePrefixes(subnets[a].Prefix, subnets[b].Prefix) })
	var problems []ConfigProblem
	outer := -1 // the subnet that reaches farthest
	for _, i := range order {
		if outer < 0 || !subnets[outer].Prefix.Overlaps(subnets[i].Prefix) {
			outer = i
			continue
		}
		later, earlier := max(outer, i), min(outer, i)
		problems = append(problems, ConfigProblem{
			Path: fmt.Sprintf("Subnets[%d].Prefix", later),
			Err:  fmt.Errorf("%v overlaps with Subnets[%d], %v", subnets[later].Prefix.Masked(), earlier, subnets[earlier].Prefix.Masked()),
		})
	}
	slices.SortStableFunc(problems, func(a, b ConfigProblem) int { return len(a.Path) - len(b.Path) })
	k.problems = append(k.problems, problems...)
	rest := -1
	for i := range subnets {
		if !subnets[i].isRest() {
			continue
		}
		if rest >= 0 {
			k.add(fmt.Sprintf("Subnets[%d].Prefix", i), "0.0.0.0/0 is the prefix of Subnets[%d] too", rest)
		}
		rest = i
	}
}

func comparePrefixes(a, b netip.Prefix) int {
	if c := a.Masked().Addr().Compare(b.Masked().Addr()); c != 0 {
		return c
	}
	return a.Bits() - b.Bits()
}

// isRest reports whether the subnet stands for all networks besides the
// others.
func (n *Subnet) isRest() bool {
	return n.Prefix.IsValid() && n.Prefix.Bits() == 0 && len(n.Pools) == 0
}

// isEdge reports whether a is the network or broadcast address of the Prefix,
// which is no host's.
func (n *Subnet) isEdge(a netip.Addr) bool {
	return n.Prefix.Bits() <= 30 && (a == n.Prefix.Masked().Addr() || a == broadcastOf(n.Prefix))
}

// poolRanges returns the ranges of a checked subnet's pools, without the
// network and broadcast addresses.
func (n *Subnet) poolRanges() []pool.Range {
	if len(n.Pools) == 0 {
		return nil
	}
	ranges := make([]pool.Range, 0, len(n.Pools))
	network, broadcast := n.Prefix.Masked().Addr(), broadcastOf(n.Prefix)
	for i := range n.Pools {
		r := n.Pools[i].Range
		if n.Prefix.Bits() <= 30 {
			if r.First == network {
				r.First = r.First.Next()
			}
			if r.Last == broadcast {
				r.Last = r.Last.Prev()
			}
			if r.Last.Less(r.First) {
				continue // there was nothing else in it
			}
		}
		ranges = append(ranges, r)
	}
	return ranges
}
