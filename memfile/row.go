package memfile

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

const (
	infinite    = math.MaxUint32 // valid_lifetime of a lease that never expires
	maxClientID = 255            // octets
	keaClientID = 128            // Kea discards rows with more

	// Expiry times that fit both a time.Time and Kea's time_t with room to
	// compute: the years 1 to 9999, without the zero time.
	minExpire = -62135596799
	maxExpire = 253402300799

	// maxText bounds Hostname and UserContext, so that a row with every byte
	// of them escaped stays shorter than maxLine.
	maxText = 128 << 10
	maxLine = 1 << 20
)

// appendRow appends the row of l, its newline included, for a file with header
// h.
//
// A lifetime of zero becomes one second, because zero means a deletion. Kea
// writes the time of a lease's last transaction plus its lifetime as expiry,
// even of an infinite one, whose Lease has nothing to compute it from; now
// stands in for it.
func appendRow(dst []byte, l *lease.Lease, h header, now time.Time) []byte {
	valid, expire := validAndExpire(l, now)
	return appendFields(dst, l, h, valid, expire)
}

// appendDeletion appends the row that deletes l: its lifetime is zero, its
// expiry the time of the last transaction.
func appendDeletion(dst []byte, l *lease.Lease, h header, now time.Time) []byte {
	valid, expire := validAndExpire(l, now)
	return appendFields(dst, l, h, 0, expire-int64(valid))
}

func validAndExpire(l *lease.Lease, now time.Time) (valid uint32, expire int64) {
	if l.Lifetime == lease.Infinite {
		return infinite, now.Unix() + infinite
	}
	return uint32(max(1, l.Lifetime/time.Second)), l.Expires.Unix()
}

func appendFields(dst []byte, l *lease.Lease, h header, valid uint32, expire int64) []byte {
	dst = l.Addr.AppendTo(dst)
	dst = append(dst, ',')
	dst, _ = l.HardwareAddr.AppendText(dst)
	dst = append(dst, ',')
	id, context := l.ClientID, l.UserContext
	if octets := id.Octets(); len(octets) > keaClientID && h.longIDs == ClientIDsInContext {
		context, id = withClientID(l), lease.ClientID{}
		if l.HardwareAddr.IsZero() { // Kea wants one of the two
			id = lease.ClientIDFrom([]byte(octets[:keaClientID]))
		}
	}
	dst, _ = id.AppendText(dst)
	dst = append(dst, ',')
	dst = strconv.AppendUint(dst, uint64(valid), 10)
	dst = append(dst, ',')
	dst = strconv.AppendInt(dst, expire, 10)
	dst = append(dst, ',')
	dst = strconv.AppendUint(dst, uint64(l.SubnetID), 10)
	dst = append(dst, ',', digit(l.FQDNForward), ',', digit(l.FQDNReverse), ',')
	dst = appendEscaped(dst, l.Hostname, true)
	// Under an older header the rows have these two columns all the same: Kea
	// reads them, and without its state a declined lease would be lost.
	dst = append(dst, ',')
	dst = strconv.AppendUint(dst, uint64(l.State), 10)
	dst = append(dst, ',')
	dst = appendEscaped(dst, context, false)
	if h.schema == Schema30 {
		dst = append(dst, ',')
		dst = strconv.AppendUint(dst, uint64(l.PoolID), 10)
	}
	for range h.extra {
		dst = append(dst, ',')
	}
	return append(dst, '\n')
}

func digit(b bool) byte {
	if b {
		return '1'
	}
	return '0'
}

// appendEscaped appends s with commas and ampersands as Kea writes them. Line
// breaks it need not care for: lease.Lease.Check refuses them.
func appendEscaped(dst []byte, s string, lower bool) []byte {
	for i := range len(s) {
		c := s[i]
		switch {
		case c == ',':
			dst = append(dst, "&#x2c"...)
		case c == '&':
			dst = append(dst, "&#x26"...)
		case lower:
			dst = append(dst, toLower(c))
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

func toLower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// checkLease tells why a lease that passes its own Check cannot be in a file.
// What passes both is read back as it was.
func checkLease(l *lease.Lease) error {
	switch text := len(l.Hostname) + len(l.UserContext); {
	case !l.Expires.IsZero() && (l.Expires.Unix() < minExpire || l.Expires.Unix() > maxExpire):
		return fmt.Errorf("expires %v: %w", l.Expires, errRange)
	case text > maxText:
		return fmt.Errorf("host name and user context have %d bytes, limit %d", text, maxText)
	case l.UserContext != "" && !isMap(l.UserContext):
		return fmt.Errorf("user context: %w", errNoMap)
	}
	return nil
}

// parseRow reads a row without its newline, as Kea does: columns that the
// file's schema does not have are ignored, columns that older schemas lack
// get their defaults. A row that deletes its address has deleted true. Errors
// name the column.
//
// Of the texts that known has for the address, those that are in the row again
// are used again, so that a long log makes little garbage. It may be nil.
func parseRow(line []byte, h header, known *lease.Memory) (l lease.Lease, deleted bool, err error) {
	if bytes.IndexByte(line, 0) >= 0 {
		// Neither Kea nor we write one: it is a block that never reached the disk.
		return lease.Lease{}, false, errors.New("row has a NUL byte")
	}
	p := rowParser{mem: known}
	limit, least := colUserContext+1, colUserContext+1
	switch h.schema {
	case schema10, schema20:
		least = colHostname + 1
	case Schema30:
		limit = colPoolID + 1
	}
	for rest, more := line, true; more && p.n < limit; p.n++ {
		end := bytes.IndexByte(rest, ',')
		if more = end >= 0; !more {
			end = len(rest)
		}
		p.fields[p.n], rest = rest[:end], rest[min(end+1, len(rest)):]
	}
	if p.n < least {
		return lease.Lease{}, false, fmt.Errorf("row has %d columns, want at least %d", p.n, least)
	}
	valid, expire := p.parse(&l)
	if p.err != nil {
		return lease.Lease{}, false, p.err
	}
	switch valid {
	case 0:
		return l, true, nil
	case infinite:
		l.Lifetime = lease.Infinite
	default:
		if expire < minExpire || expire > maxExpire {
			p.fail(colExpire, errRange)
			return lease.Lease{}, false, p.err
		}
		l.Lifetime = time.Duration(valid) * time.Second
		l.Expires = time.Unix(expire, 0).UTC()
	}
	if err := l.Check(); err != nil {
		return lease.Lease{}, false, err
	}
	if err := checkLease(&l); err != nil {
		return lease.Lease{}, false, err
	}
	return l, false, nil
}

// A rowParser reads fields until the first error.
type rowParser struct {
	mem    *lease.Memory // may be nil
	known  lease.Lease   // what it has for the address
	fields [columns][]byte
	n      int // so many there are
	err    error
}

func (p *rowParser) parse(l *lease.Lease) (valid uint32, expire int64) {
	l.Addr = p.addr(colAddress)
	if p.mem != nil {
		p.known, _ = p.mem.Peek(l.Addr)
	}
	l.HardwareAddr = p.hwaddr(colHwaddr)
	l.ClientID = p.clientID(colClientID)
	valid = p.uint32(colValidLifetime)
	expire = p.expire(colExpire)
	l.SubnetID = p.uint32(colSubnetID)
	l.FQDNForward = p.bool(colFQDNForward)
	l.FQDNReverse = p.bool(colFQDNReverse)
	l.Hostname = either(lowered(unescaped(p.fields[colHostname])), p.known.Hostname)
	if p.n > colState {
		l.State = p.state(colState)
	}
	if p.n > colUserContext {
		l.UserContext = p.userContext(colUserContext)
		restoreClientID(l)
	}
	if p.n > colPoolID {
		l.PoolID = p.uint32(colPoolID)
	}
	return valid, expire
}

// restoreClientID undoes what ClientIDsInContext did to a row.
func restoreClientID(l *lease.Lease) {
	if l.UserContext == "" {
		return
	}
	value, context, ok := cutClientID(l.UserContext)
	if !ok {
		return
	}
	hw, text, _ := strings.Cut(value, "/")
	id, err := lease.ParseClientID(text)
	if err != nil || len(id.Octets()) <= keaClientID || hw != l.HardwareAddr.String() {
		return
	}
	if cut := l.ClientID.Octets(); cut == "" || cut == id.Octets()[:keaClientID] {
		l.ClientID, l.UserContext = id, context
	}
}

func (p *rowParser) fail(col int, why error) {
	if p.err == nil {
		p.err = fmt.Errorf("column %s is %s: %w", columnName(col), excerpt(p.fields[col]), why)
	}
}

func (p *rowParser) addr(col int) netip.Addr {
	a, ok := parseIPv4(p.fields[col])
	if !ok {
		p.fail(col, errAddress)
	}
	return a
}

func (p *rowParser) hwaddr(col int) lease.HardwareAddr {
	var b [20]byte // what a HardwareAddr holds
	octets, err := parseOctets(b[:0], p.fields[col], len(b))
	if err != nil {
		p.fail(col, err)
		return lease.HardwareAddr{}
	}
	h, _ := lease.HardwareAddrFrom(octets)
	return h
}

func (p *rowParser) clientID(col int) lease.ClientID {
	var b [maxClientID]byte
	var octets []byte
	var err error
	if f := p.fields[col]; len(f) > 2 && bytes.IndexByte(f, ':') < 0 {
		octets, err = parsePlainHex(b[:0], f, len(b))
	} else {
		octets, err = parseOctets(b[:0], f, len(b))
	}
	if err != nil {
		p.fail(col, err)
	}
	if string(octets) == p.known.ClientID.Octets() {
		return p.known.ClientID
	}
	return lease.ClientIDFrom(octets)
}

// either returns known if it is the same as b, and else a copy of b.
func either(b []byte, known string) string {
	if string(b) == known {
		return known
	}
	return string(b)
}

func (p *rowParser) uint32(col int) uint32 {
	v, err := parseUint32(p.fields[col])
	if err != nil {
		p.fail(col, err)
	}
	return v
}

func (p *rowParser) expire(col int) int64 {
	v, err := parseInt(p.fields[col])
	if err == errRange { // Kea's cleanup writes moments before 1970 like that
		if u, e := strconv.ParseUint(string(p.fields[col]), 10, 64); e == nil {
			v, err = int64(u), nil
		}
	}
	if err != nil {
		p.fail(col, err)
	}
	return v
}

func (p *rowParser) bool(col int) bool {
	switch f := p.fields[col]; string(f) {
	case "1":
		return true
	case "0":
	default:
		p.fail(col, errors.New("want 0 or 1"))
	}
	return false
}

func (p *rowParser) state(col int) lease.State {
	v, err := parseUint32(p.fields[col])
	if err == nil && v > math.MaxUint8 {
		err = errRange
	}
	if err != nil {
		p.fail(col, err)
	}
	return lease.State(v)
}

func (p *rowParser) userContext(col int) string {
	s := either(unescaped(p.fields[col]), p.known.UserContext)
	if s != "" && !isMap(s) {
		p.fail(col, errNoMap)
	}
	return s
}
