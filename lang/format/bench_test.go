package format

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkCheck formats all modules of the package in BENCH_PKG, by default the examples in testdata.
func BenchmarkCheck(b *testing.B) {
	dir := os.Getenv("BENCH_PKG")
	if dir == "" {
		dir = "testdata"
	}
	var files [][]byte
	lines := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".star") {
			return err
		}
		text, err := os.ReadFile(path)
		files = append(files, text)
		lines += strings.Count(string(text), "\n")
		return err
	})
	if err != nil {
		b.Fatal(err)
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
