//go:build long

package server

import "testing"

// TestSoakLong is TestSoak with ten thousand steps.
func TestSoakLong(t *testing.T) { soak(t, 10_000, 101) }
