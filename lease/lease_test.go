package lease_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

var noon = time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)

// client returns the lease of client i, given at noon for 12 hours.
func client(i int) lease.Lease {
	b := []byte{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}
	hw, _ := lease.HardwareAddrFrom(b)
	l := lease.Lease{
		Addr:         netip.AddrFrom4([4]byte{10, b[3], b[4], b[5]}),
		SubnetID:     1,
		HardwareAddr: hw,
		ClientID:     lease.ClientIDFrom(append([]byte{1}, b...)),
		Hostname:     "client",
	}
	l.SetLifetime(noon, 12*time.Hour)
	return l
}

func TestLeaseExpiresAtItsMoment(t *testing.T) {
	l := client(1)
	midnight := noon.Add(12 * time.Hour)
	for _, tc := range []struct {
		now     time.Time
		expired bool
	}{
		{noon, false},
		{midnight.Add(-1), false},
		{midnight, true},
		{midnight.In(time.FixedZone("", 3600)), true},
		{midnight.AddDate(100, 0, 0), true},
	} {
		if got := l.Expired(tc.now); got != tc.expired {
			t.Errorf("Expired(%v) is %v", tc.now, got)
		}
		if got := l.Active(tc.now); got == tc.expired {
			t.Errorf("Active(%v) is %v", tc.now, got)
		}
	}
	l.State = lease.StateReleased
	if l.Active(noon) {
		t.Error("a released lease is active")
	}
	l.SetLifetime(noon, lease.Infinite)
	if l.Expired(noon.AddDate(7000, 0, 0)) {
		t.Error("an infinite lease expires")
	}
}

func TestSetLifetimeNeverStoresLessThanPromised(t *testing.T) {
	for _, tc := range []struct {
		now     time.Time
		d       time.Duration
		expires time.Time
		life    time.Duration
	}{
		{noon, time.Hour, noon.Add(time.Hour), time.Hour},
		{noon.Add(1), time.Hour, noon.Add(time.Hour + time.Second), time.Hour},
		{noon.Add(999 * time.Millisecond), time.Hour, noon.Add(time.Hour + time.Second), time.Hour},
		{noon.In(time.FixedZone("", 3600)), 1500 * time.Millisecond, noon.Add(time.Second), time.Second},
		{noon, 0, noon, 0},
		{noon, lease.Infinite - 1, noon.Add(lease.Infinite - time.Second), lease.Infinite - time.Second},
		{noon, lease.Infinite, time.Time{}, lease.Infinite},
		{noon, 1<<63 - 1, time.Time{}, lease.Infinite},
	} {
		l := client(1)
		l.SetLifetime(tc.now, tc.d)
		if l.Expires != tc.expires || l.Lifetime != tc.life {
			t.Errorf("SetLifetime(%v, %v): expires %v, lifetime %v, want %v and %v", tc.now, tc.d, l.Expires, l.Lifetime, tc.expires, tc.life)
		}
		if err := l.Check(); err != nil {
			t.Errorf("SetLifetime(%v, %v) makes an impossible lease: %v", tc.now, tc.d, err)
		}
	}
	l := client(1)
	l.SetLifetime(time.Now(), time.Minute)
	if err := l.Check(); err != nil {
		t.Errorf("SetLifetime from now makes an impossible lease: %v", err)
	}
}

func TestCheckSaysWhatIsImpossible(t *testing.T) {
	for _, tc := range []struct {
		why  string // "": nothing
		edit func(l *lease.Lease)
	}{
		{"", func(*lease.Lease) {}},
		{"", func(l *lease.Lease) { l.ClientID = lease.ClientID{} }},
		{"", func(l *lease.Lease) { l.HardwareAddr = lease.HardwareAddr{} }},
		{"", func(l *lease.Lease) {
			*l = lease.Lease{Addr: l.Addr, State: lease.StateDeclined, Expires: l.Expires}
		}},
		{"not an IPv4 address", func(l *lease.Lease) { l.Addr = netip.Addr{} }},
		{"not an IPv4 address", func(l *lease.Lease) { l.Addr = netip.IPv6LinkLocalAllNodes() }},
		{"not an IPv4 address", func(l *lease.Lease) { l.Addr = netip.AddrFrom16(l.Addr.As16()) }},
		{"not whole seconds in UTC", func(l *lease.Lease) { l.Expires = l.Expires.Add(1) }},
		{"not whole seconds in UTC", func(l *lease.Lease) { l.Expires = l.Expires.In(time.FixedZone("", 0)) }},
		{"lifetime -1s", func(l *lease.Lease) { l.Lifetime = -time.Second }},
		{"not whole seconds from 0", func(l *lease.Lease) { l.Lifetime++ }},
		{"to Infinite", func(l *lease.Lease) { l.Lifetime, l.Expires = lease.Infinite+time.Second, time.Time{} }},
		{"infinite in one", func(l *lease.Lease) { l.Expires = time.Time{} }},
		{"infinite in one", func(l *lease.Lease) { l.Lifetime = lease.Infinite }},
		{"line break", func(l *lease.Lease) { l.Hostname = "a\r" }},
		{"line break", func(l *lease.Lease) { l.UserContext = "{\n}" }},
		{"NUL", func(l *lease.Lease) { l.Hostname = "\x00" }},
		{"1 octets", func(l *lease.Lease) { l.ClientID = lease.ClientIDFrom([]byte{1}) }},
		{"256 octets", func(l *lease.Lease) { l.ClientID = lease.ClientIDFrom(make([]byte, 256)) }},
		{"neither hardware address nor client identifier", func(l *lease.Lease) {
			l.HardwareAddr, l.ClientID = lease.HardwareAddr{}, lease.ClientID{}
		}},
	} {
		l := client(1)
		tc.edit(&l)
		switch err := l.Check(); {
		case tc.why == "" && err != nil:
			t.Errorf("Check of %+v: %v", l, err)
		case tc.why != "" && (err == nil || !strings.Contains(err.Error(), tc.why)):
			t.Errorf("Check of %+v: %v, want %q", l, err, tc.why)
		}
	}
}

func TestStateNamesAreKeas(t *testing.T) {
	want := []string{"default", "declined", "expired-reclaimed", "released", "state 4"}
	for i, name := range want {
		if got := lease.State(i).String(); got != name {
			t.Errorf("state %d is %q, want %q", i, got, name)
		}
	}
}

func TestStringIsOneLine(t *testing.T) {
	full := client(0x010203)
	full.PoolID, full.FQDNForward, full.FQDNReverse, full.Revision = 9, true, true, 7
	full.Hostname, full.UserContext = "a\"\nb", `{ "a": 1 }`
	infinite := lease.Lease{Addr: netip.MustParseAddr("192.0.2.1"), SubnetID: 1 << 31, State: lease.StateDeclined, Lifetime: lease.Infinite}
	for _, tc := range []struct {
		l    lease.Lease
		want string
	}{
		{client(1), `10.0.0.1, subnet 1, hwaddr 02:00:00:00:00:01, client-id 01:02:00:00:00:00:01, hostname "client", default, expires 2026-05-05T00:00:00Z after 43200 s`},
		{full, `10.1.2.3, subnet 1, pool 9, hwaddr 02:00:00:01:02:03, client-id 01:02:00:00:01:02:03, hostname "a\"\nb", fqdn-fwd, fqdn-rev, ` +
			`user-context "{ \"a\": 1 }", default, expires 2026-05-05T00:00:00Z after 43200 s, revision 7`},
		{infinite, "192.0.2.1, subnet 2147483648, declined, never expires"},
		{lease.Lease{}, "invalid IP, subnet 0, default, never expires"},
	} {
		if got := tc.l.String(); got != tc.want {
			t.Errorf("got  %s\nwant %s", got, tc.want)
		}
	}
}
