package backends

import "context"

// Leftovers finds what work that was broken off left on an engine. A Backend whose engine has several kinds of
// objects for one enclave implements it as well.
type Leftovers interface {
	// Leftovers lists objects of ours that belong to no enclave and no engine: containers first, as they hold the others.
	Leftovers(ctx context.Context) ([]Leftover, error)

	// RemoveLeftover removes one. Removing what is not there is no error.
	RemoveLeftover(ctx context.Context, l Leftover) error
}

// Leftover is an object that nothing owns.
type Leftover struct {
	Kind    LeftoverKind
	ID      string // for RemoveLeftover
	Name    string
	Enclave string // UUID of the enclave that it was of, "" for none
}

// LeftoverKind is what a leftover is, as a person would say.
type LeftoverKind string

const (
	LeftoverContainer LeftoverKind = "container"
	LeftoverNetwork   LeftoverKind = "network"
	LeftoverVolume    LeftoverKind = "volume"
	LeftoverNamespace LeftoverKind = "namespace"
	LeftoverBinding   LeftoverKind = "cluster role binding"
)
