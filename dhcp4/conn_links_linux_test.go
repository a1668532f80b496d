package dhcp4

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

// inOwnNetwork runs f on a thread with a network namespace of its own, where ip
// runs the program of that name.
func inOwnNetwork(t *testing.T, f func(ip func(args string))) {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs root to make a network namespace")
		}
		t.Skip("needs root to make a network namespace: go test -c ./dhcp4 && sudo ./dhcp4.test")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skipf("needs the programs of iproute2: %v", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Error(os.NewSyscallError("unshare", err))
			return
		}
		f(func(args string) {
			if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
				t.Errorf("ip %s: %v: %s", args, err, out)
			}
		})
	}()
	<-done
}

func TestNetlinkReadsLinksAsPackageNetDoes(t *testing.T) {
	inOwnNetwork(t, func(ip func(string)) {
		ip("link set lo up")
		ip("link add one type veth peer name two")
		for _, a := range []string{"192.168.1.1/24", "192.168.1.2/24", "10.0.0.1 peer 10.0.0.2/32", "172.16.0.1/12", "fd00::1/64"} {
			ip("addr add " + a + " dev one")
		}
		ip("link set one up")
		nl, err := openNetlink(0)
		if err != nil {
			t.Error(err)
			return
		}
		defer nl.close()
		ifis, err := net.Interfaces()
		if err != nil || len(ifis) < 3 {
			t.Errorf("net.Interfaces: %d, %v", len(ifis), err)
		}
		for _, ifi := range ifis {
			want := &Link{Name: ifi.Name, Index: ifi.Index}
			want.HardwareAddr, _ = lease.HardwareAddrFrom(ifi.HardwareAddr)
			addrs, err := ifi.Addrs()
			if err != nil {
				t.Error(err)
			}
			for _, a := range addrs {
				if p := netip.MustParsePrefix(a.String()); p.Addr().Is4() {
					want.Addrs = append(want.Addrs, p)
				}
			}
			got, err := nl.link(ifi.Index)
			if err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
				t.Errorf("%s (-net +netlink):\n%s", ifi.Name, diff)
			}
		}
		if _, err := nl.link(4711); !errors.Is(err, unix.ENODEV) {
			t.Errorf("a link that there is not: %v, want ENODEV", err)
		}
	})
}

func TestNetlinkReadsManyAddresses(t *testing.T) {
	const n = 1000 // of many answers, each as long as the buffer
	inOwnNetwork(t, func(ip func(string)) {
		batch := ""
		for i := range n {
			batch += fmt.Sprintf("addr add 10.%d.%d.1/24 dev lo\n", i/250, i%250)
		}
		cmd := exec.Command("ip", "-batch", "-")
		cmd.Stdin = strings.NewReader(batch)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("ip -batch: %v: %s", err, out)
		}
		nl, err := openNetlink(0)
		if err != nil {
			t.Error(err)
			return
		}
		defer nl.close()
		link, err := nl.link(1)
		if err != nil || len(link.Addrs) != n {
			t.Errorf("%d addresses, %v, want %d", len(link.Addrs), err, n)
		}
	})
}

func TestLinkTableForgetsLinksThatAreGone(t *testing.T) {
	inOwnNetwork(t, func(ip func(string)) {
		nl, err := openNetlink(0)
		if err != nil {
			t.Error(err)
			return
		}
		defer nl.close()
		table, now, most := newLinkTable(nl, nil), time.Now(), 0
		for i := range minSweep + minSweep/2 {
			ip(fmt.Sprintf("link add index %d name v%d type veth peer name p", 1000+i, i))
			now = now.Add(2 * linkMaxAge)
			if got := table.get(1000+i, now); got == nil || got.Name != fmt.Sprint("v", i) {
				t.Errorf("link %d is %+v", i, got)
			}
			ip(fmt.Sprintf("link del v%d", i))
			most = max(most, len(table.known))
		}
		if most > minSweep {
			t.Errorf("%d links known although all but one are gone, want at most %d", most, minSweep)
		}
		if got := table.get(1000, now); got != nil {
			t.Errorf("a link that is gone is %+v", got)
		}
	})
}
