package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"
)

func main() {
	subnets := flag.Int("subnets", 10_000, "how many subnets the large configuration has")
	reservations := flag.Int("reservations", 1_000_000, "how many reservations it has, evenly spread")
	requests := flag.Int("requests", 400_000, "how many requests are measured for each row")
	check := flag.Bool("check", false, "exit with status 1 if a limit is exceeded")
	flag.Parse()
	if *subnets < 1 || *subnets > 1<<16 || *reservations < *subnets || *reservations / *subnets > perSubnet || *requests < rounds {
		fmt.Fprintf(os.Stderr, "scale: 1 to 65536 subnets, with 1 to %d reservations each\n", perSubnet)
		os.Exit(2)
	}
	rows, err := measure(*subnets, *reservations / *subnets, *requests)
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
	fmt.Printf("%d subnets, %d reservations; %s, %s/%s\n\n", *subnets, *reservations / *subnets * *subnets, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Println("| what | measured | limit |")
	fmt.Println("|---|--:|--:|")
	failed := false
	for _, r := range rows {
		note := ""
		if r.limit > 0 && r.value > r.limit {
			failed, note = true, " (exceeded)"
		}
		fmt.Printf("| %s | %s | %s%s |\n", r.name, r.format(r.value), r.format(r.limit), note)
	}
	if failed && *check {
		os.Exit(1)
	}
}

// A row is one figure; limit zero: there is none.
type row struct {
	name         string
	value, limit float64
	unit         string
}

func (r row) format(v float64) string {
	switch {
	case v == 0:
		return ""
	case r.unit == "s":
		return time.Duration(v * float64(time.Second)).Round(10 * time.Nanosecond).String()
	case r.unit == "times":
		return fmt.Sprintf("%.2f times", v)
	}
	return fmt.Sprintf("%.0f %s", v, r.unit)
}
