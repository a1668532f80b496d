//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// measureMemory is the store in memory, without a file.
func measureMemory(s *settings) ([]row, error) {
	v, err := child(1, "memory", fmt.Sprint(s.leases()), fmt.Sprint(s.rounds))
	return []row{
		{"in memory: Update of a lease just read", limit, seconds, v["hot"], []float64{300e-9}, 1},
		{"in memory: Find of any lease by three keys, Update", limit, seconds, v["random"], []float64{2500e-9}, 1},
	}, err
}

func childMemory(v values, args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	rounds, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	m, now := new(lease.Memory), time.Now()
	for i := range n {
		c := clientNumber(i)
		if err := m.Put(c.lease(i, now)); err != nil {
			return err
		}
	}
	r := searches{st: m, rnd: rand.New(rand.NewPCG(1, 2)), now: now, subnets: []uint32{1}}
	const calls = 1_000_000
	for range rounds {
		if err := r.find(0); err != nil {
			return err
		}
		r.old = r.queries[0].Leases[0]
		hot, err := perCall(calls, func() error {
			err := r.update()
			r.old = r.renewed
			return err
		})
		v.add("hot", hot)
		random, err2 := perCall(calls, func() error {
			if err := r.find(r.rnd.IntN(n)); err != nil {
				return err
			}
			r.old = r.queries[0].Leases[0]
			return r.update()
		})
		v.add("random", random)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
	}
	ready()
	return nil
}

// perCall returns what a call of f takes of the processor: others may use the
// machine, too.
func perCall(calls int, f func() error) (float64, error) {
	before := processorTime()
	for range calls {
		if err := f(); err != nil {
			return 0, err
		}
	}
	return (processorTime() - before).Seconds() / float64(calls), nil
}

// searches find clients and renew their leases, without garbage.
type searches struct {
	st  lease.Store
	rnd *rand.Rand
	now time.Time

	queries      [1]lease.Query
	addrs        [1]netip.Addr
	subnets      []uint32
	changes      [1]lease.Change
	old, renewed lease.Lease
	client       client
}

func (r *searches) find(i int) error {
	r.client = clientNumber(i)
	r.addrs[0] = r.client.addr
	q := &r.queries[0]
	q.Addrs, q.Subnets, q.ClientID, q.HardwareAddr = r.addrs[:], r.subnets, r.client.id[:], r.client.hardware
	err := r.st.Find(context.Background(), r.queries[:])
	if err == nil && len(q.Leases) != 1 {
		err = fmt.Errorf("%d leases for client %d", len(q.Leases), i)
	}
	return err
}

func (r *searches) update() error {
	r.now = r.now.Add(20 * time.Millisecond)
	r.renewed = r.old
	r.renewed.SetLifetime(r.now, lifetime)
	r.changes[0] = lease.Change{Old: &r.old, New: &r.renewed}
	if err := r.st.Update(context.Background(), r.changes[:]); err != nil {
		return err
	}
	return r.changes[0].Err
}
