package leasetest

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// epoch is when leases of the suite are given. Stores have no clock, so any
// moment does.
var epoch = time.Date(2031, time.March, 4, 5, 6, 7, 0, time.UTC)

func addr(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

func hardwareAddr(i int) lease.HardwareAddr {
	h, _ := lease.HardwareAddrFrom([]byte{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)})
	return h
}

func clientID(i int) lease.ClientID {
	return lease.ClientIDFrom([]byte{1, 2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)})
}

// sample returns a lease whose fields all depend on i.
func sample(i int) lease.Lease {
	l := lease.Lease{
		Addr:         addr(i),
		SubnetID:     1 + uint32(i%3),
		PoolID:       uint32(i % 5),
		HardwareAddr: hardwareAddr(i),
		ClientID:     clientID(i),
		Hostname:     fmt.Sprintf("host-%d.example.org", i),
		UserContext:  fmt.Sprintf(`{ "n": %d }`, i),
		FQDNForward:  i%2 == 1,
		FQDNReverse:  i%4 == 1,
	}
	l.SetLifetime(epoch, time.Duration(1+i)*10*time.Minute)
	return l
}

// until returns l with another moment of expiry.
func until(l lease.Lease, expires time.Time) lease.Lease {
	l.Expires, l.Lifetime = expires, time.Hour
	return l
}

func infinite(l lease.Lease) lease.Lease {
	l.SetLifetime(epoch, lease.Infinite)
	return l
}

func declined(l lease.Lease) lease.Lease {
	d := lease.Lease{Addr: l.Addr, SubnetID: l.SubnetID, State: lease.StateDeclined}
	d.SetLifetime(epoch, 24*time.Hour)
	return d
}

// extremes are leases that a careless store does not give back as they were.
func extremes() []lease.Lease {
	hw := func(n int) lease.HardwareAddr {
		h, _ := lease.HardwareAddrFrom([]byte("\xff\x00\x2c\x0a aaaaaaaaaaaaaaaa\x00")[:n])
		return h
	}
	id := func(s string) lease.ClientID { return lease.ClientIDFrom([]byte(s)) }
	released := sample(0)
	released.State, released.FQDNForward = lease.StateReleased, true
	reclaimed := sample(0)
	reclaimed.State, reclaimed.FQDNReverse = lease.StateExpiredReclaimed, true
	least := lease.Lease{HardwareAddr: hw(1)}
	least.SetLifetime(epoch, time.Second)
	most := lease.Lease{
		SubnetID: 1<<32 - 2, PoolID: 1<<32 - 1, FQDNForward: true, FQDNReverse: true,
		HardwareAddr: hw(20), ClientID: id(strings.Repeat("\x00\xff,\n\"", 51)),
		Hostname:    strings.Repeat("a", 63) + "." + strings.Repeat("b", 63),
		UserContext: `{ "text": "` + strings.Repeat("long, ", 200) + `" }`,
	}
	most.SetLifetime(epoch, lease.Infinite-time.Second)
	plain := func(edit func(l *lease.Lease)) lease.Lease {
		l := sample(0)
		edit(&l)
		return l
	}
	ls := []lease.Lease{
		sample(1), released, reclaimed, least, most, infinite(sample(2)), declined(sample(3)),
		plain(func(l *lease.Lease) { l.HardwareAddr = lease.HardwareAddr{} }),
		plain(func(l *lease.Lease) { l.ClientID = lease.ClientID{} }),
		plain(func(l *lease.Lease) { l.ClientID = id("\x00\x00") }),
		plain(func(l *lease.Lease) { l.Hostname, l.UserContext = "", "" }),
		plain(func(l *lease.Lease) { l.Hostname = `a&b,c&#x2cd"e'f\g é` }),
		plain(func(l *lease.Lease) { l.UserContext = `{ "a": [1, 2], "b": "&#x2c&amp;\u0000\"'", "c": {} }` }),
		plain(func(l *lease.Lease) { l.Expires = time.Unix(1, 0).UTC() }),
		plain(func(l *lease.Lease) { l.Expires = time.Date(2200, 1, 1, 0, 0, 59, 0, time.UTC) }),
	}
	for i := range ls {
		ls[i].Addr = addr(1000 + i)
	}
	ls[0].Addr = netip.AddrFrom4([4]byte{0, 0, 0, 1})
	ls[1].Addr = netip.AddrFrom4([4]byte{255, 255, 255, 254})
	return ls
}

// list writes leases one a line.
func list(ls []lease.Lease) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d leases", len(ls))
	for i, l := range ls {
		if i == 20 {
			b.WriteString("\n\t...")
			break
		}
		fmt.Fprintf(&b, "\n\t%+v", l)
	}
	return b.String()
}
