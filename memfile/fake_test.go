package memfile

import (
	"errors"
	"io"
	"time"
)

// testTime is the clock of these tests.
var testTime = time.Unix(1795486401, 0).UTC()

func testNow() time.Time { return testTime }

var errFault = errors.New("injected fault")

// A fakeFS is a disk with one file on it, whose calls can be made to fail,
// and which knows what a power cut would leave.
type fakeFS struct {
	there   bool   // the file is in its folder
	linked  bool   // and durably so
	cached  []byte // what a reader sees
	durable []byte // what the disk has for certain
	pending []fakeOp
	beside  map[string]bool // other files

	calls   int                       // of Open, Write, Truncate, Sync and SyncFolder
	fault   func(call int) *fakeFault // nil: none, ever
	failed  bool                      // a Write or Sync of the file has failed
	misused string                    // set if the file was written or synced after that
	noSync  bool                      // the planted bug: Sync does nothing
	syncing func()                    // called in every Sync, if set
	writes  int
	syncs   int
}

// A fakeOp is a change that is not yet durable.
type fakeOp struct {
	truncate bool
	at       int // offset of data, or the size to cut to
	data     []byte
}

// A fakeFault makes a call fail. A failed Write leaves the first bytes of its
// data in the cache.
type fakeFault struct{ bytes int }

func newFakeFS(content string) *fakeFS {
	return &fakeFS{there: true, linked: true, cached: []byte(content), durable: []byte(content)}
}

func (fs *fakeFS) call() *fakeFault {
	fs.calls++
	if fs.fault == nil {
		return nil
	}
	return fs.fault(fs.calls)
}

func (fs *fakeFS) Open(string) (file, error) {
	if fs.call() != nil {
		return nil, errFault
	}
	fs.there = true
	fs.failed = false
	return &fakeFile{fs: fs}, nil
}

func (fs *fakeFS) Exists(name string) (bool, error) { return fs.beside[name], nil }

func (fs *fakeFS) SyncFolder(string) error {
	if fs.call() != nil {
		return errFault
	}
	fs.linked = fs.linked || fs.there
	return nil
}

type fakeFile struct {
	fs     *fakeFS
	pos    int
	closed bool
}

func (f *fakeFile) Read(b []byte) (int, error) {
	if f.pos == len(f.fs.cached) {
		return 0, io.EOF
	}
	n := copy(b, f.fs.cached[f.pos:])
	f.pos += n
	return n, nil
}

func (f *fakeFile) Write(b []byte) (int, error) {
	fault := f.fs.call()
	f.use("write")
	f.fs.writes++
	n, err := len(b), error(nil)
	if fault != nil {
		n, err = min(fault.bytes, n), errFault
		f.fs.failed = true
	}
	op := fakeOp{at: len(f.fs.cached), data: append([]byte(nil), b[:n]...)}
	f.fs.pending = append(f.fs.pending, op)
	f.fs.cached = op.apply(f.fs.cached)
	return n, err
}

func (f *fakeFile) Truncate(size int64) error {
	if f.fs.call() != nil {
		return errFault
	}
	op := fakeOp{truncate: true, at: int(size)}
	f.fs.pending = append(f.fs.pending, op)
	f.fs.cached = op.apply(f.fs.cached)
	return nil
}

func (f *fakeFile) Sync() error {
	fault := f.fs.call()
	f.use("sync")
	f.fs.syncs++
	if f.fs.syncing != nil {
		f.fs.syncing()
	}
	if fault != nil {
		f.fs.failed = true
		return errFault
	}
	if f.fs.noSync {
		return nil
	}
	if !f.fs.failed { // else a page was dropped, and no later Sync brings it back
		f.fs.durable = append([]byte(nil), f.fs.cached...)
		f.fs.pending = nil
	}
	return nil
}

func (f *fakeFile) Close() error {
	f.closed = true
	return nil
}

func (f *fakeFile) use(what string) {
	switch {
	case f.closed:
		f.fs.misused = what + " after Close"
	case f.fs.failed:
		f.fs.misused = what + " after a failure"
	}
}

// apply returns what b becomes by op. It does not change b.
func (op fakeOp) apply(b []byte) []byte {
	out := append([]byte(nil), b...)
	if op.truncate {
		return out[:min(op.at, len(out))]
	}
	return op.overlay(out, 0, len(op.data))
}

// overlay puts data[from:to] in its place and fills a gap before it with zeros.
func (op fakeOp) overlay(b []byte, from, to int) []byte {
	for len(b) < op.at+to {
		b = append(b, 0)
	}
	copy(b[op.at+from:], op.data[from:to])
	return b
}

// prefixes yields every content of the file after a power cut that lets some
// first bytes of what was not synced reach the disk, and all of it, which is
// what a killed process leaves.
func (fs *fakeFS) prefixes(yield func([]byte) bool) {
	base := fs.durable
	for _, op := range fs.pending {
		for n := range len(op.data) + 1 {
			if !yield(fakeOp{at: op.at, data: op.data[:n]}.apply(base)) {
				return
			}
		}
		base = op.apply(base)
	}
	yield(base)
}

// fakeSector is small so that a row has several.
const fakeSector = 32

// subsets yields contents after a power cut that lets any of the sectors and
// truncations that were not synced reach the disk, the size of the file as if
// all did: lost ones are zeros. Beyond limit of them it takes those that random
// chooses.
func (fs *fakeFS) subsets(limit int, random func() uint64, yield func([]byte) bool) {
	type piece struct {
		op       fakeOp
		from, to int
	}
	var pieces []piece
	for _, op := range fs.pending {
		if op.truncate {
			pieces = append(pieces, piece{op: op})
			continue
		}
		for from := 0; from < len(op.data); {
			to := min(len(op.data), (op.at+from)/fakeSector*fakeSector+fakeSector-op.at)
			pieces = append(pieces, piece{op, from, to})
			from = to
		}
	}
	count := uint64(1) << min(len(pieces), 63)
	all := count <= uint64(limit)
	for i := range min(count, uint64(limit)) {
		mask := i
		if !all {
			mask = random()
		}
		b := append([]byte(nil), fs.durable...)
		for j, p := range pieces {
			kept := mask>>(j%64)&1 != 0
			switch {
			case p.op.truncate && kept:
				b = b[:min(p.op.at, len(b))]
			case p.op.truncate:
			case kept:
				b = p.op.overlay(b, p.from, p.to)
			default:
				for len(b) < p.op.at+p.to {
					b = append(b, 0)
				}
			}
		}
		if !yield(b) {
			return
		}
	}
}
