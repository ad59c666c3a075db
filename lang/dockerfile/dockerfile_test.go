package dockerfile_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/lang/dockerfile"
)

const multi = `# syntax=docker/dockerfile:1.7
ARG GO=1.26
ARG BASE=golang:${GO}
FROM ${BASE} AS Build
ARG FLAGS="-s -w" TAGS
WORKDIR /src
RUN go build \
    -o /app .
RUN ["strip", "/app"]
FROM alpine:3.20 as test
COPY --from=build /app /app
RUN --mount=type=bind,from=tools/lint:2,target=/lint /lint/run
FROM scratch
COPY --from=0 /app /app
COPY --from=busybox:1.36 /bin/busybox /busybox
RUN echo twice
RUN echo twice
`

func TestParse(t *testing.T) {
	f, err := dockerfile.Parse([]byte(multi))
	require.NoError(t, err)
	require.Equal(t, "docker/dockerfile:1.7", f.Syntax)
	require.Equal(t, 1, f.SyntaxLine)
	require.Equal(t, []string{"build", "test"}, f.StageNames())
	require.Equal(t, []string{"GO", "BASE", "FLAGS", "TAGS"}, f.ArgNames())
	for name, want := range map[string]bool{"build": true, "BUILD": true, "2": true, "3": false, "other": false, "": false} {
		_, ok := f.Stage(name)
		require.Equal(t, want, ok, "stage %q", name)
	}
	for name, want := range map[string]bool{"TAGS": true, "tags": false, "http_proxy": true, "HTTPS_PROXY": true, "TARGETARCH": true, "targetarch": false, "BUILDKIT_INLINE_CACHE": true, "X": false} {
		require.Equal(t, want, f.Declares(name), name)
	}
}

func TestImages(t *testing.T) {
	f, err := dockerfile.Parse([]byte(multi))
	require.NoError(t, err)
	for _, test := range []struct {
		target string
		args   map[string]string
		want   []string
	}{
		{"build", nil, []string{"golang:1.26"}},
		{"build", map[string]string{"GO": "1.25"}, []string{"golang:1.25"}},
		{"0", map[string]string{"BASE": "mine"}, []string{"mine"}},
		{"test", nil, []string{"alpine:3.20", "golang:1.26", "tools/lint:2"}},
		{"", nil, []string{"busybox:1.36", "golang:1.26"}},
		{"missing", nil, nil},
	} {
		require.Equal(t, test.want, f.Images(test.target, test.args), "%q %v", test.target, test.args)
	}
}

func TestLine(t *testing.T) {
	f, err := dockerfile.Parse([]byte(multi))
	require.NoError(t, err)
	for step, want := range map[string]int{
		"RUN go build     -o /app .":             7, // the classic builder's
		"[build 3/4] RUN go build     -o /app .": 7, // BuildKit's
		`[build 4/4] RUN ["strip", "/app"]`:      9,
		"[build 4/4] RUN [strip, /app]":          9,
		"[stage-2 1/4] COPY --from=0 /app /app":  14,
		"[internal] load build definition":       0,
		"RUN echo twice":                         0, // either
		"RUN something else":                     0,
		"[auth] library/golang:pull token":       0,
		"FROM scratch":                           13,
	} {
		require.Equal(t, want, f.Line(step), step)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                        "file with no instructions",
		"# nothing\n":             "file with no instructions",
		"ARG A=1\n":               "it has no FROM",
		"FROM a\nCOPY <<EOF /x\n": "unterminated heredoc",
	} {
		_, err := dockerfile.Parse([]byte(text))
		require.EqualError(t, err, want, "%q", text)
	}
}
