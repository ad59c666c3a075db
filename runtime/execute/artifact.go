package execute

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"text/template"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// downloadTime and maxUpload bound what upload_files fetches from a URL.
const (
	downloadTime = 5 * time.Minute
	maxUpload    = 2 << 30
)

// keep stores an archive as the files artifact of a name. One that is made again keeps its UUID.
func (r *runner) keep(ctx context.Context, name string, archive io.Reader, policy state.Policy) (state.Artifact, error) {
	content, err := r.Store.Put(ctx, archive, policy)
	if err != nil {
		return state.Artifact{}, err
	}
	uuid := r.Store.Enclave().Artifacts[name].UUID
	if uuid == "" {
		uuid = backends.NewUUID()
	}
	return state.Artifact{Name: name, UUID: uuid, Digest: content.Digest, Size: content.Size, Files: content.Files, Updated: r.Now()}, nil
}

// streamed runs write into the reading end of a pipe. What write returns is what the reader gets.
func streamed(write func(io.Writer) error) io.ReadCloser {
	r, w := io.Pipe()
	go func() { w.CloseWithError(write(w)) }() // ends when the reader does: a closed pipe refuses writes
	return r
}

func uploaded(a state.Artifact) done {
	return done{
		text:      fmt.Sprintf("Files with artifact name '%s' uploaded with artifact UUID '%s'", a.Name, a.UUID),
		artifacts: []state.Artifact{a},
	}
}

func (r *runner) uploadFiles(ctx context.Context, about event.Step, in *plan.UploadFiles) (done, error) {
	if in.Path == "" {
		return r.uploadURL(ctx, about, in)
	}
	archive := streamed(func(w io.Writer) error { return state.Pack(ctx, in.Path, w) })
	defer archive.Close()
	artifact, err := r.keep(ctx, in.Name, archive, state.Strict)
	if err != nil {
		return done{}, fmt.Errorf("uploading %s: %w", in.Src, err)
	}
	return uploaded(artifact), nil
}

// uploadURL fetches an archive, or a single file, over HTTP.
func (r *runner) uploadURL(ctx context.Context, about event.Step, in *plan.UploadFiles) (done, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, downloadTime, fmt.Errorf("it took more than %s", downloadTime))
	defer cancel()
	fail := func(err error) (done, error) {
		if errors.Is(err, context.DeadlineExceeded) {
			err = context.Cause(ctx)
		}
		return done{}, fmt.Errorf("downloading %s: %w", in.Src, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, in.Src, nil)
	if err != nil {
		return fail(err)
	}
	r.Sink.Emit(event.StepProgress{Step: about, Message: "downloading " + in.Src})
	resp, err := r.HTTP.Do(req)
	if err != nil {
		return fail(unwrapURL(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fail(fmt.Errorf("the server answered %s", resp.Status))
	}
	body := bufio.NewReader(&limitedReader{resp.Body, maxUpload})
	archive := io.Reader(body)
	if !looksPacked(body) {
		// Only an archive tells how long its files are: one file has to be read before its header can be written.
		whole, err := io.ReadAll(body)
		if err != nil {
			return fail(err)
		}
		archive = oneFile(fileName(in.Src), whole)
	}
	artifact, err := r.keep(ctx, in.Name, archive, state.Strict)
	if err != nil {
		return fail(err)
	}
	return uploaded(artifact), nil
}

// limitedReader fails after n bytes, where io.LimitReader would pretend that the file ends.
type limitedReader struct {
	r io.Reader
	n int64
}

func (l *limitedReader) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.n -= int64(n); l.n < 0 {
		return 0, fmt.Errorf("it is larger than %d MB", maxUpload>>20)
	}
	return n, err
}

// looksPacked recognises gzip and tar.
func looksPacked(r *bufio.Reader) bool {
	head, _ := r.Peek(262) // shorter is a file too
	return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) || len(head) == 262 && string(head[257:]) == "ustar"
}

func fileName(source string) string {
	if u, err := url.Parse(source); err == nil {
		if base := path.Base(u.Path); base != "." && base != "/" {
			return base
		}
	}
	return "download"
}

func oneFile(name string, content []byte) io.Reader {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	// Writing to memory cannot fail, and the header is one that tar can express.
	_ = w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))})
	_, _ = w.Write(content)
	_ = w.Close()
	return &b
}

func (r *runner) renderTemplates(ctx context.Context, in *plan.RenderTemplates) (done, error) {
	archive := streamed(func(out io.Writer) error {
		w := tar.NewWriter(out)
		for file, t := range in.Config.All() {
			text, err := render(file, t)
			if err != nil {
				return err
			}
			h := &tar.Header{Name: strings.TrimPrefix(path.Clean(file), "/"), Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text))}
			if err := w.WriteHeader(h); err != nil {
				return err
			}
			if _, err := w.Write(text); err != nil {
				return err
			}
		}
		return w.Close()
	})
	defer archive.Close()
	artifact, err := r.keep(ctx, in.Name, archive, state.Strict)
	if err != nil {
		return done{}, err
	}
	return done{
		text:      fmt.Sprintf("Templates artifact name '%s' rendered with artifact UUID '%s'", artifact.Name, artifact.UUID),
		artifacts: []state.Artifact{artifact},
	}, nil
}

func render(file string, t plan.Template) ([]byte, error) {
	parsed, err := template.New(path.Base(file)).Parse(t.Template)
	var b bytes.Buffer
	if err == nil {
		err = parsed.Execute(&b, templateData(t.Data))
	}
	if err != nil {
		return nil, &failure{event.Failure{
			Message: fmt.Sprintf("the template of %q cannot be rendered: %s", file, strings.TrimPrefix(err.Error(), "template: ")),
			Hint:    "templates are Go's text/template; data is reached as {{ .name }}",
		}, err}
	}
	return b.Bytes(), nil
}

func (r *runner) storeServiceFiles(ctx context.Context, in *plan.StoreServiceFiles) (done, error) {
	artifact, err := r.storeFrom(ctx, in.ServiceName, in.Src, in.Name)
	if err != nil {
		return done{}, err
	}
	return uploaded(artifact), nil
}

// storeFrom copies a file, a directory with its name, or with a pattern at the end (/data/*) what it matches in a
// directory, into a files artifact.
func (r *runner) storeFrom(ctx context.Context, service, src, name string) (state.Artifact, error) {
	from, pattern := path.Clean(src), ""
	if base := path.Base(from); strings.ContainsAny(base, "*?[") {
		from, pattern = path.Dir(from), base
	}
	stream, err := r.Backend.CopyFrom(ctx, r.Enclave.UUID, service, from)
	if err != nil {
		return state.Artifact{}, fmt.Errorf("storing %s of service %q: %w", src, service, err)
	}
	defer stream.Close()
	archive := stream
	if pattern != "" {
		archive = streamed(func(w io.Writer) error { return matching(stream, pattern, w) })
		defer archive.Close()
	}
	artifact, err := r.keep(ctx, name, archive, state.FromService)
	if err != nil {
		return state.Artifact{}, fmt.Errorf("storing %s of service %q: %w", src, service, err)
	}
	if pattern != "" && artifact.Files == 0 {
		return state.Artifact{}, fmt.Errorf("storing %s of service %q: no file matches", src, service)
	}
	return artifact, nil
}

// matching copies the members of a directory's archive whose top-level name matches pattern, without the
// directory's own name.
func matching(in io.Reader, pattern string, out io.Writer) error {
	w := tar.NewWriter(out)
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return w.Close()
		} else if err != nil {
			return err
		}
		inner, ok := matchedName(h.Name, pattern)
		if !ok {
			continue
		}
		h.Name = inner
		if h.Typeflag == tar.TypeLink {
			if h.Linkname, ok = matchedName(h.Linkname, pattern); !ok {
				continue
			}
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(w, r); err != nil {
			return err
		}
	}
}

func matchedName(name, pattern string) (string, bool) {
	_, inner, _ := strings.Cut(strings.TrimPrefix(name, "./"), "/")
	top, _, _ := strings.Cut(inner, "/")
	ok, err := path.Match(pattern, top)
	return inner, err == nil && ok && top != ""
}
