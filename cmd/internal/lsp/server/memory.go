package server

import (
	"runtime/debug"
	"runtime/metrics"
)

// smallHeap is what the process may take, in bytes, before it works harder to stay small: trees die young while
// somebody types, and what they leave must not pile up.
const smallHeap = 40 << 20

// adjustHeap lets the heap grow with what is in use, so that a large workspace is not collected all the time.
func adjustHeap() {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return
	}
	live := int64(sample[0].Value.Uint64())
	debug.SetMemoryLimit(max(smallHeap, live+live/2+(8<<20)))
}
