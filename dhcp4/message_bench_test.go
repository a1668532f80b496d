package dhcp4

import (
	"testing"

	"github.com/embedhcp/embedhcp/option"
)

// A codecCase is one body for a benchmark and for the test that it does not
// allocate.
type codecCase struct {
	name string
	run  func() error
}

func codecCases(t testing.TB) []codecCase {
	t.Helper()
	var cases []codecCase
	for _, p := range []struct {
		name   string
		packet []byte
	}{
		{"discover", mustAppend(t, &Message{Op: OpRequest, HType: HTypeEthernet, XID: 7, Options: option.Options{
			opt(53, 1), opt(61, 1, 0, 0x0c, 0x29, 0xaa, 0xbb, 0xcc), opt(50, 192, 168, 1, 20), optText(12, "DESKTOP-7QK2M9A"),
			optText(60, "MSFT 5.0"), opt(55, 1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252),
		}})},
		{"ack", mustAppend(t, &Message{Op: OpReply, HType: HTypeEthernet, XID: 7, Options: option.Options{
			opt(53, 5), opt(54, 192, 168, 1, 1), opt(51, 0, 0, 168, 192), opt(58, 0, 0, 84, 96), opt(59, 0, 0, 147, 168),
			opt(1, 255, 255, 255, 0), opt(28, 192, 168, 1, 255), opt(3, 192, 168, 1, 1), opt(6, 192, 168, 1, 10, 8, 8, 8, 8),
			optText(15, "lab.example.com"), opt(119, make([]byte, 30)...), opt(121, make([]byte, 24)...),
		}})},
		{"split", mustAppend(t, &Message{Op: OpReply, Options: option.Options{opt(43, make([]byte, 600)...), opt(53, 5)}})},
		{"overload", withFields("\x0c\x02ef\xff", "\x0c\x02cd\xff", 12, 2, 'a', 'b', 52, 1, 3, 53, 1, 1, 255)},
	} {
		m, out := new(Message), new(Message)
		if err := out.Unmarshal(p.packet); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 0, 2048)
		cases = append(cases,
			codecCase{"decode/" + p.name, func() error { return m.Unmarshal(p.packet) }},
			codecCase{"encode/" + p.name, func() error { _, err := out.AppendBinary(buf); return err }},
		)
	}
	buf := make([]byte, 0, 2048)
	long := &Message{Op: OpReply, Options: option.Options{
		opt(53, 5), opt(54, 192, 168, 1, 1), opt(51, 0, 0, 168, 192), opt(1, 255, 255, 255, 0), opt(3, 192, 168, 1, 1),
		fill(121, 100), fill(119, 100), fill(43, 300), fill(252, 40), fill(12, 20),
	}}
	return append(cases, codecCase{"encode/limit", func() error {
		_, _, err := long.AppendBinaryLimit(buf, 548, []byte{1, 3, 6, 15, 119, 121, 252})
		return err
	}})
}

func mustAppend(t testing.TB, m *Message) []byte {
	t.Helper()
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCodecDoesNotAllocate(t *testing.T) {
	for _, c := range codecCases(t) {
		if n := testing.AllocsPerRun(100, func() {
			if err := c.run(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func BenchmarkCodec(b *testing.B) {
	for _, c := range codecCases(b) {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
