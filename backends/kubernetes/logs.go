package kubernetes

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Logs yields a service's output. The cluster does not tell standard error from standard output, and forgets the log of a Pod
// with the Pod.
func (b *Backend) Logs(ctx context.Context, enclave, service string, options backends.LogOptions) iter.Seq2[backends.LogLine, error] {
	return func(yield func(backends.LogLine, error) bool) {
		e, c, err := b.find(ctx, enclave, service)
		if err != nil {
			yield(backends.LogLine{}, err)
			return
		}
		p, err := b.podOf(ctx, e, c)
		if err != nil {
			yield(backends.LogLine{}, err)
			return
		}
		if p == nil || options.Previous && (status(p) == nil || status(p).RestartCount == 0) {
			return // nothing was said that anybody remembers
		}
		for line, err := range b.podLog(ctx, p, options) {
			if !yield(line, b.wrap(ctx, err, fmt.Sprintf("reading the log of service %q", service))) {
				return
			}
		}
	}
}

// maxLine bounds what is kept of a line that does not end.
const maxLine = 1 << 20

func (b *Backend) podLog(ctx context.Context, p *core.Pod, options backends.LogOptions) iter.Seq2[backends.LogLine, error] {
	return func(yield func(backends.LogLine, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		o := &core.PodLogOptions{Container: container, Timestamps: true, Follow: options.Follow, Previous: options.Previous}
		if options.Tail > 0 {
			tail := int64(options.Tail)
			o.TailLines = &tail
		}
		if !options.Since.IsZero() {
			o.SinceTime = &meta.Time{Time: options.Since} // whole seconds
		}
		stream, err := b.client.core.Get().Namespace(p.Namespace).Resource("pods").Name(p.Name).SubResource("log").VersionedParams(o, b.client.parameters).Stream(ctx)
		if apierrors.IsBadRequest(err) && options.Previous {
			return // forgotten meanwhile
		}
		if err != nil {
			yield(backends.LogLine{}, err)
			return
		}
		defer stream.Close()
		lines := bufio.NewReaderSize(stream, 64<<10)
		for {
			text, err := line(lines)
			if text != "" {
				at, rest := cutTime(text)
				if !at.Before(options.Since) && !yield(backends.LogLine{Time: at, Text: rest}, nil) {
					return
				}
			}
			if errors.Is(err, io.EOF) {
				err = ctx.Err()
			}
			if err != nil {
				yield(backends.LogLine{}, err)
				return
			}
			if text == "" {
				return
			}
		}
	}
}

// line reads up to a line end, or to maxLine.
func line(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for b.Len() < maxLine {
		piece, err := r.ReadSlice('\n')
		b.Write(piece)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		return strings.TrimSuffix(b.String(), "\n"), err
	}
	return b.String(), nil
}

// cutTime takes the time off a line, and the carriage return of a terminal.
func cutTime(text string) (time.Time, string) {
	stamp, rest, _ := strings.Cut(text, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return time.Time{}, text
	}
	return at, strings.TrimSuffix(rest, "\r")
}
