//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/memfile"
)

// compareCleanup is the lease file cleanup of three rows for each lease: of a
// running server, and as the recovery of one that died meanwhile.
func compareCleanup(s *settings) ([]row, error) {
	files, err := makeFiles(s)
	if err != nil {
		return nil, err
	}
	path, leases := s.folder+"/cleanup.csv", fmt.Sprint(s.leases())
	kea, absent := keaProgram("kea-lfc")
	live, recovery, latency, theirs := make(values), make(values), make(values), make(values)
	for range s.rounds {
		if err := place(path, files.previous, "", files.log); err != nil {
			return nil, err
		}
		v, err := child(0, "cleanup", path, leases)
		if err != nil {
			return nil, err
		}
		live.collect(v)

		if err := place(path, files.previous, files.log, ""); err != nil {
			return nil, err
		}
		if v, err = child(0, "recover", path, leases); err != nil {
			return nil, err
		}
		recovery.collect(v)

		if err := errors.Join(place(path, files.previous, "", ""), copyFile(path, files.log)); err != nil {
			return nil, err
		}
		if v, err = child(0, "latency", path, leases); err != nil {
			return nil, err
		}
		latency.collect(v)

		if absent != nil {
			continue
		}
		if err := place(path, files.previous, files.log, ""); err != nil {
			return nil, err
		}
		if err := keaCleanup(theirs, kea, path); err != nil {
			return nil, err
		}
	}
	var rows []row
	if absent == nil {
		rows = []row{
			{"cleanup of 3 million rows for them, of processor", "kea-lfc", seconds, live["cleanup"], theirs["processor"], 8},
			{"the same as recovery at open, of processor", "kea-lfc", seconds, recovery["processor"], theirs["processor"], 8},
			{"the same as recovery at open", "kea-lfc", seconds, recovery["ready"], theirs["wall"], 8},
			{"memory with the recovery, at the peak", "kea-lfc", octets, recovery["peak"], theirs["peak"], 3},
		}
	}
	return append(rows,
		row{"memory with the cleanup, at the peak", limit, octets, live["peak"], []float64{emptyProcess + s.scale*millionLeases}, 1},
		row{"memory with the recovery, at the peak", limit, octets, recovery["peak"], []float64{emptyProcess + s.scale*millionLeases}, 1},
		row{"99.9 % of Update and Sync (SyncNever) during a cleanup", limit, seconds, latency["p99.9"], []float64{2e-3}, 1},
	), absent
}

// byHand leaves cleanups to us.
func byHand() *memfile.Options { return &memfile.Options{LFCInterval: -1, LFCGrowth: -1} }

func childCleanup(v values, args []string) error {
	st, err := openStore(args[0], args[1], byHand())
	if err != nil {
		return err
	}
	defer st.Close()
	before := processorTime()
	if err := st.Cleanup(context.Background()); err != nil {
		return err
	}
	v.add("cleanup", (processorTime() - before).Seconds())
	ready()
	return nil
}

// childRecover ends when the files are as after any other cleanup.
func childRecover(_ values, args []string) error {
	st, err := openStore(args[0], args[1], byHand())
	if err != nil {
		return err
	}
	if err := errors.Join(st.Cleanup(context.Background()), st.Close()); err != nil {
		return err
	}
	ready()
	return nil
}

// childLatency renews leases one by one, as fast as it goes, while a cleanup
// runs.
func childLatency(v values, args []string) error {
	o := byHand()
	o.Sync = memfile.SyncNever
	st, err := openStore(args[0], args[1], o)
	if err != nil {
		return err
	}
	defer st.Close()
	ctx := context.Background()
	rnd := rand.New(rand.NewPCG(1, 2))
	var took []time.Duration
	done := make(chan error)
	go func() { done <- st.Cleanup(ctx) }()
	for {
		select {
		case err := <-done:
			if err != nil || len(took) < 1000 {
				return fmt.Errorf("after %d renewals: %w", len(took), err)
			}
			slices.Sort(took)
			v.add("p99.9", took[len(took)*999/1000].Seconds())
			v.add("worst", took[len(took)-1].Seconds())
			v.add("renewals", float64(len(took)))
			ready()
			return nil
		default:
		}
		c := clientNumber(rnd.IntN(st.Len()))
		old, ok, err := lease.Get(ctx, st, c.addr)
		if err != nil || !ok {
			return fmt.Errorf("no lease for %v: %w", c.addr, err)
		}
		renewed := old
		renewed.SetLifetime(time.Now(), lifetime)
		cs := []lease.Change{{Old: &old, New: &renewed}}
		start := time.Now()
		err = errors.Join(st.Update(ctx, cs), cs[0].Err, st.Sync(ctx))
		took = append(took, time.Since(start))
		if err != nil {
			return err
		}
	}
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
