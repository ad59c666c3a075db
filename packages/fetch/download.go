package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// DownloadLimit is the most that one download may be, in bytes.
const DownloadLimit = 2 << 30

// Download writes what an http or https URL answers to w, at most limit bytes (0: DownloadLimit), and says how many
// those were. Only a 2xx answer counts. Its time is up to ctx. What fails before the first byte is tried again.
func (c *Cache) Download(ctx context.Context, address string, limit int64, w io.Writer) (int64, error) {
	if limit <= 0 {
		limit = DownloadLimit
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return 0, &Error{Message: fmt.Sprintf("'%s' isn't an http or https URL", address)}
	}
	if c.options.Offline {
		return 0, &Error{Message: fmt.Sprintf("'%s' would have to be downloaded, and nothing may be fetched now", address), Hint: "run without --offline and --vendor"}
	}
	var n int64
	err = c.attempts(ctx, func() error {
		var err error
		n, err = c.download(ctx, address, limit, w)
		return err
	})
	return n, err
}

func (c *Cache) download(ctx context.Context, address string, limit int64, w io.Writer) (int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, &Error{Message: fmt.Sprintf("'%s' isn't an http or https URL", address), Err: err}
	}
	failed := func(err error, passing bool) error {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		var u *url.Error
		if errors.As(err, &u) { // it repeats the method and the address
			err = u.Err
		}
		return &Error{Message: fmt.Sprintf("can't download '%s': %s", address, err), Err: err, passing: passing}
	}
	response, err := c.options.Client.Do(request)
	if err != nil {
		return 0, failed(err, true)
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return 0, failed(fmt.Errorf("the server answered %s", response.Status), response.StatusCode >= 500)
	}
	tooBig := &Error{Message: fmt.Sprintf("can't download '%s': it is larger than %d MB", address, limit>>20)}
	if response.ContentLength > limit {
		return 0, tooBig
	}
	n, err := io.Copy(w, io.LimitReader(response.Body, limit+1))
	if err != nil {
		return n, failed(err, n == 0)
	}
	if n > limit {
		return n, tooBig
	}
	return n, nil
}
