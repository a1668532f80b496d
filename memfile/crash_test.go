package memfile

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
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

// check opens the files that a crash has left and compares.
func (g ledger) check(files map[string]string) error {
	fs := newFakeFolder(files)
	st, err := open(fs, testFile, &byHand, testNow)
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
	ctx := context.Background()
	extra := testLease("192.0.2.250")
	if err := lease.CompareAndSwap(ctx, st, nil, extra); err != nil {
		return err
	}
	if err := st.Sync(ctx); err != nil {
		return err
	}
	found[extra.Addr] = *extra
	for _, when := range []string{"again", "after a cleanup"} {
		again, err := open(newFakeFolder(fs.durable()), testFile, &byHand, testNow)
		if err != nil {
			return fmt.Errorf("open %s: %w", when, err)
		}
		now, err := contents(again)
		if err != nil {
			return err
		}
		if !maps.EqualFunc(found, now, func(a, b lease.Lease) bool { return same(&a, &b) }) {
			return fmt.Errorf("opened %s: %s", when, cmp.Diff(found, now, sameLease))
		}
		if err := st.Cleanup(ctx); err != nil {
			return err
		}
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
	cleanup bool // and nothing else
}

var crashScript = []step{
	{changes: []string{"192.0.2.1"}, sync: true},
	{changes: []string{"192.0.2.2", "192.0.2.3"}, sync: true},
	{changes: []string{"192.0.2.1", "-192.0.2.2"}},
	{changes: []string{"192.0.2.4"}, sync: true},
	{changes: []string{"-192.0.2.4", "192.0.2.2"}, sync: true},
	{changes: []string{"192.0.2.2"}},
	{changes: []string{"-192.0.2.3"}, sync: true},
}

var cleanupScript = []step{
	{changes: []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}, sync: true},
	{changes: []string{"192.0.2.1", "-192.0.2.2"}},
	{cleanup: true},
	{changes: []string{"192.0.2.4", "-192.0.2.1"}, sync: true},
	{cleanup: true},
	{changes: []string{"192.0.2.2", "-192.0.2.3"}, sync: true},
}

// A scriptRun runs a script on a Store.
type scriptRun struct {
	fs     *fakeFS
	st     *Store
	g      ledger
	n      int  // steps so far
	failed bool // some call has
}

// run opens the store on fs and runs the script until the first error, or to
// its end if goOn.
func (r *scriptRun) run(script []step, goOn bool) {
	r.st = nil
	st, err := open(r.fs, testFile, &byHand, testNow)
	if err != nil {
		r.failed = true
		return
	}
	r.st = st
	for _, step := range script {
		if !r.step(step) && !goOn {
			return
		}
	}
	if err := st.Close(); err != nil {
		r.failed = true
		return
	}
	r.g.confirm()
}

func (r *scriptRun) step(step step) bool {
	ctx := context.Background()
	note := func(err error) bool {
		r.failed = r.failed || err != nil
		return err == nil
	}
	r.n++
	if step.cleanup {
		return note(r.st.Cleanup(ctx))
	}
	var cs []lease.Change
	for _, what := range step.changes {
		text, del := strings.CutPrefix(what, "-")
		addr := netip.MustParseAddr(text)
		var c lease.Change
		if old, ok, _ := lease.Get(ctx, r.st, addr); ok {
			c.Old = &old
		}
		if !del {
			c.New = testLease(text)
			c.New.Hostname = fmt.Sprintf("step-%d", r.n)
			c.New.Expires = c.New.Expires.Add(time.Duration(r.n) * time.Minute)
		} else if c.Old == nil {
			continue // its creation has failed
		}
		r.g.try(addr, c.New)
		cs = append(cs, c)
	}
	if !note(r.st.Update(ctx, cs)) {
		return false
	}
	if step.sync {
		if !note(r.st.Sync(ctx)) {
			return false
		}
		r.g.confirm()
	}
	return true
}

// A crashStart is what the scripts begin with.
type crashStart struct {
	files  map[string]string
	script []step
}

func crashStarts() map[string]crashStart {
	h := Schema30.line()
	old := testLease("192.0.2.9")
	row := string(appendRow(nil, old, header{schema: Schema30}, testTime))
	gone := string(appendDeletion(nil, testLease("192.0.2.2"), header{schema: Schema30}, testTime))
	made := string(appendRow(nil, testLease("192.0.2.2"), header{schema: Schema30}, testTime))
	one := func(content string) map[string]string { return map[string]string{testFile: content} }
	return map[string]crashStart{
		"new file":               {nil, crashScript},
		"piece of header":        {one(h[:20]), crashScript},
		"header":                 {one(h), crashScript},
		"torn row":               {one(h + row + row[:len(row)/2]), crashScript},
		"schema 2.1":             {one(Schema21.line()), crashScript},
		"cleanup":                {nil, cleanupScript},
		"cleanup with torn row":  {one(h + row + row[:len(row)/2]), cleanupScript},
		"cleanup after another":  {map[string]string{testFile: h, testFile + ".2": h + row}, cleanupScript},
		"interrupted cleanup":    {map[string]string{testFile: h + gone, testFile + ".1": h + made, testFile + ".2": h + row}, cleanupScript},
		"completed cleanup":      {map[string]string{testFile: h, testFile + ".1": h + made, testFile + ".completed": h + row}, cleanupScript},
		"cleanup without a file": {map[string]string{testFile + ".1": h + row, testFile + ".output": h + row[:9], testFile + ".output.tmp": "x"}, cleanupScript},
	}
}

// begin returns the folder and what is known to be in it.
func (c crashStart) begin(noSync bool) *scriptRun {
	r := &scriptRun{fs: newFakeFolder(c.files), g: ledger{}}
	r.fs.noSync = noSync
	for _, content := range c.files {
		if old := testLease("192.0.2.9"); strings.Contains(content, old.Addr.String()+",") {
			r.g.try(old.Addr, old)
			r.g.confirm()
		}
	}
	return r
}

// crashEverywhere stops the script at every call and in every byte of every
// write, as a killed process and as a power cut, and returns the first loss.
func crashEverywhere(start crashStart, noSync bool, limit int, random *rand.Rand) (checks int, err error) {
	for stop := 1; ; stop++ {
		r := start.begin(noSync)
		r.fs.fault = func(call int) *fakeFault {
			if call < stop {
				return nil
			}
			return &fakeFault{bytes: 1 << 30} // the bytes of a write get away before the end
		}
		r.run(start.script, false)
		for files := range r.fs.crashes(limit, random.Uint64) {
			checks++
			if err := r.g.check(files); err != nil {
				return checks, fmt.Errorf("call %d, %d files: %w\n%q", stop, len(files), err, files)
			}
		}
		if !r.failed {
			return checks, nil
		}
	}
}

func TestCrashLosesNothingThatWasConfirmed(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for name, start := range crashStarts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checks, err := crashEverywhere(start, false, 64, rand.New(rand.NewPCG(seed, 0)))
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
		if _, err := crashEverywhere(start, true, 64, rand.New(rand.NewPCG(1, 2))); err == nil {
			t.Errorf("%s: no loss found though Sync does nothing", name)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}
}

func TestCrashTestFindsMissingSyncOfFolders(t *testing.T) {
	for _, name := range []string{"cleanup", "cleanup with torn row", "cleanup after another"} {
		start, found := crashStarts()[name], false
		for stop := 1; !found; stop++ {
			r := start.begin(false)
			r.fs.noDirs = true
			r.fs.fault = func(call int) *fakeFault {
				if call < stop {
					return nil
				}
				return &fakeFault{bytes: 1 << 30}
			}
			r.run(start.script, false)
			for files := range r.fs.crashes(64, rand.Uint64) {
				found = found || r.g.check(files) != nil
			}
			if !r.failed {
				break
			}
		}
		if !found {
			t.Errorf("%s: no loss found though SyncFolder does nothing", name)
		}
	}
}

// TestCrashDuringCleanupLosesNothingThatWasConfirmed has leases change and be
// confirmed at moments of a cleanup, and stops it at every call after that. It
// takes one moment in eight, or all if EMBEDHCP_CRASHES is "all".
func TestCrashDuringCleanupLosesNothingThatWasConfirmed(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	meanwhile := []step{
		{changes: []string{"192.0.2.1", "-192.0.2.2"}, sync: true},
		{changes: []string{"192.0.2.4", "-192.0.2.3"}},
	}
	script := []step{
		{changes: []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}, sync: true},
		{cleanup: true},
		{changes: []string{"192.0.2.2"}, sync: true},
	}
	starts := crashStarts()
	for _, name := range []string{"cleanup", "cleanup after another", "interrupted cleanup"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 0))
			checks, stride := 0, 8
			if os.Getenv("EMBEDHCP_CRASHES") == "all" {
				stride = 1
			}
			for moment, more := 1+random.IntN(stride), true; more; moment += stride {
				more = false
				for stop := 0; ; stop++ {
					r := starts[name].begin(false)
					events, last := 0, 1<<30
					r.fs.fault = func(call int) *fakeFault {
						if call < last {
							return nil
						}
						return &fakeFault{bytes: 1 << 30}
					}
					r.fs.hook = func(string, string) {
						if r.st == nil || r.st.cleanup.running == nil || r.st.busy {
							return
						}
						if events++; events == moment {
							more, last = true, r.fs.calls+1+stop
							for _, step := range meanwhile {
								r.step(step)
							}
						}
					}
					r.run(script, false)
					for files := range r.fs.crashes(8, random.Uint64) {
						checks++
						if err := r.g.check(files); err != nil {
							t.Fatalf("moment %d, call %d: %v\n%q", moment, stop, err, files)
						}
					}
					if !r.failed {
						break
					}
				}
			}
			t.Logf("%d crashes", checks)
			if checks < 1000 {
				t.Errorf("only %d crashes", checks)
			}
		})
	}
}

// TestFailedCallsLoseNothingThatWasConfirmed lets each call fail once, writes
// with every number of bytes written, and goes on with the script: what comes
// after the failure is stored in new files.
func TestFailedCallsLoseNothingThatWasConfirmed(t *testing.T) {
	for name, start := range crashStarts() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, 2))
			recovered := 0
			for at, any := 1, true; any; at++ {
				any = false
				for bytes, written := 0, 0; bytes <= written; bytes++ {
					r, hit := start.begin(false), false
					r.fs.fault = func(call int) *fakeFault {
						if call != at {
							return nil
						}
						hit = true
						return &fakeFault{bytes}
					}
					r.fs.hook = func(op, name string) {
						if op == "write" && r.fs.calls == at-1 {
							written = 70 // a row and more
						}
					}
					r.run(start.script, true)
					if !hit {
						break
					}
					any = true
					if r.fs.misused != "" {
						t.Fatalf("call %d: %s", at, r.fs.misused)
					}
					if r.failed && r.st != nil && r.st.err == nil {
						recovered++
					}
					for _, files := range []map[string]string{r.fs.durable(), r.fs.cached()} {
						if err := r.g.check(files); err != nil {
							t.Fatalf("call %d, %d bytes: %v\n%q", at, bytes, err, files)
						}
					}
					if bytes > 0 { // what follows is about other calls
						continue
					}
					for files := range r.fs.crashes(2, random.Uint64) {
						if err := r.g.check(files); err != nil {
							t.Fatalf("call %d, %d bytes: %v\n%q", at, bytes, err, files)
						}
					}
				}
			}
			if recovered < 5 {
				t.Errorf("only %d times it went on after a failure", recovered)
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
	fs := newFakeFolder(nil)
	fs.noSync = noSync
	stop := 10 + random.IntN(100)
	cutBytes := random.IntN(200)
	fs.fault = func(call int) *fakeFault {
		if call < stop {
			return nil
		}
		return &fakeFault{cutBytes}
	}
	st, err := open(fs, testFile, &byHand, testNow)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	cleaned := make(chan struct{})
	go func() {
		defer close(cleaned)
		for st.Cleanup(context.Background()) == nil {
		}
	}()
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
	<-cleaned
	for files := range fs.crashes(8, random.Uint64) {
		if err := all.check(files); err != nil {
			return err
		}
	}
	return nil
}
