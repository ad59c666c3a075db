package format

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkCheck formats all modules of the package in BENCH_PKG, by default random programs.
func BenchmarkCheck(b *testing.B) {
	var files [][]byte
	lines := 0
	if dir := os.Getenv("BENCH_PKG"); dir != "" {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".star") {
				return err
			}
			text, err := os.ReadFile(path)
			files = append(files, text)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	} else {
		for seed := range 200 {
			program := []byte(randomProgram(uint64(seed), true))
			if _, err := Check("bench.star", program); err == nil {
				files = append(files, program)
			}
		}
	}
	for _, text := range files {
		lines += strings.Count(string(text), "\n")
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range files {
			if _, err := Check("bench.star", text); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(max(lines, 1)), "ns/line")
}
