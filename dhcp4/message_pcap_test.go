package dhcp4

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// captures returns the frames of every capture in testdata.
func captures(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*.pcap")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures in testdata: %v", err)
	}
	var all [][]byte
	for _, name := range files {
		all = append(all, readPcap(t, name)...)
	}
	return all
}

// readPcap returns the frames of a little-endian pcap file with Ethernet as
// its link type.
func readPcap(t testing.TB, name string) [][]byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	frames, err := pcapFrames(b)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return frames
}

func pcapFrames(b []byte) ([][]byte, error) {
	const fileHeader, recordHeader = 24, 16
	le := binary.LittleEndian
	if len(b) < fileHeader || le.Uint32(b) != 0xa1b2c3d4 || le.Uint32(b[20:]) != 1 {
		return nil, fmt.Errorf("not a little-endian pcap file of Ethernet frames")
	}
	var frames [][]byte
	for b = b[fileHeader:]; len(b) > 0; {
		if len(b) < recordHeader || uint64(len(b)) < recordHeader+uint64(le.Uint32(b[8:])) {
			return nil, fmt.Errorf("frame %d is cut off", len(frames)+1)
		}
		end := recordHeader + int(le.Uint32(b[8:]))
		frames = append(frames, b[recordHeader:end])
		b = b[end:]
	}
	return frames, nil
}

// capturedMessages returns the UDP payloads to or from port 67.
func capturedMessages(t testing.TB) [][]byte {
	t.Helper()
	var all [][]byte
	for _, frame := range captures(t) {
		if p, ok := ParseFrame(frame); ok && (p.Local.Port() == 67 || p.Peer.Port() == 67) {
			all = append(all, p.Data)
		}
	}
	if len(all) < 100 {
		t.Fatalf("only %d messages in the captures", len(all))
	}
	return all
}
