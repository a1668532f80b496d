package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/embedhcp/embedhcp/examples/internal/netlab"
)

const serverPort = "ens33" // the server's interface, a bridge that clients are joined to

// A lab is a host with 192.168.1.1/24 that the server runs on.
type lab struct {
	t      *testing.T
	server *netlab.Host
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, server: netlab.NewHost(t, "server")}
	l.server.IP("link", "add", serverPort, "type", "bridge")
	l.server.IP("addr", "add", "192.168.1.1/24", "dev", serverPort)
	l.server.IP("link", "set", serverPort, "up")
	return l
}

// station adds a client.
func (l *lab) station(mac string, c netlab.Client) *netlab.Station {
	l.t.Helper()
	return netlab.NewStation(l.t, l.server, serverPort, mac, c)
}

// serve starts the quickstart on the server and waits until it listens.
func (l *lab) serve(args ...string) *netlab.Process {
	l.t.Helper()
	p := l.server.Start(append([]string{quickstart(l.t), "-interface", serverPort, "-leases", l.leaseFile()}, args...)...)
	l.server.AwaitServer(p)
	return p
}

// leaseFile is where the server of the lab keeps its leases.
func (l *lab) leaseFile() string { return l.server.Path("leases4.csv") }

func (l *lab) rows() string {
	l.t.Helper()
	text, err := os.ReadFile(l.leaseFile())
	if err != nil {
		l.t.Fatal(err)
	}
	return string(text)
}

// row returns the last row of the lease file without the time of expiry.
func (l *lab) row() string {
	l.t.Helper()
	rows := strings.Split(strings.TrimSuffix(l.rows(), "\n"), "\n")
	fields := strings.Split(rows[len(rows)-1], ",")
	if len(fields) < 5 {
		return rows[len(rows)-1]
	}
	return strings.Join(slices.Delete(fields, 4, 5), ",")
}
