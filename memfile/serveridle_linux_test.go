package memfile_test

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/memfile"
)

// idleEnv tells the child of TestIdleServerSleeps which store it has.
const idleEnv = "EMBEDHCP_IDLE_STORE"

// TestIdleServerSleeps counts how often the kernel runs a process with a Server
// that has 1,000 leases and nothing to do. EMBEDHCP_IDLE is how long to count.
func TestIdleServerSleeps(t *testing.T) {
	if os.Getenv(idleEnv) != "" {
		idle(t)
		return
	}
	window, most := 10*time.Second, 4
	if s := os.Getenv("EMBEDHCP_IDLE"); s != "" {
		var err error
		if window, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	} else if testing.Short() {
		t.Skip("it takes 10 s")
	}
	var pids []int
	stores := []string{"memory", "file", "file synced now and then"}
	for _, store := range stores {
		pids = append(pids, startIdle(t, store))
	}
	for _, pid := range pids {
		settle(t, pid)
	}
	before := make([]int, len(pids))
	for i, pid := range pids {
		before[i] = switches(t, pid)
	}
	time.Sleep(window)
	for i, pid := range pids {
		n := switches(t, pid) - before[i]
		t.Logf("leases in %s: %d context switches in %v", stores[i], n, window)
		if n > most {
			t.Errorf("leases in %s: %d context switches in %v, want at most %d", stores[i], n, window, most)
		}
	}
}

// startIdle starts a process that does nothing, with leases in the given
// store, until the test ends.
func startIdle(t *testing.T, store string) (pid int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestIdleServerSleeps$", "-test.timeout=0")
	// The runtime collects the garbage of any program every two minutes.
	cmd.Env = append(os.Environ(), idleEnv+"="+store, "GOGC=off")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	t.Cleanup(func() {
		in.Close()
		rest, _ := io.ReadAll(lines)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the process with leases in %s: %v\n%s", store, err, rest)
		}
	})
	if line, err := lines.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the process with leases in %s says %q, %v", store, line, err)
	}
	return cmd.Process.Pid
}

// settle waits until the process has not run for two seconds, a minute at most:
// the runtime goes to sleep in steps.
func settle(t *testing.T, pid int) {
	t.Helper()
	last := switches(t, pid)
	for range 30 {
		time.Sleep(2 * time.Second)
		now := switches(t, pid)
		if now == last {
			return
		}
		last = now
	}
	t.Log("the process never sleeps for two seconds")
}

// switches returns how often threads of the process gave up a processor.
func switches(t *testing.T, pid int) int {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(files) == 0 {
		t.Fatalf("no threads of process %d, %v", pid, err)
	}
	sum := 0
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			continue // a thread that ended
		}
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(line, ":")
			if key != "voluntary_ctxt_switches" && key != "nonvoluntary_ctxt_switches" {
				continue
			}
			n, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
	}
	return sum
}

// idle is the child: it does nothing until its standard input ends.
func idle(t *testing.T) {
	var st lease.Store = new(lease.Memory)
	if kind := os.Getenv(idleEnv); kind != "memory" {
		opts := new(memfile.Options)
		if kind != "file" {
			opts.Sync = memfile.SyncInterval(100 * time.Millisecond)
		}
		file, err := memfile.Open(filepath.Join(t.TempDir(), "leases4.csv"), opts)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		st = file
	}
	var changes []lease.Change
	for i := range 1000 {
		l := lease.Lease{
			Addr: netip.AddrFrom4([4]byte{192, 0, byte(3 + i>>8), byte(i)}), SubnetID: 1,
			HardwareAddr: lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:%02x:%02x", i>>8, i&0xff)),
		}
		l.SetLifetime(time.Now(), time.Hour+time.Duration(i)*time.Second)
		changes = append(changes, lease.Change{New: &l})
	}
	if err := st.Update(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	if err := st.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	srv := newServer(t, st)
	if !request(t, srv) {
		t.Fatal("no ACK")
	}
	fmt.Println("ready")
	os.Stdin.Read(make([]byte, 1))
}
