//go:build linux

package main

import (
	"fmt"
	"runtime"

	"github.com/embedhcp/embedhcp/memfile"
)

// The memory of a process without leases, and what a million of them need.
const (
	emptyProcess      = 16e6
	millionLeases     = 144e6
	millionByHostname = 159e6
)

// compareOpen is the start of a server on a file that has every lease once.
func compareOpen(s *settings) ([]row, error) {
	files, err := makeFiles(s)
	if err != nil {
		return nil, err
	}
	path := s.folder + "/open.csv"
	if err := place(path, "", "", files.one); err != nil {
		return nil, err
	}
	kea, absent := keaProgram("kea-dhcp4")
	ours, hostnames, theirs := make(values), make(values), make(values)
	for range s.rounds {
		v, err := child(0, "open", path, fmt.Sprint(s.leases()))
		if err != nil {
			return nil, err
		}
		ours.collect(v)
		if v, err = child(0, "open", path, fmt.Sprint(s.leases()), "hostnames"); err != nil {
			return nil, err
		}
		hostnames.collect(v)
		if absent != nil {
			continue
		}
		if err := keaOpen(theirs, kea, path); err != nil {
			return nil, err
		}
	}
	var rows []row
	if absent == nil {
		rows = []row{
			{"a million leases opened", "kea-dhcp4", seconds, ours["ready"], theirs["ready"], 10},
			{"memory with them, at the peak", "kea-dhcp4", octets, ours["peak"], theirs["peak"], 3},
		}
	}
	return append(rows,
		row{"memory with them, at the peak", limit, octets, ours["peak"], []float64{emptyProcess + s.scale*millionLeases}, 1},
		row{"memory with them and an index of host names, at the peak", limit, octets, hostnames["peak"], []float64{emptyProcess + s.scale*millionByHostname}, 1},
		row{"a forced garbage collection with them, of processor", limit, seconds, ours["collection"], []float64{20e-3}, 1},
	), absent
}

func childOpen(v values, args []string) error {
	st, err := openStore(args[0], args[1], &memfile.Options{IndexHostnames: len(args) > 2})
	if err != nil {
		return err
	}
	defer st.Close()
	ready()
	const collections = 10
	before := processorTime()
	for range collections {
		runtime.GC()
	}
	v.add("collection", (processorTime()-before).Seconds()/collections)
	return nil
}

// openStore opens a file of which it is known how many leases it has.
func openStore(path, leases string, o *memfile.Options) (*memfile.Store, error) {
	st, err := memfile.Open(path, o)
	if err != nil {
		return nil, err
	}
	if n := fmt.Sprint(st.Len()); n != leases {
		return nil, fmt.Errorf("%s leases instead of %s", n, leases)
	}
	return st, nil
}
