package dhcp4

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/option"
)

// fill returns an option of n octets that are all different from their
// neighbours.
func fill(c option.Code, n int) option.Option {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(int(c) + i*7)
	}
	return opt(c, data...)
}

// fieldsOf returns the codes and payload lengths of the options field, and of
// the file and sname fields as far as option 52 says that they hold options;
// and option 52 itself.
func fieldsOf(p []byte) (fields [3]string, overload byte) {
	list := func(field []byte) string {
		options, _ := referenceOptions(field)
		var s []string
		for _, o := range options {
			if o.Code == 52 {
				overload = o.Data[0]
			}
			s = append(s, fmt.Sprintf("%d:%d", o.Code, len(o.Data)))
		}
		return strings.Join(s, " ")
	}
	fields[0] = list(p[240:])
	if overload&1 != 0 {
		fields[1] = list(p[108:236])
	}
	if overload&2 != 0 {
		fields[2] = list(p[44:108])
	}
	return fields, overload
}

func TestLimitFillsOptionsThenFileThenSName(t *testing.T) {
	never := option.Options{
		fill(53, 1), fill(1, 4), fill(3, 4), fill(51, 4), fill(54, 4), fill(58, 4), fill(59, 4), fill(61, 7),
	} // 48 octets
	with := func(o ...option.Option) option.Options { return append(never[:len(never):len(never)], o...) }
	for _, tt := range []struct {
		name        string
		sname, file string
		options     option.Options
		limit       int
		parameters  string
		want        [3]string
		size        int
		omitted     int
	}{
		{
			name: "a message that fits", options: never, limit: 548,
			want: [3]string{"53:1 1:4 3:4 51:4 54:4 58:4 59:4 61:7"}, size: 300,
		},
		{
			name: "a message that fits exactly", options: with(fill(224, 255), fill(12, 0)), limit: 548,
			want: [3]string{"53:1 1:4 3:4 51:4 54:4 58:4 59:4 61:7 224:255 12:0"}, size: 548,
		},
		{
			name: "one octet too many", options: with(fill(224, 253), fill(12, 3)), limit: 548,
			want: [3]string{"53:1 52:1 1:4 3:4 51:4 54:4 58:4 59:4 61:7 224:253", "12:3"}, size: 547,
		},
		{
			name: "a later option in sname", options: with(fill(224, 253), fill(12, 125), fill(15, 61)), limit: 548,
			want: [3]string{"53:1 52:1 1:4 3:4 51:4 54:4 58:4 59:4 61:7 224:253", "12:125", "15:61"}, size: 547,
		},
		{
			name: "a small option goes on where a large one did not fit", options: with(fill(224, 248), fill(12, 120), fill(15, 3)), limit: 548,
			want: [3]string{"53:1 52:1 1:4 3:4 51:4 54:4 58:4 59:4 61:7 224:248 15:3", "12:120"}, size: 547,
		},
		{
			name: "file is in use", file: "pxelinux.0", options: with(fill(224, 253), fill(12, 62), fill(15, 60)), limit: 548,
			want: [3]string{"53:1 52:1 1:4 3:4 51:4 54:4 58:4 59:4 61:7 224:253", "", "15:60"}, size: 547, omitted: 1,
		},
		{
			name: "sname is in use", sname: "srv", options: with(fill(224, 253), fill(12, 62), fill(15, 60)), limit: 548,
			want: [3]string{"53:1 52:1 1:4 3:4 51:4 54:4 58:4 59:4 61:7 224:253", "12:62 15:60"}, size: 547,
		},
		{
			name: "both are in use", sname: "srv", file: "pxelinux.0", options: with(fill(224, 255), fill(12, 62)), limit: 548,
			want: [3]string{"53:1 1:4 3:4 51:4 54:4 58:4 59:4 61:7 224:255"}, size: 546, omitted: 1,
		},
		{
			name: "an option in parts over all fields", options: with(fill(43, 290)), limit: 400,
			want: [3]string{"53:1 52:1 1:4 3:4 51:4 54:4 58:4 59:4 61:7 43:106", "43:125", "43:59"}, size: 400,
		},
		{
			name: "an option in parts over two fields", options: with(fill(43, 300)), limit: 548,
			want: [3]string{"53:1 52:1 1:4 3:4 51:4 54:4 58:4 59:4 61:7 43:254", "43:46"}, size: 548,
		},
		{
			name: "the options of the options field are all too long", options: option.Options{fill(224, 100)}, limit: 300,
			want: [3]string{"52:1", "224:100"}, size: 300,
		},
		{
			name: "a limit below 300", options: with(fill(224, 200)), limit: -1,
			want: [3]string{"53:1 1:4 3:4 51:4 54:4 58:4 59:4 61:7"}, size: 300, omitted: 1,
		},
		{
			name: "relay agent information stays last in the options field", options: with(fill(224, 200), fill(12, 20), fill(82, 40)), limit: 548,
			want: [3]string{"53:1 52:1 1:4 3:4 51:4 54:4 58:4 59:4 61:7 224:200 82:40", "12:20"}, size: 536,
		},
		{
			name: "what must not be left out goes on in file", options: option.Options{fill(53, 1), fill(61, 100), fill(82, 50), fill(6, 4)}, limit: 300,
			want: [3]string{"53:1 52:1 82:50", "61:100 6:4"}, size: 300,
		},
		{
			name: "routes before the rest", options: with(fill(12, 40), fill(121, 250), fill(252, 60)), limit: 548, file: "f",
			want: [3]string{"53:1 52:1 1:4 3:4 51:4 54:4 58:4 59:4 61:7 121:250", "", "12:40"}, size: 544, omitted: 1,
		},
		{
			name: "what the client prefers before the rest", options: with(fill(12, 40), fill(200, 250), fill(252, 60)), limit: 548, file: "f", parameters: "\x01\xfc\xc8\x0c",
			want: [3]string{"53:1 1:4 3:4 51:4 54:4 58:4 59:4 61:7 12:40 252:60"}, size: 393, omitted: 1,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := Message{Op: OpReply, SName: []byte(tt.sname), File: []byte(tt.file), Options: tt.options}
			p, omitted, err := m.AppendBinaryLimit(nil, tt.limit, []byte(tt.parameters))
			if err != nil {
				t.Fatal(err)
			}
			fields, _ := fieldsOf(p)
			if diff := cmp.Diff(tt.want, fields); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if len(p) != tt.size || omitted != tt.omitted {
				t.Errorf("%d octets, %d omitted, want %d and %d", len(p), omitted, tt.size, tt.omitted)
			}
			if why := checkLimited(&m, p, tt.limit, omitted, "fs"); why != "" {
				t.Error(why)
			}
		})
	}
}

// checkLimited returns what is wrong with p, which AppendBinaryLimit made of m.
// order is that in which a receiver joins the file and sname fields.
func checkLimited(m *Message, p []byte, limit, omitted int, order string) string {
	if limit = max(limit, 300); len(p) > limit || len(p) < 300 {
		return fmt.Sprintf("%d octets with a limit of %d", len(p), limit)
	}
	got, err := referenceDecode(p, order)
	if err != nil {
		return fmt.Sprintf("cannot be read: %v", err)
	}
	if len(got.Options)+omitted != len(m.Options) {
		return fmt.Sprintf("%d options written and %d omitted of %d", len(got.Options), omitted, len(m.Options))
	}
	fields, overload := fieldsOf(p)
	if overload&1 != 0 && (len(m.File) > 0 || fields[1] == "") || overload&2 != 0 && (len(m.SName) > 0 || fields[2] == "") {
		return fmt.Sprintf("option 52 is %d: %q", overload, fields)
	}
	free := freeOctets(p, limit, m)
	for _, o := range m.Options {
		data, ok := got.Options.Lookup(o.Code)
		switch {
		case ok && !bytes.Equal(data, o.Data):
			return fmt.Sprintf("%v reads % x", o, data)
		case ok && len(o.Data) <= 255 && strings.Count(" "+strings.Join(fields[:], " "), fmt.Sprintf(" %d:", o.Code)) != 1:
			return fmt.Sprintf("%v is split: %q", o.Code, fields)
		case ok:
		case strings.IndexByte(keptAlways, byte(o.Code)) >= 0:
			return fmt.Sprintf("%v is left out", o.Code)
		case len(o.Data) <= 255 && max(free[0], free[1], free[2]) >= 2+len(o.Data):
			return fmt.Sprintf("%v is left out and would have had room: %v", o, free)
		}
	}
	want := *m
	want.Options, got.Options = nil, nil
	if !got.Equal(&want) {
		return diffMessage(&want, got)
	}
	return ""
}

// freeOctets returns how much room is left in each field. Three octets of the
// options field are for option 52 even if there is none.
func freeOctets(p []byte, limit int, m *Message) (free [3]int) {
	used := func(field []byte) int {
		n := 0
		options, _ := referenceOptions(field)
		for _, o := range options {
			n += 2 + len(o.Data)
		}
		return n
	}
	fields, overload := fieldsOf(p)
	free[0] = limit - 241 - used(p[240:])
	if !strings.Contains(" "+fields[0], " 52:") {
		free[0] -= 3
	}
	if len(m.File) == 0 {
		free[1] = 127
		if overload&1 != 0 {
			free[1] -= used(p[108:236])
		}
	}
	if len(m.SName) == 0 {
		free[2] = 63
		if overload&2 != 0 {
			free[2] -= used(p[44:108])
		}
	}
	return free
}

// randomReply returns a message that is likely to be too large for its limit.
func randomReply(r *rand.Rand) (m *Message, limit int, parameters []byte) {
	m = &Message{Op: OpReply, HType: HTypeEthernet, XID: r.Uint32()}
	if r.IntN(3) == 0 {
		m.SName = []byte("srv")
	}
	if r.IntN(3) == 0 {
		m.File = []byte("boot")
	}
	codes := r.Perm(254)
	for _, c := range codes[:1+r.IntN(12)] {
		c := option.Code(c + 1)
		n := r.IntN(60)
		switch {
		case c == 52:
			continue
		case strings.IndexByte(keptAlways, byte(c)) >= 0:
			n = r.IntN(8)
		case r.IntN(4) == 0:
			n = r.IntN(600)
		}
		m.Options = append(m.Options, fill(c, n))
	}
	for range r.IntN(8) {
		parameters = append(parameters, byte(codes[r.IntN(16)]+1))
	}
	return m, 250 + r.IntN(500), parameters
}

// limitRandomReplies returns the first thing that is wrong, and counts.
func limitRandomReplies(seed uint64, n int, order string) (wrong string, seen map[string]int) {
	r := rand.New(rand.NewPCG(seed, 0))
	seen = map[string]int{}
	var buf []byte
	for i := range n {
		m, limit, parameters := randomReply(r)
		p, omitted, err := m.AppendBinaryLimit(buf[:0], limit, parameters)
		if err != nil {
			return fmt.Sprintf("message %d: %v", i, err), seen
		}
		if why := checkLimited(m, p, limit, omitted, order); why != "" {
			return fmt.Sprintf("message %d, limit %d: %s\n%v", i, limit, why, m), seen
		}
		if full, err := m.AppendBinary(nil); err == nil && len(full) <= max(limit, 300) && !bytes.Equal(full, p) {
			return fmt.Sprintf("message %d fits but is not as AppendBinary writes it", i), seen
		}
		fields, overload := fieldsOf(p)
		seen[fmt.Sprint("overload ", overload)]++
		if omitted > 0 {
			seen["omitted"]++
		}
		for _, o := range m.Options {
			if len(o.Data) > 255 && strings.Contains(fields[1], fmt.Sprintf("%d:", o.Code)) && strings.Contains(fields[2], fmt.Sprintf("%d:", o.Code)) {
				seen["in file and sname"]++
			}
		}
		buf = p
	}
	return "", seen
}

func TestLimitHoldsForRandomReplies(t *testing.T) {
	seed := rand.Uint64()
	wrong, seen := limitRandomReplies(seed, 20_000, "fs")
	t.Logf("seed %d: %v", seed, seen)
	if wrong != "" {
		t.Fatalf("seed %d: %s", seed, wrong)
	}
	for _, what := range []string{"overload 0", "overload 1", "overload 2", "overload 3", "omitted", "in file and sname"} {
		if seen[what] < 20 {
			t.Errorf("seed %d: only %d replies were of %q", seed, seen[what], what)
		}
	}
}

// The check has to notice parts that stand in an order in which the receiver
// does not join them.
func TestLimitCheckFindsWrongFieldOrder(t *testing.T) {
	seed := rand.Uint64()
	if wrong, _ := limitRandomReplies(seed, 20_000, "sf"); wrong == "" {
		t.Errorf("seed %d: 20,000 replies did not show the planted bug", seed)
	}
}

func TestLimitLeavesOutInTheDocumentedOrder(t *testing.T) {
	// One option of 40 octets in each group; the limit shrinks by one of them
	// at a time.
	m := Message{SName: []byte("s"), File: []byte("f")}
	for _, c := range []option.Code{200, 12, 6, 121, 1, 224} {
		m.Options = append(m.Options, fill(c, 40))
	}
	for i, want := range []string{
		"200:40 12:40 6:40 121:40 1:40 224:40",
		"200:40 12:40 6:40 121:40 1:40",
		"12:40 6:40 121:40 1:40",
		"6:40 121:40 1:40",
		"121:40 1:40",
	} {
		p, omitted, err := m.AppendBinaryLimit(nil, 241+42*(6-i), []byte{99, 12})
		if err != nil {
			t.Fatal(err)
		}
		if fields, _ := fieldsOf(p); fields[0] != want || omitted != i {
			t.Errorf("%d octets less: %q, %d omitted, want %q", i*42, fields[0], omitted, want)
		}
	}
}

func TestLimitRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		m    Message
		want EncodeError
	}{
		{
			"relay agent information that fits into file only",
			Message{Options: option.Options{opt(53, 2), fill(82, 60)}},
			EncodeError{Field: "options", Code: 82, Reason: "does not fit and must not be left out"},
		},
		{
			"a server identifier that fits nowhere",
			Message{Options: option.Options{opt(53, 2), fill(82, 40), fill(54, 126)}},
			EncodeError{Field: "options", Code: 54, Reason: "does not fit and must not be left out"},
		},
		{
			"what AppendBinary refuses",
			Message{Options: option.Options{opt(53, 2), opt(53, 2)}},
			EncodeError{Field: "options", Code: 53, Reason: "occurs twice"},
		},
	} {
		b, omitted, err := tt.m.AppendBinaryLimit([]byte("before"), 300, nil)
		var got *EncodeError
		if !errors.As(err, &got) || *got != tt.want || string(b) != "before" || omitted != 0 {
			t.Errorf("%s: %q, %d, %v, want %v", tt.name, b, omitted, err, &tt.want)
		}
	}
}

// Above what a datagram holds there is no limit to keep.
func TestLimitIsAtMostADatagram(t *testing.T) {
	m := Message{Options: option.Options{opt(53, 5), fill(43, 65_000), fill(44, 1_000)}}
	p, omitted, err := m.AppendBinaryLimit(nil, 1<<30, nil)
	if err != nil || len(p) > 65_507 || omitted != 1 {
		t.Errorf("%d octets, %d omitted, %v", len(p), omitted, err)
	}
}

// FuzzLimit: what is written within a limit keeps it, keeps what must not be
// left out, and says of the rest what the message says.
func FuzzLimit(f *testing.F) {
	for _, packet := range capturedMessages(f) {
		f.Add(packet, 300, []byte{1, 3, 6})
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		m, limit, parameters := randomReply(r)
		f.Add(mustAppend(f, m), limit, parameters)
	}
	f.Fuzz(func(t *testing.T, packet []byte, limit int, parameters []byte) {
		var m Message
		if m.Unmarshal(packet) != nil {
			return
		}
		limit %= 2048
		p, omitted, err := m.AppendBinaryLimit(nil, limit, parameters)
		if err != nil {
			if mustKeep(&m) <= max(limit, 300)-244 {
				t.Fatalf("limit %d: %v\n%v", limit, err, &m)
			}
			return
		}
		if why := checkLimited(&m, p, limit, omitted, "fs"); why != "" {
			t.Fatalf("limit %d: %s\n%v", limit, why, &m)
		}
	})
}

// mustKeep returns how many octets the options take that must not be left out.
func mustKeep(m *Message) (octets int) {
	for _, o := range m.Options {
		if strings.IndexByte(keptAlways, byte(o.Code)) >= 0 {
			octets += len(o.Data) + 2*max(1, (len(o.Data)+254)/255)
		}
	}
	return octets
}
