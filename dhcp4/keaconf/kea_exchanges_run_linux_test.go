package keaconf_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	dhcp "github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/memfile"
	"github.com/embedhcp/embedhcp/option"
)

// An exchangeServer is the real Kea, or ours.
type exchangeServer interface {
	// ask sends a request that comes in on the link, and returns the frames
	// that answer it.
	ask(link *dhcp.Link, frame []byte) (answers [][]byte)
	// changes returns the leases that have changed since the last call.
	changes() map[netip.Addr]string
}

const leaseGone = "gone"

// ourServer is the Server that serves the same file.
type ourServer struct {
	t     *testing.T
	srv   *dhcp.Server
	store *observedStore
	why   error // there was no answer
}

// An observedStore notes what changes. It hides from the Server's timer what
// has expired, so that it is as the file has it when a client asks; Kea is
// configured not to look. What is sought for one subnet, because its pools are
// used up, is found.
type observedStore struct {
	lease.Store
	changed map[netip.Addr]string
}

func (s *observedStore) Leases(ctx context.Context, f lease.Filter) iter.Seq2[lease.Lease, error] {
	if !f.ExpiredBefore.IsZero() && f.Subnet == 0 {
		return func(func(lease.Lease, error) bool) {}
	}
	return s.Store.Leases(ctx, f)
}

func (s *observedStore) Update(ctx context.Context, cs []lease.Change) error {
	err := s.Store.Update(ctx, cs)
	for _, c := range cs {
		switch {
		case err != nil || c.Err != nil:
		case c.New == nil:
			s.changed[c.Old.Addr] = leaseGone
		default:
			l := c.New
			s.changed[l.Addr] = leaseText(l.HardwareAddr.String(), hexText(l.ClientID.Octets()), int64(l.Lifetime/time.Second), l.Expires.Unix(),
				l.SubnetID, l.Hostname, uint8(l.State), l.UserContext)
		}
	}
	return err
}

// newOurServer starts a Server that goes on with the leases.
func newOurServer(t *testing.T, c dhcp.Config, leases string) *ourServer {
	t.Helper()
	name := filepath.Join(t.TempDir(), "leases.csv")
	if err := os.WriteFile(name, []byte(leases), 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := memfile.Open(name, &memfile.Options{Sync: memfile.SyncNever, LFCInterval: -1})
	if err != nil {
		t.Fatal(err)
	}
	if n := file.RowErrors(); n > 0 {
		t.Fatalf("%d of the rows are wrong", n)
	}
	store := &observedStore{Store: file, changed: make(map[netip.Addr]string)}
	c.Leases = store
	srv, err := dhcp.NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(srv.Close(), file.Close()); err != nil {
			t.Error(err)
		}
	})
	return &ourServer{t: t, srv: srv, store: store}
}

func (s *ourServer) ask(link *dhcp.Link, frame []byte) (answers [][]byte) {
	s.t.Helper()
	in, ok := dhcp.ParseFrame(frame)
	if !ok {
		s.t.Fatal("a request that is no frame")
	}
	in.Link, in.Time = link, time.Now()
	var out dhcp.Packet
	if out, s.why = s.srv.Respond(context.Background(), in, nil); len(out.Data) == 0 {
		return nil
	}
	f, err := dhcp.AppendFrame(nil, out)
	if err != nil {
		s.t.Fatal(err)
	}
	return [][]byte{f}
}

func (s *ourServer) changes() map[netip.Addr]string {
	m := s.store.changed
	s.store.changed = make(map[netip.Addr]string)
	return m
}

// changes reads the rows that Kea has added to its file.
func (l *exchangeLab) changes() map[netip.Addr]string {
	l.t.Helper()
	text := make([]byte, 1<<20)
	n, err := l.leaseFile.Read(text)
	if err != nil && err != io.EOF {
		l.t.Fatal(err)
	}
	changed := make(map[netip.Addr]string)
	for row := range strings.Lines(string(text[:n])) {
		f := strings.Split(strings.TrimSuffix(row, "\n"), ",")
		number := func(i int) int64 {
			n, err := strconv.ParseInt(f[i], 10, 64)
			if err != nil {
				l.t.Fatalf("%v in the row %q", err, row)
			}
			return n
		}
		addr := netip.MustParseAddr(f[0])
		if number(3) == 0 {
			changed[addr] = leaseGone
			continue
		}
		changed[addr] = leaseText(f[1], f[2], number(3), number(4), uint32(number(5)), f[8], uint8(number(9)), f[10])
	}
	return changed
}

// leaseText writes a lease so that those of both servers can be compared,
// although not made at the same moment.
func leaseText(hardwareAddr, clientID string, lifetime, expires int64, subnet uint32, host string, state uint8, context string) string {
	when := fmt.Sprint("since ", expires-lifetime)
	if time.Now().Unix()-(expires-lifetime) < 60 {
		when = "since now"
	}
	if lifetime == 1<<32-1 {
		when = "for ever"
	}
	return fmt.Sprintf("[%s %s] subnet %d %d s %s state %d %q %s", hardwareAddr, clientID, subnet, lifetime, when, state, host, context)
}

func hexText(octets string) string {
	s := fmt.Sprintf("% x", octets)
	return strings.ReplaceAll(s, " ", ":")
}

// An outcome is what a server made of one request, as text by field.
type outcome map[string]string

// ask runs the case on a server and returns the outcome of each step.
func (c *exchangeCase) ask(t *testing.T, s exchangeServer, xid uint32) (all []outcome) {
	t.Helper()
	var offered netip.Addr
	for i, step := range c.steps {
		if step.offered && !offered.IsValid() {
			break // there is nothing to go on with
		}
		answers := s.ask(c.link, c.frame(t, step, xid+uint32(i), offered))
		o := make(outcome)
		for addr, text := range s.changes() {
			o["lease "+c.addrText(addr)] = text
		}
		switch len(answers) {
		case 0:
			o["answer"] = "silence"
		case 1:
			if offered = c.describe(t, o, answers[0], xid+uint32(i)); offered.IsUnspecified() {
				offered = netip.Addr{}
			}
		default:
			o["answer"] = fmt.Sprint(len(answers), " answers")
		}
		all = append(all, o)
	}
	return all
}

// addrText writes an address, but one that is free for all cases as such.
func (c *exchangeCase) addrText(a netip.Addr) string {
	if b := a.As4(); b[0] == 10 && b[1] <= 2 && b[2] >= 16 && b[2] < 128 {
		return "a free one"
	}
	return a.String()
}

// describe notes an answer in o and returns yiaddr.
func (c *exchangeCase) describe(t *testing.T, o outcome, frame []byte, xid uint32) netip.Addr {
	t.Helper()
	p, _ := dhcp.ParseFrame(frame)
	var m dhcp.Message
	if err := m.Unmarshal(p.Data); err != nil {
		t.Fatal(err)
	}
	switch to := lease.HardwareAddr(hardwareAddr(frame[:6])); to {
	case hardwareAddr([]byte{255, 255, 255, 255, 255, 255}):
		o["frame to"] = "all"
	case c.sender():
		o["frame to"] = "the sender"
	default:
		o["frame to"] = to.String()
	}
	// Kea pads nothing, and we to 300 octets.
	o["length"] = "300 or more"
	if len(p.Data) < 300 {
		o["length"] = "less than 300"
	}
	if m.XID != xid {
		o["xid"] = "another"
	}
	o["answer"] = m.Type().String()
	o["from"], o["to"] = p.Peer.String(), c.addrText(p.Local.Addr())+" port "+strconv.Itoa(int(p.Local.Port()))
	o["header"] = fmt.Sprintf("op %d htype %d hops %d secs %d chaddr %v", m.Op, m.HType, m.Hops, m.Secs, m.HardwareAddr)
	o["flags"] = fmt.Sprintf("%04x", m.Flags)
	o["ciaddr"], o["yiaddr"] = c.addrText(m.CIAddr), c.addrText(m.YIAddr)
	o["siaddr"], o["giaddr"] = m.SIAddr.String(), m.GIAddr.String()
	o["sname"], o["file"] = string(m.SName), string(m.File)
	var codes []string
	for _, opt := range m.Options {
		o[fmt.Sprint("option ", opt.Code)] = fmt.Sprintf("%x", opt.Data)
		if opt.Code != option.DHCPMessage.Code {
			codes = append(codes, strconv.Itoa(int(opt.Code)))
		}
	}
	o["order"] = strings.Join(codes, " ")
	return m.YIAddr
}

func hardwareAddr(b []byte) lease.HardwareAddr {
	h, _ := lease.HardwareAddrFrom(b)
	return h
}

// differ returns a line for each field in which two outcomes differ. Fields of
// answers count only if both answered alike.
func differ(kea, ours outcome) (lines []string) {
	fields := slices.Sorted(maps.Keys(kea))
	for f := range ours {
		if _, ok := kea[f]; !ok {
			fields = append(fields, f)
		}
	}
	slices.Sort(fields)
	alike := kea["answer"] == ours["answer"]
	for _, f := range fields {
		k, o := kea[f], ours[f]
		switch {
		case k == o || !alike && f != "answer" && !strings.HasPrefix(f, "lease "):
			continue
		case f == "order" && !alikeSets(k, o):
			continue // the options themselves are compared
		}
		lines = append(lines, fmt.Sprintf("%s: Kea %s, ours %s", f, orNothing(k), orNothing(o)))
	}
	return lines
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func alikeSets(a, b string) bool {
	as, bs := strings.Fields(a), strings.Fields(b)
	slices.Sort(as)
	slices.Sort(bs)
	return slices.Equal(as, bs)
}

// A difference is one that is meant to be.
type difference struct {
	cases  string // pattern of the names of the cases, with their steps
	line   string // pattern of a line of differ
	count  int    // of lines
	reason string
}

// compare runs the case on two servers and returns how they differ, by the
// name of the case and the step.
func (c *exchangeCase) compare(t *testing.T, kea, ours exchangeServer, xid uint32) map[string][]string {
	t.Helper()
	as, bs := c.ask(t, kea, xid), c.ask(t, ours, xid)
	if len(as) != len(bs) {
		t.Errorf("%s: Kea takes %d steps, ours %d", c.name, len(as), len(bs))
	}
	lines := make(map[string][]string)
	for i := range min(len(as), len(bs)) {
		name := c.name
		if len(c.steps) > 1 {
			name = fmt.Sprintf("%s, step %d", c.name, i+1)
		}
		lines[name] = differ(as[i], bs[i])
	}
	return lines
}

// TestExchangesAgainstRealKea runs the table of exchanges on the real Kea and
// on the Server, from the same files.
func TestExchangesAgainstRealKea(t *testing.T) {
	needExchangeLab(t)
	known := exchangeDifferences()
	type pattern struct{ cases, line *regexp.Regexp }
	patterns := make([]pattern, len(known))
	counts := make([]int, len(known))
	for i, d := range known {
		patterns[i] = pattern{regexp.MustCompile(d.cases), regexp.MustCompile("^(?:" + d.line + ")$")}
	}
	total := 0
	for _, v := range exchangeVariants() {
		t.Run(v.name, func(t *testing.T) {
			cases, config, leases := v.build()
			total += len(cases)
			kea, ours := newExchangeLab(t, config, leases), v.ours(t)
			for i, c := range cases {
				for name, lines := range c.compare(t, kea, ours, uint32(i+1)<<8) {
					for _, line := range lines {
						known := slices.IndexFunc(patterns, func(p pattern) bool { return p.cases.MatchString(name) && p.line.MatchString(line) })
						if known < 0 {
							t.Errorf("%s: %s (%v)", name, line, ours.why)
							continue
						}
						counts[known]++
					}
				}
			}
		})
	}
	for i, d := range known {
		if counts[i] != d.count {
			t.Errorf("%d differences, not %d, are as in %q %q: %s", counts[i], d.count, d.cases, d.line, d.reason)
		}
	}
	if len(known) > 20 {
		t.Errorf("%d kinds of differences are too many", len(known))
	}
	t.Logf("%d cases, %d kinds of differences", total, len(known))
}
