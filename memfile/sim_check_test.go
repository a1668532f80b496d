package memfile

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// A simViolation is a broken promise.
type simViolation struct {
	kind string // see simLedger
	text string
}

// A simLedger holds the server to what it promised. A promise is made when an
// ACK leaves, whether it arrives or not, and it holds until the end of the
// lease by the client's clock: it begins when the REQUEST was sent (RFC 2131,
// section 4.4.1). It is void when the client gives the address up by a message.
//
// The kinds of violations are: "two" clients have an address; what was ACKed is
// not "stored"; it is "lost" when the server starts again; it is stored with an
// "early" end; a reply is "unasked"; a "leak" of addresses; the "server" does not
// come back.
type simLedger struct {
	s          *simulation
	claims     map[netip.Addr]*simClaim // under simulation.mu, as are violations
	violations []simViolation
}

type simClaim struct {
	client *simClient
	until  time.Time
	void   bool
}

// note adds a violation.
func (g *simLedger) note(kind, format string, args ...any) {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	g.noteLocked(kind, format, args...)
}

func (g *simLedger) noteLocked(kind, format string, args ...any) {
	text := fmt.Sprintf("after %v: ", time.Since(g.s.start)) + fmt.Sprintf(format, args...)
	g.violations = append(g.violations, simViolation{kind, text})
}

func (g *simLedger) isBroken() bool {
	g.s.mu.Lock()
	defer g.s.mu.Unlock()
	return len(g.violations) > 0
}

// acked notes an ACK that leaves the server. The caller holds simulation.mu.
func (g *simLedger) acked(c *simClient, a netip.Addr, until time.Time, row *lease.Lease) {
	now := time.Now()
	if h := g.claims[a]; h != nil && h.client != c && !h.void && now.Before(h.until) {
		g.noteLocked("two", "%v is ACKed to client %d, but client %d has it for %v more", a, c.id, h.client.id, h.until.Sub(now))
	}
	g.claims[a] = &simClaim{client: c, until: until}
	if kind := g.compare(c, until, row); kind != "" {
		g.noteLocked(kind, "%v is ACKed to client %d until %v, but stored is %+v", a, c.id, until, row)
	}
}

// compare returns what is wrong about row, what is stored for a promise to c.
func (g *simLedger) compare(c *simClient, until time.Time, row *lease.Lease) (kind string) {
	switch {
	case row == nil || row.State != lease.StateDefault || !c.has(row):
		return "stored"
	case row.Expires.Before(until):
		return "early"
	}
	return ""
}

// void ends what was promised to c in a subnet but for one address. The caller
// holds simulation.mu.
func (g *simLedger) void(c *simClient, link int, but netip.Addr) {
	for a, h := range g.claims {
		if h.client == c && a != but && linkOf(a) == link {
			h.void = true
		}
	}
}

// linkOf returns the link whose clients have addresses like a.
func linkOf(a netip.Addr) int { return int(a.As4()[2]) - 1 }

// check looks for everything that is promised in a store: one that the server
// uses, or one that was just opened.
func (g *simLedger) check(st lease.Store, kind, when string) {
	now := time.Now()
	for _, a := range sortedKeys(g.claims) {
		h := g.claims[a]
		if h.void || !now.Before(h.until) {
			continue
		}
		row, ok, err := lease.Get(context.Background(), st, a)
		if err != nil {
			g.note(kind, "Find: %v", err)
			return
		}
		if !ok {
			row = lease.Lease{}
		}
		if g.compare(h.client, h.until, &row) != "" {
			g.note(kind, "%s %v, ACKed to client %d until %v, is %+v (%v)", when, a, h.client.id, h.until, row, ok)
		}
	}
}

// sortedKeys returns the keys of m in their order.
func sortedKeys[K comparable, V any](m map[K]V) []K {
	return slices.SortedFunc(maps.Keys(m), func(a, b K) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}
