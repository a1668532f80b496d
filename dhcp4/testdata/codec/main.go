// Command codec uses the codec of package dhcp4 and nothing else: it sends the
// message of the frame that it reads back as a reply.
package main

import (
	"os"

	"github.com/embedhcp/embedhcp/dhcp4"
)

func main() {
	frame := make([]byte, 2048)
	n, err := os.Stdin.Read(frame)
	if err != nil {
		return
	}
	p, ok := dhcp4.ParseFrame(frame[:n])
	if !ok {
		return
	}
	var m dhcp4.Message
	if m.Unmarshal(p.Data) != nil {
		return
	}
	m.Op = dhcp4.OpReply
	if p.Data, err = m.AppendBinary(nil); err != nil {
		return
	}
	if frame, err = dhcp4.AppendFrame(nil, p); err == nil {
		os.Stdout.Write(frame)
	}
}
