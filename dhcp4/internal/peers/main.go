package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.SetOutput(stderr)
	short := flags.Bool("short", false, "measure for a second or so, less exactly")
	check := flags.Bool("check", false, "exit with status 1 at less than half of a claim")
	if err := flags.Parse(args); err != nil {
		return 2
	}

	// On one core, so that the garbage collector's work is part of the time
	// wherever else it would run.
	runtime.GOMAXPROCS(1)

	tasks, err := tasks()
	if err != nil {
		fmt.Fprintln(stderr, "peers:", err)
		return 1
	}
	mode, effort := "full", effort{rounds: 25, sample: 10 * time.Millisecond}
	if *short {
		mode, effort.rounds = "short", 5
	}
	var results []result
	for _, t := range tasks {
		r, err := measure(t, effort)
		if err != nil {
			fmt.Fprintln(stderr, "peers:", err)
			return 1
		}
		results = append(results, r)
	}

	fmt.Fprint(stdout, table(results))
	fmt.Fprintf(stdout, "\n%s, %s/%s, one of %d cores, load average %s; mode %s: %d rounds of %v for each side in turn\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), loadAverage(), mode, effort.rounds, effort.sample)

	if complaints := complaints(results); *check && len(complaints) > 0 {
		for _, c := range complaints {
			fmt.Fprintln(stderr, "peers:", c)
		}
		return 1
	}
	return 0
}

// complaints lists what -check refuses. A load that comes and goes spoils one
// side of a round, rarely both the median and the minimum, so the better of
// the two counts.
func complaints(results []result) []string {
	var all []string
	for _, r := range results {
		if best := max(r.ratio, r.minRatio); best < r.claim/2 {
			all = append(all, fmt.Sprintf("%s: %.1f times as fast as %s, less than half of the %g claimed", r.name, best, r.peer, r.claim))
		}
		if r.allocs != 0 {
			all = append(all, fmt.Sprintf("%s: %g allocations", r.name, r.allocs))
		}
	}
	return all
}

func table(results []result) string {
	var b strings.Builder
	b.WriteString("| | ours | | peer | | times as fast | fastest rounds | claim |\n")
	b.WriteString("|---|--:|--:|---|--:|--:|--:|--:|\n")
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %.1f ns | %.0f allocs | %s | %.0f ns, %.0f allocs | %.1f | %.1f | %g |\n",
			r.name, r.oursNs, r.allocs, r.peer, r.theirsNs, r.peerAllocs, r.ratio, r.minRatio, r.claim)
	}
	return b.String()
}

// loadAverage returns the load averages as the system tells them.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if fields := strings.Fields(string(text)); err == nil && len(fields) >= 3 {
		return strings.Join(fields[:3], " ")
	}
	return "unknown"
}
