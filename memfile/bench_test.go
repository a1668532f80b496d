package memfile

import (
	"context"
	"encoding/binary"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

func numberedLease(i int) lease.Lease {
	b := binary.BigEndian.AppendUint32([]byte{2, 0}, uint32(i))
	l := lease.Lease{
		Addr: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), SubnetID: 1,
		ClientID: lease.ClientIDFrom(append([]byte{1}, b...)), Hostname: "host.example.org",
		Lifetime: time.Hour, Expires: testTime.Add(time.Hour),
	}
	l.HardwareAddr, _ = lease.HardwareAddrFrom(b)
	return l
}

// BenchmarkRenew is one client's renewal: Update and Sync.
func BenchmarkRenew(b *testing.B) {
	benchmarkRenew(b, func(b *testing.B) *Store {
		st, err := Open(filepath.Join(b.TempDir(), "leases.csv"), nil)
		if err != nil {
			b.Fatal(err)
		}
		return st
	})
}

// BenchmarkRenewWithoutDisk leaves out what the kernel and the disk take.
func BenchmarkRenewWithoutDisk(b *testing.B) {
	benchmarkRenew(b, func(b *testing.B) *Store {
		st, err := open(nullFS{}, "leases.csv", nil, testNow)
		if err != nil {
			b.Fatal(err)
		}
		return st
	})
}

type nullFS struct{}

func (nullFS) Open(string) (file, error)   { return nullFile{&fakeFile{fs: &fakeFS{}}}, nil }
func (nullFS) Exists(string) (bool, error) { return false, nil }
func (nullFS) SyncFolder(string) error     { return nil }

type nullFile struct{ *fakeFile }

func (nullFile) Write(b []byte) (int, error) { return len(b), nil }
func (nullFile) Sync() error                 { return nil }

func benchmarkRenew(b *testing.B, openStore func(*testing.B) *Store) {
	ctx := context.Background()
	st := openStore(b)
	defer st.Close()
	old := numberedLease(1)
	if err := lease.CompareAndSwap(ctx, st, nil, &old); err != nil {
		b.Fatal(err)
	}
	next := old
	cs := make([]lease.Change, 1)
	b.ReportAllocs()
	for b.Loop() {
		next.Expires = next.Expires.Add(time.Second)
		cs[0] = lease.Change{Old: &old, New: &next}
		if err := st.Update(ctx, cs); err != nil || cs[0].Err != nil {
			b.Fatal(err, cs[0].Err)
		}
		if err := st.Sync(ctx); err != nil {
			b.Fatal(err)
		}
		old = next
	}
}

func BenchmarkOpen100kRows(b *testing.B) {
	const rows = 100_000
	content := []byte(Schema30.line())
	for i := range rows {
		l := numberedLease(i)
		content = appendRow(content, &l, header30, testTime)
	}
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		st, err := open(&fakeFS{there: true, cached: content}, "leases.csv", nil, testNow)
		if err != nil || st.Len() != rows {
			b.Fatal(err, st.Len())
		}
	}
}

func BenchmarkAppendRow(b *testing.B) {
	l := numberedLease(1)
	var row []byte
	b.ReportAllocs()
	for b.Loop() {
		row = appendRow(row[:0], &l, header30, testTime)
	}
}

func BenchmarkParseRow(b *testing.B) {
	l := numberedLease(1)
	row := appendRow(nil, &l, header30, testTime)
	row = row[:len(row)-1]
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := parseRow(row, header30); err != nil {
			b.Fatal(err)
		}
	}
}
