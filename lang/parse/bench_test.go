package parse_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// benchText is the files below CORPUS, or else those of testdata many times over.
func benchText(b *testing.B) [][]byte {
	root, times := os.Getenv("CORPUS"), 1
	if root == "" {
		root, times = "testdata/bench", 20
	}
	var texts [][]byte
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".star" {
			var text []byte
			if text, err = os.ReadFile(path); err == nil {
				texts = append(texts, []byte(strings.Repeat(string(text), times)))
			}
		}
		return err
	})
	if err != nil || len(texts) == 0 {
		b.Fatalf("no texts: %v", err)
	}
	return texts
}

func size(texts [][]byte) (n int64) {
	for _, text := range texts {
		n += int64(len(text))
	}
	return n
}

func BenchmarkParse(b *testing.B) {
	texts := benchText(b)
	b.SetBytes(size(texts))
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range texts {
			parse.Parse(source.NewFile("a.star", text))
		}
	}
}

func BenchmarkUpstream(b *testing.B) {
	texts := benchText(b)
	b.SetBytes(size(texts))
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range texts {
			if _, err := upstream(text); err != nil {
				b.Fatal(err)
			}
		}
	}
}
