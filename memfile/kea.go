package memfile

import (
	"bytes"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"strconv"
)

// checkKea returns an error if a running Kea uses the lease file. Kea locks
// nothing, but its cleanup leaves a process id while it works, and where the
// system shows open files, a server has it open.
//
// The cleanup's file may as well be garbage from a crash, or its number belong
// to somebody else by now; that is nobody's claim.
func checkKea(name string) error {
	text, err := os.ReadFile(name + suffixPID)
	if err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return err
	}
	if pid, err := strconv.Atoi(string(bytes.TrimSpace(text))); err == nil && pid > 0 && isKea(pid) {
		return fmt.Errorf("%w: Kea's lease file cleanup, process %d of %s, works on it", ErrInUse, pid, name+suffixPID)
	}
	if pid := keaWith(name); pid != 0 {
		return fmt.Errorf("%w: Kea, process %d, has %s open", ErrInUse, pid, name)
	}
	return nil
}
