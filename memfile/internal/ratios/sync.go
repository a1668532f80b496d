//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/memfile"
)

const (
	batch   = 32 // changes of one Update
	writers = 64
)

// compareSync is how many leases a second are made durable.
func compareSync(s *settings) ([]row, error) {
	files, err := makeFiles(s)
	if err != nil {
		return nil, err
	}
	path := s.folder + "/never.csv"
	if err := errors.Join(place(path, "", "", ""), copyFile(path, files.one)); err != nil {
		return nil, err
	}
	never, err := child(1, "never", path, fmt.Sprint(s.leases()), fmt.Sprint(s.rounds))
	if err != nil {
		return nil, err
	}
	rows := []row{{"leases synced by batches of 32, SyncNever, one core", limit, perSecond, never["rate"], []float64{600e3}, 1}}
	if fileSystemOf(s.folder) == inMemory {
		return rows, fmt.Errorf("%w: %s is no disk, see -dir", errAbsent, s.folder)
	}
	sample := time.Duration(min(1, max(0.2, s.scale)) * float64(time.Second))
	v, err := child(0, "durable", s.folder, fmt.Sprint(s.rounds), sample.String())
	return append(rows,
		row{"leases synced by batches of 32, SyncAlways, one writer", "fdatasync for each", perSecond, v["batches"], v["plain"], 20},
		row{"leases synced one by one, SyncAlways, 64 writers", "fdatasync for each", perSecond, v["writers"], v["plain"], 5},
	), err
}

// childDurable measures beside ours what the disk does without us: a row and
// an fdatasync, again and again.
func childDurable(v values, args []string) error {
	rounds, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	sample, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	st, err := memfile.Open(filepath.Join(args[0], "durable.csv"), nil)
	if err != nil {
		return err
	}
	defer st.Close()
	plain, err := os.OpenFile(filepath.Join(args[0], "plain.csv"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer plain.Close()

	group, err := newRenewals(st, 0, batch)
	if err != nil {
		return err
	}
	each := make([]*renewals, writers)
	for i := range each {
		if each[i], err = newRenewals(st, batch+i, 1); err != nil {
			return err
		}
	}
	sides := []side{
		{"plain", 1, func(int) (int, error) { return 1, writeDurably(plain) }},
		{"batches", 1, func(int) (int, error) { return batch, group.sync() }},
		{"writers", writers, func(i int) (int, error) { return 1, each[i].sync() }},
	}
	for range rounds {
		if err := rates(v, sample, sides); err != nil {
			return err
		}
	}
	ready()
	return nil
}

// writeDurably appends a row such as ours.
func writeDurably(f *os.File) error {
	_, err := f.WriteString("10.0.0.1,02:00:00:00:00:01,01:02:00:00:00:00:01,43200,1795529962,1,0,0,host-000001,0,,0\n")
	return errors.Join(err, unix.Fdatasync(int(f.Fd())))
}

// A side does something in so many goroutines. Each call of f says how much
// that was.
type side struct {
	name       string
	goroutines int
	f          func(i int) (int, error)
}

// rates adds what each side does in a second, measured for so long. They take
// turns that are short beside what else goes on at the disk.
func rates(v values, sample time.Duration, sides []side) error {
	const turn = 20 * time.Millisecond
	totals, took := make([]int64, len(sides)), make([]time.Duration, len(sides))
	for took[len(sides)-1] < sample {
		for i, s := range sides {
			start := time.Now()
			n, err := s.run(start.Add(turn))
			if err != nil {
				return err
			}
			totals[i] += n
			took[i] += time.Since(start)
		}
	}
	for i, s := range sides {
		v.add(s.name, float64(totals[i])/took[i].Seconds())
	}
	return nil
}

func (s side) run(until time.Time) (int64, error) {
	var total atomic.Int64
	var failed error
	var once sync.Once
	var wg sync.WaitGroup
	for i := range s.goroutines {
		wg.Go(func() {
			for time.Now().Before(until) {
				n, err := s.f(i)
				if err != nil {
					once.Do(func() { failed = err })
					return
				}
				total.Add(int64(n))
			}
		})
	}
	wg.Wait()
	return total.Load(), failed
}

// renewals renew the same leases again and again.
type renewals struct {
	st         lease.Store
	olds, news []lease.Lease
	changes    []lease.Change
}

// newRenewals makes the leases of n clients.
func newRenewals(st lease.Store, first, n int) (*renewals, error) {
	r := &renewals{st: st, olds: make([]lease.Lease, n), news: make([]lease.Lease, n), changes: make([]lease.Change, n)}
	for i := range n {
		c := clientNumber(first + i)
		r.news[i] = c.lease(first+i, time.Now())
		r.changes[i] = lease.Change{New: &r.news[i]}
	}
	return r, r.commit()
}

// sync renews and waits until that is durable.
func (r *renewals) sync() error {
	now := time.Now()
	for i := range r.olds {
		r.news[i] = r.olds[i]
		r.news[i].SetLifetime(now, lifetime)
		r.changes[i] = lease.Change{Old: &r.olds[i], New: &r.news[i]}
	}
	return r.commit()
}

func (r *renewals) commit() error {
	ctx := context.Background()
	if err := errors.Join(r.st.Update(ctx, r.changes), r.st.Sync(ctx)); err != nil {
		return err
	}
	for i := range r.changes {
		if err := r.changes[i].Err; err != nil {
			return err
		}
	}
	r.olds, r.news = r.news, r.olds
	return nil
}

// childNever renews leases here and there among many. To find them is not
// measured.
func childNever(v values, args []string) error {
	st, err := openStore(args[0], args[1], &memfile.Options{Sync: memfile.SyncNever, LFCInterval: -1, LFCGrowth: -1})
	if err != nil {
		return err
	}
	defer st.Close()
	rounds, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	r := renewals{st: st, olds: make([]lease.Lease, batch), news: make([]lease.Lease, batch), changes: make([]lease.Change, batch)}
	const batches = 20000
	for range rounds {
		var took time.Duration
		for range batches {
			first := rnd.IntN(st.Len())
			for i := range r.olds {
				// Far from each other, and never the same twice.
				c := clientNumber((first + i*(st.Len()/batch)) % st.Len())
				l, ok, err := lease.Get(context.Background(), st, c.addr)
				if err != nil || !ok {
					return fmt.Errorf("no lease for %v: %w", c.addr, err)
				}
				r.olds[i] = l
			}
			start := time.Now()
			if err := r.sync(); err != nil {
				return err
			}
			took += time.Since(start)
		}
		v.add("rate", batches*batch/took.Seconds())
	}
	ready()
	return nil
}
