//go:build linux

package memfile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/lease"
)

// needsKea returns the paths of programs, or skips the test; in CI their
// absence is a failure.
func needsKea(t *testing.T, programs ...string) []string {
	t.Helper()
	var paths []string
	for _, program := range programs {
		path, err := exec.LookPath(program)
		for _, folder := range []string{"/usr/sbin/", "/usr/local/sbin/"} {
			if err != nil {
				path, err = exec.LookPath(folder + program)
			}
		}
		switch {
		case err == nil:
		case os.Getenv("CI") == "true":
			t.Fatal(err)
		default:
			t.Skipf("%v; install the package kea-dhcp4-server", err)
		}
		paths = append(paths, path)
	}
	return paths
}

// quickFolder returns a folder for tests that do not care what a disk does, in
// memory if there is a place.
func quickFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "memfile")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// keaLFC runs Kea's own cleanup on the files of path.
func keaLFC(t *testing.T, program, path string) {
	t.Helper()
	cmd := exec.Command(program, "-4", "-x", path+".2", "-i", path+".1", "-o", path+".output", "-f", path+".completed", "-p", path+".pid", "-c", "none", "-d")
	cmd.Env = append(os.Environ(), "KEA_LOCKFILE_DIR="+filepath.Dir(path))
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "LFC_FAIL") || !strings.Contains(string(out), "LFC_TERMINATE") {
		t.Fatalf("kea-lfc: %v\n%s", err, out)
	}
}

// A liveKea is a running kea-dhcp4 that serves nobody.
type liveKea struct {
	t      *testing.T
	cmd    *exec.Cmd
	log    *bytes.Buffer
	socket string
	ended  chan error
}

func startKea(t *testing.T, path string) *liveKea {
	t.Helper()
	return startKeaWith(t, path, `"subnet4": [ { "id": 1, "subnet": "192.0.0.0/16" }, { "id": 7, "subnet": "10.0.0.0/8" } ]`)
}

// startKeaWith starts one that has the members in its configuration.
func startKeaWith(t *testing.T, path, members string) *liveKea {
	t.Helper()
	programs := needsKea(t, "kea-dhcp4")
	hooks, _ := filepath.Glob("/usr/lib/*/kea/hooks/libdhcp_lease_cmds.so")
	if len(hooks) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("Kea's lease_cmds is not installed")
		}
		t.Skip("Kea's lease_cmds is not installed")
	}
	folder, err := os.MkdirTemp("", "kea") // short enough for a socket's name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	k := &liveKea{t: t, log: new(bytes.Buffer), socket: filepath.Join(folder, "socket"), ended: make(chan error, 1)}
	config := fmt.Sprintf(`{ "Dhcp4": {
		"interfaces-config": { "interfaces": [ ] },
		"control-socket": { "socket-type": "unix", "socket-name": %q },
		"lease-database": { "type": "memfile", "name": %q, "lfc-interval": 0 },
		"hooks-libraries": [ { "library": %q } ],
		"expired-leases-processing": { "reclaim-timer-wait-time": 0, "flush-reclaimed-timer-wait-time": 0 },
		%s } }`, k.socket, path, hooks[0], members)
	file := filepath.Join(folder, "kea.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	k.cmd = exec.Command(programs[0], "-c", file)
	k.cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+folder, "KEA_LOCKFILE_DIR="+folder, "KEA_LOGGER_DESTINATION=stderr")
	k.cmd.Stdout, k.cmd.Stderr = k.log, k.log
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { k.ended <- k.cmd.Wait() }()
	t.Cleanup(k.stop)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("unix", k.socket); err == nil {
			c.Close()
			return k
		}
		select {
		case err := <-k.ended:
			k.ended <- err
			t.Fatalf("kea-dhcp4 has ended: %v\n%s", err, k.log)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("kea-dhcp4 does not answer")
		}
	}
}

// stop kills Kea, which loses nothing by that.
func (k *liveKea) stop() {
	k.cmd.Process.Kill()
	err := <-k.ended
	k.ended <- err
}

func (k *liveKea) command(name string, arguments any) (result int, answer json.RawMessage) {
	k.t.Helper()
	c, err := net.Dial("unix", k.socket)
	if err != nil {
		k.t.Fatal(err)
	}
	defer c.Close()
	request := map[string]any{"command": name}
	if arguments != nil {
		request["arguments"] = arguments
	}
	if err := json.NewEncoder(c).Encode(request); err != nil {
		k.t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		k.t.Fatal(err)
	}
	var r struct {
		Result    int
		Text      string
		Arguments json.RawMessage
	}
	// Bytes of a host name come as they are, Latin-1 or not.
	if err := json.Unmarshal(latin1(b), &r); err != nil {
		k.t.Fatalf("%v in %q", err, b)
	}
	if r.Result != 0 {
		return r.Result, json.RawMessage(r.Text)
	}
	return 0, r.Arguments
}

// latin1 makes one rune of each byte.
func latin1(b []byte) []byte {
	var out []byte
	for _, c := range b {
		out = append(out, string(rune(c))...)
	}
	return out
}

func (k *liveKea) leases() map[netip.Addr]lease.Lease {
	k.t.Helper()
	result, answer := k.command("lease4-get-all", nil)
	var list struct{ Leases []keaLease }
	if result != 0 {
		k.t.Fatalf("lease4-get-all: %s", answer)
	}
	if err := json.Unmarshal(answer, &list); err != nil {
		k.t.Fatal(err)
	}
	m := make(map[netip.Addr]lease.Lease)
	for _, l := range list.Leases {
		m[l.Addr] = l.lease(k.t)
	}
	return m
}

// sortedContexts sorts the keys of user contexts, which Kea does as well.
func sortedContexts(t *testing.T, m map[netip.Addr]lease.Lease) map[netip.Addr]lease.Lease {
	t.Helper()
	out := make(map[netip.Addr]lease.Lease)
	for a, l := range m {
		if l.UserContext != "" {
			var v any
			if err := json.Unmarshal([]byte(l.UserContext), &v); err != nil {
				t.Fatalf("%v: %s", err, l.UserContext)
			}
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			l.UserContext = string(b)
		}
		out[a] = l
	}
	return out
}

// storeSamples makes a lease file with the samples, by way of another state of
// each and with leases that have come and gone.
func storeSamples(t *testing.T, path string, samples map[string]lease.Lease) {
	t.Helper()
	ctx := context.Background()
	st, err := Open(path, &Options{Schema: Schema21})
	if err != nil {
		t.Fatal(err)
	}
	for name, l := range samples {
		first := *testLease("192.0.2.1")
		first.Addr = l.Addr
		passing := *testLease("192.0.2.1")
		passing.Addr = netip.AddrFrom4([4]byte{192, 0, 99, l.Addr.As4()[3]})
		passing.ClientID, passing.UserContext = l.ClientID, l.UserContext
		if err := lease.CompareAndSwap(ctx, st, nil, &first); err != nil {
			t.Fatal(err)
		}
		if err := lease.CompareAndSwap(ctx, st, &first, &l); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if old, ok, _ := lease.Get(ctx, st, passing.Addr); ok {
			if err := lease.CompareAndSwap(ctx, st, &old, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := lease.CompareAndSwap(ctx, st, nil, &passing); err != nil {
			t.Fatal(err)
		}
		if err := lease.CompareAndSwap(ctx, st, &passing, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

func wanted(samples map[string]lease.Lease, as func(lease.Lease) lease.Lease) map[netip.Addr]lease.Lease {
	m := make(map[netip.Addr]lease.Lease)
	for _, l := range samples {
		m[l.Addr] = as(l)
	}
	return m
}

func TestKeaLoadsEveryLeaseThatWeWrite(t *testing.T) {
	samples := keaSamples()
	if len(samples) < 60 {
		t.Fatalf("only %d samples", len(samples))
	}
	t.Logf("%d samples", len(samples))
	path := filepath.Join(quickFolder(t), testFile)
	storeSamples(t, path, samples)
	k := startKea(t, path)
	if diff := cmp.Diff(sortedContexts(t, wanted(samples, asKea)), sortedContexts(t, k.leases()), sameLease); diff != "" {
		t.Errorf("leases (-ours +Kea's)\n%s", diff)
	}
	if _, err := Open(path, nil); !errors.Is(err, ErrInUse) {
		t.Errorf("Open while Kea runs: %v, want ErrInUse", err)
	}
	k.stop()
	if strings.Contains(k.log.String(), "ROW_ERROR") {
		t.Errorf("Kea discards rows:\n%s", k.log)
	}
	st, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	got, err := contents(st)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted(samples, readBack), got, sameLease); diff != "" {
		t.Errorf("after Kea (-ours +got)\n%s", diff)
	}
}

// readBack is l without what was no use to its context.
func readBack(l lease.Lease) lease.Lease {
	if len(l.ClientID.Octets()) > keaClientID {
		_, l.UserContext, _ = cutClientID(l.UserContext)
	}
	return l
}

func TestWeLoadEveryLeaseThatKeaWrites(t *testing.T) {
	program := needsKea(t, "kea-lfc")[0]
	samples := keaSamples()
	path := filepath.Join(quickFolder(t), testFile)
	storeSamples(t, path+".1", samples)
	keaLFC(t, program, path)
	st, err := Open(path, &Options{LFCInterval: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	got, err := contents(st)
	if err != nil {
		t.Fatal(err)
	}
	if st.RowErrors() != 0 {
		t.Errorf("%d damaged rows", st.RowErrors())
	}
	want := wanted(samples, readBack)
	if diff := cmp.Diff(sortedContexts(t, want), sortedContexts(t, got), sameLease); diff != "" {
		t.Errorf("leases (-ours +by way of Kea)\n%s", diff)
	}

	// What Kea's server writes on its own.
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	k := startKea(t, path)
	added := 0
	for name, l := range samples {
		arguments := map[string]any{
			"ip-address": netip.AddrFrom4([4]byte{192, 0, 77, l.Addr.As4()[3]}), "hw-address": "02:00:00:00:00:01", "subnet-id": 1,
			"hostname": "kea", "fqdn-fwd": l.FQDNForward, "fqdn-rev": l.FQDNReverse, "valid-lft": uint32(l.Lifetime / time.Second), "state": l.State,
		}
		if !l.HardwareAddr.IsZero() {
			arguments["hw-address"] = l.HardwareAddr
		}
		if n := len(l.ClientID.Octets()); n > 0 && n <= keaClientID {
			arguments["client-id"] = l.ClientID
		}
		if l.UserContext != "" {
			arguments["user-context"] = json.RawMessage(l.UserContext)
		}
		if l.Hostname == strings.ToValidUTF8(l.Hostname, "") && l.Hostname != "" {
			arguments["hostname"] = l.Hostname
		}
		if result, text := k.command("lease4-add", arguments); result == 0 {
			added++
		} else {
			t.Logf("%s: Kea does not add it: %s", name, text)
		}
	}
	theirs := k.leases()
	k.stop()
	if added < 60 {
		t.Errorf("only %d leases added", added)
	}
	st, err = Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if got, err = contents(st); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(theirs, func(a netip.Addr, _ lease.Lease) bool { return a.As4()[2] != 77 })
	maps.DeleteFunc(got, func(a netip.Addr, _ lease.Lease) bool { return a.As4()[2] != 77 })
	if diff := cmp.Diff(sortedContexts(t, theirs), sortedContexts(t, got), sameLease); diff != "" {
		t.Errorf("leases (-Kea's +got)\n%s", diff)
	}
}

// TestKeasCleanupAndOursAgree lets both clean up every recorded file, and each
// the other's result.
func TestKeasCleanupAndOursAgree(t *testing.T) {
	program := needsKea(t, "kea-lfc")[0]
	files, err := filepath.Glob("testdata/kea-2.2/*.csv")
	if err != nil || len(files) < 60 {
		t.Fatal(len(files), err)
	}
	compared := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".csv")
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := open(newFakeFS(string(content)), testFile, &byHand, testNow)
		if err != nil || keaDifferences[name] != nil || ours.RowErrors() > 100 {
			continue // what is refused, what we treat otherwise on purpose, and what is too much for kea-lfc
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, err := contents(ours)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(quickFolder(t), testFile)
			if err := os.WriteFile(path+".1", content, 0o600); err != nil {
				t.Fatal(err)
			}
			keaLFC(t, program, path)
			for _, after := range []string{"Kea", "us", "Kea again"} {
				st, err := Open(path, &Options{LFCInterval: -1, Schema: Schema21})
				if err != nil {
					t.Fatal(err)
				}
				got, err := contents(st)
				if err != nil {
					t.Fatal(err)
				}
				for a, l := range got {
					l.PoolID = want[a].PoolID // Kea 2.2 has none
					got[a] = l
				}
				if diff := cmp.Diff(sortedContexts(t, want), sortedContexts(t, got), sameLease); diff != "" {
					t.Errorf("after %s (-ours +got)\n%s", after, diff)
				}
				if after == "Kea" {
					err = st.Cleanup(context.Background())
				}
				if err = errors.Join(err, st.Close()); err != nil {
					t.Fatal(err)
				}
				if after == "us" {
					if err := os.Rename(path, path+".1"); err != nil {
						t.Fatal(err)
					}
					keaLFC(t, program, path)
				}
			}
		})
		compared++
	}
	if compared < 60 {
		t.Errorf("only %d files", compared)
	}
}

// stopFS lets a number of calls happen and none after that.
type stopFS struct {
	fileSystem
	left *int
}

func (fs stopFS) stop() error {
	if *fs.left--; *fs.left < 0 {
		return errFault
	}
	return nil
}

func (fs stopFS) Create(name string, like file) (file, error) {
	if err := fs.stop(); err != nil {
		return nil, err
	}
	if f, ok := like.(stopFile); ok {
		like = f.file
	}
	f, err := fs.fileSystem.Create(name, like)
	return stopFile{f, fs}, err
}

func (fs stopFS) Open(name string) (file, error) {
	f, err := fs.fileSystem.Open(name)
	return stopFile{f, fs}, err
}

func (fs stopFS) Rename(from, to string) error {
	if err := fs.stop(); err != nil {
		return err
	}
	return fs.fileSystem.Rename(from, to)
}

func (fs stopFS) Remove(name string) error {
	if err := fs.stop(); err != nil {
		return err
	}
	return fs.fileSystem.Remove(name)
}

type stopFile struct {
	file
	fs stopFS
}

// Write stops in the middle.
func (f stopFile) Write(b []byte) (int, error) {
	if err := f.fs.stop(); err != nil {
		n, _ := f.file.Write(b[:len(b)/2])
		return n, err
	}
	return f.file.Write(b)
}

// TestKeaTakesOverInTheMiddleOfACleanup stops ours at every step. Kea's cleanup
// goes on from there, and Kea's server loads what is left.
func TestKeaTakesOverInTheMiddleOfACleanup(t *testing.T) {
	program := needsKea(t, "kea-lfc")[0]
	steps := 0
	for ; ; steps++ {
		path := filepath.Join(quickFolder(t), testFile)
		left := 1 << 30
		o := byHand
		o.Schema = Schema21
		st, err := open(stopFS{osFS{}, &left}, path, &o, testNow)
		if err != nil {
			t.Fatal(err)
		}
		renewAll(t, st, 4)
		if err := st.Cleanup(context.Background()); err != nil {
			t.Fatal(err)
		}
		renewAll(t, st, 6)
		old, _, _ := lease.Get(context.Background(), st, testLease("192.0.2.2").Addr)
		if err := lease.CompareAndSwap(context.Background(), st, &old, nil); err != nil {
			t.Fatal(err)
		}
		if err := st.Sync(context.Background()); err != nil {
			t.Fatal(err)
		}
		want := names(t, st)
		left = steps
		done := st.Cleanup(context.Background()) == nil
		left = -1
		st.Close() // releases the lock; a kill would as well

		os.Remove(path + suffixPID) // Kea respects it: this process is alive
		if steps%5 == 2 && !testing.Short() {
			k := startKea(t, path)
			var got []string
			for a := range k.leases() {
				got = append(got, fmt.Sprintf("%d:", a.As4()[3]))
			}
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("step %d: Kea loads (-ours +Kea's)\n%s", steps, diff)
			}
			k.stop()
		}
		keaLFC(t, program, path)
		again, err := Open(path, nil)
		if err != nil {
			t.Fatalf("step %d: %v", steps, err)
		}
		if diff := cmp.Diff(want, names(t, again)); diff != "" {
			t.Errorf("step %d: after kea-lfc (-ours +got)\n%s", steps, diff)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
		if done {
			break
		}
	}
	if steps < 12 {
		t.Errorf("only %d steps", steps)
	}
}
