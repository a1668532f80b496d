package main

import "testing"

// BenchmarkTasks runs the tasks one by one, for a profile of one side.
func BenchmarkTasks(b *testing.B) {
	tasks, err := tasks()
	if err != nil {
		b.Fatal(err)
	}
	for _, t := range tasks {
		for _, side := range []struct {
			name string
			run  func() error
		}{{"ours", t.ours}, {t.peer, t.theirs}} {
			b.Run(t.name+"/"+side.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := side.run(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
