//go:build unix

package memfile

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// killClients is how many exchanges are under way when the process is killed.
const killClients = 64

var killModes = map[string]SyncMode{"SyncAlways": SyncAlways, "SyncInterval": SyncInterval(50 * time.Millisecond), "SyncNever": SyncNever}

// TestMain is the process to be killed if the environment says so.
func TestMain(m *testing.M) {
	if path := os.Getenv("EMBEDHCP_KILL_FILE"); path != "" {
		err := serveUntilKilled(path, killModes[os.Getenv("EMBEDHCP_KILL_MODE")], os.Getenv("EMBEDHCP_KILL_NOSYNC") != "")
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// serveUntilKilled has clients that renew, release and take back an address
// each. Before a change a line says what is tried, after Sync another one that
// it was confirmed: the ACK.
func serveUntilKilled(path string, mode SyncMode, noSync bool) error {
	// Growth has a cleanup under way much of the time.
	st, err := Open(path, &Options{Sync: mode, LFCInterval: 20 * time.Millisecond})
	if err != nil {
		return err
	}
	failed := make(chan error)
	for i := range killClients {
		go func() { failed <- killClient(st, i, noSync) }()
	}
	return <-failed
}

func killClient(st *Store, i int, noSync bool) error {
	ctx := context.Background()
	addr := netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})
	old, have, err := lease.Get(ctx, st, addr)
	if err != nil {
		return err
	}
	n := int64(1)
	if have {
		n = old.Expires.Unix() - testTime.Unix() + 1
	}
	say := func(what string, n int64) error {
		_, err := os.Stdout.WriteString(fmt.Sprintf("%s %d %d\n", what, i, n)) // one write(2)
		return err
	}
	for ; ; n++ {
		var was, next *lease.Lease
		if have {
			was = &old
		}
		if !have || n%9 != 0 {
			l := *testLease("192.0.2.1")
			l.Addr, l.Expires = addr, testTime.Add(time.Duration(n)*time.Second)
			next = &l
		}
		state := n
		if next == nil {
			state = -n // deleted
		}
		if err := say("try", state); err != nil {
			return err
		}
		if err := lease.CompareAndSwap(ctx, st, was, next); err != nil {
			return err
		}
		if !noSync {
			if err := st.Sync(ctx); err != nil {
				return err
			}
		}
		if err := say("ack", state); err != nil {
			return err
		}
		if have = next != nil; have {
			old = *next
		}
	}
}

// TestKilledProcessLosesNothingThatWasConfirmed kills a process with kill -9 at
// random moments, opens what it leaves in the next one, and so on.
func TestKilledProcessLosesNothingThatWasConfirmed(t *testing.T) {
	rounds := 10
	if s := os.Getenv("EMBEDHCP_KILLS"); s != "" {
		var err error
		if rounds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	} else if testing.Short() {
		rounds = 2
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for mode := range killModes {
		t.Run(mode, func(t *testing.T) {
			k := killer{path: filepath.Join(t.TempDir(), testFile), mode: mode, random: rand.New(rand.NewPCG(seed, 0))}
			for round := range rounds {
				if err := k.round(t); err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
			}
			t.Logf("%d kills, %d confirmed changes, %d of them in flight at the kill, %d kills in a cleanup", rounds, k.acks, k.inFlight, k.cleanups)
			// Two rounds may end before the clients are at full speed.
			if rounds >= 10 && k.inFlight < rounds*killClients/4 {
				t.Errorf("only %d changes in flight", k.inFlight)
			}
		})
	}
}

func TestKillTestFindsMissingSync(t *testing.T) {
	k := killer{path: filepath.Join(t.TempDir(), testFile), mode: "SyncNever", noSync: true, random: rand.New(rand.NewPCG(1, 2))}
	for range 10 {
		if err := k.round(t); err != nil {
			t.Log(err)
			return
		}
	}
	t.Error("no loss found though nobody calls Sync")
}

type killer struct {
	path, mode string
	noSync     bool
	random     *rand.Rand

	known                    [killClients][]int64 // the last confirmed state, then what was tried since
	acks, inFlight, cleanups int
}

func (k *killer) round(t *testing.T) error {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "EMBEDHCP_KILL_FILE="+k.path, "EMBEDHCP_KILL_MODE="+k.mode)
	if k.noSync {
		cmd.Env = append(cmd.Env, "EMBEDHCP_KILL_NOSYNC=1")
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The time counts from the first ACK on.
	patience := time.Duration(k.random.Int64N(int64(120 * time.Millisecond)))
	acks := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var what string
		var i int
		var state int64
		if n, _ := fmt.Sscan(lines.Text(), &what, &i, &state); n != 3 {
			t.Fatalf("line %q", lines.Text())
		}
		switch what {
		case "try":
			if k.known[i] == nil {
				k.known[i] = []int64{0}
			}
			k.known[i] = append(k.known[i], state)
		case "ack":
			k.known[i] = []int64{state}
			if acks++; acks == 1 {
				time.AfterFunc(patience, func() { cmd.Process.Kill() })
			}
		}
	}
	if err := cmd.Wait(); cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the process ended by itself: %v\n%s", err, &stderr)
	}
	k.acks += acks
	if _, err := os.Stat(k.path + suffixPID); err == nil {
		k.cleanups++
	}
	st, err := Open(k.path, &Options{LFCInterval: -1})
	if err != nil {
		return err
	}
	defer st.Close()
	for i, states := range k.known {
		if len(states) > 1 {
			k.inFlight++
		}
		found := int64(0)
		l, ok, err := lease.Get(context.Background(), st, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
		if err != nil {
			return err
		}
		if ok {
			found = l.Expires.Unix() - testTime.Unix()
		}
		fits := len(states) == 0 && !ok
		for _, s := range states {
			fits = fits || max(s, 0) == found
		}
		if !fits {
			return fmt.Errorf("client %d: found %d, confirmed and tried %d", i, found, states)
		}
		k.known[i] = []int64{found} // the next process goes on from here
	}
	return st.Close()
}
