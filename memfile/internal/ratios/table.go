//go:build linux

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A row compares ours with a peer, or with a limit.
type row struct {
	name, peer   string
	unit         unit
	ours, theirs []float64 // one or more measurements
	claim        float64   // ours is this many times as good
}

// A limit is what a row compares with that has no peer.
const limit = "limit"

type unit uint8

const (
	seconds unit = iota
	octets
	perSecond // more is better
)

func (u unit) format(v float64) string {
	switch u {
	case octets:
		if v >= 1e6 {
			return fmt.Sprintf("%.1f MB", v/1e6)
		}
		return fmt.Sprintf("%.1f B", v)
	case perSecond:
		return fmt.Sprintf("%.0f/s", v)
	}
	d := time.Duration(v * 1e9)
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", v)
	case d >= time.Millisecond:
		return fmt.Sprintf("%.2f ms", v*1e3)
	case d >= time.Microsecond:
		return fmt.Sprintf("%.2f µs", v*1e6)
	}
	return fmt.Sprintf("%.0f ns", v*1e9)
}

// times tells how many times as good ours is, by the median and by the best
// measurement of each side.
func (r *row) times() (median, best float64) {
	ours, theirs := slices.Sorted(slices.Values(r.ours)), slices.Sorted(slices.Values(r.theirs))
	if r.unit == perSecond {
		return middle(ours) / middle(theirs), ours[len(ours)-1] / theirs[len(theirs)-1]
	}
	return middle(theirs) / middle(ours), theirs[0] / ours[0]
}

func middle(sorted []float64) float64 { return sorted[len(sorted)/2] }

func table(rows []row) string {
	var b strings.Builder
	b.WriteString("| | ours | peer | | times as good | best rounds | claim |\n")
	b.WriteString("|---|--:|---|--:|--:|--:|--:|\n")
	for _, r := range rows {
		median, best := r.times()
		slices.Sort(r.ours)
		slices.Sort(r.theirs)
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %.1f | %.1f | %g |\n", r.name, r.unit.format(middle(r.ours)),
			r.peer, r.unit.format(middle(r.theirs)), median, best, r.claim)
	}
	return b.String()
}

// Between these lines a table is in the README, as the program prints it.
const (
	tableBegins = "<!-- printed by memfile/internal/ratios -->"
	tableEnds   = "<!-- so far by memfile/internal/ratios -->"
)

// complaintsAbout lists what -check refuses. A load that comes and goes spoils
// one side of a round, rarely both the median and the best, so the better of
// the two counts. If rows are the whole table, claims must not have others.
func complaintsAbout(rows []row, claims map[claimed]string, whole bool) []string {
	var all []string
	measured := make(map[claimed]bool)
	for _, r := range rows {
		key := claimed{r.name, r.peer}
		measured[key] = true
		median, best := r.times()
		switch claim, ok := claims[key]; {
		case !ok:
			all = append(all, fmt.Sprintf("%v: the README has no such row", key))
		case claim != fmt.Sprint(r.claim):
			all = append(all, fmt.Sprintf("%v: the README claims %s instead of %g", key, claim, r.claim))
		case max(median, best) < r.claim/2:
			all = append(all, fmt.Sprintf("%v: %.2f times as good, less than half of the %g claimed", key, max(median, best), r.claim))
		}
	}
	for key := range claims {
		if whole && !measured[key] {
			all = append(all, fmt.Sprintf("%v: only in the README", key))
		}
	}
	slices.Sort(all)
	return all
}

// claimed names a row of the README.
type claimed struct{ name, peer string }

func (c claimed) String() string { return c.name + ", " + c.peer }

// claimsIn finds the table in the README.
func claimsIn(readme string) map[claimed]string {
	_, text, _ := strings.Cut(readme, tableBegins)
	text, _, _ = strings.Cut(text, tableEnds)
	claims := make(map[claimed]string)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		cells := strings.Split(line, "|")
		if len(cells) != 9 || i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|--") || strings.HasPrefix(line, "|--") {
			continue // no row, or the head
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		claims[claimed{cells[1], cells[3]}] = cells[7]
	}
	return claims
}
