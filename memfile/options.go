package memfile

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// ErrInUse is wrapped by Open's error when somebody else has the lease file:
// another Store, or a running Kea.
var ErrInUse = errors.New("lease file is in use")

// Options tune Open. The zero value and nil both stand for the defaults.
type Options struct {
	// Schema is the one to write. Open converts a file that has another. If
	// zero, a file keeps its own header, rows fit it, and a new or empty one
	// gets Schema30. Kea 2.2 and older want Schema21, in which PoolID has no
	// place.
	Schema Schema

	// Sync is how durable a lease is when Store.Sync returns. If zero,
	// SyncAlways.
	Sync SyncMode

	// LFCInterval is how long after a change the file is cleaned up, as Kea's
	// lfc-interval. If zero, one hour; if negative, no time is too long.
	LFCInterval time.Duration

	// LFCGrowth is how many rows a lease may have on average, in a file
	// above 1 MiB, before the file is cleaned up without regard to
	// LFCInterval. If zero, 8; if negative, any number.
	LFCGrowth int

	// LongClientIDs says what becomes of client identifiers that Kea's files
	// have no place for, those of more than 128 octets. If zero,
	// ClientIDsInContext, which loses nothing.
	LongClientIDs ClientIDRule

	// ReadOnly is for tools: Open reads what a server would, beside a server
	// that works with the files, and neither locks, repairs, cleans up nor
	// writes anything. All that changes leases is refused with an error that
	// wraps ErrReadOnly; Find, Leases, FindHostname and Snapshot work. Of the
	// other fields, those about writing mean nothing, but Schema is that of a
	// Snapshot.
	ReadOnly bool

	// IndexHostnames makes FindHostname fast, for 12 octets a lease.
	IndexHostnames bool

	// Logger is told of damaged rows and incomplete lines, of failures and of
	// cleanups, with Kea's message ids in the attribute "id" where Kea has
	// one. If nil, nothing is logged.
	Logger *slog.Logger

	// MaxRowErrors is how many damaged rows of one file Open skips before it
	// gives up, as Kea's max-row-errors. If zero, it skips any number of them.
	MaxRowErrors int
}

// A SyncMode says what a lease that Store.Sync has confirmed survives. The
// package comment compares the modes.
type SyncMode time.Duration

// The modes besides those of SyncInterval.
const (
	SyncAlways SyncMode = 0  // on the disk when Sync returns
	SyncNever  SyncMode = -1 // the kernel writes it when it likes, as with Kea
)

// SyncInterval is the mode in which what Sync has confirmed is brought to the
// disk within d. If d is not positive, it is SyncAlways.
func SyncInterval(d time.Duration) SyncMode { return SyncMode(max(d, 0)) }

// A ClientIDRule says how a lease is written whose client identifier is longer
// than the 128 octets that Kea reads; RFC 2132 allows 255. Kea discards a row
// that has one, and so gives its address to somebody else.
type ClientIDRule uint8

// The rules for long client identifiers.
const (
	// ClientIDsInContext leaves the row's client_id empty, or cut if there is
	// no hardware address, and adds the whole to its user context as
	// "embedhcp-client-id". Kea loads the lease; Open restores it.
	ClientIDsInContext ClientIDRule = iota
	// ClientIDsInFull writes the row that Kea discards.
	ClientIDsInFull
	// ClientIDsRefused makes Update refuse the change, in Change.Err.
	ClientIDsRefused
)

// resolved returns o with the defaults in place of zeros.
func (o *Options) resolved() (Options, error) {
	var r Options
	if o != nil {
		r = *o
	}
	switch {
	case r.Schema != 0 && r.Schema != Schema21 && r.Schema != Schema30:
		return r, fmt.Errorf("memfile: schema %v: want 2.1 or 3.0", r.Schema)
	case r.Sync < SyncNever:
		return r, fmt.Errorf("memfile: sync mode %d is none of SyncAlways, SyncInterval and SyncNever", r.Sync)
	case r.LongClientIDs > ClientIDsRefused:
		return r, fmt.Errorf("memfile: unknown rule %d for long client identifiers", r.LongClientIDs)
	}
	if r.LFCInterval == 0 {
		r.LFCInterval = time.Hour
	}
	if r.LFCGrowth == 0 {
		r.LFCGrowth = 8
	}
	if r.Logger == nil {
		r.Logger = slog.New(slog.DiscardHandler)
	}
	return r, nil
}
