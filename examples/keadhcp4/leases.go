package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/memfile"
)

// openLeases opens the lease file and does the checks of p on it. The Store is
// nil if there is no file.
func (d *daemon) openLeases(p *plan) (*memfile.Store, error) {
	l := p.leases
	if l.path == "" {
		d.log.Warn("leases are kept in memory, and gone with this process", "id", "DHCPSRV_MEMFILE_NO_STORAGE")
		return nil, nil
	}
	d.log.Info("the lease file is "+l.path, "id", "DHCPSRV_MEMFILE_DB")
	st, err := memfile.Open(l.path, d.memfileOptions(l))
	if err != nil {
		return nil, err
	}
	if l.cleanUp > 0 {
		d.log.Info("the lease file is cleaned up in the background", "id", "DHCPSRV_MEMFILE_LFC_SETUP", "interval", l.cleanUp)
	}
	if err := p.checkLeases(context.Background(), st, d.reportLease); err != nil {
		st.Close()
		return nil, fmt.Errorf("lease file %s: %w", l.path, err)
	}
	return st, nil
}

// reportLease tells of a lease that is in the wrong subnet.
func (d *daemon) reportLease(f lease.SubnetFault) {
	about := []any{"address", f.Lease.Addr, "subnet", f.Lease.SubnetID, "right", f.SubnetID}
	switch {
	case f.Fixed:
		d.log.Info("a lease is moved to its subnet", append(about, "id", "DHCPSRV_LEASE_SANITY_FIXED")...)
	case f.Deleted:
		d.log.Info("a lease of the wrong subnet is deleted", append(about, "id", "DHCPSRV_LEASE_SANITY_FAIL_DISCARD")...)
	default:
		d.log.Warn("a lease has the wrong subnet", append(about, "id", "DHCPSRV_LEASE_SANITY_FAIL")...)
	}
}

// memfileOptions keeps the columns of a file that is there. A new one gets
// those that every Kea reads, unless -kea says which one it is for.
func (d *daemon) memfileOptions(l leaseSpec) *memfile.Options {
	o := &memfile.Options{Sync: d.flags.sync, Logger: d.log, MaxRowErrors: l.maxRowErrors, LFCInterval: l.cleanUp}
	if l.cleanUp == 0 {
		o.LFCInterval, o.LFCGrowth = -1, -1
	}
	switch d.flags.kea {
	case keaconf.Kea22:
		o.Schema = memfile.Schema21
	case keaconf.Kea30:
		o.Schema = memfile.Schema30
	default:
		if found, err := filepath.Glob(l.path + "*"); err == nil && len(found) == 0 {
			o.Schema = memfile.Schema21
		}
	}
	return o
}
