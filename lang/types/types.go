// Package types defines the type terms of the front end: how they print, parse, unite and assign.
package types

// Type is a type term. Terms are immutable; compare them with Equal.
type Type interface {
	String() string
}
