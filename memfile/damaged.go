package memfile

import (
	"bufio"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	iofs "io/fs"
)

// A damagedFile keeps rows that could not be read, for somebody to look at: the
// next cleanup drops them from the lease file, until then Open meets them
// every time.
type damagedFile struct {
	fs   fileSystem
	name string
	like file // whose mode and owner it gets

	// limited says that there will be few rows, and perhaps a refusal, after
	// which nothing may have been written.
	limited bool

	rows []byte // not written yet
	f    file   // nil: there is none yet
	seed maphash.Seed
	have map[uint64]struct{} // hashes of its lines
}

const maxDamagedRows = 64 << 10 // bytes that wait for a write

// keep adds a row that the file does not have yet. A row longer than maxLine
// has been cut to that.
func (d *damagedFile) keep(row []byte) error {
	if d.have == nil {
		if err := d.read(); err != nil {
			return fmt.Errorf("memfile: %s: %w", d.name, err)
		}
	}
	h := maphash.Bytes(d.seed, row)
	if _, ok := d.have[h]; ok {
		return nil
	}
	d.have[h] = struct{}{}
	d.rows = append(append(d.rows, row...), '\n')
	if len(d.rows) < maxDamagedRows || d.limited {
		return nil
	}
	return d.write()
}

// read learns what is in the file already.
func (d *damagedFile) read() (err error) {
	d.seed = maphash.MakeSeed()
	d.have = make(map[uint64]struct{})
	if d.f, err = d.fs.Open(d.name); err != nil {
		d.f = nil
		if errors.Is(err, iofs.ErrNotExist) {
			return nil
		}
		return err
	}
	for br := bufio.NewReader(d.f); ; {
		line, size, err := readLine(br)
		if err == io.EOF {
			if size > 0 { // cut off by a crash
				d.rows = append(d.rows, '\n')
			}
			return nil
		}
		if err != nil {
			return err
		}
		d.have[maphash.Bytes(d.seed, line)] = struct{}{}
	}
}

func (d *damagedFile) write() (err error) {
	if d.f == nil {
		d.f, err = d.fs.Create(d.name, d.like)
	}
	if err == nil {
		_, err = d.f.Write(d.rows)
	}
	if err != nil {
		return fmt.Errorf("memfile: write %s: %w", d.name, err)
	}
	d.rows = d.rows[:0]
	return nil
}

// commit makes the rows durable.
func (d *damagedFile) commit() error {
	if len(d.rows) > 1 { // more than the end of a line that was cut off
		if err := d.write(); err != nil {
			return err
		}
	}
	if d.f == nil {
		return nil
	}
	err := d.f.Sync()
	if err == nil {
		err = d.fs.SyncFolder(d.name)
	}
	if err != nil {
		return fmt.Errorf("memfile: sync %s: %w", d.name, err)
	}
	return nil
}

func (d *damagedFile) close() error {
	if d.f == nil {
		return nil
	}
	return d.f.Close()
}
