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
// it from start to end gives the leases. A lease file cleanup (LFC) in the
// background makes it short again. File names, their order and the rows are
// Kea's, so that Kea can take over from a Store at any moment and a Store from
// Kea. Options.Schema chooses between the columns of Kea 2.2 and those of newer
// releases.
//
// What survives once Store.Sync has returned nil:
//
//	Options.Sync      the process is killed   power cut or kernel crash       costs
//	SyncAlways        everything              everything                      an fdatasync, shared by all who wait
//	SyncInterval(d)   everything              all but the last d              an fdatasync every d while leases change
//	SyncNever         everything              what the kernel wrote in time   nothing (what Kea does)
//
// In every mode Sync returns after the rows were handed to the kernel, Close
// waits for the disk (but in SyncNever), and a cleanup removes old files after
// the new ones are on the disk.
//
// Tools read the leases beside a server, with Options.ReadOnly.
//
// The package does not merge files of several servers, does not work on file
// systems without rename and fsync, and does not clean up on Windows, where an
// open file keeps its name.
package memfile
