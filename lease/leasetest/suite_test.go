package leasetest

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/embedhcp/embedhcp/lease"
)

// A recorder is a testing.TB that writes down failures instead of failing.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Error(args ...any) { r.Errorf("%s", fmt.Sprint(args...)) }
func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }
func (r *recorder) FailNow()          { r.Fatalf("failed") }
func (r *recorder) Fail()             { r.Errorf("failed") }
func (r *recorder) Helper()           {}

func (r *recorder) Logf(string, ...any) {}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}

// failures runs the named checks of the suite and returns the first failure of
// each that fails.
func failures(t *testing.T, s Suite, names ...string) map[string]string {
	t.Helper()
	failed := make(map[string]string)
	ran := 0
	for _, c := range checks() {
		if !slices.Contains(names, c.name) {
			continue
		}
		ran++
		r := &recorder{TB: t}
		var wg sync.WaitGroup
		wg.Go(func() { c.run(s.start(r)) }) // a goroutine of its own, which Goexit ends
		wg.Wait()
		if r.Failed() {
			failed[c.name] = r.failures[0]
		}
	}
	if ran != len(names) {
		t.Fatalf("%d of the checks %q exist", ran, names)
	}
	return failed
}

func flawedSuite(f flaw) Suite {
	return Suite{
		Open:   func(testing.TB) lease.Store { return newFlawed(f) },
		Reopen: func(_ testing.TB, st lease.Store) lease.Store { return st.(*flawed).reopen() },
		Crash:  func(_ testing.TB, st lease.Store) lease.Store { return st.(*flawed).crash() },
	}
}

func TestPlainStorePasses(t *testing.T) {
	flawedSuite(none).Run(t)
}

// TestSuiteFindsPlantedBugs runs the checks that are there for each bug.
func TestSuiteFindsPlantedBugs(t *testing.T) {
	for _, tc := range []struct {
		flaw flaw
		by   []string
	}{
		{lostUpdate, []string{"ConcurrentSwapsLoseNoUpdate", "ConcurrentBatchesLoseNoUpdate"}},
		{noComparison, []string{"StaleOldConflicts", "ConcurrentSwapsLoseNoUpdate", "RandomOperationsAgreeWithModel"}},
		{comparesValue, []string{"RevisionIsNewWithEveryChange", "OnlyRevisionIsCompared"}},
		{revisionRestarts, []string{"RecreatedLeaseHasAnotherRevision", "RandomOperationsAgreeWithModel"}},
		{zeroOldCreates, []string{"OldThatWasNeverStoredConflicts"}},
		{secondChange, []string{"TwoChangesOfOneAddress"}},
		{firstErrorStops, []string{"EachChangeStandsByItself"}},
		{errorKept, []string{"EachChangeStandsByItself"}},
		{impossibleStored, []string{"ImpossibleChanges"}},
		{deleteIgnored, []string{"CreateReplaceDelete"}},
		{staleClientID, []string{"FindAfterLeaseChangedHands", "RandomOperationsAgreeWithModel"}},
		{foundTwice, []string{"FindBySeveralKeysYieldsEachOnce", "RandomOperationsAgreeWithModel"}},
		{expiredHidden, []string{"FindByEachKey"}},
		{emptyMatches, []string{"EmptyIdentifiersMatchNothing"}},
		{subnetsAll, []string{"SubnetsRestrictIdentifiersOnly"}},
		{emptySubnets, []string{"SubnetsRestrictIdentifiersOnly"}},
		{resultAppended, []string{"FindReusesCapacity"}},
		{capacityDropped, []string{"FindReusesCapacity"}},
		{fieldLost, []string{"EveryFieldRoundTrips"}},
		{newestFirst, []string{"LeasesThatExpireComeOldestFirst", "LeasesLimit"}},
		{infiniteExpires, []string{"InfiniteLeasesDoNotExpire"}},
		{expiredInclusive, []string{"LeasesSelects"}},
		{limitIgnored, []string{"LeasesLimit"}},
		{toExclusive, []string{"LeasesSelects"}},
		{iteratesByIndex, []string{"LeasesWhileOthersChange", "LeasesThatChangeComeOnce", "LeasesBodyCallsStore"}},
		{callerKept, []string{"NothingOfTheCallerIsKept"}},
		{torn, []string{"ConcurrentReadersSeeWholeLeases"}},
		{resurrected, []string{"ReopenedStoreHasTheLastState", "RandomOperationsSurviveReopening"}},
		{forgotten, []string{"ReopenedStoreHasTheLastState"}},
		{revisionNotStored, []string{"CreateReplaceDelete"}},
		{purged, []string{"StoreHasNoClock", "ReopenedStoreHasNoClock"}},
		{ownClock, []string{"StoreHasNoClock"}},
		{cutExpiry, []string{"StoreHasNoClock", "EveryFieldRoundTrips"}},
		{ackBeforeSync, []string{"SyncedChangesSurviveACrash", "SyncCoversWhatFindShowed", "CrashLeavesEachLeaseWhole", "ConcurrentSyncsSurviveACrash"}},
		{syncedByOthers, []string{"ConcurrentSyncsSurviveACrash"}},
		{deletesNotSynced, []string{"SyncedChangesSurviveACrash", "CrashLeavesEachLeaseWhole"}},
		{crashTears, []string{"CrashLeavesEachLeaseWhole"}},
		{hostnameStale, []string{"FindHostname"}},
	} {
		t.Run(string(tc.flaw), func(t *testing.T) {
			for _, name := range tc.by {
				// A race is not lost every time.
				why := ""
				for tries := 0; why == "" && tries < 20; tries++ {
					why = failures(t, flawedSuite(tc.flaw), name)[name]
				}
				if why == "" {
					t.Errorf("%s passes", name)
				}
				t.Logf("%s: %s", name, why)
			}
		})
	}
}

func TestSuiteFindsUncheckedStore(t *testing.T) {
	s := Suite{Open: func(testing.TB) lease.Store { return Unchecked(new(lease.Memory)) }}
	finds := []string{
		"StaleOldConflicts", "CreateOverExistingConflicts", "RecreatedLeaseHasAnotherRevision",
		"ConcurrentSwapsLoseNoUpdate", "RandomOperationsAgreeWithModel",
	}
	for _, name := range finds {
		why := ""
		for tries := 0; why == "" && tries < 20; tries++ {
			why = failures(t, s, name)[name]
		}
		if why == "" {
			t.Errorf("%s passes", name)
		}
	}
	// Nothing else is wrong with it.
	others := failures(t, s, "CreateReplaceDelete", "FindByEachKey", "LeasesSelects", "ImpossibleChanges")
	for name, why := range others {
		t.Errorf("%s fails: %s", name, why)
	}
}
