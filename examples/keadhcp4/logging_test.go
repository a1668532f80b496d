package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/lease"
)

// logged returns what a log system writes to standard output.
func logged(t *testing.T, format string, verbose bool, specs []loggerSpec, do func(*slog.Logger)) string {
	t.Helper()
	var out bytes.Buffer
	logs := newLogSystem(format, verbose, &out, &out)
	if err := logs.configure(specs); err != nil {
		t.Fatal(err)
	}
	do(slog.New(logs.handler()))
	if err := logs.close(); err != nil {
		t.Error(err)
	}
	return out.String()
}

func toStdout(name string, level slog.Level, debug int) loggerSpec {
	return loggerSpec{Name: name, Level: level, DebugLevel: debug, Outputs: []outputSpec{{Output: "stdout"}}}
}

const label = "[hwtype=1 00:0c:29:11:22:33], cid=[no info], tid=0x12ab"

func TestRecordsAreToldAsKeaTellsThem(t *testing.T) {
	client := slog.String("client", label)
	debug := slog.LevelDebug
	for _, tt := range []struct {
		level slog.Level
		id    string
		own   string
		attrs []any
		want  string
	}{
		{slog.LevelInfo, "DHCP4_LEASE_ALLOC", "a lease is given",
			[]any{client, "address", "192.168.1.100", "lifetime", 43200 * time.Second},
			"INFO  [kea-dhcp4.leases/PID.TID] DHCP4_LEASE_ALLOC " + label + ": lease 192.168.1.100 has been allocated for 43200 seconds"},
		{slog.LevelInfo, "DHCP4_LEASE_ALLOC", "a lease is given",
			[]any{client, "address", "192.168.1.100", "lifetime", lease.Infinite},
			"INFO  [kea-dhcp4.leases/PID.TID] DHCP4_LEASE_ALLOC " + label + ": lease 192.168.1.100 has been allocated for 4294967295 seconds"},
		{slog.LevelInfo, "DHCP4_LEASE_ADVERT", "an address is offered",
			[]any{client, "address", "192.168.1.100", "lifetime", time.Hour},
			"INFO  [kea-dhcp4.leases/PID.TID] DHCP4_LEASE_ADVERT " + label + ": lease 192.168.1.100 is offered, for 3600 seconds"},
		{slog.LevelInfo, "DHCP4_PACKET_NAK_0004", "the request is refused", []any{client, "reason", "the address is taken"},
			"INFO  [kea-dhcp4.bad-packets/PID.TID] DHCP4_PACKET_NAK_0004 " + label + ": the request gets a DHCPNAK: the address is taken"},
		{slog.LevelWarn, "ALLOC_ENGINE_V4_ALLOC_FAIL", "a message is not answered",
			[]any{"reason", "no address is free", client, "type", "Discover", "link", "ens33"},
			"WARN  [kea-dhcp4.alloc-engine/PID.TID] ALLOC_ENGINE_V4_ALLOC_FAIL " + label + ": no address is left for Discover from ens33"},
		{slog.LevelWarn, "ALLOC_ENGINE_V4_ALLOC_FAIL", "a message is not answered",
			[]any{client, "type", "Discover", "link", "ens33", "reserved", "192.0.2.7", "lease", "192.0.2.7, subnet 1"},
			"WARN  [kea-dhcp4.alloc-engine/PID.TID] ALLOC_ENGINE_V4_ALLOC_FAIL " + label +
				": no address is left for Discover from ens33; 192.0.2.7 is reserved for the client, but another one has it: 192.0.2.7, subnet 1"},
		{slog.LevelInfo, "DHCP4_LEASE_REUSE", "a lease is confirmed as it is stored",
			[]any{client, "address", "192.168.1.100", "lifetime", time.Hour},
			"INFO  [kea-dhcp4.leases/PID.TID] DHCP4_LEASE_REUSE " + label + ": lease 192.168.1.100 is confirmed as it is stored, for 3600 seconds"},
		{debug, "DHCP4_SUBNET_SELECTION_FAILED", "a message is not answered",
			[]any{client, "type", "Discover", "giaddr", "192.0.2.1", "link", "ens33"},
			"DEBUG [kea-dhcp4.bad-packets/PID.TID] DHCP4_SUBNET_SELECTION_FAILED " + label +
				": no subnet for Discover from ens33 through the relay agent 192.0.2.1: neither its giaddr nor an address of the interface is in one"},
		{debug, "DHCP4_SUBNET_SELECTION_FAILED", "a message is not answered",
			[]any{"reason", "no subnet", client, "type", "Discover", "link", "ens33"},
			"DEBUG [kea-dhcp4.bad-packets/PID.TID] DHCP4_SUBNET_SELECTION_FAILED " + label +
				": no subnet for Discover from ens33: neither its giaddr nor an address of the interface is in one"},
		{debug, "DHCP4_PACKET_DROP_0001", "a message cannot be read", []any{"from", "192.0.2.1:68", "error", errors.New("it is too short")},
			"DEBUG [kea-dhcp4.bad-packets/PID.TID] DHCP4_PACKET_DROP_0001 a message cannot be read, from=192.0.2.1:68, error=it is too short"},
		{slog.LevelError, "DHCPSRV_STORE_FAILED", "the lease store failed", []any{"call", "Sync", "error", errors.New("the disk is full")},
			"ERROR [kea-dhcp4.dhcpsrv/PID.TID] DHCPSRV_STORE_FAILED the lease store failed, call=Sync, error=the disk is full"},
		{levelFatal, "DHCP4_ALREADY_RUNNING", "process 7 is serving", nil,
			"FATAL [kea-dhcp4.dhcp4/PID.TID] DHCP4_ALREADY_RUNNING process 7 is serving"},
		{slog.LevelInfo, "", "without an id", []any{"n", 1},
			"INFO  [kea-dhcp4.dhcp4/PID.TID] without an id, n=1"},
		{slog.LevelWarn, "DHCP4_X", "a client says \n2026-11-24 INFO  [kea-dhcp4.leases/1.1] forged\x1b", nil,
			"WARN  [kea-dhcp4.dhcp4/PID.TID] DHCP4_X a client says  2026-11-24 INFO  [kea-dhcp4.leases/1.1] forged"},
	} {
		got := logged(t, "kea", false, []loggerSpec{toStdout(rootLogger, slog.LevelDebug, 99)}, func(log *slog.Logger) {
			args := tt.attrs
			if tt.id != "" {
				args = append([]any{"id", tt.id}, args...)
			}
			log.Log(t.Context(), tt.level, tt.own, args...)
		})
		if diff := cmp.Diff(tt.want+"\n", anonymous(t, got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.id, diff)
		}
	}
}

var lineStart = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} ([A-Z]+ +\[[a-z0-9.-]+)/(\d+)\.\d+\] `)

// anonymous takes away what differs from run to run.
func anonymous(t *testing.T, lines string) string {
	t.Helper()
	for _, m := range lineStart.FindAllStringSubmatch(lines, -1) {
		if m[2] != fmt.Sprint(os.Getpid()) {
			t.Errorf("the process in %q is not %d", m[0], os.Getpid())
		}
	}
	return lineStart.ReplaceAllString(lines, "$1/PID.TID] ")
}

func TestAttributesOfALoggerAreLoggedToo(t *testing.T) {
	got := logged(t, "kea", false, nil, func(log *slog.Logger) {
		log.With("a", 1).WithGroup("g").With("b", 2).Info("text", "c", 3)
	})
	if diff := cmp.Diff("INFO  [kea-dhcp4.dhcp4/PID.TID] text, a=1, g.b=2, g.c=3\n", anonymous(t, got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNearestLoggerDecides(t *testing.T) {
	const (
		alloc = "DHCP4_LEASE_ALLOC"             // leases
		nak   = "DHCP4_PACKET_NAK_0002"         // bad-packets, rank 50
		drop  = "DHCP4_PACKET_DROP_0001"        // bad-packets, rank 15
		none  = "DHCP4_SUBNET_SELECTION_FAILED" // bad-packets, rank 50
	)
	for _, tt := range []struct {
		name    string
		specs   []loggerSpec
		verbose bool
		level   slog.Level
		id      string
		want    int // lines
		enabled bool
	}{
		{"no loggers: info", nil, false, slog.LevelInfo, alloc, 1, true},
		{"no loggers: no debug", nil, false, slog.LevelDebug, drop, 0, false},
		{"-d", []loggerSpec{toStdout(rootLogger, slog.LevelError, 0)}, true, slog.LevelDebug, none, 1, true},
		{"severity", []loggerSpec{toStdout(rootLogger, slog.LevelWarn, 0)}, false, slog.LevelInfo, alloc, 0, false},
		{"severity reached", []loggerSpec{toStdout(rootLogger, slog.LevelWarn, 0)}, false, slog.LevelWarn, alloc, 1, true},
		{"none", []loggerSpec{toStdout(rootLogger, levelNone, 0)}, false, levelFatal, alloc, 0, false},
		{"debuglevel too low", []loggerSpec{toStdout(rootLogger, slog.LevelDebug, 49)}, false, slog.LevelDebug, none, 0, true},
		{"debuglevel", []loggerSpec{toStdout(rootLogger, slog.LevelDebug, 50)}, false, slog.LevelDebug, none, 1, true},
		{"debuglevel of another rank", []loggerSpec{toStdout(rootLogger, slog.LevelDebug, 15)}, false, slog.LevelDebug, drop, 1, true},
		{"debuglevel is for debug only", []loggerSpec{toStdout(rootLogger, slog.LevelDebug, 0)}, false, slog.LevelInfo, nak, 1, true},
		{"child is chattier", []loggerSpec{toStdout(rootLogger, slog.LevelError, 0), toStdout("kea-dhcp4.leases", slog.LevelInfo, 0)},
			false, slog.LevelInfo, alloc, 1, true},
		{"child is quieter", []loggerSpec{toStdout("kea-dhcp4.leases", slog.LevelError, 0), toStdout(rootLogger, slog.LevelInfo, 0)},
			false, slog.LevelInfo, alloc, 0, true},
		{"child without outputs has its parent's", []loggerSpec{toStdout(rootLogger, slog.LevelError, 0), {Name: "kea-dhcp4.leases", Level: slog.LevelInfo}},
			false, slog.LevelInfo, alloc, 1, true},
		{"name with the same start", []loggerSpec{toStdout(rootLogger, slog.LevelError, 0), toStdout("kea-dhcp4.lease", slog.LevelInfo, 0)},
			false, slog.LevelInfo, alloc, 0, true},
		{"two outputs", []loggerSpec{{Name: rootLogger, Outputs: []outputSpec{{Output: "stdout"}, {Output: "stderr"}}}}, false, slog.LevelInfo, alloc, 2, true},
	} {
		enabled := false
		got := logged(t, "kea", tt.verbose, tt.specs, func(log *slog.Logger) {
			enabled = log.Enabled(t.Context(), tt.level)
			log.Log(t.Context(), tt.level, "text", "id", tt.id)
		})
		if lines := strings.Count(got, "\n"); lines != tt.want || enabled != tt.enabled {
			t.Errorf("%s: %d lines, enabled %v, want %d, %v:\n%s", tt.name, lines, enabled, tt.want, tt.enabled, got)
		}
	}
}

func TestStructuredFormats(t *testing.T) {
	log := func(log *slog.Logger) {
		log.Log(t.Context(), levelFatal, "text", "id", "DHCP4_LEASE_ALLOC", "client", label, "n", 7)
	}
	var got map[string]any
	line := logged(t, "json", false, nil, log)
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	delete(got, "time")
	want := map[string]any{"level": "FATAL", "logger": "kea-dhcp4.leases", "id": "DHCP4_LEASE_ALLOC", "msg": "text", "client": label, "n": 7.0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("json (-want +got):\n%s", diff)
	}
	if text := logged(t, "text", false, nil, log); !strings.Contains(text, " level=FATAL msg=text logger=kea-dhcp4.leases id=DHCP4_LEASE_ALLOC ") {
		t.Errorf("text: %s", text)
	}
}

func TestPatterns(t *testing.T) {
	e := &event{
		time:  time.Date(2026, 11, 4, 3, 2, 1, 45_678_901, time.UTC),
		level: "WARN", logger: "kea-dhcp4.leases", text: "TEXT",
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	pid := fmt.Sprint(os.Getpid())
	for pattern, want := range map[string]string{
		"":                                  "",
		"plain\n":                           "plain\n",
		"%m%n":                              "TEXT\n",
		"100%% %p":                          "100% WARN",
		"[%-6p]":                            "[WARN  ]",
		"[%6p]":                             "[  WARN]",
		"[%.2p]":                            "[RN]",
		"[%5.2p]":                           "[   RN]",
		"[%-5.2p]":                          "[RN   ]",
		"%c/%i":                             "kea-dhcp4.leases/" + pid,
		"%h":                                host,
		"%d":                                "2026-11-04 03:02:01",
		"%d{%Y-%m-%d %H:%M:%S.%q} %-5p %m":  "2026-11-04 03:02:01.045 WARN  TEXT",
		"%d{%y %j %e %b %B %a %A %I%p %Z}x": "26 308  4 Nov November Wed Wednesday 03AM UTCx",
		"%d{%Q|%s|%F|%T|%R|%D|%h|%z|%%}":    "045.678|1793761321|2026-11-04|03:02:01|03:02|11/04/26|Nov|+0000|%",
		"%d{at 15:04 Jan}":                  "at 15:04 Jan",
	} {
		p, err := parsePattern(pattern)
		if err != nil {
			t.Errorf("%q: %v", pattern, err)
			continue
		}
		if diff := cmp.Diff("x"+want, string(p.append([]byte("x"), e))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", pattern, diff)
		}
	}
	for _, pattern := range []string{"%", "%-", "%5", "%.", "%x", "%l", "%D{%Y", "%D{%", "%D{%K}", "%99999m", "%.99999m"} {
		if _, err := parsePattern(pattern); err == nil {
			t.Errorf("%q is accepted", pattern)
		}
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{linePattern, syslogPattern, "%", "%-5.3p%c{2}", "%D{%q%Q%%}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePattern(s)
		if err != nil {
			return
		}
		e := &event{level: "INFO", logger: rootLogger, text: "text"}
		if got := p.append([]byte("before"), e); !bytes.HasPrefix(got, []byte("before")) {
			t.Errorf("%q overwrites what was there: %q", s, got)
		}
	})
}

func TestLogFileGivesWayWhenItIsFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kea.log")
	f, err := openLogFile(path, minMaxSize, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	line := func(c byte) []byte { return append(bytes.Repeat([]byte{c}, minMaxSize/2-1), '\n') }
	for _, c := range []byte("aabbccd") {
		if err := f.write(slog.LevelInfo, line(c)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"": "d", ".1": "cc", ".2": "bb", ".3": ""} {
		text, err := os.ReadFile(path + name)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		var got string
		for l := range bytes.Lines(text) {
			got += string(l[:1])
		}
		if got != want {
			t.Errorf("kea.log%s has the lines %q, want %q", name, got, want)
		}
	}
}

func TestLogFileWithATinyLimitHasNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kea.log")
	f, err := openLogFile(path, minMaxSize-1, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	for range 3 {
		if err := f.write(slog.LevelInfo, make([]byte, minMaxSize)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path + ".1"); !os.IsNotExist(err) {
		t.Errorf("the file has given way to another (%v)", err)
	}
}

func TestReopenedLogFilesLoseNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kea.log")
	logs := newLogSystem("kea", false, nil, nil)
	specs := []loggerSpec{
		{Name: rootLogger, Outputs: []outputSpec{{Output: path}}},
		{Name: "kea-dhcp4.leases", Outputs: []outputSpec{{Output: path}}},
	}
	if err := logs.configure(specs); err != nil {
		t.Fatal(err)
	}
	const writers, lines = 4, 500
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			log := slog.New(logs.handler())
			for range lines {
				log.Info("text", "id", "DHCP4_LEASE_ALLOC")
			}
		})
	}
	for i := range 20 {
		if err := os.Rename(path, fmt.Sprintf("%s-%d", path, i)); err != nil {
			t.Fatal(err)
		}
		var err error
		if i%2 == 0 {
			err = logs.reopen()
		} else {
			err = logs.configure(specs)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if err := logs.close(); err != nil {
		t.Error(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		n += bytes.Count(text, []byte("\n"))
	}
	if n != writers*lines || len(files) != 21 {
		t.Errorf("%d lines in %d files, want %d in 21", n, len(files), writers*lines)
	}
}

func TestLoggersThatCannotBeOpenedChangeNothing(t *testing.T) {
	var out bytes.Buffer
	logs := newLogSystem("kea", false, &out, nil)
	if err := logs.configure(nil); err != nil {
		t.Fatal(err)
	}
	err := logs.configure([]loggerSpec{{Name: rootLogger, Outputs: []outputSpec{
		{Output: filepath.Join(t.TempDir(), "missing", "kea.log")},
		{Output: "syslog:nonsense"},
		{Output: "stdout", Pattern: "%l"},
	}}})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not three errors: %v", err)
	}
	slog.New(logs.handler()).Info("still here")
	if !strings.Contains(out.String(), "still here") {
		t.Error("the old loggers are gone")
	}
}
