package memfile

import (
	"bytes"
	"math"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/lease"
)

var (
	header21 = header{schema: Schema21}
	header30 = header{schema: Schema30}
)

func TestRowsAreWrittenAsKeaWritesThem(t *testing.T) {
	full := lease.Lease{
		Addr: netip.MustParseAddr("192.168.1.144"), SubnetID: 7, PoolID: 3,
		HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:10:13"),
		ClientID:     lease.MustParseClientID("ff:00:11:22:33"),
		Hostname:     "MyLaptop.foo.org.", UserContext: `{ "k": "x&y,z", "n": [ 1, 2 ] }`,
		Lifetime: 43200 * time.Second, Expires: time.Unix(1795529844, 0).UTC(), FQDNForward: true,
	}
	tests := map[string]struct {
		change func(l *lease.Lease)
		h      header
		delete bool
		want   string
	}{
		"schema 3.0": {h: header30,
			want: `192.168.1.144,02:00:00:00:10:13,ff:00:11:22:33,43200,1795529844,7,1,0,mylaptop.foo.org.,0,{ "k": "x&#x26y&#x2cz"&#x2c "n": [ 1&#x2c 2 ] },3`},
		"schema 2.1": {h: header21,
			want: `192.168.1.144,02:00:00:00:10:13,ff:00:11:22:33,43200,1795529844,7,1,0,mylaptop.foo.org.,0,{ "k": "x&#x26y&#x2cz"&#x2c "n": [ 1&#x2c 2 ] }`},
		"unknown columns": {h: header{schema: Schema21, extra: 2}, change: func(l *lease.Lease) { l.UserContext = "" },
			want: `192.168.1.144,02:00:00:00:10:13,ff:00:11:22:33,43200,1795529844,7,1,0,mylaptop.foo.org.,0,,,`},
		"old schema keeps the state": {h: header{schema: schema10}, change: func(l *lease.Lease) { l.UserContext, l.State = "", lease.StateReleased },
			want: `192.168.1.144,02:00:00:00:10:13,ff:00:11:22:33,43200,1795529844,7,1,0,mylaptop.foo.org.,3,`},
		"deletion expires at the last transaction": {h: header21, delete: true, change: func(l *lease.Lease) { l.UserContext = "" },
			want: `192.168.1.144,02:00:00:00:10:13,ff:00:11:22:33,0,1795486644,7,1,0,mylaptop.foo.org.,0,`},
		"infinite is not wrapped to 32 bits": {h: header21, change: func(l *lease.Lease) {
			l.UserContext, l.Lifetime, l.Expires = "", lease.Infinite, time.Time{}
		}, want: `192.168.1.144,02:00:00:00:10:13,ff:00:11:22:33,4294967295,6090453696,7,1,0,mylaptop.foo.org.,0,`},
		"deletion of infinite": {h: header21, delete: true, change: func(l *lease.Lease) {
			l.UserContext, l.Lifetime, l.Expires = "", lease.Infinite, time.Time{}
		}, want: `192.168.1.144,02:00:00:00:10:13,ff:00:11:22:33,0,1795486401,7,1,0,mylaptop.foo.org.,0,`},
		"lifetime zero is no deletion": {h: header21, change: func(l *lease.Lease) { l.UserContext, l.Lifetime = "", 0 },
			want: `192.168.1.144,02:00:00:00:10:13,ff:00:11:22:33,1,1795529844,7,1,0,mylaptop.foo.org.,0,`},
		"declined": {h: header21, change: func(l *lease.Lease) {
			*l = lease.Lease{Addr: l.Addr, SubnetID: 1, State: lease.StateDeclined, Lifetime: 24 * time.Hour, Expires: l.Expires}
		}, want: `192.168.1.144,,,86400,1795529844,1,0,0,,1,`},
		"host name that looks escaped": {h: header21, change: func(l *lease.Lease) { l.UserContext, l.Hostname = "", "a&#x2cb" },
			want: `192.168.1.144,02:00:00:00:10:13,ff:00:11:22:33,43200,1795529844,7,1,0,a&#x26#x2cb,0,`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := full
			if tt.change != nil {
				tt.change(&l)
			}
			write := appendRow
			if tt.delete {
				write = appendDeletion
			}
			if got := string(write(nil, &l, tt.h, testTime)); got != tt.want+"\n" {
				t.Errorf("got  %swant %s", got, tt.want)
			}
		})
	}
}

func TestMalformedRowsNameTheColumn(t *testing.T) {
	const good = "192.168.1.144,02:00:00:00:10:13,ff:00:11,43200,1795529844,7,1,0,host,0,,0"
	with := func(col int, text string) string {
		f := strings.Split(good, ",")
		f[col] = text
		return strings.Join(f, ",")
	}
	tests := map[string]struct{ row, want string }{
		"no columns":              {"x", "row has 1 columns, want at least 11"},
		"NUL":                     {with(colHostname, "a\x00b"), "row has a NUL byte"},
		"address range":           {with(colAddress, "192.168.1.300"), `column address is "192.168.1.300": want an IPv4 address`},
		"address leading zero":    {with(colAddress, "192.168.1.01"), `column address is "192.168.1.01": want an IPv4 address`},
		"address glued":           {"192.168.1.1" + good, `column address is "192.168.1.1192.168.1.144": want an IPv4 address`},
		"address IPv6":            {with(colAddress, "2001:db8::1"), `column address is "2001:db8::1": want an IPv4 address`},
		"hardware address":        {with(colHwaddr, "02-aa"), `column hwaddr is "02-aa": want hexadecimal octets separated by ":"`},
		"long hardware address":   {with(colHwaddr, strings.Repeat("aa:", 20)+"aa"), `column hwaddr is "` + strings.Repeat("aa:", 20) + `aa": too many octets`},
		"client id, odd hex":      {with(colClientID, "010"), `column client_id is "010": want pairs of hexadecimal digits`},
		"client id, one octet":    {with(colClientID, "01"), "lease: 192.168.1.144: client identifier of 1 octets: not 2 to 255"},
		"lifetime empty":          {with(colValidLifetime, ""), `column valid_lifetime is "": want a decimal number`},
		"lifetime range":          {with(colValidLifetime, "4294967296"), `column valid_lifetime is "4294967296": out of range`},
		"expiry after year 9999":  {with(colExpire, "253402300800"), `column expire is "253402300800": out of range`},
		"expiry huge":             {with(colExpire, "99999999999999999999"), `column expire is "99999999999999999999": out of range`},
		"expiry is the zero time": {with(colExpire, "-62135596800"), `column expire is "-62135596800": out of range`},
		"flag":                    {with(colFQDNReverse, "true"), `column fqdn_rev is "true": want 0 or 1`},
		"state range":             {with(colState, "256"), `column state is "256": out of range`},
		"user context":            {with(colUserContext, "[ 1 ]"), `column user_context is "[ 1 ]": not a JSON map`},
		"pool id":                 {with(colPoolID, "x"), `column pool_id is "x": want a decimal number`},
		"nobody's":                {"192.168.1.144,,,43200,1795529844,7,1,0,host,0,,0", "lease: 192.168.1.144: neither hardware address nor client identifier"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := parseRow([]byte(tt.row), header30, nil)
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
	if _, _, err := parseRow([]byte(good), header30, nil); err != nil {
		t.Errorf("the good row: %v", err)
	}
}

func TestUserContextMustLookLikeMap(t *testing.T) {
	tests := map[string]bool{
		"{}": true, ` { "a": [ { }, "]}" ] } `: true, `{ "a": "\"}" }`: true,
		"": false, "{": false, "}": false, `{ "a": 1`: false, `{ ] }`: false, `{ "a }`: false, "{} {}": false, "[{}]": false, "\r": false, `{"\`: false,
	}
	for s, want := range tests {
		if got := isMap(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

// TestRowsAreReadAsTheyWereWritten checks random leases, and that no row ends
// earlier than its lease.
func TestRowsAreReadAsTheyWereWritten(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	kept := 0
	for range 5_000 {
		l := randomLease(random)
		if l.Check() != nil || checkLease(&l) != nil {
			continue
		}
		kept++
		row := appendRow(nil, &l, header30, testTime)
		got, deleted, err := parseRow(row[:len(row)-1], header30, nil)
		if err != nil || deleted {
			t.Fatalf("%s: deleted %v, %v", row, deleted, err)
		}
		want := l
		want.Hostname = string(lowered([]byte(l.Hostname)))
		want.Lifetime = max(want.Lifetime, time.Second)
		if diff := cmp.Diff(want, got, sameLease); diff != "" {
			t.Fatalf("%s(-want +got)\n%s", row, diff)
		}
		row = appendDeletion(nil, &l, header30, testTime)
		got, deleted, err = parseRow(row[:len(row)-1], header30, nil)
		if err != nil || !deleted || got.Addr != l.Addr {
			t.Fatalf("%s: %v, deleted %v, %v", row, got.Addr, deleted, err)
		}
	}
	if kept < 1_000 {
		t.Errorf("only %d leases checked", kept)
	}
}

func randomLease(random *rand.Rand) lease.Lease {
	octets := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	text := func() string {
		const alphabet = `aZ09.-,&#x2c;"{} \é`
		b := make([]byte, random.IntN(20))
		for i := range b {
			b[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(b)
	}
	l := lease.Lease{
		Addr: netip.AddrFrom4([4]byte(octets(4))), SubnetID: random.Uint32(), PoolID: random.Uint32(),
		ClientID: lease.ClientIDFrom(octets(random.IntN(40))), Hostname: text(),
		State: lease.State(random.IntN(5)), FQDNForward: random.IntN(2) == 0, FQDNReverse: random.IntN(2) == 0,
		Lifetime: time.Duration(random.Uint32N(math.MaxUint32)) * time.Second,
		Expires:  time.Unix(random.Int64N(1<<34)-1<<20, 0).UTC(),
	}
	l.HardwareAddr, _ = lease.HardwareAddrFrom(octets(random.IntN(21)))
	switch random.IntN(8) {
	case 0:
		l.Lifetime, l.Expires = lease.Infinite, time.Time{}
	case 1:
		l.Lifetime = 0
	case 2:
		l.State, l.HardwareAddr, l.ClientID = lease.StateDeclined, lease.HardwareAddr{}, lease.ClientID{}
	case 3:
		l.Expires = time.Unix([]int64{minExpire, 0, -1, maxExpire}[random.IntN(4)], 0).UTC()
	case 4:
		l.UserContext = `{ "ISC": { "relay-agent-info": "0x0104AABB", "n": [ 1, 2 ] } }`
	}
	return l
}

func FuzzParseRow(f *testing.F) {
	f.Add([]byte("192.168.1.144,02:00:00:00:10:13,ff:00:11:22:33,43200,1795529844,1,0,0,a&#x2cb,0,{ \"a\": 1&#x2c \"b\": 2 },3"), uint8(30))
	f.Add([]byte("192.168.1.146,,,86400,1795573047,1,0,0,,1,"), uint8(21))
	f.Add([]byte("192.168.1.101,2:a:b:c:d:e,010203,-1,-5,+1,1,1,HOST,"), uint8(20))
	f.Add([]byte("192.168.1.101,02:00,,0,1795490401,1,0,0,"), uint8(10))
	f.Fuzz(func(t *testing.T, line []byte, schema uint8) {
		h := header{schema: Schema(schema)}
		in := string(line)
		l, deleted, err := parseRow(line, h, nil)
		if string(line) != in {
			t.Fatalf("the row was changed to %q", line)
		}
		if err != nil || deleted || h.schema != Schema30 {
			return
		}
		if err := l.Check(); err != nil {
			t.Fatalf("impossible lease: %v", err)
		}
		row := appendRow(nil, &l, h, testTime)
		again, deleted, err := parseRow(row[:len(row)-1], h, nil)
		if err != nil || deleted {
			t.Fatalf("%q: deleted %v, %v", row, deleted, err)
		}
		if diff := cmp.Diff(l, again, sameLease); diff != "" {
			t.Fatalf("%q (-first +second)\n%s", row, diff)
		}
	})
}

func TestLongClientIDsAreKeptFromKea(t *testing.T) {
	id := func(n int) lease.ClientID { return lease.ClientIDFrom(bytes.Repeat([]byte{0xc1}, n)) }
	hw := lease.MustParseHardwareAddr("02:00:00:00:00:01")
	text := func(n int) string { return strings.TrimSuffix(strings.Repeat("c1:", n), ":") }
	escaped := func(s string) string { return strings.ReplaceAll(s, ",", "&#x2c") }
	tests := map[string]struct {
		id      lease.ClientID
		hw      lease.HardwareAddr
		context string
		rule    ClientIDRule
		want    string // columns client_id and user_context
	}{
		"short":             {id(128), hw, "", 0, text(128) + "|"},
		"long":              {id(129), hw, "", 0, `|{ "embedhcp-client-id": "02:00:00:00:00:01/` + text(129) + `" }`},
		"nothing else":      {id(255), lease.HardwareAddr{}, "", 0, text(128) + `|{ "embedhcp-client-id": "/` + text(255) + `" }`},
		"with context":      {id(129), hw, `{ "a": [ 1, 2 ] }`, 0, `|{"embedhcp-client-id": "02:00:00:00:00:01/` + text(129) + `", "a": [ 1, 2 ] }`},
		"with empty map":    {id(129), hw, `{ }`, 0, `|{ "embedhcp-client-id": "02:00:00:00:00:01/` + text(129) + `"}`},
		"with {}":           {id(129), hw, `{}`, 0, `|{"embedhcp-client-id": "02:00:00:00:00:01/` + text(129) + `"}`},
		"in full":           {id(129), hw, "", ClientIDsInFull, text(129) + "|"},
		"short and refused": {id(128), hw, "", ClientIDsRefused, text(128) + "|"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := *testLease("192.0.2.1")
			l.ClientID, l.HardwareAddr, l.UserContext = tt.id, tt.hw, tt.context
			h := header21
			h.longIDs = tt.rule
			row := appendRow(nil, &l, h, testTime)
			f := strings.Split(strings.TrimSuffix(string(row), "\n"), ",")
			if got := f[colClientID] + "|" + f[colUserContext]; got != escaped(tt.want) {
				t.Errorf("got  %s\nwant %s", got, escaped(tt.want))
			}
			back, _, err := parseRow(row[:len(row)-1], h, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(l, back, sameLease); diff != "" {
				t.Errorf("read back (-want +got)\n%s", diff)
			}
		})
	}
}

func TestClientIDInContextMustFitTheRow(t *testing.T) {
	long := strings.TrimSuffix(strings.Repeat("c1:", 200), ":")
	tests := map[string]struct {
		hw, id, context string
		want            int    // octets of the client identifier
		left            string // of the context
	}{
		"first":            {"02:00:00:00:00:01", "", `{ "embedhcp-client-id": "02:00:00:00:00:01/` + long + `", "z": 1 }`, 200, `{  "z": 1 }`},
		"moved by Kea":     {"02:00:00:00:00:01", "", `{ "a": 1, "embedhcp-client-id": "02:00:00:00:00:01/` + long + `", "z": 1 }`, 200, `{ "a": 1,  "z": 1 }`},
		"last":             {"02:00:00:00:00:01", "", `{ "a": 1, "embedhcp-client-id": "02:00:00:00:00:01/` + long + `" }`, 200, `{ "a": 1 }`},
		"another client":   {"02:00:00:00:00:02", "", `{ "embedhcp-client-id": "02:00:00:00:00:01/` + long + `" }`, 0, ""},
		"another id":       {"02:00:00:00:00:01", "01:02", `{ "embedhcp-client-id": "02:00:00:00:00:01/` + long + `" }`, 2, ""},
		"short id":         {"02:00:00:00:00:01", "", `{ "embedhcp-client-id": "02:00:00:00:00:01/01:02" }`, 0, ""},
		"no string":        {"02:00:00:00:00:01", "", `{ "embedhcp-client-id": 1 }`, 0, ""},
		"no id":            {"02:00:00:00:00:01", "", `{ "embedhcp-client-id": "xyz" }`, 0, ""},
		"somewhere inside": {"02:00:00:00:00:01", "", `{ "a": { "embedhcp-client-id": "02:00:00:00:00:01/` + long + `" } }`, 0, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			row := "192.0.2.1," + tt.hw + "," + tt.id + ",3600,1795490001,1,0,0,,0," + strings.ReplaceAll(tt.context, ",", "&#x2c")
			l, _, err := parseRow([]byte(row), header21, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := tt.left
			if want == "" {
				want = tt.context
			}
			if n := len(l.ClientID.Octets()); n != tt.want || l.UserContext != want {
				t.Errorf("client identifier of %d octets, want %d; context %s, want %s", n, tt.want, l.UserContext, want)
			}
		})
	}
}

func FuzzClientIDInContext(f *testing.F) {
	f.Add(`{ "a": 1, "b": [ "x" ] }`)
	f.Add(`{}`)
	f.Add("")
	f.Add(`{ "embedhcp-client-id": "/01:02", "embedhcp-client-id": "" }`)
	f.Fuzz(func(t *testing.T, context string) {
		l := *testLease("192.0.2.1")
		l.ClientID, l.UserContext = lease.ClientIDFrom(bytes.Repeat([]byte{1}, 200)), context
		if l.Check() != nil || checkLease(&l) != nil {
			return
		}
		row := appendRow(nil, &l, header21, testTime)
		back, _, err := parseRow(row[:len(row)-1], header21, nil)
		if err != nil {
			t.Fatal(err)
		}
		if back.ClientID != l.ClientID {
			t.Fatalf("client identifier %v came back from %q", back.ClientID, row)
		}
		if _, _, old := cutClientID(context); !old && strings.TrimSpace(back.UserContext) != strings.TrimSpace(context) {
			t.Fatalf("context %q came back as %q", context, back.UserContext)
		}
	})
}
