package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/examples/internal/netlab"
)

const (
	serverPort = "ens33" // the server's interface
	clientPort = "eth0"  // the client's
)

// A lab is two hosts on one Ethernet: the server with 192.168.1.1/24 on ens33,
// and the client with the given MAC address on eth0, without an address. Both
// have files of their own where the system has Kea's and the clients'.
type lab struct {
	t              *testing.T
	server, client *netlab.Host
	etc, lib, run  string // on the server: /etc/kea, /var/lib and /run

	mu      sync.Mutex
	replies []dhcp4.Message // that the client got
}

// newServer makes a host that has folders of its own where a DHCP server has
// its files.
func newServer(t *testing.T) (h *netlab.Host, etc, lib, run string) {
	t.Helper()
	h = netlab.NewHost(t, "server")
	h.Env = []string{"KEA_LOCKFILE_DIR=/run/lock/kea", "KEA_PIDFILE_DIR=/run/kea"}
	for _, dir := range []string{"etc", "lib", "run", "lib/kea", "run/kea", "run/lock/kea"} {
		// Servers without root are to write here too.
		if err := os.Chmod(h.Folder(dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	etc, lib, run = h.Path("etc"), h.Path("lib"), h.Path("run")
	h.Mounts["/etc/kea"], h.Mounts["/var/lib"], h.Mounts["/run"] = etc, lib, run
	return h, etc, lib, run
}

func newLab(t *testing.T, mac string) *lab {
	t.Helper()
	l := &lab{t: t}
	l.server, l.etc, l.lib, l.run = newServer(t)
	l.client = netlab.NewHost(t, "client")
	l.configure()
	l.server.IP("link", "add", serverPort, "type", "veth", "peer", "name", clientPort, "address", mac, "netns", l.client.Namespace)
	l.server.IP("addr", "add", "192.168.1.1/24", "dev", serverPort)
	l.server.IP("link", "set", serverPort, "up")
	l.client.IP("link", "set", clientPort, "up")
	l.watch()
	return l
}

// configure writes the configuration of the tutorial with parts replaced:
// pairs of old and new text.
func (l *lab) configure(changes ...string) {
	l.t.Helper()
	text, err := os.ReadFile("testdata/kea-dhcp4.conf")
	if err != nil {
		l.t.Fatal(err)
	}
	s := string(text)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(s, changes[i]) {
			l.t.Fatalf("the configuration has no %q", changes[i])
		}
		s = strings.Replace(s, changes[i], changes[i+1], 1)
	}
	if err := os.WriteFile(filepath.Join(l.etc, "kea-dhcp4.conf"), []byte(s), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// serve starts a server with the tutorial's file and waits until it serves.
func (l *lab) serve(server ...string) *netlab.Process {
	l.t.Helper()
	p := l.server.Start(append(server, "-c", "/etc/kea/kea-dhcp4.conf")...)
	p.Awaits("DHCP4_STARTED")
	return p
}

// leaseRows returns the rows of the server's lease file without the header.
func (l *lab) leaseRows() []string {
	l.t.Helper()
	text, err := os.ReadFile(filepath.Join(l.lib, "kea/kea-leases4.csv"))
	if err != nil {
		l.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")[1:]
}

// watch notes the replies that reach the client's interface.
func (l *lab) watch() {
	l.t.Helper()
	var c *packet.Conn
	err := l.client.Within(func() error {
		ifi, err := net.InterfaceByName(clientPort)
		if err == nil {
			c, err = packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil)
		}
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	stopped := make(chan struct{})
	l.t.Cleanup(func() {
		c.Close()
		<-stopped
	})
	go func() {
		defer close(stopped)
		frame := make([]byte, 4096)
		for {
			n, _, err := c.ReadFrom(frame)
			if err != nil {
				return
			}
			var m dhcp4.Message
			if p, ok := dhcp4.ParseFrame(append([]byte(nil), frame[:n]...)); ok && m.Unmarshal(p.Data) == nil && m.Op == dhcp4.OpReply {
				l.mu.Lock()
				l.replies = append(l.replies, m)
				l.mu.Unlock()
			}
		}
	}()
}

// built is the program under test; it is built once.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	netlab.Parallel(8)
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "keadhcp4"); built.err != nil {
			return
		}
		if built.err = os.Chmod(built.dir, 0o755); built.err != nil {
			return
		}
		if out, err := exec.Command("go", "build", "-o", built.dir, ".").CombinedOutput(); err != nil {
			built.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "keadhcp4")
}
