package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/dhcp4test"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/memfile"
)

// demo lets a client get, renew and release a lease, with a restart of the
// server in between, and prints every packet and then the lease file.
func demo(w io.Writer) error {
	dir, err := os.MkdirTemp("", "quickstart")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "leases4.csv")

	ctx := context.Background()
	client := &dhcp4test.Client{
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:11:22:33"),
		Hostname:     "laptop",
		Trace: func(sent bool, _ dhcp4.Packet, m *dhcp4.Message) {
			direction := "<"
			if sent {
				direction = ">"
			}
			fmt.Fprintln(w, direction, m)
		},
	}
	err = withServer(file, client, func() error {
		if _, err := client.Acquire(ctx); err != nil {
			return err
		}
		_, err := client.Renew(ctx)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "- the server restarts")
	err = withServer(file, client, func() error {
		if _, err := client.Renew(ctx); err != nil {
			return err
		}
		return client.Release()
	})
	if err != nil {
		return err
	}

	rows, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "- %s\n%s", filepath.Base(file), rows)
	return nil
}

// withServer runs f while a server with the given lease file serves client.
func withServer(file string, client *dhcp4test.Client, f func() error) (err error) {
	leases, err := memfile.Open(file, &memfile.Options{Schema: memfile.Schema21})
	if err != nil {
		return err
	}
	defer leases.Close()
	// The tutorial network is on this link; its sockets are on loopback.
	link := &dhcp4.Link{Name: "demo", Addrs: []netip.Prefix{netip.MustParsePrefix("192.168.1.1/24")}}
	serverConn, clientConn, err := dhcp4test.LoopbackLink(link)
	if err != nil {
		return err
	}
	defer clientConn.Close()
	client.Conn = clientConn

	config := network()
	config.Leases = leases
	srv, err := dhcp4.NewServer(config)
	if err != nil {
		return err
	}
	events := srv.Events(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), serverConn) }()
	err = f()
	if err == nil && !client.Addr.IsValid() {
		// Nothing answers a RELEASE: the event tells that it has arrived.
		for e := range events {
			if e.Kind == dhcp4.EventReleased {
				break
			}
		}
	}
	if e := srv.Shutdown(context.Background()); err == nil {
		err = e
	}
	if e := <-served; err == nil && !errors.Is(e, dhcp4.ErrServerClosed) {
		err = e
	}
	if e := leases.Close(); err == nil {
		err = e
	}
	return err
}
