package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
)

// test judges a configuration file as kea-dhcp4 -t does and returns the exit
// status. Lease files, log files and sockets are not opened.
func test(f flags, stdout, stderr io.Writer) int {
	logs := newLogSystem(f.log, f.verbose, stdout, stderr)
	if err := logs.configure([]loggerSpec{{Name: rootLogger, Level: slog.LevelInfo, Outputs: []outputSpec{{Output: "stdout"}}}}); err != nil {
		fmt.Fprintln(stderr, "keadhcp4:", err)
		return 1
	}
	log := slog.New(logs.handler())
	log.Info("the configuration file is "+f.test, "id", "DCTL_CONFIG_FILE")
	p, err := load(f.test, f.kea)
	if err == nil {
		err = p.check()
	}
	if err != nil {
		for i, mistake := range mistakes(err) {
			lead := "Error encountered: "
			problem := new(keaconf.Problem)
			if i > 0 {
				lead = "and: "
			} else if errors.Is(mistake, fs.ErrNotExist) || errors.As(mistake, &problem) && problem.Syntax {
				lead = "Syntax check failed with: "
			}
			fmt.Fprintf(stderr, "%s%v\n", lead, mistake)
		}
		return 1
	}
	p.log(log)
	return 0
}

// check makes sure that the Server and the loggers take the configuration.
func (p *plan) check() error {
	var errs []error
	for _, l := range p.loggers {
		for _, o := range l.Outputs {
			if _, err := parsePattern(o.Pattern); err != nil {
				errs = append(errs, fmt.Errorf("logger %s: output %s: %w", l.Name, o.Output, err))
			}
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	srv, err := dhcp4.NewServer(p.server)
	if err != nil {
		return err
	}
	return srv.Close()
}

// log tells that the configuration is right, and what is doubtful about it.
func (p *plan) log(log *slog.Logger) {
	for i := range p.warnings {
		id := "DHCP4_CONFIG_UNSUPPORTED_OBJECT"
		if p.warnings[i].Syntax {
			id = "DHCP4_CONFIG_SYNTAX_WARNING"
		}
		log.Warn(p.warnings[i].Error(), "id", id)
	}
	log.Info("the configuration is complete", "id", "DHCP4_CONFIG_COMPLETE", "subnets", len(p.server.Subnets))
}
