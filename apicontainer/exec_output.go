package apicontainer

import (
	"io"
	"sync"

	"github.com/kurtosis-go/kurtosis/api/kurtosisv1"
)

// execOutput sends two streams of output over one.
type execOutput struct {
	mu   sync.Mutex
	send func(*kurtosisv1.ExecResponse) error
}

func (o *execOutput) to(message func([]byte) *kurtosisv1.ExecResponse) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		for rest := p; len(rest) > 0; {
			n := min(len(rest), dataSize)
			if err := o.send(message(rest[:n])); err != nil {
				return 0, err
			}
			rest = rest[n:]
		}
		return len(p), nil
	})
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }
