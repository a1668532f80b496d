package lease_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/memfile"
)

// TestMillionLeases measures rather than tests: how much memory a million
// leases take that come from a file of 92 MB, and how long Find and Update
// need among them. It asserts nothing about either. Alone in its process, it
// tells the truth:
//
//	EMBEDHCP_MILLION=1 go test -run TestMillionLeases -v ./lease
func TestMillionLeases(t *testing.T) {
	if os.Getenv("EMBEDHCP_MILLION") == "" {
		t.Skip("set EMBEDHCP_MILLION=1 to measure")
	}
	path := filepath.Join(t.TempDir(), "leases.csv")
	writeMillion(t, path)
	t.Logf("load average %s; before: VmHWM %s", firstWords("/proc/loadavg", 3), status("VmHWM"))

	start, before := time.Now(), cpu(t)
	st, err := memfile.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	t.Logf("opened %d leases in %v (%v of CPU): VmHWM %s", st.Len(), time.Since(start).Round(time.Millisecond), cpu(t)-before, status("VmHWM"))
	before = cpu(t)
	const collections = 10
	for range collections {
		runtime.GC()
	}
	t.Logf("forced collection: %v of CPU", (cpu(t)-before)/collections)

	r := renewals{m: memoryOf(t, st), rnd: rand.New(rand.NewPCG(1, 2)), now: time.Unix(1795529962, 0)}
	r.find(0)
	r.old = r.qs[0].Leases[0]
	t.Logf("hot Update: %.0f ns", perCall(t, 3_000_000, r.update))
	t.Logf("hot Find by three keys and Update: %.0f ns", perCall(t, 3_000_000, func() { r.findAndUpdate(0) }))
	t.Logf("random Find by three keys: %.0f ns", perCall(t, 3_000_000, func() { r.find(r.rnd.IntN(million)) }))
	t.Logf("random Find by three keys and Update: %.0f ns", perCall(t, 3_000_000, func() { r.findAndUpdate(r.rnd.IntN(million)) }))
	t.Logf("load average %s", firstWords("/proc/loadavg", 3))
}

const million = 1_000_000

// keysOf returns the address and the hardware address of client i.
func keysOf(i int) (addr [4]byte, hw [6]byte) {
	b := [3]byte{byte(i >> 16), byte(i >> 8), byte(i)}
	vendor := byte(uint32(i) * 2654435761 >> 24)
	return [4]byte{10, b[0], b[1], b[2]}, [6]byte{2, 0, vendor, b[0], b[1], b[2]}
}

func writeMillion(t *testing.T, path string) {
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id")
	for i := range million {
		addr, octets := keysOf(i)
		hw, _ := lease.HardwareAddrFrom(octets[:])
		fmt.Fprintf(w, "%v,%v,01:%v,43200,%d,%d,0,0,host-%06d,0,,0\n",
			netip.AddrFrom4(addr), hw, hw, 1795529962+i*7919%43200, 1+i>>14, i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// memoryOf copies the leases, so that the time for the file is not measured.
func memoryOf(t *testing.T, st lease.Store) *lease.Memory {
	m := new(lease.Memory)
	for l, err := range st.Leases(t.Context(), lease.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Put(l); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// renewals renew the leases of clients.
type renewals struct {
	m   *lease.Memory
	rnd *rand.Rand
	now time.Time

	qs       [1]lease.Query
	addr     [1]netip.Addr
	subnet   [1]uint32
	id       [7]byte
	cs       [1]lease.Change
	old, new lease.Lease
}

func (r *renewals) find(i int) {
	addr, hw := keysOf(i)
	q := &r.qs[0]
	r.addr[0], r.subnet[0], r.id[0] = netip.AddrFrom4(addr), uint32(1+i>>14), 1
	copy(r.id[1:], hw[:])
	q.Addrs, q.Subnets, q.ClientID = r.addr[:], r.subnet[:], r.id[:]
	q.HardwareAddr, _ = lease.HardwareAddrFrom(hw[:])
	if err := r.m.Find(context.Background(), r.qs[:]); err != nil || len(q.Leases) != 1 {
		panic("not found")
	}
}

func (r *renewals) findAndUpdate(i int) {
	r.find(i)
	r.swap(&r.qs[0].Leases[0])
}

func (r *renewals) update() {
	r.swap(&r.old)
	r.old = r.new
}

func (r *renewals) swap(old *lease.Lease) {
	r.now = r.now.Add(20 * time.Millisecond)
	r.new = *old
	r.new.SetLifetime(r.now, 12*time.Hour)
	r.cs[0] = lease.Change{Old: old, New: &r.new}
	if err := r.m.Update(context.Background(), r.cs[:]); err != nil || r.cs[0].Err != nil {
		panic("renewal failed")
	}
}

// perCall returns what n calls take each, in nanoseconds of CPU: others may use
// the machine, too.
func perCall(t *testing.T, n int, f func()) float64 {
	before := cpu(t)
	for range n {
		f()
	}
	return float64(cpu(t)-before) / float64(n)
}

func cpu(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func status(field string) string {
	b, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(b), field+":")
	line, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(line)
}

func firstWords(path string, n int) string {
	b, _ := os.ReadFile(path)
	words := strings.Fields(string(b))
	return strings.Join(words[:min(n, len(words))], " ")
}
