// Package archive rewrites tar streams on their way into and out of services.
package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// Rebase copies the members of a tar stream, plain or gzip, under other names, owned by root. Names cannot climb out: they
// are cleaned first. The top directory itself is left out, and no directory above the members is written, so that a
// symbolic link on the way (/var/run) stays one.
func Rebase(w *tar.Writer, from io.Reader, rename func(string) string) error {
	return Walk(from, func(h *tar.Header, content io.Reader) error {
		name := path.Clean("/" + h.Name)[1:]
		if name == "" {
			return nil
		}
		h.Name = strings.TrimPrefix(rename(name), "/")
		if h.Typeflag == tar.TypeLink {
			h.Linkname = strings.TrimPrefix(rename(path.Clean("/" + h.Linkname)[1:]), "/")
		}
		if h.Typeflag == tar.TypeDir {
			h.Name += "/"
		}
		h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "", ""
		h.Format = tar.FormatUnknown // long names need another one than short ones
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		_, err := io.Copy(w, content)
		return err
	})
}

// Walk calls member for each of a tar stream, plain or gzip, until an error of its.
func Walk(from io.Reader, member func(h *tar.Header, content io.Reader) error) error {
	plain, err := Decompress(from)
	if err != nil {
		return err
	}
	for r := tar.NewReader(plain); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("reading the archive: %w", err)
		}
		if err := member(h, r); err != nil {
			return err
		}
	}
}

// Decompress recognises gzip by its first bytes.
func Decompress(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	head, err := buffered.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	if !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return buffered, nil
	}
	z, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	return z, nil
}
