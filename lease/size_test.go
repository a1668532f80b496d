package lease

import (
	"reflect"
	"runtime"
	"testing"
	"time"
)

// TestRecordFillsACacheLine and has no pointers, on which the speed of Find
// and the cost of a garbage collection depend.
func TestRecordFillsACacheLine(t *testing.T) {
	for v, size := range map[any]uintptr{record{}: 64, block{}: 128, hostnameLink{}: 8} {
		typ := reflect.TypeOf(v)
		if typ.Size() != size {
			t.Errorf("%v has %d octets, want %d", typ, typ.Size(), size)
		}
		for i := range typ.NumField() {
			f := typ.Field(i)
			kind := f.Type.Kind()
			if kind == reflect.Array {
				kind = f.Type.Elem().Kind()
			}
			if kind > reflect.Uintptr {
				t.Errorf("%v.%s is a %v", typ, f.Name, f.Type)
			}
		}
	}
}

func TestMemoryPerLease(t *testing.T) {
	const n = 50_000
	for _, tc := range []struct {
		name  string
		m     *Memory
		limit uint64
	}{
		{"without host names", &Memory{}, 130},
		{"with host names", &Memory{IndexHostnames: true}, 142},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := heap()
			for i := range n {
				if err := tc.m.Put(of(i, time.Duration(i*7919%43200)*time.Second)); err != nil {
					t.Fatal(err)
				}
			}
			tc.m.Len()
			each := (heap() - before) / n
			t.Logf("%d octets a lease", each)
			if each > tc.limit {
				t.Errorf("%d octets a lease, limit %d", each, tc.limit)
			}
			runtime.KeepAlive(tc.m)
		})
	}
}

// TestSmallStoreIsSmall is for servers with ten clients.
func TestSmallStoreIsSmall(t *testing.T) {
	before := heap()
	m := filled(t, 10)
	m.Len()
	used := heap() - before
	t.Logf("%d octets for 10 leases", used)
	if used > 12<<10 {
		t.Errorf("%d octets for 10 leases", used)
	}
	runtime.KeepAlive(m)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}
