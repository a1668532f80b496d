//go:build linux

package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

const lifetime = 12 * time.Hour

// header21 is what Kea 2.2 writes.
const header21 = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n"

// A client has what identifies it.
type client struct {
	addr     netip.Addr
	hardware lease.HardwareAddr
	id       [7]byte // as most clients make it: 1, and the hardware address
}

// clientNumber returns client i of at most 16 million.
func clientNumber(i int) (c client) {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(i))
	b[0] = 10
	c.addr = netip.AddrFrom4(b)
	vendor := byte(uint32(i) * 2654435761 >> 24)
	c.id = [7]byte{1, 2, 0, vendor, b[1], b[2], b[3]}
	c.hardware, _ = lease.HardwareAddrFrom(c.id[1:])
	return c
}

// lease is the one of client c, i of them, that ends at some time in the
// next twelve hours.
func (c *client) lease(i int, now time.Time) lease.Lease {
	l := lease.Lease{
		Addr: c.addr, HardwareAddr: c.hardware, ClientID: lease.ClientIDFrom(c.id[:]), SubnetID: 1,
		Hostname: fmt.Sprintf("host-%06d", i),
	}
	l.SetLifetime(now.Add(-time.Duration(i*7919%39600)*time.Second), lifetime)
	return l
}

// A layout is what a folder has: the files of a lease database that has been
// cleaned up once.
type layout struct {
	previous string // .2: every lease once, in the order of addresses as kea-lfc writes
	log      string // what came since, in no order: every client renews twice
	one      string // every lease once, in the order in which clients came
}

// makeFiles writes what does not exist yet, and waits for the disk: nobody
// else shall have to.
func makeFiles(s *settings) (layout, error) {
	files := layout{s.folder + "/previous", s.folder + "/log", s.folder + "/one"}
	n, now := s.leases(), time.Now()
	mixed := func(i int) int { return int(uint64(i) * 0x9e3779b1 % uint64(n)) }
	err := errors.Join(
		writeRows(files.previous, n, func(i int) (int, time.Time) { return i, now }),
		writeRows(files.log, 2*n, func(i int) (int, time.Time) { return mixed(i), now.Add(time.Duration(1+i/n) * time.Minute) }),
		writeRows(files.one, n, func(i int) (int, time.Time) { return mixed(i), now }),
	)
	return files, err
}

func writeRows(name string, n int, row func(i int) (client int, now time.Time)) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	w.WriteString(header21)
	for i := range n {
		number, now := row(i)
		c := clientNumber(number)
		l := c.lease(number, now)
		fmt.Fprintf(w, "%v,%v,%v,%d,%d,%d,0,0,%s,0,\n",
			l.Addr, l.HardwareAddr, l.ClientID, l.Lifetime/time.Second, l.Expires.Unix(), l.SubnetID, l.Hostname)
	}
	return errors.Join(w.Flush(), f.Sync(), f.Close())
}

// place puts files where a database at path has them, without a copy: neither
// side writes to them. Names that are empty are not there. The one without
// suffix is copied.
func place(path, previous, copied, current string) error {
	for _, suffix := range []string{"", ".1", ".2", ".completed", ".output", ".pid"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for suffix, name := range map[string]string{".2": previous, ".1": copied, "": current} {
		if name == "" {
			continue
		}
		if err := os.Link(name, path+suffix); err != nil {
			return err
		}
	}
	return nil
}
