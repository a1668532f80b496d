//go:build !unix

package memfile

// Kea does not run on these systems.
func isKea(int) bool { return false }

func keaWith(string) int { return 0 }
