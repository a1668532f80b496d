package pool

import (
	"errors"
	"strconv"
)

// An Order tells which of the free addresses Next proposes.
type Order uint8

const (
	// LeastRecentlyUsed proposes addresses that were never taken, from low to
	// high, and when there are none left the one that has been free for the
	// longest time. A client that comes back thus has the best chance to
	// find its address free. The sequence is exact, but for addresses that
	// the search after a Conflict skipped: those come later. A new Allocator
	// does not know when an address was last in use. (Kea: flq)
	LeastRecentlyUsed Order = iota
	// Lowest proposes the lowest free address.
	Lowest
	// Sequential proposes the first free address above the last proposal,
	// and begins again at the lowest after the highest. (Kea: iterative)
	Sequential
	// Random proposes the first free address from a random place on. The
	// place depends on the seeds of all calls so far, and on nothing else.
	Random
	// Hash proposes the first free address from a place on that depends on
	// the seed alone: the same seed gets the same address while it is free.
	Hash
)

// String returns the name: "least-recently-used", "lowest", "sequential",
// "random" or "hash".
func (o Order) String() string {
	switch o {
	case LeastRecentlyUsed:
		return "least-recently-used"
	case Lowest:
		return "lowest"
	case Sequential:
		return "sequential"
	case Random:
		return "random"
	case Hash:
		return "hash"
	}
	return "Order(" + strconv.Itoa(int(o)) + ")"
}

// ParseOrder reads what String returns, and Kea's names "flq" and "iterative".
func ParseOrder(name string) (Order, error) {
	switch name {
	case "flq":
		return LeastRecentlyUsed, nil
	case "iterative":
		return Sequential, nil
	}
	for o := LeastRecentlyUsed; o <= Hash; o++ {
		if o.String() == name {
			return o, nil
		}
	}
	return 0, errors.New("pool: unknown order \"" + name + "\"")
}
