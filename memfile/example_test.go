package memfile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/memfile"
)

// A lease is stored, made durable, and found again when the file is opened
// anew.
func ExampleOpen() {
	folder, err := os.MkdirTemp("", "memfile")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "leases4.csv")
	ctx := context.Background()

	leases, err := memfile.Open(path, &memfile.Options{Schema: memfile.Schema21})
	if err != nil {
		log.Fatal(err)
	}
	l := lease.Lease{
		Addr: netip.MustParseAddr("192.168.1.100"), SubnetID: 1,
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"), Hostname: "web-server",
		Lifetime: 12 * time.Hour, Expires: time.Unix(1795529844, 0).UTC(),
	}
	if err := lease.CompareAndSwap(ctx, leases, nil, &l); err != nil {
		log.Fatal(err)
	}
	if err := leases.Sync(ctx); err != nil { // only now may the client be told
		log.Fatal(err)
	}
	if err := leases.Close(); err != nil {
		log.Fatal(err)
	}

	leases, err = memfile.Open(path, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer leases.Close()
	found, ok, err := lease.Get(ctx, leases, l.Addr)
	fmt.Println(found.HardwareAddr, found.Expires, ok, err)
	text, _ := os.ReadFile(path)
	fmt.Print(string(text))
	// Output:
	// 00:0c:29:aa:bb:cc 2026-11-24 14:17:24 +0000 UTC true <nil>
	// address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context
	// 192.168.1.100,00:0c:29:aa:bb:cc,,43200,1795529844,1,0,0,web-server,0,
}

// A tool looks at the leases of a running server, which has the file to itself
// otherwise.
func ExampleOpen_readOnly() {
	folder, err := os.MkdirTemp("", "memfile")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "leases4.csv")
	ctx := context.Background()
	server, err := memfile.Open(path, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	l := lease.Lease{
		Addr: netip.MustParseAddr("192.168.1.100"), SubnetID: 1,
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"), Hostname: "web-server",
		Lifetime: 12 * time.Hour, Expires: time.Unix(1795529844, 0).UTC(),
	}
	if err := errors.Join(lease.CompareAndSwap(ctx, server, nil, &l), server.Sync(ctx)); err != nil {
		log.Fatal(err)
	}

	leases, err := memfile.Open(path, &memfile.Options{ReadOnly: true})
	if err != nil {
		log.Fatal(err)
	}
	defer leases.Close()
	found, err := leases.FindHostname(ctx, "web-server", nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range found {
		fmt.Println(l.Addr, l.HardwareAddr)
	}
	err = lease.CompareAndSwap(ctx, leases, &found[0], nil)
	fmt.Println(errors.Is(err, memfile.ErrReadOnly))
	// Output:
	// 192.168.1.100 00:0c:29:aa:bb:cc
	// true
}

// A backup is taken and put back while a server may be running on the leases.
func ExampleStore_Snapshot() {
	folder, err := os.MkdirTemp("", "memfile")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	ctx := context.Background()
	leases, err := memfile.Open(filepath.Join(folder, "leases4.csv"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer leases.Close()
	l := lease.Lease{
		Addr: netip.MustParseAddr("192.168.1.100"), SubnetID: 1,
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"),
		Lifetime:     12 * time.Hour, Expires: time.Unix(1795529844, 0).UTC(),
	}
	if err := lease.CompareAndSwap(ctx, leases, nil, &l); err != nil {
		log.Fatal(err)
	}

	var backup bytes.Buffer
	if err := leases.Snapshot(ctx, &backup); err != nil {
		log.Fatal(err)
	}
	if err := lease.CompareAndSwap(ctx, leases, &l, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(leases.Len())
	if err := leases.Restore(ctx, &backup); err != nil {
		log.Fatal(err)
	}
	fmt.Println(leases.Len())
	// Output:
	// 0
	// 1
}
