package lease

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Infinite as a Lease's Lifetime means that it never expires; its Expires is
// the zero time. On the wire it is 0xffffffff seconds (RFC 2131, section 3.3).
const Infinite time.Duration = 0xffffffff * time.Second

// A Lease is one address and the client that has it, as stored. The fields
// are those of Kea's lease file.
type Lease struct {
	Addr         netip.Addr // IPv4; the key
	SubnetID     uint32
	PoolID       uint32
	HardwareAddr HardwareAddr
	ClientID     ClientID
	Hostname     string // lower case
	UserContext  string // JSON, or empty

	Expires  time.Time     // UTC, whole seconds. If zero, never. SetLifetime computes it.
	Lifetime time.Duration // whole seconds, as promised to the client

	State                    State
	FQDNForward, FQDNReverse bool

	// Revision is set by the Store: it is new with every change of the
	// lease, never reused while the Store is open, and means nothing to
	// anybody else. Zero means: not stored.
	Revision uint64
}

// Expired reports whether the lease has run out at now. An infinite lease
// never does.
func (l *Lease) Expired(now time.Time) bool {
	return !l.Expires.IsZero() && !l.Expires.After(now)
}

// Active reports whether the lease is assigned to its client at now: in the
// default state and not expired.
func (l *Lease) Active(now time.Time) bool {
	return l.State == StateDefault && !l.Expired(now)
}

// SetLifetime sets Lifetime to d in whole seconds and Expires to that long
// after now, rounded up so that no client is promised more than is stored.
// Infinite or more never expires.
func (l *Lease) SetLifetime(now time.Time, d time.Duration) {
	if d >= Infinite {
		l.Lifetime, l.Expires = Infinite, time.Time{}
		return
	}
	l.Lifetime = d.Truncate(time.Second)
	start := now.Round(0).UTC()
	if whole := start.Truncate(time.Second); !whole.Equal(start) {
		start = whole.Add(time.Second)
	}
	l.Expires = start.Add(l.Lifetime)
}

// Check returns why no store could keep the lease, or nil: Addr must be an IPv4
// address (not mapped into IPv6), Expires whole seconds in UTC, Lifetime whole
// seconds from 0 to Infinite and Infinite if and only if Expires is zero.
// Hostname and UserContext must have neither line breaks nor NUL, for which a
// lease file has no place. A ClientID has 2 to 255 octets (RFC 2132, section
// 9.14), and a lease that is not declined has a HardwareAddr or a ClientID.
// A Store may have limits of its own beyond these.
func (l *Lease) Check() error {
	var err error
	switch {
	case !l.Addr.Is4():
		err = errors.New("not an IPv4 address")
	case l.Expires.Nanosecond() != 0 || l.Expires.Location() != time.UTC:
		err = fmt.Errorf("expires %v: not whole seconds in UTC", l.Expires)
	case l.Lifetime < 0 || l.Lifetime > Infinite || l.Lifetime%time.Second != 0:
		err = fmt.Errorf("lifetime %v: not whole seconds from 0 to Infinite", l.Lifetime)
	case l.Expires.IsZero() != (l.Lifetime == Infinite):
		err = fmt.Errorf("lifetime %v, expires %v: infinite in one but not the other", l.Lifetime, l.Expires)
	case len(l.ClientID.octets) == 1 || len(l.ClientID.octets) > 255:
		err = fmt.Errorf("client identifier of %d octets: not 2 to 255", len(l.ClientID.octets))
	case l.HardwareAddr.IsZero() && l.ClientID.IsZero() && l.State != StateDeclined:
		err = errors.New("neither hardware address nor client identifier")
	case strings.ContainsAny(l.Hostname, "\r\n\x00") || strings.ContainsAny(l.UserContext, "\r\n\x00"):
		err = errors.New("line break or NUL in host name or user context")
	default:
		return nil
	}
	return fmt.Errorf("lease: %v: %w", l.Addr, err)
}

// String returns the lease in one line, for logs and tools: what is empty is
// left out, and what a client has chosen is quoted. Its form may change.
func (l Lease) String() string {
	b := []byte(l.Addr.String())
	b = strconv.AppendUint(append(b, ", subnet "...), uint64(l.SubnetID), 10)
	if l.PoolID != 0 {
		b = strconv.AppendUint(append(b, ", pool "...), uint64(l.PoolID), 10)
	}
	if !l.HardwareAddr.IsZero() {
		b = appendHex(append(b, ", hwaddr "...), l.HardwareAddr.b[:l.HardwareAddr.n])
	}
	if !l.ClientID.IsZero() {
		b = appendHex(append(b, ", client-id "...), l.ClientID.octets)
	}
	if l.Hostname != "" {
		b = strconv.AppendQuote(append(b, ", hostname "...), l.Hostname)
	}
	if l.FQDNForward {
		b = append(b, ", fqdn-fwd"...)
	}
	if l.FQDNReverse {
		b = append(b, ", fqdn-rev"...)
	}
	if l.UserContext != "" {
		b = strconv.AppendQuote(append(b, ", user-context "...), l.UserContext)
	}
	b = append(append(b, ", "...), l.State.String()...)
	if l.Expires.IsZero() {
		b = append(b, ", never expires"...)
	} else {
		b = l.Expires.UTC().AppendFormat(append(b, ", expires "...), time.RFC3339)
		b = append(strconv.AppendInt(append(b, " after "...), int64(l.Lifetime/time.Second), 10), " s"...)
	}
	if l.Revision != 0 {
		b = strconv.AppendUint(append(b, ", revision "...), l.Revision, 10)
	}
	return string(b)
}

// A State tells what a lease is good for. The values are Kea's.
type State uint8

// The states of a lease.
const (
	StateDefault          State = 0 // assigned to its client until Expires
	StateDeclined         State = 1 // found in use by somebody else; nobody gets it until Expires
	StateExpiredReclaimed State = 2 // expired and taken back; remembers its client
	StateReleased         State = 3 // given back; remembers its client
)

// String returns the name that Kea uses for the state.
func (s State) String() string {
	switch s {
	case StateDefault:
		return "default"
	case StateDeclined:
		return "declined"
	case StateExpiredReclaimed:
		return "expired-reclaimed"
	case StateReleased:
		return "released"
	}
	return "state " + strconv.Itoa(int(s))
}
