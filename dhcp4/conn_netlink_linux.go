package dhcp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"

	"github.com/embedhcp/embedhcp/lease"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Where things are in the head of a message about a link.
const (
	nlTypeOffset   = 4
	nlPortOffset   = 12
	nlFamilyOffset = unix.SizeofNlMsghdr
	nlIndexOffset  = unix.SizeofNlMsghdr + 4
)

// answerSize is at least what the kernel packs into one answer for a buffer of
// that size.
const answerSize = 8192

// A netlink asks the kernel about links, one by one: package net reads all
// there are, in the network namespace of whatever thread it runs on. It belongs
// to the namespace that it was opened in. One goroutine uses it at a time;
// close may run beside that.
type netlink struct {
	file *os.File
	conn syscall.RawConn
	seq  uint32

	watched int    // the index of the link that gone tells of
	isGone  bool   // it has been deleted
	head    []byte // of the message that tells so
	poll    func(fd uintptr)
}

// openNetlink opens a netlink. With an index other than 0 the file becomes
// readable when that link is deleted, and gone tells so.
func openNetlink(watched int) (*netlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, os.NewSyscallError("socket NETLINK_ROUTE", err)
	}
	nl := &netlink{file: os.NewFile(uintptr(fd), "netlink"), watched: watched}
	if err := nl.setUp(fd); err != nil {
		nl.close()
		return nil, err
	}
	return nl, nil
}

func (nl *netlink) setUp(fd int) (err error) {
	if nl.conn, err = nl.file.SyscallConn(); err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	// Without it (before Linux 4.20) an answer tells of all links, and costs more.
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	if nl.watched == 0 {
		return nil
	}
	nl.head = make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfInfomsg)
	nl.poll = func(fd uintptr) {
		for !nl.isGone {
			n, err := unix.Read(int(fd), nl.head)
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				return
			}
			nl.isGone = nl.tellsGone(nl.head[:max(n, 0)])
		}
	}
	self, err := unix.Getsockname(fd)
	if err != nil {
		return os.NewSyscallError("getsockname", err)
	}
	// The filter is there before what it is for: only answers to us, and what
	// says that the link was deleted, shall ever wake the reader.
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: nlPortOffset, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: swapped(self.(*unix.SockaddrNetlink).Pid), SkipTrue: 6},
		bpf.LoadAbsolute{Off: nlTypeOffset, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(bigEndian(unix.RTM_DELLINK)), SkipTrue: 5},
		bpf.LoadAbsolute{Off: nlFamilyOffset, Size: 1},
		// Of AF_BRIDGE it only left a bridge.
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.AF_UNSPEC, SkipTrue: 3},
		bpf.LoadAbsolute{Off: nlIndexOffset, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: swapped(uint32(nl.watched)), SkipTrue: 1},
		bpf.RetConstant{Val: 0xffffffff},
		bpf.RetConstant{Val: 0},
	})
	if err != nil {
		return err
	}
	if err := setFilter(fd, program); err != nil {
		return err
	}
	return os.NewSyscallError("setsockopt NETLINK_ADD_MEMBERSHIP",
		unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, unix.RTNLGRP_LINK))
}

func (nl *netlink) close() error { return nl.file.Close() }

// gone reports whether the watched link was deleted. It does not allocate.
func (nl *netlink) gone() bool {
	if !nl.isGone {
		_ = nl.conn.Control(nl.poll) // closed: the reader sees that by itself
	}
	return nl.isGone
}

// tellsGone reports whether a message says that the watched link was deleted.
func (nl *netlink) tellsGone(m []byte) bool {
	return nl.watched != 0 && len(m) >= unix.SizeofNlMsghdr+unix.SizeofIfInfomsg &&
		binary.NativeEndian.Uint16(m[nlTypeOffset:]) == unix.RTM_DELLINK &&
		m[nlFamilyOffset] == unix.AF_UNSPEC &&
		binary.NativeEndian.Uint32(m[nlIndexOffset:]) == uint32(nl.watched)
}

// link reads a link. If there is none of that index, the error wraps ENODEV.
func (nl *netlink) link(index int) (*Link, error) {
	link := &Link{Index: index}
	buf := make([]byte, answerSize)
	var ask [unix.SizeofIfInfomsg]byte
	binary.NativeEndian.PutUint32(ask[4:], uint32(index))
	err := nl.ask(buf, unix.RTM_GETLINK, 0, ask[:], func(m *syscall.NetlinkMessage) error { return link.readInterface(m) })
	if err != nil {
		return nil, fmt.Errorf("dhcp4: read the network interface with index %d: %w", index, err)
	}
	ask = [unix.SizeofIfInfomsg]byte{0: unix.AF_INET}
	binary.NativeEndian.PutUint32(ask[4:], uint32(index))
	err = nl.ask(buf, unix.RTM_GETADDR, unix.NLM_F_DUMP, ask[:unix.SizeofIfAddrmsg], func(m *syscall.NetlinkMessage) error {
		return link.readAddr(m)
	})
	if err != nil {
		return nil, fmt.Errorf("dhcp4: read the addresses of %s: %w", link.Name, err)
	}
	return link, nil
}

// ask sends a request and calls each with what the kernel answers, in buf.
func (nl *netlink) ask(buf []byte, typ, flags uint16, body []byte, each func(*syscall.NetlinkMessage) error) error {
	nl.seq++
	m := make([]byte, unix.SizeofNlMsghdr, 64)
	binary.NativeEndian.PutUint32(m, uint32(len(m)+len(body)))
	binary.NativeEndian.PutUint16(m[nlTypeOffset:], typ)
	binary.NativeEndian.PutUint16(m[6:], unix.NLM_F_REQUEST|flags)
	binary.NativeEndian.PutUint32(m[8:], nl.seq)
	m = append(m, body...)
	var err error
	if cerr := nl.conn.Control(func(fd uintptr) {
		if err = os.NewSyscallError("sendto", unix.Sendto(int(fd), m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})); err == nil {
			err = nl.answers(int(fd), buf, flags&unix.NLM_F_DUMP != 0, each)
		}
	}); cerr != nil {
		return cerr
	}
	return err
}

// answers reads the answers to the last request: one, or many and an end. The
// kernel has them ready when the request is sent.
func (nl *netlink) answers(fd int, buf []byte, many bool, each func(*syscall.NetlinkMessage) error) error {
	for {
		n, _, flags, _, err := unix.Recvmsg(fd, buf, nil, 0)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return os.NewSyscallError("recvmsg", err)
		case flags&unix.MSG_TRUNC != 0:
			return errors.New("the kernel's answer is too long")
		}
		ms, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			return err
		}
		if nl.tellsGone(buf[:n]) {
			nl.isGone = true
		}
		for i := range ms {
			m := &ms[i]
			if m.Header.Seq != nl.seq {
				continue // to an earlier request, which failed half-way; or nobody's
			}
			switch m.Header.Type {
			case unix.NLMSG_DONE:
				return nil
			case unix.NLMSG_ERROR:
				if len(m.Data) < 4 {
					return unix.EBADMSG
				}
				return unix.Errno(-int32(binary.NativeEndian.Uint32(m.Data)))
			}
			if err := each(m); err != nil || !many {
				return err
			}
		}
	}
}

// readInterface fills in what a message of the type RTM_NEWLINK says.
func (l *Link) readInterface(m *syscall.NetlinkMessage) error {
	attrs, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil {
		return err
	}
	for i := range attrs {
		switch value := attrs[i].Value; attrs[i].Attr.Type {
		case unix.IFLA_IFNAME:
			l.Name = unix.ByteSliceToString(value)
		case unix.IFLA_ADDRESS:
			// As package net does it: a tunnel's end, and the zeros of a
			// loopback interface, are no hardware addresses.
			if hw, ok := lease.HardwareAddrFrom(value); ok && len(value) != 4 && !isZero(value) {
				l.HardwareAddr = hw
			}
		}
	}
	return nil
}

// readAddr adds the address that a message of the type RTM_NEWADDR says.
func (l *Link) readAddr(m *syscall.NetlinkMessage) error {
	if len(m.Data) < unix.SizeofIfAddrmsg || m.Data[0] != unix.AF_INET ||
		binary.NativeEndian.Uint32(m.Data[4:]) != uint32(l.Index) {
		return nil
	}
	attrs, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil {
		return err
	}
	for i := range attrs {
		// On a point-to-point link IFA_ADDRESS is the other end's.
		if value := attrs[i].Value; attrs[i].Attr.Type == unix.IFA_LOCAL && len(value) >= 4 {
			l.Addrs = append(l.Addrs, netip.PrefixFrom(netip.AddrFrom4([4]byte(value)), int(m.Data[1])))
		}
	}
	return nil
}

func isZero(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

// swapped is v in the host's byte order as a filter reads it, big-endian.
func swapped(v uint32) uint32 {
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], v)
	return binary.BigEndian.Uint32(b[:])
}
