package memfile

import (
	"errors"
	"io"
	iofs "io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// testTime is the clock of these tests.
var testTime = time.Unix(1795486401, 0).UTC()

func testNow() time.Time { return testTime }

var errFault = errors.New("injected fault")

// testFile is the name of the lease file on a fakeFS.
const testFile = "leases.csv"

// byHand switches off what happens in the background.
var byHand = Options{LFCInterval: -1, LFCGrowth: -1}

// A fakeFS is a folder on a disk, whose calls can be made to fail, and which
// knows what a power cut would leave.
type fakeFS struct {
	mu     sync.Mutex
	names  map[string]*fakeNode // what a process sees
	onDisk map[string]*fakeNode // what the disk has for certain
	ops    []fakeNameOp         // what happened to names and is not yet durable

	calls  int                       // of everything that may change or sync something
	fault  func(call int) *fakeFault // nil: none, ever
	noSync bool                      // a planted bug: no Sync does anything
	noDirs bool                      // another one: SyncFolder does nothing

	misused string // set if a file was written or synced after a failure or Close
	hook    func(op, name string)
	syncing func() // called in every Sync, if set
	writes  int
	syncs   int
	claimed bool
}

// A fakeNode is a file, whatever its name.
type fakeNode struct {
	cached  []byte // what a reader sees
	durable []byte // what the disk has for certain
	pending []fakeOp
	failed  bool // a Write or Sync has failed
}

// A fakeOp is a change of a file that is not yet durable.
type fakeOp struct {
	truncate bool
	at       int // offset of data, or the size to cut to
	data     []byte
}

// A fakeNameOp gives a file a name, or takes it away, or both.
type fakeNameOp struct {
	node     *fakeNode
	from, to string
}

func (op fakeNameOp) apply(names map[string]*fakeNode) {
	if op.from != "" && names[op.from] == op.node {
		delete(names, op.from)
	}
	if op.to != "" {
		names[op.to] = op.node
	}
}

// A fakeFault makes a call fail. A failed Write leaves the first bytes of its
// data in the cache.
type fakeFault struct{ bytes int }

// newFakeFS returns a folder with the lease file.
func newFakeFS(content string) *fakeFS { return newFakeFolder(map[string]string{testFile: content}) }

// newFakeFolder returns a folder with files.
func newFakeFolder(files map[string]string) *fakeFS {
	fs := &fakeFS{names: make(map[string]*fakeNode)}
	for name, content := range files {
		fs.names[name] = &fakeNode{cached: []byte(content), durable: []byte(content)}
	}
	fs.onDisk = maps.Clone(fs.names)
	return fs
}

// mustOpen opens the lease file in a folder in which nothing goes wrong.
func mustOpen(t testing.TB, fs *fakeFS, o *Options) *Store {
	t.Helper()
	st, err := open(fs, testFile, o, testNow)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// reopen opens a closed file once more, just to count the leases in it.
func reopen(t testing.TB, path string, leases int) {
	t.Helper()
	st, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if st.Len() != leases {
		t.Errorf("%d leases after reopening, want %d", st.Len(), leases)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

// cached returns what a process sees of the files, durable what is on the disk
// for certain.
func (fs *fakeFS) cached() map[string]string {
	return fs.contents(fs.names, func(n *fakeNode) []byte { return n.cached })
}

func (fs *fakeFS) durable() map[string]string {
	return fs.contents(fs.onDisk, func(n *fakeNode) []byte { return n.durable })
}

func (fs *fakeFS) contents(names map[string]*fakeNode, of func(*fakeNode) []byte) map[string]string {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	m := make(map[string]string)
	for name, node := range names {
		m[name] = string(of(node))
	}
	return m
}

func (fs *fakeFS) call(op, name string) *fakeFault {
	if fs.hook != nil {
		fs.hook(op, name)
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.calls++
	if fs.fault == nil {
		return nil
	}
	return fs.fault(fs.calls)
}

func (fs *fakeFS) Claim(string) (func() error, error) {
	if fs.claimed {
		return nil, ErrInUse
	}
	fs.claimed = true
	return func() error { fs.claimed = false; return nil }, nil
}

func (fs *fakeFS) Open(name string) (file, error) {
	if fs.call("open", name) != nil {
		return nil, errFault
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	node := fs.names[name]
	if node == nil {
		return nil, iofs.ErrNotExist
	}
	return &fakeFile{fs: fs, node: node}, nil
}

func (fs *fakeFS) OpenRead(name string) (file, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	f.(*fakeFile).reading = true
	return f, nil
}

func (fs *fakeFS) Create(name string, _ file) (file, error) {
	if fs.call("create", name) != nil {
		return nil, errFault
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.names[name] != nil {
		return nil, iofs.ErrExist
	}
	node := &fakeNode{}
	fs.rename(fakeNameOp{node, "", name})
	return &fakeFile{fs: fs, node: node}, nil
}

func (fs *fakeFS) Rename(from, to string) error {
	if fs.call("rename", from) != nil {
		return errFault
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.names[from] == nil {
		return iofs.ErrNotExist
	}
	fs.rename(fakeNameOp{fs.names[from], from, to})
	return nil
}

func (fs *fakeFS) Remove(name string) error {
	if fs.call("remove", name) != nil {
		return errFault
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.names[name] != nil {
		fs.rename(fakeNameOp{fs.names[name], name, ""})
	}
	return nil
}

func (fs *fakeFS) rename(op fakeNameOp) {
	op.apply(fs.names)
	fs.ops = append(fs.ops, op)
}

func (fs *fakeFS) SyncFolder(name string) error {
	if fs.call("sync folder", name) != nil {
		return errFault
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if !fs.noSync && !fs.noDirs {
		fs.onDisk, fs.ops = maps.Clone(fs.names), nil
	}
	return nil
}

type fakeFile struct {
	fs     *fakeFS
	node   *fakeNode
	pos    int
	closed bool

	reading bool // nothing else is allowed
}

func (f *fakeFile) Read(b []byte) (int, error) {
	n, err := f.ReadAt(b, int64(f.pos))
	f.pos += n
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *fakeFile) ReadAt(b []byte, at int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	n := copy(b, f.node.cached[min(int(at), len(f.node.cached)):])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *fakeFile) Write(b []byte) (int, error) {
	fault := f.fs.call("write", f.name())
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.use("write")
	f.fs.writes++
	n, err := len(b), error(nil)
	if fault != nil {
		n, err = min(fault.bytes, n), errFault
		f.node.failed = true
	}
	op := fakeOp{at: len(f.node.cached), data: append([]byte(nil), b[:n]...)}
	f.node.pending = append(f.node.pending, op)
	f.node.cached = op.apply(f.node.cached)
	return n, err
}

func (f *fakeFile) Truncate(size int64) error {
	if f.fs.call("truncate", f.name()) != nil {
		return errFault
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	op := fakeOp{truncate: true, at: int(size)}
	f.node.pending = append(f.node.pending, op)
	f.node.cached = op.apply(f.node.cached)
	return nil
}

func (f *fakeFile) Sync() error {
	fault := f.fs.call("sync", f.name())
	if f.fs.syncing != nil {
		f.fs.syncing()
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.use("sync")
	f.fs.syncs++
	if fault != nil {
		f.node.failed = true
		return errFault
	}
	if f.fs.noSync {
		return nil
	}
	if !f.node.failed { // else a page was dropped, and no later Sync brings it back
		f.node.durable = append([]byte(nil), f.node.cached...)
		f.node.pending = nil
	}
	return nil
}

func (f *fakeFile) IsAt(name string) (bool, error) {
	if f.fs.call("stat", name) != nil {
		return false, errFault
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return f.fs.names[name] == f.node, nil
}

func (f *fakeFile) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.closed = true
	return nil
}

func (f *fakeFile) name() string {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	for name, node := range f.fs.names {
		if node == f.node {
			return name
		}
	}
	return ""
}

func (f *fakeFile) use(what string) {
	switch {
	case f.reading:
		f.fs.misused = what + " of a file opened for reading"
	case f.closed:
		f.fs.misused = what + " after Close"
	case f.node.failed:
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
func (n *fakeNode) prefixes(yield func([]byte) bool) {
	base := n.durable
	for _, op := range n.pending {
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
func (n *fakeNode) subsets(limit int, random func() uint64) func(yield func([]byte) bool) {
	type piece struct {
		op       fakeOp
		from, to int
	}
	var pieces []piece
	for _, op := range n.pending {
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
	return func(yield func([]byte) bool) {
		for mask := range masks(len(pieces), limit, random) {
			b := append([]byte(nil), n.durable...)
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
}

// masks yields the subsets of n things, or limit of them by chance.
func masks(n, limit int, random func() uint64) func(yield func(uint64) bool) {
	return func(yield func(uint64) bool) {
		count := uint64(1) << min(n, 63)
		for i := range min(count, uint64(limit)) {
			if count > uint64(limit) && i > 0 { // nothing is among them always
				i = random()
			}
			if !yield(i) {
				return
			}
		}
	}
}

// powerCut returns the folder as one of the many that a power cut now could
// leave.
func (fs *fakeFS) powerCut(random func() uint64) *fakeFS {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	last := func(contents func(func([]byte) bool)) (b []byte) {
		for b = range contents {
		}
		return b
	}
	names := maps.Clone(fs.onDisk)
	for _, op := range fs.ops {
		if random()%2 == 0 {
			op.apply(names)
		}
	}
	left := make(map[string]string)
	for name, node := range names {
		switch random() % 4 {
		case 0:
			left[name] = string(node.durable)
		case 1:
			left[name] = string(node.cached)
		case 2:
			n := int(random() % uint64(len(node.pending)+1))
			cut := &fakeNode{durable: node.durable, pending: slices.Clone(node.pending[:n])}
			if n > 0 && !cut.pending[n-1].truncate {
				op := &cut.pending[n-1]
				op.data = op.data[:random()%uint64(len(op.data)+1)]
			}
			left[name] = string(last(cut.prefixes))
		default:
			left[name] = string(last(node.subsets(2, random)))
		}
	}
	return newFakeFolder(left)
}

// crashes yields what a crash now could leave in the folder: any of the changes
// of names that are not durable, in their order, and of each file that has
// changes what prefixes and subsets yield while the others have nothing of
// theirs, or all.
func (fs *fakeFS) crashes(limit int, random func() uint64) func(yield func(map[string]string) bool) {
	return func(yield func(map[string]string) bool) {
		seen := make(map[string]bool)
		once := func(names map[string]*fakeNode, of func(*fakeNode) []byte) bool {
			m := fs.contents(names, of)
			var key strings.Builder
			for _, name := range slices.Sorted(maps.Keys(m)) {
				key.WriteString(name + "\x01" + m[name] + "\x02")
			}
			if seen[key.String()] {
				return true
			}
			seen[key.String()] = true
			return yield(m)
		}
		for mask := range masks(len(fs.ops), limit, random) {
			names := maps.Clone(fs.onDisk)
			for i, op := range fs.ops {
				if mask>>i&1 != 0 {
					op.apply(names)
				}
			}
			for _, others := range []func(*fakeNode) []byte{
				func(n *fakeNode) []byte { return n.durable },
				func(n *fakeNode) []byte { return n.cached },
			} {
				if !once(names, others) {
					return
				}
				for _, node := range names {
					for _, contents := range []func(func([]byte) bool){node.prefixes, node.subsets(limit, random)} {
						for b := range contents {
							if !once(names, func(n *fakeNode) []byte {
								if n == node {
									return b
								}
								return others(n)
							}) {
								return
							}
						}
					}
				}
			}
		}
	}
}
