package memfile

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/lease"
)

// A keaCase is what Kea 2.2.0 made of testdata/kea-2.2/<Case>.csv.
type keaCase struct {
	Case         string
	MaxRowErrors int `json:"max-row-errors"`
	Started      bool
	Discarded    int // rows that its log mentions, at most a few
	Leases       []keaLease
}

type keaLease struct {
	Addr        netip.Addr `json:"ip-address"`
	HWAddr      string     `json:"hw-address"`
	ClientID    string     `json:"client-id"`
	CLTT        int64      `json:"cltt"`
	Valid       uint32     `json:"valid-lft"`
	SubnetID    uint32     `json:"subnet-id"`
	FQDNForward bool       `json:"fqdn-fwd"`
	FQDNReverse bool       `json:"fqdn-rev"`
	Hostname    string
	State       uint8
	UserContext json.RawMessage `json:"user-context"`
	PoolID      uint32          `json:"-"`
}

func (k keaLease) lease(t *testing.T) lease.Lease {
	l := lease.Lease{
		Addr: k.Addr, SubnetID: k.SubnetID, PoolID: k.PoolID, FQDNForward: k.FQDNForward, FQDNReverse: k.FQDNReverse,
		HardwareAddr: lease.MustParseHardwareAddr(k.HWAddr), ClientID: lease.MustParseClientID(k.ClientID),
		State: lease.State(k.State), Lifetime: time.Duration(k.Valid) * time.Second,
	}
	for _, r := range k.Hostname { // its JSON has each byte as one rune
		l.Hostname += string([]byte{byte(r)})
	}
	if l.Lifetime != lease.Infinite {
		l.Expires = time.Unix(k.CLTT+int64(k.Valid), 0).UTC()
	}
	l.UserContext = compactJSON(t, string(k.UserContext))
	return l
}

func compactJSON(t *testing.T, s string) string {
	if s == "" {
		return ""
	}
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(s)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// keaDifferences are the cases that we treat in another way, and why.
var keaDifferences = map[string]func(*keaCase){
	"last_row_no_newline": func(c *keaCase) {
		// Kea loads it and appends to it, which ruins two rows. Such a row
		// was never finished.
		c.Leases = c.Leases[:1]
	},
	"cid_255": func(c *keaCase) {
		// RFC 2132 allows as many; Kea stops at 128.
		c.Discarded = 0
		c.Leases = []keaLease{{
			Addr: netip.MustParseAddr("192.168.1.101"), HWAddr: "02:00:00:00:00:01", ClientID: strings.Repeat("ab:", 254) + "ab",
			CLTT: 1795486401, Valid: 4000, SubnetID: 1,
		}}
	},
	"addr_v6": func(c *keaCase) {
		// It is no use in a store of DHCPv4 leases.
		c.Discarded = 1
		c.Leases = c.Leases[:1]
	},
	"v3.0_header_12cols": func(c *keaCase) {
		// Kea 2.2 knows no pool_id.
		c.Leases[1].PoolID = 7
	},
	"nul_tail": func(c *keaCase) {
		// It has no newline, so it is no row but a line to be cut.
		c.Discarded = 0
	},
	"hostname_escaped": func(c *keaCase) {
		// Kea takes an escape that lacks a digit for a NUL.
		c.Leases[0].Hostname = strings.ReplaceAll(c.Leases[0].Hostname, "\x00", "&#x")
	},
}

func TestFilesAreReadAsKeaReadsThem(t *testing.T) {
	const dir = "testdata/kea-2.2"
	text, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []keaCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 90 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Case, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join(dir, c.Case+".csv"))
			if err != nil {
				t.Fatal(err)
			}
			if change := keaDifferences[c.Case]; change != nil {
				change(&c)
			}
			fs := newFakeFS(string(content))
			var log bytes.Buffer
			st, err := open(fs, "leases.csv", &Options{MaxRowErrors: c.MaxRowErrors, Logger: slog.New(slog.NewTextHandler(&log, nil))}, testNow)
			if (err == nil) != c.Started {
				t.Fatalf("opened: %v, but Kea started: %v", err, c.Started)
			}
			if err != nil {
				if fs.writes > 0 || fs.cached()[testFile] != string(content) {
					t.Error("a refused file was changed")
				}
				return
			}
			got, err := contents(st)
			if err != nil {
				t.Fatal(err)
			}
			for a, l := range got {
				l.UserContext = compactJSON(t, l.UserContext)
				got[a] = l
			}
			want := make(map[netip.Addr]lease.Lease)
			for _, k := range c.Leases {
				want[k.Addr] = k.lease(t)
			}
			if diff := cmp.Diff(want, got, sameLease); diff != "" {
				t.Errorf("leases (-Kea +got)\n%s", diff)
			}
			if st.RowErrors() < c.Discarded || c.Discarded == 0 && st.RowErrors() > 0 {
				t.Errorf("%d rows skipped, Kea logged %d", st.RowErrors(), c.Discarded)
			}
			if n := strings.Count(log.String(), "DHCPSRV_MEMFILE_LEASE_LOAD_ROW_ERROR"); n != st.RowErrors() {
				t.Errorf("%d rows skipped, %d logged", st.RowErrors(), n)
			}
			checkGoesOn(t, fs, st)
		})
	}
}

// checkGoesOn adds a lease, and finds it and the others after opening again.
func checkGoesOn(t *testing.T, fs *fakeFS, st *Store) {
	t.Helper()
	before, err := contents(st)
	if err != nil {
		t.Fatal(err)
	}
	l := testLease("192.0.2.77")
	before[l.Addr] = *l
	if err := lease.CompareAndSwap(context.Background(), st, nil, l); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, fs, &byHand)
	after, err := contents(again)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after, sameLease); diff != "" {
		t.Errorf("opened again (-before +after)\n%s", diff)
	}
	if again.RowErrors() != st.RowErrors() {
		t.Errorf("opened again: %d rows skipped, first %d", again.RowErrors(), st.RowErrors())
	}
}

func TestLongRowsAreRead(t *testing.T) {
	row := func(n int) string {
		return fmt.Sprintf("192.168.1.101,02:00:00:00:00:01,,4000,1795490401,1,0,0,%s,0,,0\n", strings.Repeat("a", n))
	}
	fs := newFakeFS(Schema30.line() + row(100_000) + row(200_000) + row(3_000_000) + strings.Replace(row(5), ".101", ".102", 1))
	st := mustOpen(t, fs, &byHand)
	got, err := contents(st)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got[netip.MustParseAddr("192.168.1.101")].Hostname); n != 100_000 {
		t.Errorf("host name of %d bytes, want 100000", n)
	}
	if len(got) != 2 || st.RowErrors() != 2 {
		t.Errorf("%d leases, %d errors, want 2 and 2", len(got), st.RowErrors())
	}
	checkGoesOn(t, fs, st)
}

// TestKeaFileIsWrittenBackByteForByte replays Kea's own files row by row
// through Update, with Kea's deletions, and compares what it writes. The clock
// matters to infinite leases alone, which these files have none of.
func TestKeaFileIsWrittenBackByteForByte(t *testing.T) {
	for _, name := range []string{"wire-tutorial.leases4.csv", "wire2.leases4.csv", "clients-tutorial.leases4.csv", "rows-expire-reclaim-decline.csv"} {
		t.Run(name, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			replayed(t, string(content), Schema21)
		})
		t.Run("3.0 "+name, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
			lines[0] += ",pool_id"
			for i := range lines[1:] {
				lines[i+1] += fmt.Sprintf(",%d", i/4)
			}
			// A deletion has the pool of the lease that it deletes.
			pools := make(map[string]string)
			for i, line := range lines[1:] {
				f := strings.Split(line, ",")
				if f[colValidLifetime] == "0" {
					f[colPoolID] = pools[f[colAddress]]
				}
				pools[f[colAddress]] = f[colPoolID]
				lines[i+1] = strings.Join(f, ",")
			}
			replayed(t, strings.Join(lines, "\n")+"\n", Schema30)
		})
	}
}

func replayed(t *testing.T, content string, schema Schema) {
	t.Helper()
	ctx := context.Background()
	fs := newFakeFolder(nil)
	st, err := open(fs, "leases.csv", &Options{Schema: schema}, testNow)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSuffix(content, "\n"), "\n")[1:] {
		l, deleted, err := parseRow([]byte(line), header{schema: schema}, nil)
		if err != nil {
			t.Fatalf("row %d: %v", i+1, err)
		}
		var old, next *lease.Lease
		if have, ok, _ := lease.Get(ctx, st, l.Addr); ok {
			old = &have
		}
		if !deleted {
			next = &l
		}
		if old == nil && next == nil {
			t.Fatalf("row %d deletes what is not there", i+1)
		}
		if err := lease.CompareAndSwap(ctx, st, old, next); err != nil {
			t.Fatalf("row %d: %v", i+1, err)
		}
	}
	if err := st.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(content, "\n"), strings.Split(fs.durable()[testFile], "\n")); diff != "" {
		t.Errorf("(-Kea +written)\n%s", diff)
	}
	checkGoesOn(t, fs, st)
}

func FuzzOpen(f *testing.F) {
	names, err := filepath.Glob("testdata/kea-2.2/*.csv")
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range names {
		if content, err := os.ReadFile(name); err == nil && len(content) < 4096 {
			f.Add(content)
		}
	}
	f.Add([]byte(Schema30.line()[:50]))
	f.Fuzz(func(t *testing.T, content []byte) {
		fs := newFakeFS(string(content))
		st, err := open(fs, testFile, &byHand, testNow)
		if err != nil {
			if fs.cached()[testFile] != string(content) {
				t.Fatalf("a refused file was changed: %v", err)
			}
			return
		}
		checkGoesOn(t, fs, st)
	})
}
