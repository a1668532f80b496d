package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// scapyPackets is how many packets go each way; scapy takes a second for
// about a thousand.
const scapyPackets = 3000

func TestWeReadWhatScapyWrites(t *testing.T) {
	scapy := startScapy(t)
	r := newRandom(t)
	compared := 0
	for i := range scapyPackets {
		said := scapy.ask(t, fmt.Sprintf("build %d", r.Uint64()))
		packet, err := hex.DecodeString(said.Packet)
		if err != nil {
			t.Fatal(err)
		}
		var ours dhcp4.Message
		if err := ours.Unmarshal(packet); err != nil {
			t.Fatalf("packet %d: % x: %v", i, packet, err)
		}
		if diff := gocmp.Diff(said.message(t), &ours, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("packet %d: scapy wrote (-), we read (+) in % x\n%s", i, packet, diff)
		}
		compared += said.compareValues(t)
	}
	if compared < scapyPackets/10 {
		t.Errorf("only %d options of a type that both sides know", compared)
	}
}

func TestScapyReadsWhatWeWrite(t *testing.T) {
	scapy := startScapy(t)
	sizes := scapy.sizes(t)
	r := newRandom(t)
	for i := range scapyPackets {
		ours := randomMessage(r)
		for j := range ours.Options {
			o := &ours.Options[j]
			// Of an option that it has a type for scapy wants whole values, and
			// all of them in one part.
			if n := sizes[o.Code]; n > 0 {
				o.Data = randomBytes(r, n*(1+r.IntN(3)))
			}
			if o.Code == option.ClasslessStaticRoute.Code {
				prefix, _ := randomAddr(r).Prefix(r.IntN(33))
				*o = option.ClasslessStaticRoute.New(option.Route{Destination: prefix, Router: randomAddr(r)})
			}
		}
		packet, err := ours.AppendBinary(nil)
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		said := scapy.ask(t, "read "+hex.EncodeToString(packet))
		if said.Error != "" {
			t.Fatalf("packet %d: %s in % x", i, said.Error, packet)
		}
		if diff := gocmp.Diff(said.message(t), ours, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("packet %d: scapy reads (-) other than what we wrote (+) in % x\n%s", i, packet, diff)
		}
		said.compareValues(t)
	}
}

// scapy is a process that answers a line with a line.
type scapy struct {
	in  io.Writer
	out *bufio.Reader
}

func startScapy(t *testing.T) *scapy {
	t.Helper()
	const python = "/usr/bin/python3" // the one that has Debian's python3-scapy
	if out, err := exec.Command(python, "-c", "import scapy").CombinedOutput(); err != nil {
		missing(t, "python3-scapy", fmt.Sprintf("%v: %s", err, out))
	}
	cmd := exec.Command(python, "testdata/scapy_pipe.py")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // ends it
		if err := cmd.Wait(); err != nil {
			t.Errorf("scapy_pipe.py: %v", err)
		}
	})
	return &scapy{in, bufio.NewReader(out)}
}

// missing skips the test for want of a Debian package, or fails it in CI.
func missing(t *testing.T, pkg, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("needs %s: %s", pkg, why)
	}
	t.Skipf("needs %s: %s", pkg, why)
}

func (s *scapy) exchange(t *testing.T, line string, answer any) {
	t.Helper()
	if _, err := fmt.Fprintln(s.in, line); err != nil {
		t.Fatal(err)
	}
	text, err := s.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("scapy_pipe.py, %s: %v", line, err)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		t.Fatalf("scapy_pipe.py, %s: %v", line, err)
	}
}

func (s *scapy) ask(t *testing.T, line string) (c scapyContent) {
	t.Helper()
	s.exchange(t, line, &c)
	return c
}

// sizes returns the octets of a value of the options that scapy has a type of
// fixed size for.
func (s *scapy) sizes(t *testing.T) (sizes map[option.Code]int) {
	t.Helper()
	s.exchange(t, "sizes", &sizes)
	if len(sizes) < 50 {
		t.Fatalf("scapy has types for only %d options", len(sizes))
	}
	return sizes
}

// scapyContent is what scapy says is in a packet; octets are in hexadecimal.
type scapyContent struct {
	Error, Packet                  string
	Op, HType, Hops                uint8
	XID                            uint32
	Secs, Flags                    uint16
	CIAddr, YIAddr, SIAddr, GIAddr netip.Addr
	CHAddr, SName, File            string
	Options                        []struct {
		Code   option.Code
		Data   string
		Values []string // as text, if scapy has a type for the option
	}
}

func (c scapyContent) message(t *testing.T) *dhcp4.Message {
	t.Helper()
	octets := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	m := &dhcp4.Message{
		Op: c.Op, HType: c.HType, Hops: c.Hops, XID: c.XID, Secs: c.Secs, Flags: c.Flags,
		CIAddr: c.CIAddr, YIAddr: c.YIAddr, SIAddr: c.SIAddr, GIAddr: c.GIAddr,
		SName: octets(c.SName), File: octets(c.File),
	}
	m.HardwareAddr, _ = lease.HardwareAddrFrom(octets(c.CHAddr))
	for _, o := range c.Options {
		m.Options = append(m.Options, option.Option{Code: o.Code, Data: octets(o.Data)})
	}
	return m
}

// compareValues compares the values of addresses and numbers, as text, and
// returns the number of options for which it could.
func (c scapyContent) compareValues(t *testing.T) (compared int) {
	t.Helper()
	for _, o := range c.Options {
		d, _ := option.Standard().Lookup("dhcp4", o.Code)
		if len(o.Values) == 0 || len(o.Values) > 1 && !d.Array {
			continue
		}
		switch d.Kind {
		case option.KindIPv4Address, option.KindUint8, option.KindUint16, option.KindUint32:
			data, err := hex.DecodeString(o.Data)
			if err != nil {
				t.Fatal(err)
			}
			text, err := d.FormatText(nil, data)
			if want := strings.Join(o.Values, ", "); err != nil || string(text) != want {
				t.Errorf("%v: we read %s %q (%v), scapy %q", o.Code, o.Data, text, err, want)
			}
			compared++
		}
	}
	return compared
}
