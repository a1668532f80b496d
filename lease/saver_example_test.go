package lease_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// openJSON keeps leases in a JSON file: a Store in twenty lines.
func openJSON(path string) (*lease.Saver, error) {
	var leases []lease.Lease
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &leases)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return lease.NewSaver(leases, func(_ context.Context, all iter.Seq[lease.Lease], _ []lease.Change) error {
		data, err := json.MarshalIndent(slices.Collect(all), "", "\t")
		if err != nil {
			return err
		}
		f, err := os.Create(path + ".new")
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
			return err
		}
		return os.Rename(path+".new", path)
	})
}

// A program has its leases in a JSON file of its own.
func ExampleSaver() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "leases")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "leases.json")

	st, err := openJSON(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	l := lease.Lease{
		Addr:         netip.MustParseAddr("192.168.1.100"),
		SubnetID:     1,
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"),
		Hostname:     "printer",
	}
	l.SetLifetime(time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC), 12*time.Hour)
	fmt.Println(lease.CompareAndSwap(ctx, st, nil, &l), st.Sync(ctx)) // a server does this before its ACK

	st, err = openJSON(path) // at the next start
	if err != nil {
		fmt.Println(err)
		return
	}
	got, ok, err := lease.Get(ctx, st, l.Addr)
	fmt.Println(got.Hostname, got.HardwareAddr, got.Expires, ok, err)
	// Output:
	// <nil> <nil>
	// printer 00:0c:29:aa:bb:cc 2026-05-05 00:00:00 +0000 UTC true <nil>
}
