// Package memfile keeps leases in memory and in a lease file of ISC Kea's CSV
// format, so that they survive a restart, a killed process and a power cut:
//
//	leases, err := memfile.Open("leases4.csv", nil)
//	if err != nil {
//		return err
//	}
//	defer leases.Close()
//	srv, err := dhcp4.NewServer(dhcp4.Config{Leases: leases, …})
//
// The file is a log: each change of a lease is one row at its end, and reading
// it from start to end gives the leases. Kea's own server loads it, and Open
// loads Kea's. Options.Schema chooses between the columns of Kea 2.2 and those
// of newer releases when a file is new.
//
// What Store.Sync has confirmed is on the disk. It costs one fdatasync, shared
// by all callers who wait at the same time.
//
// The package does not shrink the file yet, does not read the files that
// Kea's lease file cleanup leaves beside it (Open refuses), and does not keep
// a second process away from it.
package memfile
