// Command keadhcp4 serves DHCPv4 by the configuration file of ISC Kea's
// kea-dhcp4, in its place: with its flags, lease file, log lines, pid file and
// signals.
//
//	keadhcp4 -t /etc/kea/kea-dhcp4.conf
//	keadhcp4 -c /etc/kea/kea-dhcp4.conf
//
// It runs in the foreground. SIGHUP makes it read its configuration again and
// open its log files anew; SIGTERM and SIGINT end it. README.md tells how to
// come from Kea, and back.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
	"github.com/embedhcp/embedhcp/memfile"
)

const defaultConfig = "/etc/kea/kea-dhcp4.conf"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// flags are those of the command line.
type flags struct {
	config     string // -c
	test       string // -t, -T
	verbose    bool
	version    bool
	extended   bool
	report     bool
	serverPort int
	clientPort int
	kea        keaconf.Version
	sync       memfile.SyncMode
	log        string
}

// parse parses the command line; what is wrong with it is written to stderr.
func (f *flags) parse(args []string, stderr io.Writer) error {
	set := flag.NewFlagSet("keadhcp4", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.config, "c", defaultConfig, "serve as the configuration `file` says")
	set.StringVar(&f.test, "t", "", "check the configuration `file` and exit")
	set.StringVar(&f.test, "T", "", "as -t")
	set.BoolVar(&f.verbose, "d", false, "log everything")
	set.BoolVar(&f.version, "v", false, "print the version and exit")
	set.BoolVar(&f.extended, "V", false, "print the version at length and exit")
	set.BoolVar(&f.report, "W", false, "print what this program was built of and exit")
	set.IntVar(&f.serverPort, "p", 67, "receive on the UDP `port`, for tests")
	set.IntVar(&f.clientPort, "P", 0, "send all replies to the UDP `port`, for tests")
	set.Func("kea", "follow the rules of Kea `2.2 or 3.0` for the configuration; unset, of either", func(s string) (err error) {
		f.kea, err = keaconf.ParseVersion(s)
		return err
	})
	set.Func("sync", "`when` leases are brought to the disk: always, before they are confirmed (default); interval, within a second; never, as with Kea",
		func(s string) (err error) {
			f.sync, err = syncMode(s)
			return err
		})
	set.StringVar(&f.log, "log", "kea", "`format` of the log: kea, text or json")
	if err := set.Parse(args); err != nil {
		return err
	}
	if err := f.check(set); err != nil {
		fmt.Fprintln(stderr, err)
		set.Usage()
		return err
	}
	return nil
}

func (f *flags) check(set *flag.FlagSet) error {
	if set.NArg() > 0 {
		return fmt.Errorf("%q is one argument too many", set.Arg(0))
	}
	for name, port := range map[string]*int{"p": &f.serverPort, "P": &f.clientPort} {
		given := false
		set.Visit(func(f *flag.Flag) { given = given || f.Name == name })
		if given && (*port < 1 || *port > 65535) {
			return fmt.Errorf("-%s: a port is between 1 and 65535, not %d", name, *port)
		}
	}
	if f.log != "kea" && f.log != "text" && f.log != "json" {
		return fmt.Errorf("-log: the format is kea, text or json, not %q", f.log)
	}
	return nil
}

// syncInterval is how much a power cut may take with -sync interval.
const syncInterval = time.Second

func syncMode(s string) (memfile.SyncMode, error) {
	switch s {
	case "always":
		return memfile.SyncAlways, nil
	case "interval":
		return memfile.SyncInterval(syncInterval), nil
	case "never":
		return memfile.SyncNever, nil
	}
	return 0, errors.New("it is always, interval or never")
}

// run is the program; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	var f flags
	if err := f.parse(args, stderr); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 1
	}
	switch {
	case f.version:
		fmt.Fprintln(stdout, version())
		return 0
	case f.extended:
		fmt.Fprintf(stdout, "%s\nconfiguration files of Kea 2.2 and 3.0\nlease files of Kea (memfile), schemas 2.1 and 3.0\n%s %s/%s\n",
			version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return 0
	case f.report:
		if info, ok := debug.ReadBuildInfo(); ok {
			fmt.Fprint(stdout, info)
		}
		return 0
	case f.test != "":
		return test(f, stdout, stderr)
	}
	d, err := newDaemon(f, stdout, stderr)
	if err == nil {
		err = d.run()
	}
	if err != nil {
		fmt.Fprintln(stderr, "keadhcp4:", err)
		return 1
	}
	return 0
}

// version returns the version of the module that the program was built from.
func version() string {
	v := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		v = info.Main.Version
	}
	return "embedhcp " + v
}
