package dhcp4

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/option"
)

// The tests of the table in the documentation of the package, by its cells.
var (
	rejectedPackets = map[string][][]byte{
		"a packet shorter than 240 octets":      {nil, {1}, rawMessage()[:236], rawMessage()[:239]},
		"another magic cookie":                  {slices.Replace(rawMessage(255), 236, 240, 0, 0, 0, 0), slices.Replace(rawMessage(255), 239, 240, 98)},
		"hlen above 16":                         {slices.Replace(rawMessage(255), 2, 3, 17), slices.Replace(rawMessage(255), 2, 3, 255)},
		"an option that overruns file or sname": {withFields("", "\x0f\x7f", 52, 1, 1, 255), withFields("\x0c\x3f", "", 52, 1, 2, 255), withFields("", strings.Repeat("\x00", 127)+"\x0c", 52, 1, 3, 255)},
	}
	toleratedPackets = map[string][]toleratedPacket{
		"no End, or garbage behind it": {
			{rawMessage(), rawWant()},
			{rawMessage(53, 1, 1), rawWant(opt(53, 1))},
			{rawMessage(53, 1, 1, 255, 12, 200, 1), rawWant(opt(53, 1))},
		},
		"a last option that is cut off: it is dropped": {
			{rawMessage(53, 1, 1, 12), rawWant(opt(53, 1))},
			{rawMessage(53, 1, 1, 12, 3, 'a', 'b'), rawWant(opt(53, 1))},
		},
		"an option without payload; a client id of one octet": {
			{rawMessage(53, 0, 12, 0, 255), rawWant(opt(53), opt(12))},
			{rawMessage(61, 1, 7, 255), rawWant(opt(61, 7))},
		},
		"a string with NUL at its end, or without": {
			{rawMessage(12, 2, 'a', 0, 255), rawWant(opt(12, 'a', 0))},
			{withFields("srv\x00", "boot\x00\xff", 255), withNames(rawWant(), "srv", "boot")},
			{withFields(strings.Repeat("s", 64), strings.Repeat("f", 128), 255), withNames(rawWant(), strings.Repeat("s", 64), strings.Repeat("f", 128))},
		},
		"unknown op, htype, flags; no message type": {
			{slices.Replace(rawMessage(255), 0, 2, 9, 99), withTypes(rawWant(), 9, 99, FlagBroadcast)},
			{slices.Replace(rawMessage(12, 1, 'a', 255), 10, 12, 0xff, 0xff), withTypes(rawWant(opt(12, 'a')), OpRequest, HTypeEthernet, 0xffff)},
		},
		"a malformed option 52: it is ignored": {
			{withFields("srv", "boot", 52, 0, 255), withNames(rawWant(), "srv", "boot")},
			{withFields("srv", "boot", 52, 1, 0, 255), withNames(rawWant(), "srv", "boot")},
			{withFields("srv", "boot", 52, 1, 4, 255), withNames(rawWant(), "srv", "boot")},
			{withFields("srv", "boot", 52, 2, 1, 1, 255), withNames(rawWant(), "srv", "boot")},
		},
	}
)

type toleratedPacket struct {
	packet []byte
	want   *Message
}

func withNames(m *Message, sname, file string) *Message {
	m.SName, m.File = []byte(sname), []byte(file)
	return m
}

func withTypes(m *Message, op, htype uint8, flags uint16) *Message {
	m.Op, m.HType, m.Flags = op, htype, flags
	return m
}

// policyTable returns the cells of the table in doc.go.
func policyTable(t *testing.T) (rejects, tolerates []string) {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	column := 0
	for line := range strings.Lines(string(doc)) {
		line = strings.TrimSuffix(strings.TrimPrefix(line, "//\t"), "\n")
		switch {
		case column == 0:
			if strings.HasPrefix(line, "rejects ") {
				column = strings.Index(line, "tolerates")
			}
			continue
		case len(line) < column:
			return rejects, tolerates
		}
		if left := strings.TrimSpace(line[:column]); left != "" {
			rejects = append(rejects, left)
		}
		tolerates = append(tolerates, line[column:])
	}
	t.Fatal("no table in doc.go")
	return nil, nil
}

func TestDamagedPacketsAreTreatedAsDocumented(t *testing.T) {
	rejects, tolerates := policyTable(t)
	if len(rejects) != len(rejectedPackets) || len(tolerates) != len(toleratedPackets) {
		t.Errorf("the table has %d and %d rows, the test %d and %d", len(rejects), len(tolerates), len(rejectedPackets), len(toleratedPackets))
	}
	for _, row := range rejects {
		if len(rejectedPackets[row]) == 0 {
			t.Errorf("%q has no test", row)
		}
		for _, packet := range rejectedPackets[row] {
			m := testMessage()
			var e *ParseError
			if err := m.Unmarshal(packet); !errors.As(err, &e) || e.Reason == "" || e.Offset > len(packet) || !m.Equal(&Message{}) {
				t.Errorf("%s: %v, %v", row, m, err)
			}
		}
	}
	for _, row := range tolerates {
		if len(toleratedPackets[row]) == 0 {
			t.Errorf("%q has no test", row)
		}
		for _, tt := range toleratedPackets[row] {
			m := testMessage()
			if err := m.Unmarshal(tt.packet); err != nil || !m.Equal(tt.want) {
				t.Errorf("%s: %v (-want +got):\n%s", row, err, diffMessage(tt.want, m))
			}
		}
	}
}

// An absent option and one without payload are different answers.
func TestAbsentIsNotEmpty(t *testing.T) {
	var m Message
	if err := m.Unmarshal(rawMessage(12, 0, 3, 3, 1, 2, 3, 255)); err != nil {
		t.Fatal(err)
	}
	_, empty := m.Options.Lookup(12)
	_, absent := m.Options.Lookup(15)
	if !empty || absent {
		t.Errorf("an empty option is there: %v, an absent one: %v", empty, absent)
	}
	_, ok, err := option.HostName.Get(m.Options)
	_, okAbsent, errAbsent := option.DomainName.Get(m.Options)
	_, okMalformed, errMalformed := option.Routers.Get(m.Options)
	got := []bool{ok || err != nil, okAbsent, errAbsent != nil, okMalformed && errMalformed == nil, errMalformed != nil}
	if diff := cmp.Diff([]bool{true, false, false, false, true}, got); diff != "" {
		t.Error(diff)
	}
}
