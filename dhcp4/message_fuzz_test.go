package dhcp4

import (
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
			if !m.Equal(&Message{}) {
				t.Fatalf("after %v the message is %v", err, &m)
			}
			return
		}
		if !m.Equal(want) {
			t.Fatalf("(-reference +got):\n%s", diffMessage(want, &m))
		}
		if s := m.String(); strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Fatalf("not one line of ASCII: %q", s)
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
