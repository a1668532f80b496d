package memfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/embedhcp/embedhcp/lease"
)

// A loader replays a file into a Memory.
type loader struct {
	name      string
	mem       *lease.Memory
	log       *slog.Logger
	maxErrors int                    // 0: unlimited
	keep      func(row []byte) error // gets the damaged rows

	header    header
	hasHeader bool
	rows      int
	errors    int

	// size is the length of the file's complete lines; tail is what follows
	// the last newline, a line that was cut while it was written. tailSize
	// counts all of it, tail has its beginning.
	size     int64
	tail     []byte
	tailSize int64
}

// load reads r to its end. It does not change the file.
func (ld *loader) load(r io.Reader) error {
	br := bufio.NewReaderSize(r, 16<<10)
	for number := 1; ; number++ {
		line, size, err := readLine(br)
		if err == io.EOF {
			ld.tail, ld.tailSize = bytes.Clone(line), size
			return nil
		}
		if err != nil {
			return fmt.Errorf("memfile: read %s: %w", ld.name, err)
		}
		ld.size += size
		if size == 1 {
			continue
		}
		if !ld.hasHeader {
			if ld.header, err = parseHeader(line); err != nil {
				if _, more := br.Peek(1); more == io.EOF && bytes.IndexByte(line, 0) >= 0 && unfinishedHeader(line) {
					ld.size -= size
					ld.tail, ld.tailSize = bytes.Clone(line), size
					return nil
				}
				return fmt.Errorf("memfile: %s:%d: %w", ld.name, number, err)
			}
			ld.hasHeader = true
			continue
		}
		ld.rows++
		if err := ld.replay(line, size); err != nil {
			ld.errors++
			ld.log.Error("lease file: row skipped", "id", "DHCPSRV_MEMFILE_LEASE_LOAD_ROW_ERROR",
				"row", ld.rows, "err", fmt.Errorf("%s:%d: %w", ld.name, number, err), "text", excerpt(line))
			if ld.maxErrors > 0 && ld.errors > ld.maxErrors {
				return fmt.Errorf("memfile: %s:%d: more than %d damaged rows, the last one: %w", ld.name, number, ld.maxErrors, err)
			}
			if err := ld.keep(line); err != nil {
				return err
			}
		}
	}
}

// loadWhole loads a file to which nothing will be appended: a last line
// without newline is ignored.
func (ld *loader) loadWhole(r io.Reader) error {
	if err := ld.load(r); err != nil {
		return err
	}
	if err := ld.checkHeader(); err != nil {
		return err
	}
	if ld.tailSize > 0 {
		ld.log.Warn("lease file: incomplete last line ignored", "file", ld.name, "offset", ld.size,
			"bytes", ld.tailSize, "text", excerpt(ld.tail))
	}
	return nil
}

// replay applies one row: the last one of an address wins.
func (ld *loader) replay(line []byte, size int64) error {
	if size > maxLine {
		return fmt.Errorf("row has %d bytes, limit %d", size, maxLine)
	}
	l, deleted, err := parseRow(line, ld.header, ld.mem)
	if err != nil {
		return err
	}
	if deleted {
		ld.mem.Delete(l.Addr)
		return nil
	}
	return ld.mem.Put(l)
}

// readLine returns the next line without its newline, and its size with it. A
// line longer than maxLine is cut to that, but counted whole. At the end of
// the file the error is io.EOF and the line what follows the last newline. The
// line is valid until the next call.
func readLine(br *bufio.Reader) (line []byte, size int64, err error) {
	line, err = br.ReadSlice('\n')
	size = int64(len(line))
	if err == bufio.ErrBufferFull {
		long := bytes.Clone(line)
		for err == bufio.ErrBufferFull {
			line, err = br.ReadSlice('\n')
			size += int64(len(line))
			long = append(long, line[:min(len(line), maxLine-len(long))]...)
		}
		line = long
	}
	if err == nil && size <= maxLine {
		line = line[:len(line)-1]
	}
	return line, size, err
}

// checkHeader returns an error if a file has no header and never had more than
// a piece of one. An empty file has none either, which is no error.
func (ld *loader) checkHeader() error {
	if ld.hasHeader {
		return nil
	}
	if err := ld.checkNew(); err != nil {
		return fmt.Errorf("memfile: %s: not a lease file: %w", ld.name, err)
	}
	return nil
}

// repair makes f end in a complete line under a header, for rows to be
// appended. A file without a header gets h.
func (ld *loader) repair(f file, h header) error {
	if err := ld.checkHeader(); err != nil {
		return err
	}
	if ld.tailSize > 0 {
		// Nobody was told that this row is stored.
		ld.log.Warn("lease file: incomplete last line removed", "file", ld.name, "offset", ld.size,
			"bytes", ld.tailSize, "text", excerpt(ld.tail))
		if err := f.Truncate(ld.size); err != nil {
			return fmt.Errorf("memfile: truncate %s: %w", ld.name, err)
		}
	}
	if !ld.hasHeader {
		ld.header = h
		n, err := f.Write([]byte(h.text))
		if err != nil {
			return fmt.Errorf("memfile: write %s: %w", ld.name, err)
		}
		ld.size += int64(n)
	}
	return nil
}

// checkNew returns why a file without a header is not just one whose header
// never was completed.
func (ld *loader) checkNew() error {
	if ld.size > 0 {
		return errors.New("no header")
	}
	if unfinishedHeader(ld.tail) {
		return nil
	}
	_, err := parseHeader(ld.tail)
	return err
}

// unfinishedHeader reports whether line is what a crash can leave of a new
// file's header: its beginning, with zeros where data was still on its way to
// the disk.
func unfinishedHeader(line []byte) bool {
	for i, c := range bytes.TrimRight(line, "\x00") {
		if i == len(columnNames) || c != columnNames[i] && c != 0 {
			return false
		}
	}
	return true
}
