package main

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"
)

// A task is one thing that both sides can do.
type task struct {
	name, peer   string
	ours, theirs func() error
	claim        float64 // ours is this many times as fast
}

// effort is how long measure takes.
type effort struct {
	rounds int
	sample time.Duration // for each side in each round
}

type result struct {
	task
	oursNs, theirsNs   float64 // median of a call
	allocs, peerAllocs float64 // per call
	ratio              float64 // median of theirs by median of ours
	minRatio           float64 // fastest of theirs by fastest of ours
}

// measure runs the two sides of t in turn.
func measure(t task, e effort) (result, error) {
	if err := t.ours(); err != nil {
		return result{}, fmt.Errorf("%s: %w", t.name, err)
	}
	if err := t.theirs(); err != nil {
		return result{}, fmt.Errorf("%s, %s: %w", t.name, t.peer, err)
	}
	r := result{task: t}
	r.allocs = testing.AllocsPerRun(100, func() { t.ours() })
	r.peerAllocs = testing.AllocsPerRun(100, func() { t.theirs() })

	nOurs, nTheirs := callsFor(t.ours, e.sample), callsFor(t.theirs, e.sample)
	var ours, theirs []float64
	for range e.rounds {
		runtime.GC() // the peer's garbage is not ours
		ours = append(ours, perCall(t.ours, nOurs))
		theirs = append(theirs, perCall(t.theirs, nTheirs))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	r.oursNs, r.theirsNs = ours[len(ours)/2], theirs[len(theirs)/2]
	r.ratio = r.theirsNs / r.oursNs
	r.minRatio = theirs[0] / ours[0]
	return r, nil
}

// callsFor returns how many calls of f take about d, with warm caches.
func callsFor(f func() error, d time.Duration) int {
	for n := 64; ; n *= 2 {
		if took := perCall(f, n) * float64(n); took > float64(d)/4 {
			return max(1, int(float64(n)*float64(d)/took))
		}
	}
}

// perCall returns the nanoseconds of one call, as the mean of n.
func perCall(f func() error, n int) float64 {
	start := time.Now()
	for range n {
		f()
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n)
}
