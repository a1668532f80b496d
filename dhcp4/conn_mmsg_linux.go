package dhcp4

import (
	"encoding/binary"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"github.com/embedhcp/embedhcp/lease"
	"golang.org/x/sys/unix"
)

// maxMessages is the most messages of one system call.
const maxMessages = 64

// An mmsg is the vector of messages for recvmmsg(2) or sendmmsg(2) on one
// socket. It is reused from call to call and so allocates nothing, and one
// goroutine uses it at a time.
type mmsg struct {
	conn  syscall.RawConn
	hdrs  []unix.Mmsghdr
	slots []slot

	recv, transmit func(fd uintptr) bool // made once
	count          int                   // argument: how many of hdrs
	done           int                   // result: how many the kernel took or gave
	errno          unix.Errno
}

// A slot is what one message header points to.
type slot struct {
	iov     unix.Iovec
	inet4   unix.RawSockaddrInet4
	link    unix.RawSockaddrLinklayer
	control control
}

// A control is a buffer for control messages. One with IP_PKTINFO fits twice,
// should ListenConfig.Control have asked for more.
type control struct {
	hdr  unix.Cmsghdr
	data [48]byte // of an IP_PKTINFO: a struct in_pktinfo
}

const sizeofControl = int(unsafe.Sizeof(control{}))

// Offsets in struct in_pktinfo.
const (
	pktinfoIfindex = 0
	pktinfoSpecDst = 4
	pktinfoAddr    = 8
)

func (m *mmsg) init(conn syscall.RawConn) {
	m.conn = conn
	m.recv = func(fd uintptr) bool {
		m.call(unix.SYS_RECVMMSG, fd)
		return m.errno != unix.EAGAIN // else wait until there is something
	}
	m.transmit = func(fd uintptr) bool {
		m.call(unix.SYS_SENDMMSG, fd)
		return true
	}
}

func (m *mmsg) call(trap, fd uintptr) {
	for {
		// The last argument is recvmmsg's timeout: none.
		n, _, errno := unix.Syscall6(trap, fd, uintptr(unsafe.Pointer(&m.hdrs[0])), uintptr(m.count), unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if m.done, m.errno = int(n), errno; errno != 0 {
			m.done = 0
		}
		return
	}
}

// grow makes room for n messages.
func (m *mmsg) grow(n int) {
	if n <= len(m.hdrs) {
		return
	}
	n = min(max(n, 2*len(m.hdrs)), maxMessages)
	m.hdrs = make([]unix.Mmsghdr, n)
	m.slots = make([]slot, n)
	for i := range m.hdrs {
		m.hdrs[i].Hdr.Iov = &m.slots[i].iov
		m.hdrs[i].Hdr.SetIovlen(1)
	}
}

// receive waits for messages and puts at most n into the slots.
func (m *mmsg) receive(n int) (int, error) {
	m.count = n
	if err := m.conn.Read(m.recv); err != nil {
		return 0, err
	}
	if m.errno != 0 {
		return 0, os.NewSyscallError("recvmmsg", m.errno)
	}
	return m.done, nil
}

// send sends the first n slots and returns how many were sent, or 0 and why
// the first was not. It never waits: a full send buffer, behind which may be a
// virtual machine that is paused, must not stop the server for everyone else.
func (m *mmsg) send(n int) (int, error) {
	m.count = n
	if err := m.conn.Write(m.transmit); err != nil {
		return 0, err
	}
	if m.errno != 0 {
		return 0, os.NewSyscallError("sendmmsg", m.errno)
	}
	return m.done, nil
}

// useInet4 gives message i the address of its slot, and n octets of control
// messages. What was there is overwritten by the kernel when it receives.
func (m *mmsg) useInet4(i, n int) {
	h, s := &m.hdrs[i].Hdr, &m.slots[i]
	h.Name = (*byte)(unsafe.Pointer(&s.inet4))
	h.Namelen = unix.SizeofSockaddrInet4
	h.Control = (*byte)(unsafe.Pointer(&s.control))
	h.SetControllen(n)
	h.Flags = 0
}

// useLink gives message i the link-layer address of its slot.
func (m *mmsg) useLink(i int) {
	h, s := &m.hdrs[i].Hdr, &m.slots[i]
	h.Name = (*byte)(unsafe.Pointer(&s.link))
	h.Namelen = unix.SizeofSockaddrLinklayer
	h.Flags = 0
}

func (s *slot) setData(p []byte) {
	s.iov.Base = unsafe.SliceData(p)
	s.iov.SetLen(len(p))
}

func (s *slot) setInet4(a netip.AddrPort) {
	s.inet4.Family = unix.AF_INET
	s.inet4.Addr = a.Addr().As4()
	s.inet4.Port = bigEndian(a.Port())
}

// addrPort is the address that the message came from.
func (s *slot) addrPort() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4(s.inet4.Addr), bigEndian(s.inet4.Port))
}

// setLink makes hw the receiver of an IPv4 packet on the interface; everyone,
// if it is no Ethernet address.
func (s *slot) setLink(ifindex int, hw lease.HardwareAddr) {
	s.link = unix.RawSockaddrLinklayer{
		Family:   unix.AF_PACKET,
		Protocol: bigEndian(unix.ETH_P_IP),
		Ifindex:  int32(ifindex),
		Halen:    ethAddrLen,
		Addr:     [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	}
	if hw.Len() == ethAddrLen {
		_, _ = hw.AppendBinary(s.link.Addr[:0])
	}
}

// setPktinfo makes the message leave by an interface, with a source address.
func (s *slot) setPktinfo(ifindex int, source netip.Addr) {
	s.control.hdr.Level = unix.IPPROTO_IP
	s.control.hdr.Type = unix.IP_PKTINFO
	s.control.hdr.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
	src := source.As4()
	d := s.control.data[:unix.SizeofInet4Pktinfo]
	binary.NativeEndian.PutUint32(d[pktinfoIfindex:], uint32(ifindex))
	copy(d[pktinfoSpecDst:], src[:])
	clear(d[pktinfoAddr:])
}

// destination returns the address that a received message was sent to, from
// n octets of control messages: 255.255.255.255 for every kind of broadcast,
// 0.0.0.0 if it is not known; and the index of the link that it came from.
func (s *slot) destination(n int) (a netip.Addr, unicast bool, index int) {
	rest := (*[sizeofControl]byte)(unsafe.Pointer(&s.control))[:n]
	for len(rest) >= unix.SizeofCmsghdr {
		hdr, data, next, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			break
		}
		rest = next
		if hdr.Level != unix.IPPROTO_IP || hdr.Type != unix.IP_PKTINFO || len(data) < unix.SizeofInet4Pktinfo {
			continue
		}
		index = int(binary.NativeEndian.Uint32(data[pktinfoIfindex:]))
		// The kernel would answer a unicast from where it was sent to, and
		// a broadcast, also a subnet's, from another address.
		addr := [4]byte(data[pktinfoAddr:])
		if addr != [4]byte(data[pktinfoSpecDst:]) {
			return broadcastAddr, false, index
		}
		return netip.AddrFrom4(addr), true, index
	}
	return netip.IPv4Unspecified(), false, 0
}

// bigEndian swaps v between the host's byte order and the network's.
func bigEndian(v uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], v)
	return binary.BigEndian.Uint16(b[:])
}
