package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

func TestCheckRefusesLessThanHalfOfAClaim(t *testing.T) {
	fast := result{task: task{name: "fast", peer: "p", claim: 8}, ratio: 3, minRatio: 4} // one of the two is enough
	slow := result{task: task{name: "slow", peer: "p", claim: 8}, ratio: 3, minRatio: 3.9}
	wasteful := result{task: task{name: "wasteful", peer: "p", claim: 1}, ratio: 9, allocs: 1}
	want := []string{"slow: 3.9 times as fast as p, less than half of the 8 claimed", "wasteful: 1 allocations"}
	if diff := gocmp.Diff(want, complaints([]result{fast, slow, wasteful})); diff != "" {
		t.Error(diff)
	}
}

func TestOursDoesNotAllocate(t *testing.T) {
	tasks, err := tasks()
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		r, err := measure(task, effort{rounds: 1, sample: time.Microsecond})
		if err != nil {
			t.Fatal(err)
		}
		if r.allocs != 0 || r.oursNs <= 0 || r.theirsNs <= 0 || r.ratio != r.minRatio {
			t.Errorf("%s: %+v", task.name, r)
		}
	}
}

func TestTableHasALineForEachTask(t *testing.T) {
	tasks, err := tasks()
	if err != nil {
		t.Fatal(err)
	}
	var results []result
	for _, t := range tasks {
		results = append(results, result{task: t})
	}
	lines := slices.Collect(strings.Lines(table(results)))
	if len(lines) != 2+len(tasks) {
		t.Errorf("%d lines for %d tasks", len(lines), len(tasks))
	}
	for _, l := range lines {
		if strings.Count(l, "|") != 9 {
			t.Errorf("not 8 columns: %s", l)
		}
	}
}

// BenchmarkTasks runs the tasks one by one, for a profile of one side.
func BenchmarkTasks(b *testing.B) {
	tasks, err := tasks()
	if err != nil {
		b.Fatal(err)
	}
	for _, t := range tasks {
		for _, side := range []struct {
			name string
			run  func() error
		}{{"ours", t.ours}, {t.peer, t.theirs}} {
			b.Run(t.name+"/"+side.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := side.run(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
