//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// childCommand is the first argument of a process that measures one thing of
// ours: the second names it, the rest is for it.
const childCommand = "child"

// values are what a child has measured, by name, in the units of the table.
// A child may measure several times.
type values map[string][]float64

func (v values) add(name string, value float64) { v[name] = append(v[name], value) }

func runChild(name string, args []string) int {
	roles := map[string]func(v values, args []string) error{
		"open":    childOpen,
		"cleanup": childCleanup,
		"recover": childRecover,
		"latency": childLatency,
		"durable": childDurable,
		"never":   childNever,
		"memory":  childMemory,
		"pool":    childPool,
	}
	v := make(values)
	err := fmt.Errorf("no child %q", name)
	if f := roles[name]; f != nil {
		err = f(v, args)
	}
	if err == nil {
		var peak float64
		if peak, err = peakMemory(os.Getpid()); err == nil {
			v.add("peak", peak)
			err = json.NewEncoder(os.Stdout).Encode(v)
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "ratios: child %s: %v\n", name, err)
		return 1
	}
	return 0
}

// ready tells the parent that what it times is done.
func ready() { fmt.Println() }

// child runs a child on so many processors, 0 for all, and returns what it has
// measured. "ready" and "processor" are how long it took from its start until
// it was ready, and what it has used of the processors until its end.
func child(processors int, name string, args ...string) (values, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, append([]string{childCommand, name}, args...)...)
	cmd.Stderr = os.Stderr
	if processors > 0 {
		cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", processors))
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := bufio.NewReader(out)
	_, err = r.ReadString('\n')
	took := time.Since(start)
	v := make(values)
	if err == nil {
		err = json.NewDecoder(r).Decode(&v)
	}
	if err == io.EOF {
		err = nil // Wait tells why
	}
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return nil, fmt.Errorf("child %s: %w", name, err)
	}
	v.add("ready", took.Seconds())
	v.add("processor", (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
	return v, nil
}

// collect adds all of more to v.
func (v values) collect(more values) {
	for name, all := range more {
		v[name] = append(v[name], all...)
	}
}
