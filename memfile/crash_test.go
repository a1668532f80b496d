package memfile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/embedhcp/embedhcp/lease"
)

// sameLease compares leases but for the revision.
var sameLease = cmp.Options{
	cmpopts.EquateComparable(netip.Addr{}),
	cmpopts.IgnoreFields(lease.Lease{}, "Revision"),
	cmpopts.EquateEmpty(),
}

// A ledger is what may be found at each address after a crash: what was
// confirmed last (nil: nothing), or anything that was tried since.
type ledger map[netip.Addr][]*lease.Lease

func (g ledger) try(addr netip.Addr, l *lease.Lease) {
	if g[addr] == nil {
		g[addr] = []*lease.Lease{nil}
	}
	if l != nil {
		l = new(*l)
		l.Revision = 0
	}
	g[addr] = append(g[addr], l)
}

func (g ledger) confirm() {
	for addr, states := range g {
		g[addr] = states[len(states)-1:]
	}
}

// check opens the file that a crash has left and compares.
func (g ledger) check(content []byte, there bool) error {
	fs := newFakeFS(string(content))
	if !there {
		fs = &fakeFS{}
	}
	st, err := open(fs, "leases.csv", nil, testNow)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	found, err := contents(st)
	if err != nil {
		return err
	}
	for addr := range maps.Keys(found) {
		if g[addr] == nil {
			return fmt.Errorf("%v: a lease that nobody made", addr)
		}
	}
	for addr, states := range g {
		var have *lease.Lease
		if l, ok := found[addr]; ok {
			have = &l
		}
		if !slices.ContainsFunc(states, func(l *lease.Lease) bool { return same(l, have) }) {
			return fmt.Errorf("%v: found %+v, confirmed %+v, tried %d more", addr, have, states[0], len(states)-1)
		}
	}
	// What comes next must be as safe as if nothing had happened.
	extra := testLease("192.0.2.250")
	if err := lease.CompareAndSwap(context.Background(), st, nil, extra); err != nil {
		return err
	}
	if err := st.Sync(context.Background()); err != nil {
		return err
	}
	found[extra.Addr] = *extra
	again, err := open(newFakeFS(string(fs.durable)), "leases.csv", nil, testNow)
	if err != nil {
		return fmt.Errorf("open again: %w", err)
	}
	now, err := contents(again)
	if err != nil {
		return err
	}
	if !maps.EqualFunc(found, now, func(a, b lease.Lease) bool { return same(&a, &b) }) {
		return fmt.Errorf("opened again: %s", cmp.Diff(found, now, sameLease))
	}
	return nil
}

// same is quicker than cmp.Equal, which these tests would spend all their time in.
func same(a, b *lease.Lease) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	x.Revision, y.Revision = 0, 0
	x.Expires, y.Expires = time.Time{}, time.Time{}
	return x == y && a.Expires.Equal(b.Expires)
}

func contents(st lease.Store) (map[netip.Addr]lease.Lease, error) {
	m := make(map[netip.Addr]lease.Lease)
	for l, err := range st.Leases(context.Background(), lease.Filter{}) {
		if err != nil {
			return nil, err
		}
		m[l.Addr] = l
	}
	return m, nil
}

func testLease(addr string) *lease.Lease {
	a := netip.MustParseAddr(addr)
	return &lease.Lease{
		Addr: a, SubnetID: 1, HardwareAddr: lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:00:%02x", a.As4()[3])),
		Lifetime: time.Hour, Expires: testTime.Add(time.Hour),
	}
}

// A step of a script; the changes of one step are one Update.
type step struct {
	changes []string // an address: create or renew; with "-" before it: delete
	sync    bool
}

var crashScript = []step{
	{[]string{"192.0.2.1"}, true},
	{[]string{"192.0.2.2", "192.0.2.3"}, true},
	{[]string{"192.0.2.1", "-192.0.2.2"}, false},
	{[]string{"192.0.2.4"}, true},
	{[]string{"-192.0.2.4", "192.0.2.2"}, true},
	{[]string{"192.0.2.2"}, false},
	{[]string{"-192.0.2.3"}, true},
}

// runScript opens the store on fs and runs the script until the first error,
// or to its end if goOn; it returns whether Update or Sync failed and whether
// one of them succeeded after that.
func runScript(fs *fakeFS, g ledger, goOn bool) (failed, recovered bool) {
	ctx := context.Background()
	st, err := open(fs, "leases.csv", nil, testNow)
	if err != nil {
		return true, false
	}
	note := func(err error) (stop bool) {
		recovered = recovered || failed && err == nil
		failed = failed || err != nil
		return err != nil && !goOn
	}
	for n, step := range crashScript {
		var cs []lease.Change
		for _, what := range step.changes {
			text, del := strings.CutPrefix(what, "-")
			addr := netip.MustParseAddr(text)
			var c lease.Change
			if old, ok, _ := lease.Get(ctx, st, addr); ok {
				c.Old = &old
			}
			if !del {
				c.New = testLease(text)
				c.New.Hostname = fmt.Sprintf("step-%d", n)
				c.New.Expires = c.New.Expires.Add(time.Duration(n) * time.Minute)
			}
			g.try(addr, c.New)
			cs = append(cs, c)
		}
		if note(st.Update(ctx, cs)) {
			return
		}
		if step.sync {
			err := st.Sync(ctx)
			if err == nil {
				g.confirm()
			}
			if note(err) {
				return
			}
		}
	}
	note(st.Close())
	if !failed {
		g.confirm()
	}
	return
}

// The files that the scripts begin with.
func crashStarts() map[string]string {
	h := Schema30.line()
	row := string(appendRow(nil, testLease("192.0.2.9"), header{schema: Schema30}, testTime))
	return map[string]string{
		"new file":        "",
		"piece of header": h[:20],
		"header":          h,
		"torn row":        h + row + row[:len(row)/2],
		"schema 2.1":      Schema21.line(),
	}
}

// crashEverywhere stops the script at every call and in every byte of every
// write, as a killed process and as a power cut, and returns the first loss.
func crashEverywhere(start string, noSync bool, random *rand.Rand) (checks int, err error) {
	begin := func() (*fakeFS, ledger) {
		fs, g := newFakeFS(start), ledger{}
		if start == "" {
			fs = &fakeFS{}
		}
		fs.noSync = noSync
		if strings.Contains(start, "192.0.2.9,") {
			g.try(netip.MustParseAddr("192.0.2.9"), testLease("192.0.2.9"))
			g.confirm()
		}
		return fs, g
	}
	for stop := 1; ; stop++ {
		fs, g := begin()
		fs.fault = func(call int) *fakeFault {
			if call < stop {
				return nil
			}
			return &fakeFault{bytes: 1 << 30} // the bytes of a write get away before the end
		}
		failed, _ := runScript(fs, g, false)
		verify := func(content []byte) bool {
			checks++
			err = g.check(content, true)
			return err == nil
		}
		if !fs.linked {
			checks++
			if err := g.check(nil, false); err != nil {
				return checks, fmt.Errorf("call %d, file not in its folder: %w", stop, err)
			}
		}
		if fs.prefixes(verify); err != nil {
			return checks, fmt.Errorf("call %d, prefix: %w", stop, err)
		}
		if fs.subsets(128, random.Uint64, verify); err != nil {
			return checks, fmt.Errorf("call %d, subset: %w", stop, err)
		}
		if !failed {
			return checks, nil
		}
	}
}

func TestCrashLosesNothingThatWasConfirmed(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for name, start := range crashStarts() {
		t.Run(name, func(t *testing.T) {
			checks, err := crashEverywhere(start, false, rand.New(rand.NewPCG(seed, 0)))
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d crashes", checks)
			if checks < 400 {
				t.Errorf("only %d crashes", checks)
			}
		})
	}
}

func TestCrashTestFindsMissingSync(t *testing.T) {
	for name, start := range crashStarts() {
		if _, err := crashEverywhere(start, true, rand.New(rand.NewPCG(1, 2))); err == nil {
			t.Errorf("%s: no loss found though Sync does nothing", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

// TestFailedCallsLoseNothingThatWasConfirmed lets each call fail once, writes
// with every number of bytes written, and goes on with the script.
func TestFailedCallsLoseNothingThatWasConfirmed(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, start := range crashStarts() {
		t.Run(name, func(t *testing.T) {
			for at := 1; ; at++ {
				any, seen := false, make(map[string]bool)
				for bytes := 0; ; bytes++ {
					fs, g := newFakeFS(start), ledger{}
					if strings.Contains(start, "192.0.2.9,") {
						g.try(netip.MustParseAddr("192.0.2.9"), testLease("192.0.2.9"))
						g.confirm()
					}
					hit, more := false, false
					fs.fault = func(call int) *fakeFault {
						if call != at {
							return nil
						}
						hit = true
						return &fakeFault{bytes}
					}
					failed, recovered := runScript(fs, g, true)
					if !hit {
						break
					}
					any = true
					if !failed {
						t.Fatalf("call %d: failed without an error", at)
					}
					if recovered {
						t.Fatalf("call %d: Update or Sync worked after a failure", at)
					}
					if fs.misused != "" {
						t.Fatalf("call %d: %s", at, fs.misused)
					}
					verify := func(content []byte) bool {
						if seen[string(content)] { // nothing else depends on bytes
							return true
						}
						seen[string(content)] = true
						if err := g.check(content, true); err != nil {
							t.Fatalf("call %d, %d bytes: %v", at, bytes, err)
						}
						return true
					}
					verify(fs.durable)
					verify(fs.cached)
					fs.subsets(4, random.Uint64, verify)
					for _, op := range fs.pending {
						more = more || !op.truncate && len(op.data) == bytes
					}
					if !more {
						break
					}
				}
				if !any {
					if at < 8 {
						t.Fatalf("only %d calls", at)
					}
					return
				}
			}
		})
	}
}

// TestConcurrentCrashLosesNothingThatWasConfirmed has goroutines that renew
// and delete a lease each, and cuts the power at a random call.
func TestConcurrentCrashLosesNothingThatWasConfirmed(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range 100 {
		random := rand.New(rand.NewPCG(seed, uint64(round)))
		if err := concurrentCrash(random, false); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	for round := 0; concurrentCrash(rand.New(rand.NewPCG(seed, uint64(round))), true) == nil; round++ {
		if round == 100 {
			t.Fatal("no loss found though Sync does nothing")
		}
	}
}

func concurrentCrash(random *rand.Rand, noSync bool) error {
	const clients = 8
	fs := &fakeFS{noSync: noSync}
	stop := 5 + random.IntN(30)
	cutBytes := random.IntN(200)
	fs.fault = func(call int) *fakeFault {
		if call < stop {
			return nil
		}
		return &fakeFault{cutBytes}
	}
	st, err := open(fs, "leases.csv", nil, testNow)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	ledgers := make(chan ledger, clients)
	for i := range clients {
		go func() {
			g := ledger{}
			defer func() { ledgers <- g }()
			ctx, addr := context.Background(), fmt.Sprintf("192.0.2.%d", i+1)
			var old *lease.Lease
			for n := range 1000 {
				l := testLease(addr)
				l.Expires = l.Expires.Add(time.Duration(n) * time.Second)
				if n%5 == 4 && old != nil {
					l = nil
				}
				g.try(netip.MustParseAddr(addr), l)
				if lease.CompareAndSwap(ctx, st, old, l) != nil || st.Sync(ctx) != nil {
					return
				}
				g.confirm()
				old = l
			}
		}()
	}
	all := ledger{}
	for range clients {
		maps.Copy(all, <-ledgers)
	}
	var first error
	verify := func(content []byte) bool {
		first = all.check(content, true)
		return first == nil
	}
	if fs.prefixes(verify); first == nil {
		fs.subsets(32, random.Uint64, verify)
	}
	return first
}

func TestErrorsOfFileAreNotForgotten(t *testing.T) {
	ctx := context.Background()
	fs := newFakeFS("")
	st, err := open(fs, "leases.csv", nil, testNow)
	if err != nil {
		t.Fatal(err)
	}
	fs.fault = func(int) *fakeFault { return &fakeFault{} }
	if err := lease.CompareAndSwap(ctx, st, nil, testLease("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	if err := st.Sync(ctx); !errors.Is(err, errFault) {
		t.Fatalf("Sync: %v, want the fault", err)
	}
	fs.fault = nil
	if err := st.Sync(ctx); !errors.Is(err, errFault) {
		t.Errorf("second Sync: %v, want the fault", err)
	}
	if err := lease.CompareAndSwap(ctx, st, nil, testLease("192.0.2.2")); !errors.Is(err, errFault) {
		t.Errorf("Update: %v, want the fault", err)
	}
	if _, ok, err := lease.Get(ctx, st, netip.MustParseAddr("192.0.2.2")); ok || err != nil {
		t.Errorf("a change that Update refused is there: %v %v", ok, err)
	}
	if err := st.Close(); !errors.Is(err, errFault) {
		t.Errorf("Close: %v, want the fault", err)
	}
	if fs.misused != "" {
		t.Error(fs.misused)
	}
}
