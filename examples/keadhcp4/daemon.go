package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
)

// drainTime is how long requests in progress may take at the end. The whole
// end takes less than two seconds.
const drainTime = 1500 * time.Millisecond

// A daemon is the running program.
type daemon struct {
	flags   flags
	logs    *logSystem
	log     *slog.Logger
	signals chan os.Signal
	leases  leaseSpec // that are open
	service *service
}

func newDaemon(f flags, stdout, stderr io.Writer) (*daemon, error) {
	d := &daemon{flags: f, logs: newLogSystem(f.log, f.verbose, stdout, stderr), signals: make(chan os.Signal, 16)}
	d.log = slog.New(d.logs.handler())
	return d, d.logs.configure(defaultLoggers())
}

// run serves until a signal ends it. The error says why it could not.
func (d *daemon) run() (err error) {
	defer d.logs.close()
	signal.Notify(d.signals, hangup, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(d.signals)
	d.log.Info(version()+" is starting", "id", "DHCP4_STARTING")

	pid, err := takePIDFile(pidPath(d.flags.config))
	if running := (*runningError)(nil); errors.As(err, &running) {
		d.log.Log(background, levelFatal, err.Error(), "id", "DHCP4_ALREADY_RUNNING")
	} else if err != nil {
		d.log.Log(background, levelFatal, err.Error(), "id", "DHCP4_INIT_FAIL")
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pid.release()) }()

	p, outputs, err := d.load()
	if err != nil {
		return err
	}
	d.adopt(p, outputs)
	if err := d.serve(p); err != nil {
		d.log.Error(err.Error(), "id", "DHCP4_INIT_FAIL")
		return err
	}
	d.log.Info("the server has ended", "id", "DHCP4_SHUTDOWN")
	return nil
}

// load reads the configuration file and opens its log outputs, which are yet
// to be used or closed.
func (d *daemon) load() (p *plan, outputs loggers, err error) {
	d.log.Info("the configuration file is "+d.flags.config, "id", "DCTL_CONFIG_FILE")
	if p, err = load(d.flags.config, d.flags.kea); err == nil {
		err = p.check()
	}
	if err == nil {
		outputs, err = d.logs.open(p.loggers)
	}
	if err != nil {
		all := mistakes(err)
		for _, mistake := range all {
			d.log.Error(mistake.Error(), "id", "DHCP4_CONFIG_LOAD_FAIL")
		}
		if err = all[0]; len(all) > 1 {
			err = fmt.Errorf("%w (and %d more mistakes)", err, len(all)-1)
		}
		return nil, nil, fmt.Errorf("configuration: %w", err)
	}
	return p, outputs, nil
}

// adopt makes the outputs of a plan those of the daemon.
func (d *daemon) adopt(p *plan, outputs loggers) {
	if err := d.logs.use(outputs); err != nil {
		d.log.Error("a log could not be closed: "+err.Error(), "id", "LOG_CLOSE_FAIL")
	}
	p.log(d.log)
}

// serve serves as p says until a signal ends it.
func (d *daemon) serve(p *plan) (err error) {
	d.leases = p.leases
	config := p.server
	config.Logger = d.log
	leases, err := d.openLeases(p)
	if err != nil {
		return err
	}
	if leases != nil { // else they are in memory
		defer func() { err = errors.Join(err, leases.Close()) }()
		config.Leases = leases
	}
	srv, err := dhcp4.NewServer(config)
	if err != nil {
		return err
	}
	defer srv.Close()
	d.service = &service{
		srv: srv, log: d.log, sockets: p.sockets, listeners: make(map[endpoint]*listener),
		serverPort: uint16(d.flags.serverPort), clientPort: uint16(d.flags.clientPort),
	}
	if err := d.service.listen(p.endpoints); err != nil && p.sockets.requireAll {
		srv.Close()
		d.service.stop()
		return err
	}
	if err := notify("READY=1"); err != nil {
		d.log.Warn(err.Error(), "id", "DHCP4_STARTED")
	}
	d.wait()

	_ = notify("STOPPING=1") // there is nothing else to do about it
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	d.service.stop()
	return nil
}

// wait handles signals until one ends the program.
func (d *daemon) wait() {
	for s := range d.signals {
		if s != hangup {
			return
		}
		if err := d.reload(); err != nil {
			d.log.Error("the old configuration goes on: "+err.Error(), "id", "DHCP4_DYNAMIC_RECONFIGURATION_FAIL")
			continue
		}
		d.log.Info("the new configuration is in use", "id", "DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS")
	}
}

// reload reads the configuration file again. On failure the old configuration
// stays. Log files are opened anew in either case.
func (d *daemon) reload() error {
	if err := d.logs.reopen(); err != nil {
		d.log.Error(err.Error(), "id", "LOG_REOPEN_FAIL")
	}
	d.log.Info("SIGHUP: the configuration is read again", "id", "DHCP4_DYNAMIC_RECONFIGURATION")
	p, outputs, err := d.load()
	if err != nil {
		return err
	}
	if p.leases.path != d.leases.path {
		err = errors.New("lease-database: it cannot be another one while the server runs: start it anew")
	} else {
		err = d.service.srv.Reconfigure(p.server)
	}
	if err != nil {
		return errors.Join(err, outputs.close())
	}
	d.adopt(p, outputs)
	if p.leases != d.leases {
		d.log.Warn("lease-database: lfc-interval, max-row-errors and lease-checks count from the next start", "id", "DHCP4_DYNAMIC_RECONFIGURATION")
	}
	d.service.sockets = p.sockets
	_ = d.service.listen(p.endpoints) // it has logged what is wrong, and tries again
	return nil
}
