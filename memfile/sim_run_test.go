package memfile

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
)

func faultless(st lease.Store) lease.Store { return st }

// TestSimulationBreaksNoPromise plays simulations of three weeks.
//
// EMBEDHCP_SIM_SEEDS is how many, 20 by default, fewer with -race, and EMBEDHCP_SIM_SEED the seed
// of the first one: the n-th has the seed of the first plus n. A failure tells
// the seed; EMBEDHCP_SIM_SEEDS=1 EMBEDHCP_SIM_SEED=x repeats it, and
// EMBEDHCP_SIM_TRACE=10.0.1.19 logs what happens about an address.
func TestSimulationBreaksNoPromise(t *testing.T) {
	n, seed := simEnv(t, "EMBEDHCP_SIM_SEEDS", simSeeds), simEnv(t, "EMBEDHCP_SIM_SEED", uint64(rand.Uint32()))
	if testing.Short() {
		n = min(n, 3)
	}
	t.Logf("%d simulations from seed %d on", n, seed)
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // small heaps, many of them
	var mu sync.Mutex
	var sum simCounts
	t.Run("seeds", func(t *testing.T) {
		for i := range n {
			t.Run(strconv.FormatUint(seed+i, 10), func(t *testing.T) {
				t.Parallel()
				begin := time.Now()
				counts, violations := simulate(t, seed+i, faultless)
				t.Logf("%v (%v)", &counts, time.Since(begin).Round(time.Millisecond))
				for _, v := range violations {
					t.Errorf("EMBEDHCP_SIM_SEEDS=1 EMBEDHCP_SIM_SEED=%d: %s: %s", seed+i, v.kind, v.text)
				}
				mu.Lock()
				defer mu.Unlock()
				sum.add(&counts)
			})
		}
	})
	t.Logf("all: %v", &sum)
	if n < 10 || t.Failed() {
		return
	}
	sum.each(func(name string, n *int) {
		if *n == 0 {
			t.Errorf("the simulations had no %s", name)
		}
	})
}

// TestSimulationRepeats holds the promise that a seed repeats a failure.
func TestSimulationRepeats(t *testing.T) {
	seed := simEnv(t, "EMBEDHCP_SIM_SEED", uint64(rand.Uint32()))
	first, _ := simulate(t, seed, faultless)
	// Where the processor is taken away from a goroutine is not in the seed: on
	// a busy machine a run may go its own way.
	for range 3 {
		second, _ := simulate(t, seed, faultless)
		if first == second {
			return
		}
		t.Logf("seed %d\nonce:  %v\nagain: %v", seed, &first, &second)
		first = second
	}
	t.Errorf("seed %d never repeats", seed)
}

// TestSimulationFindsPlantedBugs shows that the simulation is hard enough, and
// that it finds each bug for what it is.
func TestSimulationFindsPlantedBugs(t *testing.T) {
	const limit = 100
	tests := map[string]struct {
		plant func(lease.Store) lease.Store
		kinds []string // that show it
	}{
		"ACK before Sync":              {ackBeforeSync, []string{"lost"}},
		"no comparison in the swap":    {leasetest.Unchecked, []string{"two", "stored"}},
		"offer counted as lease":       {offerAsLease, []string{"lost"}},
		"expiry a second early":        {expiryTooEarly, []string{"early"}},
		"expired in the minute before": {expiredTooSoon, []string{"two", "lost"}},
	}
	seed := simEnv(t, "EMBEDHCP_SIM_SEED", uint64(rand.Uint32()))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range uint64(limit) {
				_, violations := simulate(t, seed+i, tt.plant)
				if len(violations) == 0 {
					continue
				}
				v := violations[0]
				t.Logf("seed %d, the %d. one: %s: %s", seed+i, i+1, v.kind, v.text)
				for _, kind := range tt.kinds {
					if v.kind == kind {
						return
					}
				}
				t.Fatalf("want one of the kinds %v", tt.kinds)
			}
			t.Errorf("not found in %d simulations from seed %d on", limit, seed)
		})
	}
}

func simEnv(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", name, err))
	}
	return n
}
