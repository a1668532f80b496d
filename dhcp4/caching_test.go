package dhcp4_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// cachingLab has a client with a lease of 1,000 seconds at .100, given at now.
func cachingLab(t testing.TB, change func(*dhcp4.Config)) (*lab, *lease.Memory) {
	t.Helper()
	st := new(lease.Memory)
	c := labConfig()
	c.Leases, c.Lifetime, c.CacheThreshold = st, 1000*time.Second, 0.25
	if change != nil {
		change(&c)
	}
	l := newLab(t, c)
	l.now = time.Now().Truncate(time.Second)
	l.expect("lease", request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".100"}, ackOf(".100"))
	return l, st
}

func revision(t testing.TB, st lease.Store) uint64 {
	t.Helper()
	l, ok, err := lease.Get(t.Context(), st, fullAddr(".100"))
	if !ok || err != nil {
		t.Fatalf("the lease is gone (%v)", err)
	}
	return l.Revision
}

func TestRenewalInsideTheThresholdWritesNothing(t *testing.T) {
	const sec = time.Second
	renew := request{from: client1, typ: dhcp4.TypeRequest, ciaddr: ".100", unicast: true}
	named := renew
	named.options = option.Options{option.HostName.New("new")}
	tests := []struct {
		name            string
		change          func(*dhcp4.Config)
		after           time.Duration
		r               request
		want51, want58  time.Duration
		want59          time.Duration
		written, cached bool
	}{
		{"at once", nil, 0, renew, 1000 * sec, 500 * sec, 875 * sec, false, true},
		{"inside", nil, 200 * sec, renew, 800 * sec, 400 * sec, 700 * sec, false, true},
		{"at the threshold", nil, 250 * sec, renew, 750 * sec, 375 * sec, 656 * sec, false, true},
		{"beyond", nil, 251 * sec, renew, 1000 * sec, 500 * sec, 875 * sec, true, false},
		{"a fraction of a second counts against the client", nil, 100*sec + sec/2, renew, 899 * sec, 450 * sec, 787 * sec, false, true},
		{"maximum age", func(c *dhcp4.Config) { c.CacheMaxAge = 100 * sec }, 100 * sec, renew, 900 * sec, 450 * sec, 788 * sec, false, true},
		{"beyond the maximum age", func(c *dhcp4.Config) { c.CacheMaxAge = 100 * sec }, 101 * sec, renew, 1000 * sec, 500 * sec, 875 * sec, true, false},
		{"off in the subnet", func(c *dhcp4.Config) { c.Subnets[0].CacheThreshold = -1 }, 0, renew, 1000 * sec, 500 * sec, 875 * sec, true, false},
		{"another threshold in the subnet", func(c *dhcp4.Config) { c.Subnets[0].CacheThreshold = 0.5 }, 500 * sec, renew, 500 * sec, 250 * sec, 438 * sec, false, true},
		{"T1 and T2 by value shrink too", func(c *dhcp4.Config) { c.T1, c.T2 = 100*sec, 900*sec }, 200 * sec, renew, 800 * sec, 80 * sec, 720 * sec, false, true},
		{"the host name changes", nil, 0, named, 1000 * sec, 500 * sec, 875 * sec, true, false},
		{"INIT-REBOOT", nil, 100 * sec, request{from: client1, typ: dhcp4.TypeRequest, asks: ".100"}, 900 * sec, 450 * sec, 788 * sec, false, true},
		{"an offer promises what the ACK will", nil, 100 * sec, request{from: client1, typ: dhcp4.TypeDiscover}, 900 * sec, 450 * sec, 788 * sec, false, false},
		{"after it expired", nil, 1000 * sec, renew, 1000 * sec, 500 * sec, 875 * sec, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, st := cachingLab(t, tt.change)
			before := revision(t, st)
			l.now = l.now.Add(tt.after)
			_, m := l.send(tt.r)
			if m == nil {
				t.Fatal("no answer")
			}
			if l, t1, t2 := leaseTimes(t, m); l != tt.want51 || t1 != tt.want58 || t2 != tt.want59 {
				t.Errorf("times %v, %v, %v; want %v, %v, %v", l, t1, t2, tt.want51, tt.want58, tt.want59)
			}
			if written := revision(t, st) != before; written != tt.written {
				t.Errorf("written is %v", written)
			}
			if got := l.srv.CachedRenewals() == 1; got != tt.cached {
				t.Errorf("%d renewals were cached", l.srv.CachedRenewals())
			}
		})
	}
}

func TestInfiniteLeaseIsWrittenOnceIfCachingIsOn(t *testing.T) {
	l, st := cachingLab(t, func(c *dhcp4.Config) { c.Lifetime = lease.Infinite })
	before := revision(t, st)
	l.now = l.now.Add(1000 * time.Hour)
	l.expect("renewal", request{from: client1, typ: dhcp4.TypeRequest, ciaddr: ".100", unicast: true}, ackTo(".100"))
	if revision(t, st) != before {
		t.Error("it was written again")
	}
}

// promised tells how an ACK's promise compares with what is stored; positive:
// the client believes in its lease for longer than the server does.
func promised(t testing.TB, st lease.Store, m *dhcp4.Message, now time.Time) time.Duration {
	t.Helper()
	row, _, err := lease.Get(t.Context(), st, fullAddr(".100"))
	if err != nil {
		t.Fatal(err)
	}
	lifetime, _, _ := leaseTimes(t, m)
	return now.Add(lifetime).Sub(row.Expires)
}

// randomRenewals returns by how much the worst promise went beyond what is
// stored in memory, of which st is a view.
func randomRenewals(t testing.TB, st lease.Store, memory *lease.Memory, seed uint64) (longest time.Duration, srv *dhcp4.Server) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 0))
	c := labConfig()
	c.Leases, c.Lifetime = st, 1000*time.Second
	c.MinLifetime, c.MaxLifetime = 500*time.Second, 2000*time.Second
	c.CacheThreshold = rnd.Float64() * 0.9
	c.WriteBudget = int64(rnd.IntN(3)) * 500
	l := newLab(t, c)
	l.now = time.Now().Truncate(time.Second)
	for range 200 {
		r := request{from: client1, typ: dhcp4.TypeRequest, server: "us", asks: ".100"}
		switch rnd.IntN(8) {
		case 0:
			r.options = option.Options{option.DHCPLeaseTime.New(time.Duration(400+rnd.IntN(1800)) * time.Second)}
		case 1:
			r.options = option.Options{option.HostName.New(string(rune('a' + rnd.IntN(3))))}
		}
		_, m := l.send(r)
		if m == nil {
			t.Fatalf("seed %d: no answer", seed)
		}
		longest = max(longest, promised(t, memory, m, l.now))
		l.now = l.now.Add(time.Duration(rnd.Int64N(int64(600 * time.Second))))
	}
	return longest, l.srv
}

func TestNoACKPromisesMoreThanIsStored(t *testing.T) {
	var cached uint64
	for seed := range uint64(50) {
		st := new(lease.Memory)
		longest, srv := randomRenewals(t, st, st, seed)
		if longest > 0 {
			t.Errorf("seed %d: an ACK promises %v more than is stored", seed, longest)
		}
		cached += srv.CachedRenewals()
	}
	if cached < 100 {
		t.Errorf("only %d renewals were cached", cached)
	}
}

// forgetful is the bug that TestNoACKPromisesMoreThanIsStored is there for: of
// what is written over a lease, nothing arrives.
type forgetful struct{ lease.Store }

func (f forgetful) Update(ctx context.Context, cs []lease.Change) error {
	var creates []lease.Change
	var at []int
	for i := range cs {
		if cs[i].Old == nil {
			creates, at = append(creates, cs[i]), append(at, i)
		}
	}
	err := f.Store.Update(ctx, creates)
	for i, c := range creates {
		cs[at[i]].Err = c.Err
	}
	return err
}

func TestPromiseBeyondWhatIsStoredIsFound(t *testing.T) {
	st := new(lease.Memory)
	if longest, _ := randomRenewals(t, forgetful{st}, st, 1); longest <= 0 {
		t.Error("a store that forgets renewals goes unnoticed")
	}
}

func TestWriteBudgetRaisesTheThreshold(t *testing.T) {
	writes := func(budget int64) (n int) {
		l, st := cachingLab(t, func(c *dhcp4.Config) { c.CacheThreshold, c.WriteBudget = 0, budget })
		last := revision(t, st)
		for range 1000 {
			l.now = l.now.Add(100 * time.Second)
			a, m := l.send(request{from: client1, typ: dhcp4.TypeRequest, ciaddr: ".100", unicast: true})
			if a.Type != dhcp4.TypeACK {
				t.Fatalf("answer %v", a)
			}
			if left, _, _ := leaseTimes(t, m); left < 250*time.Second {
				t.Fatalf("only %v of the lease are left", left)
			}
			if r := revision(t, st); r != last {
				last, n = r, n+1
			}
		}
		return n
	}
	unlimited, limited := writes(0), writes(400)
	t.Logf("%d writes without a budget, %d with 400 octets an hour", unlimited, limited)
	if unlimited != 1000 || limited > 300 {
		t.Errorf("%d writes without a budget, %d with one", unlimited, limited)
	}
}

func TestWriteBudgetFillsUpAgain(t *testing.T) {
	l, st := cachingLab(t, func(c *dhcp4.Config) { c.Lifetime, c.CacheThreshold, c.WriteBudget = 1000*time.Hour, 0, 1000 })
	renew := request{from: client1, typ: dhcp4.TypeRequest, ciaddr: ".100", unicast: true}
	// What changes is written, whatever it costs.
	for i := range 20 {
		renew.options = option.Options{option.HostName.New(string(rune('a' + i)))}
		before := revision(t, st)
		l.now = l.now.Add(time.Second)
		l.expect("a change", renew, ackTo(".100"))
		if revision(t, st) == before {
			t.Fatal("a change was not written")
		}
	}
	for _, step := range []struct {
		name    string
		after   time.Duration
		written bool
	}{
		{"budget overdrawn", time.Minute, false},
		{"an hour later it is even", 50 * time.Minute, false},
		{"full again", 24 * time.Hour, true},
	} {
		before := revision(t, st)
		l.now = l.now.Add(step.after)
		l.expect(step.name, renew, ackTo(".100"))
		if written := revision(t, st) != before; written != step.written {
			t.Errorf("%s: written is %v", step.name, written)
		}
	}
}
