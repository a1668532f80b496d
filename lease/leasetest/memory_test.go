package leasetest_test

import (
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
)

func TestMemory(t *testing.T) {
	leasetest.Run(t, func(testing.TB) lease.Store { return new(lease.Memory) })
}

func TestMemoryWithHostnames(t *testing.T) {
	leasetest.Run(t, func(testing.TB) lease.Store { return &lease.Memory{IndexHostnames: true} })
}

func TestSlowMemory(t *testing.T) {
	leasetest.Run(t, func(testing.TB) lease.Store { return leasetest.Slow(new(lease.Memory), time.Microsecond) })
}
