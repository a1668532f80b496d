//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == childCommand {
		os.Exit(runChild(os.Args[2], os.Args[3:]))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

type settings struct {
	scale  float64 // of a million leases
	rounds int
	folder string // has the lease files
}

// leases is how many the files have.
func (s *settings) leases() int { return int(s.scale * 1e6) }

// errAbsent is wrapped by the error of an experiment that has no peer here.
var errAbsent = errors.New("left out")

// An experiment yields some rows of the table.
type experiment struct {
	name string
	run  func(*settings) ([]row, error)
}

var experiments = [...]experiment{
	{"open", compareOpen},
	{"cleanup", compareCleanup},
	{"sync", compareSync},
	{"memory", measureMemory},
	{"pool", measurePool},
}

func run(args []string, stdout, stderr io.Writer) int {
	var s settings
	flags := flag.NewFlagSet("ratios", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Float64Var(&s.scale, "scale", 1, "what part of a million leases to measure with")
	flags.IntVar(&s.rounds, "rounds", 3, "how often each side takes its turn")
	parent := flags.String("dir", "", "make the files in this folder, on a disk (default the one for temporary files, or this one if that is in memory)")
	check := flags.Bool("check", false, "exit with status 1 at less than half of a claim in the README")
	readme := flags.String("readme", "README.md", "the file that has the claims")
	only := flags.String("only", "", "run these experiments: "+names(experiments[:]))
	if err := flags.Parse(args); err != nil {
		return 2
	}
	fail := func(err error) int {
		fmt.Fprintln(stderr, "ratios:", err)
		return 1
	}
	if s.scale <= 0 || s.scale > 10 || s.rounds < 1 || flags.NArg() > 0 {
		flags.Usage()
		return 2
	}
	chosen, err := choose(*only)
	if err != nil {
		return fail(err)
	}
	if *parent == "" && fileSystemOf(os.TempDir()) == inMemory {
		*parent = "."
	}
	if s.folder, err = os.MkdirTemp(*parent, "ratios"); err != nil {
		return fail(err)
	}
	defer os.RemoveAll(s.folder)
	if s.folder, err = filepath.Abs(s.folder); err != nil {
		return fail(err)
	}

	before := loadAverage()
	var rows []row
	whole := *only == ""
	for _, e := range chosen {
		more, err := e.run(&s)
		if errors.Is(err, errAbsent) && os.Getenv("CI") != "true" {
			fmt.Fprintf(stderr, "ratios: %s: %v\n", e.name, err)
			whole = false
		} else if err != nil {
			return fail(fmt.Errorf("%s: %w", e.name, err))
		}
		rows = append(rows, more...)
	}
	fmt.Fprintf(stdout, "%s\n%s\n%s\n%s\n", tableBegins, table(rows), circumstances(&s, before), tableEnds)
	if !*check {
		return 0
	}

	text, err := os.ReadFile(*readme)
	if err != nil {
		return fail(err)
	}
	complaints := complaintsAbout(rows, claimsIn(string(text)), whole)
	for _, c := range complaints {
		fmt.Fprintln(stderr, "ratios:", c)
	}
	return min(1, len(complaints))
}

func names(es []experiment) string {
	var all []string
	for _, e := range es {
		all = append(all, e.name)
	}
	return strings.Join(all, ",")
}

// choose returns the experiments of a list of names, or all of them.
func choose(list string) ([]experiment, error) {
	if list == "" {
		return experiments[:], nil
	}
	var chosen []experiment
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(experiments[:], func(e experiment) bool { return e.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no experiment %q; there are %s", name, names(experiments[:]))
		}
		chosen = append(chosen, experiments[i])
	}
	return chosen, nil
}
