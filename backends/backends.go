// Package backends defines what a container engine must do for an enclave, in plain terms.
package backends
