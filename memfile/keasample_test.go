package memfile

import (
	"bytes"
	"net/netip"
	"strings"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// keaSamples returns leases of every kind that a file can hold, by name; each
// has an address of its own. It leaves out contexts that Kea itself does not
// preserve: of those beyond ASCII it takes each byte for a character.
func keaSamples() map[string]lease.Lease {
	hw := func(n int) func(*lease.Lease) {
		return func(l *lease.Lease) {
			l.HardwareAddr, _ = lease.HardwareAddrFrom(bytes.Repeat([]byte{0x0a}, n))
			l.ClientID = lease.MustParseClientID("01:02:03")
		}
	}
	id := func(n int) func(*lease.Lease) {
		return func(l *lease.Lease) { l.ClientID = lease.ClientIDFrom(bytes.Repeat([]byte{0xc1}, n)) }
	}
	idOnly := func(n int) func(*lease.Lease) {
		return func(l *lease.Lease) { id(n)(l); l.HardwareAddr = lease.HardwareAddr{} }
	}
	host := func(s string) func(*lease.Lease) { return func(l *lease.Lease) { l.Hostname = s } }
	context := func(s string) func(*lease.Lease) { return func(l *lease.Lease) { l.UserContext = s } }
	valid := func(d time.Duration, expires int64) func(*lease.Lease) {
		return func(l *lease.Lease) { l.Lifetime, l.Expires = d, time.Unix(expires, 0).UTC() }
	}
	state := func(s lease.State) func(*lease.Lease) { return func(l *lease.Lease) { l.State = s } }
	subnet := func(id uint32) func(*lease.Lease) { return func(l *lease.Lease) { l.SubnetID = id } }
	all := func(fs ...func(*lease.Lease)) func(*lease.Lease) {
		return func(l *lease.Lease) {
			for _, f := range fs {
				f(l)
			}
		}
	}
	now := testTime.Unix()
	kinds := map[string]func(*lease.Lease){
		"plain":     func(*lease.Lease) {},
		"no hwaddr": hw(0), "hwaddr 1": hw(1), "hwaddr 2": hw(2), "hwaddr 5": hw(5), "hwaddr 7": hw(7), "hwaddr 8": hw(8), "hwaddr 16": hw(16), "hwaddr 20": hw(20),
		"id 2": id(2), "id 3": id(3), "id 7": id(7), "id 64": id(64), "id 127": id(127), "id 128": id(128),
		"id 2 alone": idOnly(2), "id 128 alone": idOnly(128),
		"id 129": id(129), "id 200": id(200), "id 255": id(255), "id 129 alone": idOnly(129), "id 255 alone": idOnly(255),
		"id 255 and context":     all(id(255), context(`{ "a": "b,c" }`)),
		"id 255 and old context": all(id(255), context(`{ "embedhcp-client-id": "02:00/01:02", "z": 1 }`)),
		"host":                   host("laptop"), "host with dot": host("laptop.foo.org."), "host with comma": host("a,b"), "host with ampersand": host("a&b"),
		"host that looks escaped": host("a&#x2cb"), "host with quotes": host(`"a" 'b'`), "host with blanks": host(" a b "), "host in UTF-8": host("büro"),
		"host not in UTF-8": host("\xff\xfe"), "host with backslash": host(`a\b`), "host with tab": host("a\tb"), "host of signs": host("<>#;:=()[]{}"),
		"host of 255": host(strings.Repeat("h", 255)), "host of 1000": host(strings.Repeat("h", 1000)),
		"forward": func(l *lease.Lease) { l.FQDNForward = true }, "reverse": func(l *lease.Lease) { l.FQDNReverse = true },
		"both ways": func(l *lease.Lease) { l.FQDNForward, l.FQDNReverse = true, true },
		"1 s":       valid(time.Second, now+1), "30 days": valid(720*time.Hour, now+2592000), "2^31 s": valid(1<<31*time.Second, now+1<<31),
		"longest but infinite": valid((1<<32-2)*time.Second, now+1<<32-2), "expired": valid(time.Hour, now-100000), "expired in 1971": valid(time.Hour, 40_000_000),
		"expires in 2200": valid(time.Hour, 7_258_118_400),
		"infinite":        func(l *lease.Lease) { l.Lifetime, l.Expires = lease.Infinite, time.Time{} },
		"reclaimed":       state(lease.StateExpiredReclaimed), "released": state(lease.StateReleased), "declined": state(lease.StateDeclined),
		"declined, nobody's": func(l *lease.Lease) {
			l.State, l.HardwareAddr, l.Lifetime, l.Expires = lease.StateDeclined, lease.HardwareAddr{}, 24*time.Hour, time.Unix(now+86400, 0).UTC()
		},
		"subnet 7": subnet(7), "subnet 2^31": subnet(1 << 31), "subnet 2^32-2": subnet(1<<32 - 2), "subnet 0": subnet(0),
		"empty context": context(`{ }`), "context": context(`{ "a": 1 }`), "context with comma": context(`{ "a": "b,c", "d": [ 1, 2 ] }`),
		"context with ampersand": context(`{ "a": "b&c&#x2c" }`), "context with relay": context(`{ "ISC": { "relay-agent-info": "0x0104AABBCCDD0203616263" } }`),
		"deep context": context(`{ "a": { "b": { "c": [ { "d": null }, true, false, -1.5 ] } } }`), "context with brackets": context(`{ "a": "}]{[" }`),
		"context with escapes": context(`{ "a": "\"\\\/\b\f\n\r\t" }`),
		"long context":         context(`{ "a": "` + strings.Repeat("x,", 5000) + `" }`), "compact context": context(`{"a":1,"b":[1,2]}`),
		"host and context": all(host("a,b&c"), context(`{ "a": "b,c" }`), id(128)),
	}
	samples := make(map[string]lease.Lease)
	n := 0
	for name, change := range kinds {
		l := *testLease("192.0.2.1")
		change(&l)
		n++
		l.Addr = netip.AddrFrom4([4]byte{192, 0, byte(3 + n/100), byte(1 + n%100)})
		samples[name] = l
	}
	return samples
}

// asKea returns what Kea 2.2 and the row tell of l.
func asKea(l lease.Lease) lease.Lease {
	l.PoolID, l.Revision = 0, 0
	if n := len(l.ClientID.Octets()); n > keaClientID {
		l.UserContext = withClientID(&l)
		if l.HardwareAddr.IsZero() {
			l.ClientID = lease.ClientIDFrom([]byte(l.ClientID.Octets()[:keaClientID]))
		} else {
			l.ClientID = lease.ClientID{}
		}
	}
	return l
}
