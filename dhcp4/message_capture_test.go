package dhcp4

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Beside each capture is what tshark 4.0 reads in it: one line per DHCP
// message, fields separated by "|", as tsharkLine prints them.
func TestCapturesReadAsTsharkReadsThem(t *testing.T) {
	files, err := filepath.Glob("testdata/*.pcap")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(strings.TrimSuffix(name, ".pcap") + ".tshark.txt")
			if err != nil {
				t.Fatal(err)
			}
			frames := readPcap(t, name)
			var m Message
			lines, compared := 0, 0
			for want := range strings.Lines(string(text)) {
				lines++
				want = strings.TrimSuffix(want, "\n")
				number, _, _ := strings.Cut(want, "|")
				n, err := strconv.Atoi(number)
				if err != nil || n < 1 || n > len(frames) {
					t.Fatalf("bad line %q", want)
				}
				p, ok := ParseFrame(frames[n-1])
				if !ok {
					t.Errorf("frame %d is not read", n)
					continue
				}
				if err := m.Unmarshal(p.Data); err != nil {
					// One client sends a BOOTP message of another vendor.
					if strings.HasSuffix(want, "||") && m.Equal(&Message{}) {
						continue
					}
					t.Errorf("frame %d: %v", n, err)
					continue
				}
				compared++
				got := tsharkLine(n, p, &m)
				want = normalizeTshark(want)
				for _, d := range tsharkDiffers {
					if d.capture == filepath.Base(name) && d.first <= n && n <= d.last {
						want = d.apply(want, got)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("frame %d (-tshark +got):\n%s", n, diff)
				}
			}
			if compared < 10 || compared < lines*9/10 {
				t.Errorf("only %d of %d messages compared", compared, lines)
			}
		})
	}
}

// tsharkLine prints: frame number, frame source, IP source and destination,
// ports, op, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr,
// sname, file, option codes, and those option values that are not empty.
func tsharkLine(number int, p Packet, m *Message) string {
	var codes, values []string
	for _, o := range m.Options {
		codes = append(codes, strconv.Itoa(int(o.Code)))
		if len(o.Data) > 0 {
			values = append(values, hex.EncodeToString(o.Data))
		}
	}
	return strings.Join([]string{
		strconv.Itoa(number), p.HardwareAddr.String(), p.Peer.Addr().String(), p.Local.Addr().String(),
		fmt.Sprint(p.Peer.Port()), fmt.Sprint(p.Local.Port()),
		fmt.Sprint(m.Op), fmt.Sprint(m.Hops), fmt.Sprintf("0x%08x", m.XID), fmt.Sprint(m.Secs), fmt.Sprintf("0x%04x", m.Flags),
		m.CIAddr.String(), m.YIAddr.String(), m.SIAddr.String(), m.GIAddr.String(),
		m.HardwareAddr.String(), string(m.SName), string(m.File),
		strings.Join(codes, ","), strings.Join(values, ","),
	}, "|")
}

// normalizeTshark removes tshark's "0" for End and Pad from the option codes
// and its "<MISSING>" for an empty payload from the values.
func normalizeTshark(line string) string {
	f := strings.Split(line, "|")
	codes, values := &f[len(f)-2], &f[len(f)-1]
	keep := func(list, drop string) string {
		return strings.Join(slices.DeleteFunc(strings.Split(list, ","), func(s string) bool { return s == drop }), ",")
	}
	*codes, *values = keep(*codes, "0"), keep(*values, "<MISSING>")
	return strings.Join(f, "|")
}

// Fields of a line that are compared with exceptions.
const (
	fieldCHAddr = 15
	fieldCodes  = 18
	fieldValues = 19
)

// A difference is where we read a packet otherwise than tshark. Fields are
// what we read; without any, tshark stops in the middle of the options.
type difference struct {
	capture     string
	first, last int // frame numbers
	why         string
	fields      map[int]string
}

var tsharkDiffers = []difference{
	{"wire-tutorial.pcap", 97, 97, "tshark lists overloaded fields where option 52 stands and in the packet's order", map[int]string{
		fieldCodes: "53,55,60,12", fieldValues: "01,011c02030f06770c2c2f1a792a,78797a,616263",
	}},
	{"wire-tutorial.pcap", 108, 109, "tshark prints hardware addresses of 6 octets only", map[int]string{
		fieldCHAddr: "00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f",
	}},
	{"wire-tutorial.pcap", 114, 114, "the last option is cut off", map[int]string{fieldCodes: "53,55"}},
	{"wire-tutorial.pcap", 121, 121, "tshark does not join options", map[int]string{fieldCodes: "53", fieldValues: "0103"}},
	{"wire-tutorial.pcap", 175, 182, "malformed DUID in option 61", nil},
	{"wire2.pcap", 79, 79, "malformed name in option 81", nil},
}

// apply returns the line want with what d says about it.
func (d *difference) apply(want, got string) string {
	w, g := strings.Split(want, "|"), strings.Split(got, "|")
	for i, s := range d.fields {
		w[i] = s
	}
	if len(d.fields) == 0 && strings.HasPrefix(g[fieldCodes], w[fieldCodes]) && strings.HasPrefix(g[fieldValues], w[fieldValues]) {
		w[fieldCodes], w[fieldValues] = g[fieldCodes], g[fieldValues]
	}
	return strings.Join(w, "|")
}

func TestCapturesKeepTheirMeaningWhenEncodedAgain(t *testing.T) {
	decoded := 0
	for i, packet := range capturedMessages(t) {
		var first, second Message
		if first.Unmarshal(packet) != nil {
			continue // see TestCapturesReadAsTsharkReadsThem
		}
		decoded++
		again, err := first.AppendBinary(nil)
		if err != nil {
			t.Errorf("message %d: %v", i, err)
			continue
		}
		if err := second.Unmarshal(again); err != nil || !second.Equal(&first) {
			t.Errorf("message %d (%v):\n%s", i, err, diffMessage(&first, &second))
		}
	}
	if decoded < 300 {
		t.Errorf("only %d messages decoded", decoded)
	}
}

// dhclient and the others send End, zeros and at least 300 octets, as
// AppendBinary does: their packets come out octet for octet.
func TestClientPacketsAreReproduced(t *testing.T) {
	same := 0
	for _, packet := range capturedMessages(t) {
		var m Message
		if m.Unmarshal(packet) != nil {
			continue
		}
		if again, err := m.AppendBinary(nil); err == nil && string(again) == string(packet) {
			same++
		}
	}
	if same < 200 {
		t.Errorf("only %d packets come out as they were", same)
	}
}
