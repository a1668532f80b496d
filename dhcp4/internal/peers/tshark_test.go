package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// TestTsharkDissectsEveryOption writes one frame for each option and each
// sub-option of the registry and one that holds all options at once.
func TestTsharkDissectsEveryOption(t *testing.T) {
	tshark := findTshark(t)
	var frames []testFrame
	all := option.Options{sample(t, definition(t, "dhcp4", option.DHCPMessageType.Code))}
	for d := range option.Standard().All() {
		o, ok := travels(t, d, samplePayload(t, d))
		if !ok {
			continue
		}
		f := newTestFrame(t, fmt.Sprintf("%s, %s (%d)", d.Space, d.Name, d.Code), alone(t, o))
		f.together = d.Encapsulates != ""
		frames = append(frames, f)
		if d.Space == "dhcp4" && o.Code != option.DHCPMessageType.Code {
			all = append(all, o)
		}
	}
	f := newTestFrame(t, "all at once", all)
	f.together = true
	frames = append(frames, f)
	if len(frames) < 30 {
		t.Fatalf("only %d frames: the registry is empty?", len(frames))
	}

	for i, said := range dissect(t, tshark, frames) {
		f := frames[i]
		if !slices.Equal(said.types, f.types) {
			t.Errorf("%s: tshark finds the options %s, want %s", f.name, said.types, f.types)
		}
		for _, remark := range said.remarks {
			if !isQuirk(f, remark) {
				t.Errorf("%s: tshark remarks %q in % x", f.name, remark, f.frame)
			}
		}
	}
}

// quirks are what tshark 4.0 remarks about payloads that are right.
var quirks = []struct{ frame, remark string }{
	// It does not know RFC 8357.
	{"dhcp-agent-options-space, relay-port (19)", "ERROR, please report: Unknown subopt type handler 19"},
	// VSS-Control has no payload (RFC 6607, section 3.4).
	{"dhcp-agent-options-space, virtual-subnet-select-ctrl (152)", "length isn't 4"},
	{"dhcp-agent-options-space, virtual-subnet-select-ctrl (152)", "ERROR, please report: Unknown subopt type handler 152"},
}

// isQuirk reports whether remark is wrong about f, or about one of the options
// that f has together.
func isQuirk(f testFrame, remark string) bool {
	for _, q := range quirks {
		if q.remark == remark && (q.frame == f.name || f.together) {
			return true
		}
	}
	return false
}

// TestTsharkDissectsOverloadedFieldsBehindTags has options in all three fields
// of a message, and tags before it.
func TestTsharkDissectsOverloadedFieldsBehindTags(t *testing.T) {
	tshark := findTshark(t)
	opts := option.Options{{Code: 53, Data: []byte{5}}, {Code: 43, Data: bytes.Repeat([]byte{1, 1, 7}, 80)}}
	want := []string{"53", "43", "52"}
	for _, c := range []option.Code{12, 14, 15, 17, 40, 47, 64, 66} { // texts
		opts = append(opts, option.Option{Code: c, Data: bytes.Repeat([]byte{'a'}, 25)})
		want = append(want, strconv.Itoa(int(c)))
	}
	slices.Sort(want)
	m := reply(opts)
	data, omitted, err := m.AppendBinaryLimit(nil, 548, nil)
	if err != nil || omitted != 0 {
		t.Fatalf("%d options omitted, %v", omitted, err)
	}
	var frames []testFrame
	for _, tags := range [][]dhcp4.VLANTag{nil, {{ID: 10}}, {{Type: 0x88a8, ID: 4000, Priority: 7}, {ID: 1}}} {
		frames = append(frames, testFrame{name: fmt.Sprint("tags ", tags), frame: frameOf(t, m, data, tags...)})
	}
	notes := []string{"Server name option overloaded by DHCP", "Boot file name option overloaded by DHCP"} // and no more
	for i, said := range dissect(t, tshark, frames) {
		slices.Sort(said.types)
		if !slices.Equal(said.types, want) || !slices.Equal(said.remarks, notes) {
			t.Errorf("%s: tshark finds %s, want %s, and remarks %q in % x", frames[i].name, said.types, want, said.remarks, frames[i].frame)
		}
	}
}

// TestTsharkRemarksWhatIsWrong shows that the test above would see it.
func TestTsharkRemarksWhatIsWrong(t *testing.T) {
	tshark := findTshark(t)
	badSum := newTestFrame(t, "UDP checksum", option.Options{{Code: 53, Data: []byte{5}}})
	badSum.frame[len(badSum.frame)-1] ^= 1
	frames := []testFrame{
		newTestFrame(t, "subnet mask of 3 octets", option.Options{{Code: 53, Data: []byte{5}}, {Code: 1, Data: []byte{255, 255, 255}}}),
		newTestFrame(t, "lease time of 3 octets", option.Options{{Code: 53, Data: []byte{5}}, {Code: 51, Data: []byte{1, 2, 3}}}),
		badSum,
	}
	for i, said := range dissect(t, tshark, frames) {
		if len(said.remarks) == 0 {
			t.Errorf("%s: no remark", frames[i].name)
		}
	}
}

// alone returns o with the options without which nobody knows what it means.
func alone(t *testing.T, o option.Option) option.Options {
	t.Helper()
	opts := option.Options{sample(t, definition(t, "dhcp4", option.DHCPMessageType.Code))}
	if o.Code == option.VendorEncapsulatedOptions.Code {
		opts = append(opts, sample(t, definition(t, "dhcp4", option.VendorClassIdentifier.Code)))
	}
	if o.Code == option.DHCPMessageType.Code {
		return option.Options{o}
	}
	return append(opts, o)
}

func definition(t *testing.T, space string, c option.Code) option.Definition {
	t.Helper()
	d, ok := option.Standard().Lookup(space, c)
	if !ok {
		t.Fatalf("no option %d in %s", c, space)
	}
	return d
}

func sample(t *testing.T, d option.Definition) option.Option {
	t.Helper()
	return option.Option{Code: d.Code, Data: samplePayload(t, d)}
}

// containers are the options in which the sub-options of a space travel; a
// vendor's in option 125.
var containers = map[string]option.Code{
	"dhcp-agent-options-space": 82,
	"PXEClient":                43,
	"cablelabs-client-conf":    122,
	"ipv4-address-mos":         139,
	"ipv4-fqdn-mos":            140,
}

// travels returns the option of a message in which the payload of d travels.
func travels(t *testing.T, d option.Definition, payload []byte) (o option.Option, ok bool) {
	t.Helper()
	switch {
	case d.Space == "dhcp4":
		// The next test has Option Overload, which is how a packet is laid out.
		return option.Option{Code: d.Code, Data: payload}, d.Code != option.DHCPOptionOverload.Code
	case containers[d.Space] != 0:
		return option.Option{Code: containers[d.Space], Data: subOptions(t, option.Option{Code: d.Code, Data: payload})}, true
	}
	enterprise, isVendor := strings.CutPrefix(d.Space, "vendor-")
	n, err := strconv.ParseUint(enterprise, 10, 32)
	if !isVendor || err != nil {
		t.Fatalf("in which option do the sub-options of %q travel?", d.Space)
	}
	sub := subOptions(t, option.Option{Code: d.Code, Data: payload})
	data := append(binary.BigEndian.AppendUint32(nil, uint32(n)), byte(len(sub)))
	return option.Option{Code: 125, Data: append(data, sub...)}, true
}

// subOptions returns the payload that holds subs.
func subOptions(t *testing.T, subs ...option.Option) []byte {
	t.Helper()
	o := option.DHCPAgentOptions.New(subs...)
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	return o.Data
}

// samplePayload returns a payload of d that its RFC allows.
func samplePayload(t *testing.T, d option.Definition) []byte {
	t.Helper()
	for space, c := range containers {
		if d.Space != "dhcp4" || d.Code != c {
			continue
		}
		var subs []option.Option
		for sub := range option.Standard().All() {
			if sub.Space == space {
				subs = append(subs, sample(t, sub))
			}
		}
		return subOptions(t, subs...)
	}
	if digits, ok := sampleHex[d.Space+" "+d.Name]; ok {
		payload, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", d.Name, err)
		}
		return payload
	}
	payload, err := d.AppendText(nil, sampleText(d))
	if err != nil {
		t.Fatalf("%s, %s (%d): no sample: %v", d.Space, d.Name, d.Code, err)
	}
	return payload
}

// sampleText returns the text of a value of d.
func sampleText(d option.Definition) string {
	if text, ok := sampleTexts[d.Space+" "+d.Name]; ok {
		return text
	}
	if d.Kind != option.KindRecord {
		return kindText(d.Kind)
	}
	var fields []string
	for _, k := range d.Fields {
		fields = append(fields, kindText(k))
	}
	return strings.Join(fields, ",")
}

func kindText(k option.Kind) string {
	switch k {
	case option.KindEmpty:
		return ""
	case option.KindBinary:
		return "0102030405060708"
	case option.KindBoolean:
		return "true"
	case option.KindIPv4Address:
		return "192.0.2.1"
	case option.KindIPv6Address:
		return "2001:db8::1"
	case option.KindIPv6Prefix:
		return "2001:db8::/33"
	case option.KindPSID:
		return "3/4"
	case option.KindString, option.KindTuple:
		return "example"
	case option.KindFQDN:
		return "host.example.com"
	}
	return "1"
}

// sampleTexts are for options whose values are more than their kinds tell.
var sampleTexts = map[string]string{
	"PXEClient menu-prompt": "10, example",

	"dhcp4 subnet-mask":                 "255.255.255.0",
	"dhcp4 policy-filter":               "192.0.2.1, 255.255.255.255",
	"dhcp4 max-dgram-reassembly":        "576",
	"dhcp4 path-mtu-plateau-table":      "68, 1500",
	"dhcp4 interface-mtu":               "1500",
	"dhcp4 static-routes":               "192.0.2.128, 192.0.2.1",
	"dhcp4 netbios-node-type":           "8",
	"dhcp4 dhcp-message-type":           "5",
	"dhcp4 dhcp-max-message-size":       "1500",
	"dhcp4 vendor-class-identifier":     "PXEClient",
	"dhcp4 fqdn":                        "5, 0, 0, host.example.com",
	"dhcp4 client-ndi":                  "1, 3, 16",
	"dhcp4 uuid-guid":                   "0, 000102030405060708090a0b0c0d0e0f",
	"dhcp4 v6-only-preferred":           "1800",
	"dhcp4 v4-captive-portal":           "https://portal.example.com/",
	"dhcp4 name-service-search":         "6, 44",
	"dhcp4 classless-static-route":      "0.0.0.0/0 - 192.0.2.1, 10.0.0.0/8 - 192.0.2.2",
	"dhcp4 v4-sztp-redirect":            "https://sztp.example.com/",
	"dhcp4 rdnss-selection":             "0, 192.0.2.1, 192.0.2.2, example.com",
	"dhcp4 mud-url-v4":                  "https://mud.example.com/device.json",
	"dhcp4 v4-dnr":                      "1, resolver.example.com, 192.0.2.1, alpn=dot",
	"dhcp4 pxelinux-magic":              "4043338878", // 0xf100747e
	"dhcp4 option-6rd":                  "8, 56, 2001:db8::, 192.0.2.1",
	"vendor-4491 oro":                   "2",
	"dhcp-agent-options-space radius":   "0107616c696365", // User-Name
	"dhcp-agent-options-space relay-id": "0200000009616263",
}

// sampleHex are for options whose payload has a structure that their kind does
// not tell.
var sampleHex = map[string]string{
	"PXEClient boot-servers": "0001 01 c0000201",
	"PXEClient boot-menu":    "0000 05 4c6f63616c",

	"cablelabs-client-conf tsp-provisioning-server": "01 c0000201",

	"dhcp-agent-options-space auth":                  "01 00 0000000000000001 c0000201 000102030405060708090a0b0c0d0e0f10111213",
	"dhcp-agent-options-space vendor-specific-info":  "0000118b 04 01020304",
	"dhcp-agent-options-space access-point-bssid":    "000c29aabbcc",
	"dhcp-agent-options-space virtual-subnet-select": "01 010203 04050607",

	"dhcp4 dhcp-client-identifier": "01 000c29aabbcc",
	"dhcp4 nwip-suboptions":        "05 01 01",
	"dhcp4 user-class":             "07 6578616d706c65",
	"dhcp4 authenticate":           "00 00 00 0000000000000001 746f6b656e",
	"dhcp4 geoconf-civic":          "02 5553 01 02 4341",
	"dhcp4 sip-servers":            "01 c0000201",
	"dhcp4 geoconf":                "4d5b 1a26 c0 4d 2d 6b 33 33 21 00 06 40 00 01",
	"dhcp4 vivco-suboptions":       "00000009 04 03616263",
	"dhcp4 vivso-suboptions":       "0000118b 09 01 01 02 02 04 c0000201",
	"dhcp4 geoloc":                 "4d5b 1a26 c0 4d 2d 6b 33 33 21 00 06 40 00 41",
	"dhcp4 v4-pcp-server":          "04 c0000201",
	"dhcp4 etherboot":              "01 01 00",
	"dhcp4 packetcable":            "01 04 c0000201",
}

// A testFrame is an Ethernet frame and what is in it.
type testFrame struct {
	name  string
	frame []byte
	types []string // codes as tshark lists them
	// together tells that every option of a space is in it.
	together bool
}

func newTestFrame(t *testing.T, name string, opts option.Options) testFrame {
	t.Helper()
	m := reply(opts)
	data, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	f := testFrame{name: name, frame: frameOf(t, m, data)}
	for _, o := range opts {
		for n := max(len(o.Data), 1); n > 0; n -= 255 { // its parts
			f.types = append(f.types, strconv.Itoa(int(o.Code)))
		}
	}
	return f
}

func reply(opts option.Options) *dhcp4.Message {
	return &dhcp4.Message{
		Op: dhcp4.OpReply, HType: dhcp4.HTypeEthernet, XID: 1, YIAddr: netip.MustParseAddr("192.0.2.20"),
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"), Options: opts,
	}
}

// frameOf returns the frame that takes the message m, which is data, to its
// client.
func frameOf(t *testing.T, m *dhcp4.Message, data []byte, tags ...dhcp4.VLANTag) []byte {
	t.Helper()
	frame, err := dhcp4.AppendFrame(nil, dhcp4.Packet{
		Data: data, HardwareAddr: m.HardwareAddr,
		Link:  &dhcp4.Link{HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:00:00:01")},
		Local: netip.MustParseAddrPort("192.0.2.1:67"), Peer: netip.MustParseAddrPort("192.0.2.20:68"),
	}, tags...)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// dissection is what tshark says about a frame.
type dissection struct {
	types   []string
	remarks []string // that it is malformed, and what its expert says
}

func findTshark(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil {
		missing(t, "tshark", err.Error())
	}
	return path
}

// dissect has tshark read the frames, each of which must be DHCP.
func dissect(t *testing.T, tshark string, frames []testFrame) []dissection {
	t.Helper()
	file := filepath.Join(t.TempDir(), "frames.pcap")
	if err := os.WriteFile(file, pcap(frames), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tshark, "-n", "-r", file, "-Y", "dhcp",
		"-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;", "-E", "separator=/t",
		"-e", "frame.number", "-e", "dhcp.option.type", "-e", "_ws.malformed", "-e", "_ws.expert.message")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir(), "LC_ALL=C") // nobody's preferences
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v: %s", err, stderr.Bytes())
	}
	var all []dissection
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 4 || fields[0] != strconv.Itoa(len(all)+1) {
			t.Fatalf("frame %d is not taken for DHCP: %q", len(all)+1, line)
		}
		all = append(all, dissection{
			types:   slices.DeleteFunc(strings.Split(fields[1], ";"), func(s string) bool { return s == "0" || s == "255" }), /* Pad, End */
			remarks: slices.DeleteFunc(strings.Split(fields[2]+";"+fields[3], ";"), func(s string) bool { return s == "" }),
		})
	}
	if len(all) != len(frames) {
		t.Fatalf("tshark takes %d of %d frames for DHCP: %s", len(all), len(frames), stderr.Bytes())
	}
	return all
}

// pcap returns a capture file of Ethernet frames.
func pcap(frames []testFrame) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b2c3d4)
	b = le.AppendUint16(b, 2) // version 2.4
	b = le.AppendUint16(b, 4)
	b = append(b, make([]byte, 8)...)
	b = le.AppendUint32(b, 65_535)
	b = le.AppendUint32(b, 1) // Ethernet
	for i, f := range frames {
		b = le.AppendUint32(b, uint32(i)) // seconds
		b = le.AppendUint32(b, 0)
		b = le.AppendUint32(b, uint32(len(f.frame)))
		b = le.AppendUint32(b, uint32(len(f.frame)))
		b = append(b, f.frame...)
	}
	return b
}
