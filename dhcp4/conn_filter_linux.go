package dhcp4

import (
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// serverFilter is the program for a packet socket of the type SOCK_DGRAM, which
// sees packets from the IPv4 header on, that lets datagrams to a UDP port pass.
//
// The kernel takes the VLAN tag off a frame before it gets here, and marks a
// frame whose VLAN the host does not have like one to another host's link
// address: neither is for us.
func serverFilter(port uint16) ([]bpf.RawInstruction, error) {
	return bpf.Assemble([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: unix.PACKET_OTHERHOST, SkipTrue: 8},
		bpf.LoadAbsolute{Off: 9, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protocolUDP, SkipTrue: 6},
		bpf.LoadAbsolute{Off: 6, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: ipv4MoreFragments | ipv4OffsetMask, SkipTrue: 4},
		bpf.LoadMemShift{Off: 0}, // X: the length of the header
		bpf.LoadIndirect{Off: 2, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(port), SkipTrue: 1},
		bpf.RetConstant{Val: 0xffff},
		bpf.RetConstant{Val: 0},
	})
}

// setReceiveNothing makes the kernel discard what comes in on a socket, at
// once: the port is taken, no ICMP error is sent, and nobody has to read.
func setReceiveNothing(fd int) error {
	return setFilter(fd, []bpf.RawInstruction{{Op: unix.BPF_RET | unix.BPF_K, K: 0}})
}

func setFilter(fd int, program []bpf.RawInstruction) error {
	filter := make([]unix.SockFilter, len(program))
	for i, in := range program {
		filter[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return os.NewSyscallError("setsockopt SO_ATTACH_FILTER", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}))
}
