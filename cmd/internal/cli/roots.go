package cli

import (
	"crypto/x509"
	"sync"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// trustKnownRoots has this process trust the well-known certificate authorities where the system names none: the
// engine's image has no certificates when it was made on a machine without. Reading them takes as long as a small
// command does, so that only servers do it.
var trustKnownRoots = sync.OnceFunc(func() {
	pool := x509.NewCertPool()
	for root := range bundle.Roots() {
		certificate, err := x509.ParseCertificate(root.Certificate)
		switch {
		case err != nil: // one that this version of Go cannot read is not trusted
		case root.Constraint == nil:
			pool.AddCert(certificate)
		default:
			pool.AddCertWithConstraint(certificate, root.Constraint)
		}
	}
	x509.SetFallbackRoots(pool)
})
