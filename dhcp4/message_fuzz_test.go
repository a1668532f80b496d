package dhcp4

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// FuzzMessage: Unmarshal never panics and agrees with the reference; what it
// accepts keeps its meaning when it is encoded and decoded again, and prints
// as one line.
func FuzzMessage(f *testing.F) {
	for _, packet := range capturedMessages(f) {
		f.Add(packet)
	}
	f.Add(withFields("\x0c\x02ef\x0d\x00\xff", "\x0c\x02cd\xff", 12, 2, 'a', 'b', 52, 1, 3, 53, 1, 1, 255))
	f.Add(withFields("", "\x0f\x7d", 52, 1, 1, 255))
	f.Add(rawMessage(53, 1, 1, 12))
	f.Add(rawMessage(81, 3, 1, 0, 0, 121, 6, 8, 10, 1, 2, 3, 4, 82, 3, 1, 1, 'x', 43, 0, 255))
	f.Add(rawMessage(12, 3, 'l', 'a', 'b', 119, 14, 3, 'l', 'a', 'b', 0, 1, 'b', 0xc0, 0, 1, 'c', 0xc0, 5, 0))
	f.Add(rawMessage(119, 2, 0xc0, 9, 82, 17, 1, 1, 'x', 2, 1, 0, 5, 4, 10, 0, 0, 1, 6, 0, 9, 1, 'y', 255))
	for n := range 10 { // every option, with payloads of 0 to 9 octets
		var all []byte
		for c := byte(1); c < 255; c++ {
			if c != 52 {
				all = append(append(all, c, byte(n)), make([]byte, n)...)
			}
		}
		f.Add(rawMessage(append(all, 56, 255)...))
		f.Add(rawMessage(append(all, append(append([]byte{56, 255}, make([]byte, 255)...), 56, 3, 1, 2, 3)...)...))
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		f.Add(randomPacket(r))
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		var m Message
		err := m.Unmarshal(packet)
		want, wantErr := referenceDecode(packet, "fs")
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("error %v, reference says %v", err, wantErr)
		}
		if err != nil {
			if s := err.Error(); !m.Equal(&Message{}) || !strings.HasPrefix(s, "dhcp4: parse message: ") {
				t.Fatalf("after %q the message is %v", s, &m)
			}
			return
		}
		if !m.Equal(want) {
			t.Fatalf("(-reference +got):\n%s", diffMessage(want, &m))
		}
		if s := m.String(); strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Fatalf("not one line of ASCII: %q", s)
		}
		if lines := m.AppendLines(nil); bytes.Count(lines, []byte("\n\t")) < len(m.Options) || bytes.ContainsFunc(lines, func(c rune) bool { return c < ' ' && c != '\n' && c != '\t' || c > '~' }) {
			t.Fatalf("not a line of ASCII for each option: %q", lines)
		}
		clone := m.Clone()
		again, err := m.AppendBinary(nil)
		if err != nil {
			// Options from the overloaded fields may not fit behind a packet that is full.
			if len(packet) > maxLen-maxFile-maxSName {
				return
			}
			t.Fatal(err)
		}
		if len(again) != m.encodedLen() {
			t.Fatalf("%d octets, announced %d", len(again), m.encodedLen())
		}
		if err := m.Unmarshal(again); err != nil {
			t.Fatal(err)
		}
		if !m.Equal(clone) {
			t.Fatalf("(-first +second):\n%s", diffMessage(clone, &m))
		}
	})
}
