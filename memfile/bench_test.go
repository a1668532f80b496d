package memfile

import (
	"context"
	"encoding/binary"
	"net/netip"
	"os"
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
		st, err := open(nullFS{newFakeFolder(nil)}, testFile, &byHand, testNow)
		if err != nil {
			b.Fatal(err)
		}
		return st
	})
}

type nullFS struct{ *fakeFS }

func (fs nullFS) Create(name string, like file) (file, error) {
	f, err := fs.fakeFS.Create(name, like)
	return nullFile{f}, err
}

type nullFile struct{ file }

func (nullFile) Write(b []byte) (int, error) { return len(b), nil }
func (nullFile) Sync() error                 { return nil }
func (nullFile) IsAt(string) (bool, error)   { return true, nil }

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

// BenchmarkRenew32 is a batch of renewals in SyncNever, with the file at its
// usual length.
func BenchmarkRenew32(b *testing.B) {
	const batch = 32
	ctx := context.Background()
	st, err := Open(filepath.Join(b.TempDir(), "leases.csv"), &Options{Sync: SyncNever})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	olds, news := make([]lease.Lease, batch), make([]lease.Lease, batch)
	cs := make([]lease.Change, batch)
	for i := range olds {
		olds[i] = numberedLease(i)
		cs[i] = lease.Change{New: &olds[i]}
	}
	if err := st.Update(ctx, cs); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range olds {
			news[i] = olds[i]
			news[i].Expires = olds[i].Expires.Add(time.Second)
			cs[i] = lease.Change{Old: &olds[i], New: &news[i]}
		}
		if err := st.Update(ctx, cs); err != nil || cs[0].Err != nil {
			b.Fatal(err, cs[0].Err)
		}
		if err := st.Sync(ctx); err != nil {
			b.Fatal(err)
		}
		olds, news = news, olds
	}
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "updates/s")
}

// BenchmarkCleanup100k cleans up a file of 300,000 rows for 100,000 leases.
func BenchmarkCleanup100k(b *testing.B) {
	const leases = 100_000
	path := filepath.Join(b.TempDir(), "leases.csv")
	content := []byte(Schema30.line())
	for i := range 3 * leases {
		l := numberedLease(i % leases)
		content = appendRow(content, &l, header30, testTime)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		b.Fatal(err)
	}
	st, err := Open(path, &byHand)
	if err != nil || st.Len() != leases {
		b.Fatal(err, st.Len())
	}
	defer st.Close()
	b.ReportAllocs()
	for b.Loop() {
		if err := st.Cleanup(context.Background()); err != nil {
			b.Fatal(err)
		}
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
		st, err := open(newFakeFS(string(content)), testFile, &byHand, testNow)
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
		if _, _, err := parseRow(row, header30, nil); err != nil {
			b.Fatal(err)
		}
	}
}
