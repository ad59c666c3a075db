//go:build long

package server

import "testing"

// TestSoakLong is TestSoak with ten thousand steps, and more than one way through them.
func TestSoakLong(t *testing.T) {
	for seed := range uint64(3) {
		soak(t, 10_000, 100+seed)
	}
}
