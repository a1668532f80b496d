package dhcp4

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// referenceDecode is Unmarshal written down for clarity alone: it builds the
// list of all options of the message, field by field in the order given, and
// then puts those of the same code together.
func referenceDecode(p []byte, order string) (*Message, error) {
	if len(p) < 240 {
		return nil, fmt.Errorf("short")
	}
	if string(p[236:240]) != "\x63\x82\x53\x63" {
		return nil, fmt.Errorf("cookie")
	}
	if p[2] > 16 {
		return nil, fmt.Errorf("hlen")
	}
	addr := func(i int) netip.Addr { a, _ := netip.AddrFromSlice(p[i : i+4]); return a }
	m := &Message{
		Op: p[0], HType: p[1], Hops: p[3],
		XID:    binary.BigEndian.Uint32(p[4:8]),
		Secs:   binary.BigEndian.Uint16(p[8:10]),
		Flags:  binary.BigEndian.Uint16(p[10:12]),
		CIAddr: addr(12), YIAddr: addr(16), SIAddr: addr(20), GIAddr: addr(24),
	}
	m.HardwareAddr, _ = lease.HardwareAddrFrom(p[28 : 28+p[2]])

	list, _ := referenceOptions(p[240:])
	inFile, inSName := false, false
	for _, o := range list {
		if o.Code == 52 && len(o.Data) == 1 && o.Data[0] >= 1 && o.Data[0] <= 3 {
			inFile, inSName = o.Data[0] != 2, o.Data[0] != 1
			break
		}
	}
	more := map[rune]option.Options{}
	if inFile {
		o, whole := referenceOptions(p[108:236])
		if !whole {
			return nil, fmt.Errorf("file")
		}
		more['f'] = o
	} else if s, _, _ := strings.Cut(string(p[108:236]), "\x00"); s != "" {
		m.File = []byte(s)
	}
	if inSName {
		o, whole := referenceOptions(p[44:108])
		if !whole {
			return nil, fmt.Errorf("sname")
		}
		more['s'] = o
	} else if s, _, _ := strings.Cut(string(p[44:108]), "\x00"); s != "" {
		m.SName = []byte(s)
	}
	for _, field := range order {
		list = append(list, more[field]...)
	}

	value := map[option.Code]string{}
	for _, o := range list {
		value[o.Code] += string(o.Data)
	}
	for _, o := range list {
		if v, ok := value[o.Code]; ok && o.Code != 52 {
			m.Options = append(m.Options, option.Option{Code: o.Code, Data: []byte(v)})
			delete(value, o.Code)
		}
	}
	return m, nil
}

// referenceOptions returns the options of one field and whether the last one
// is whole.
func referenceOptions(field []byte) (list option.Options, whole bool) {
	for len(field) > 0 {
		switch {
		case field[0] == 0:
			field = field[1:]
			continue
		case field[0] == 255:
			return list, true
		case len(field) < 2 || len(field) < 2+int(field[1]):
			return list, false
		}
		n := int(field[1])
		list = append(list, option.Option{Code: option.Code(field[0]), Data: field[2 : 2+n]})
		field = field[2+n:]
	}
	return list, true
}

// randomPacket returns a packet that is likely to be valid and to have split
// options, overloaded fields and a ragged end.
func randomPacket(r *rand.Rand) []byte {
	p := make([]byte, 240)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	p[2] = byte(r.IntN(18))
	copy(p[236:], "\x63\x82\x53\x63")
	if r.IntN(50) == 0 {
		p[236+r.IntN(4)]++
	}
	fill := func(field []byte) {
		if r.IntN(4) > 0 {
			copy(field, randomOptions(r, r.IntN(len(field)+8)))
		}
	}
	fill(p[44:108])
	fill(p[108:236])
	p = append(p, randomOptions(r, r.IntN(400))...)
	if r.IntN(8) == 0 {
		p = p[:r.IntN(len(p)+1)]
	}
	return p
}

func randomOptions(r *rand.Rand, size int) []byte {
	codes := []byte{1, 3, 12, 12, 43, 52, 52, 53, 82, 121, 254}
	var b []byte
	for len(b) < size {
		switch r.IntN(20) {
		case 0:
			b = append(b, make([]byte, r.IntN(5))...)
			continue
		case 1:
			b = append(b, byte(r.Uint32()))
			continue
		case 2:
			return append(b, 255)
		}
		code, n := codes[r.IntN(len(codes))], r.IntN(9)
		if code == 52 {
			b = append(b, 52, 1, byte(r.IntN(5)))
			continue
		}
		if r.IntN(20) == 0 {
			n = r.IntN(256)
		}
		b = append(b, code, byte(n))
		for range n {
			b = append(b, byte(r.Uint32()))
		}
	}
	return append(b, 255)
}

// compareWithReference decodes n random packets with Unmarshal and with the
// reference and returns the first difference, or counts what it saw.
func compareWithReference(seed uint64, n int, order string) (mismatch string, seen map[string]int) {
	r := rand.New(rand.NewPCG(seed, 0))
	seen = map[string]int{}
	var m Message
	for i := range n {
		p := randomPacket(r)
		want, wantErr := referenceDecode(p, order)
		err := m.Unmarshal(p)
		switch {
		case (err != nil) != (wantErr != nil):
			return fmt.Sprintf("packet %d: error %v, reference says %v\n% x", i, err, wantErr, p), seen
		case err != nil:
			seen["rejected for "+wantErr.Error()]++
			continue
		case !m.Equal(want):
			return fmt.Sprintf("packet %d (-reference +got):\n%s\n% x", i, diffMessage(want, &m), p), seen
		}
		seen["accepted"]++
		if len(m.scratch) > 0 {
			seen["joined"]++
		}
		if m.File == nil && m.SName == nil {
			seen["both fields overloaded or empty"]++
		}
	}
	return "", seen
}

func TestUnmarshalAgreesWithSlowReference(t *testing.T) {
	seed := rand.Uint64()
	mismatch, seen := compareWithReference(seed, 20_000, "fs")
	t.Logf("seed %d: %v", seed, seen)
	if mismatch != "" {
		t.Fatalf("seed %d: %s", seed, mismatch)
	}
	for _, what := range []string{
		"accepted", "joined", "both fields overloaded or empty",
		"rejected for short", "rejected for cookie", "rejected for hlen", "rejected for file", "rejected for sname",
	} {
		if seen[what] < 20 {
			t.Errorf("seed %d: only %d packets were %s", seed, seen[what], what)
		}
	}
}

// The comparison has to notice a decoder that joins the fields in the order
// in which they stand in the packet.
func TestReferenceFindsWrongFieldOrder(t *testing.T) {
	seed := rand.Uint64()
	if mismatch, _ := compareWithReference(seed, 20_000, "sf"); mismatch == "" {
		t.Errorf("seed %d: 20,000 packets did not show the planted bug", seed)
	}
}
