// Command mutate tests the tests of package dhcp4: it plants one small bug at a
// time into the files that decide what clients get, runs the tests, and lists
// the bugs that they do not notice. From the root of the module:
//
//	go run ./dhcp4/internal/mutate [-n 150] [-seed 1] [-min 0.9] [files…]
//
// A mutant inverts a condition, exchanges an operator, or drops a statement. The
// tree is not changed: the compiler gets the mutant as an overlay. The exit
// code is 1 if less than the fraction min of the mutants are noticed.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// deciders are the files of the state machine, subnet selection, destination
// and option assembly.
var deciders = []string{
	"prepare.go", "subnet.go", "network.go", "relay.go", "decide.go", "discover.go", "request.go", "release.go",
	"decline.go", "inform.go", "terms.go", "caching.go", "optionlevels.go", "replyoptions.go", "respond.go", "destination.go",
}

func main() {
	n := flag.Int("n", 150, "how many mutants to try; 0: all")
	seed := flag.Uint64("seed", 1, "which ones are tried")
	least := flag.Float64("min", 0.9, "the fraction of them that the tests have to notice")
	limit := flag.Duration("timeout", 90*time.Second, "how long the tests may take with one mutant")
	jobs := flag.Int("jobs", max(runtime.NumCPU()/2, 1), "how many are tried at a time")
	flag.Parse()
	survived, tried, err := run(flag.Args(), *n, *seed, *limit, *jobs)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
	for _, m := range survived {
		fmt.Println("survives:", m)
	}
	noticed := 1 - float64(len(survived))/float64(max(tried, 1))
	fmt.Printf("%d mutants, seed %d: %d noticed, %.1f %%\n", tried, *seed, tried-len(survived), 100*noticed)
	if tried == 0 || noticed < *least {
		os.Exit(1)
	}
}

func run(files []string, n int, seed uint64, limit time.Duration, jobs int) (survived []mutant, tried int, err error) {
	if len(files) == 0 {
		for _, name := range deciders {
			if path := filepath.Join("dhcp4", name); exists(path) {
				files = append(files, path)
			}
		}
	}
	var all []mutant
	for _, path := range files {
		src, err := os.ReadFile(path)
		if err != nil {
			return nil, 0, err
		}
		ms, err := mutantsOf(path, src)
		if err != nil {
			return nil, 0, err
		}
		all = append(all, ms...)
	}
	rnd := rand.New(rand.NewPCG(seed, 0))
	rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if n > 0 && len(all) > n {
		all = all[:n]
	}
	if out, err := test(nil, limit); err != nil {
		return nil, 0, fmt.Errorf("the tests fail without a mutant: %w\n%s", err, out)
	}
	var (
		mu    sync.Mutex
		group sync.WaitGroup
		turns = make(chan struct{}, jobs)
	)
	for _, m := range all {
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			out, failed := test(&m, limit)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case failed == nil:
				survived = append(survived, m)
				fmt.Println("survives:", m)
			case bytes.Contains(out, []byte("[build failed]")), bytes.Contains(out, []byte("[setup failed]")):
				return // it is no program
			}
			tried++
		})
	}
	group.Wait()
	slices.SortFunc(survived, func(a, b mutant) int { return strings.Compare(a.String(), b.String()) })
	return survived, tried, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// test runs the tests with m planted; nil: without.
func test(m *mutant, limit time.Duration) ([]byte, error) {
	args := []string{"test", "-short", "-failfast", "-vet=off", "-skip", "Listen|Schedule|GroupWindow|Fuzz", "-timeout", limit.String()}
	if m != nil {
		dir, err := os.MkdirTemp("", "mutate")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		overlay, err := m.overlay(dir)
		if err != nil {
			return nil, err
		}
		args = append(args, "-overlay", overlay)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit+2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", append(args, "./dhcp4")...)
	cmd.Env = append(os.Environ(), "CI=")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return out, fmt.Errorf("go test: %w", err)
	}
	return out, err
}

// overlay writes the mutant's file, and the list that go test takes, to dir.
func (m *mutant) overlay(dir string) (string, error) {
	path, err := filepath.Abs(m.path)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, "mutant.go")
	if err := os.WriteFile(changed, m.source, 0o600); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, list, 0o600)
}
