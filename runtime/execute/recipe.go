package execute

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// requestTime bounds one HTTP request of a recipe: a server that accepts and never answers.
const requestTime = 2 * time.Minute

// maxBody bounds what is read of an answer.
const maxBody = 64 << 20

// answer is what a recipe gave: values by field (code, output or body, extract.<name>), and a text for a reader.
type answer struct {
	values map[string]plan.Value
	text   string
	code   int64
	body   string
}

func (r *runner) recipe(ctx context.Context, service string, recipe plan.Recipe) (answer, error) {
	var (
		a   answer
		err error
	)
	if recipe.Exec != nil {
		if a, err = r.runCommand(ctx, service, recipe.Exec.Command); err == nil {
			err = extract(ctx, recipe.Exec.Extract, a.body, "command's output", a.values)
		} else if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = &unansweredError{fmt.Sprintf("the command %q did not end", recipe.Exec.Command), "", err}
		}
		a.text = execText(a)
		return a, err
	}
	if a, err = r.sendRequest(ctx, service, recipe.HTTP); err == nil {
		err = extractBody(ctx, recipe.HTTP.Extract, &a)
	}
	return a, err
}

// output collects what a command writes to both of its streams, in the order in which it arrives.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func (r *runner) runCommand(ctx context.Context, service string, command []string) (answer, error) {
	var out output
	code, err := r.Backend.Exec(ctx, r.Enclave.UUID, service, backends.Exec{Command: command, Stdout: &out, Stderr: &out})
	if err != nil {
		return answer{body: out.String()}, err
	}
	text := out.String()
	return answer{
		values: map[string]plan.Value{"code": plan.NewInt(int64(code)), "output": plan.String(text)},
		code:   int64(code), body: text,
	}, nil
}

func execText(a answer) string {
	if a.body == "" {
		return fmt.Sprintf("Command returned with exit code '%d' with no output", a.code)
	}
	return fmt.Sprintf("Command returned with exit code '%d' and the following output:\n--------------------\n%s\n--------------------",
		a.code, strings.TrimSuffix(a.body, "\n"))
}

func (r *runner) exec(ctx context.Context, in *plan.Exec) (done, error) {
	a, err := r.runCommand(ctx, in.ServiceName, in.Recipe.Command)
	if backends.KindOf(err) == backends.Exited {
		return done{}, r.ended(ctx, in.ServiceName, "a command was to run in it", 0, 1, err)
	} else if err != nil {
		return done{}, err
	}
	if !in.SkipCodeCheck && !slices.Contains(in.AcceptableCodes, a.code) {
		return done{}, r.unacceptable(ctx, in.ServiceName, in.Recipe.Command, a, in.AcceptableCodes)
	}
	if err := extract(ctx, in.Recipe.Extract, a.body, "command's output", a.values); err != nil {
		return done{}, err
	}
	return done{text: execText(a), values: a.values}, nil
}

// unacceptable says that a command ended with a code that the step does not accept.
func (r *runner) unacceptable(ctx context.Context, service string, command []string, a answer, codes []int64) error {
	message := fmt.Sprintf("the command ended with exit code %d, which is not one of the acceptable codes %s", a.code, codeList(codes))
	if a.body != "" {
		message += ", with output:\n" + indent(a.body)
	}
	f := event.Failure{
		Message: message, Hint: "acceptable_codes=[…] accepts others, skip_code_check=True any",
		Tried: fmt.Sprintf("running %q in service %s", command, service), Attempts: 1,
	}
	if a.code == 127 {
		f.Hint = "the image has no such command"
	}
	return r.withLog(ctx, f, service, nil)
}

func codeList(codes []int64) string {
	texts := make([]string, len(codes))
	for i, c := range codes {
		texts[i] = strconv.FormatInt(c, 10)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func (r *runner) request(ctx context.Context, in *plan.Request) (done, error) {
	a, err := r.sendRequest(ctx, in.ServiceName, &in.Recipe)
	if backends.KindOf(err) == backends.Exited {
		return done{}, r.ended(ctx, in.ServiceName, "a request was sent to it", 0, 1, err)
	} else if err != nil {
		return done{}, r.withLog(ctx, event.Failure{Message: err.Error(), Hint: hintOf(err), Attempts: 1}, in.ServiceName, err)
	}
	if !in.SkipCodeCheck && !slices.Contains(in.AcceptableCodes, a.code) {
		message := fmt.Sprintf("%s %s answered with status code %d, which is not one of the acceptable codes %s",
			in.Recipe.Method, in.Recipe.Endpoint, a.code, codeList(in.AcceptableCodes))
		if a.body != "" {
			message += ", with body:\n" + indent(a.body)
		}
		return done{}, r.withLog(ctx, event.Failure{
			Message: message, Hint: "acceptable_codes=[…] accepts others, skip_code_check=True any", Attempts: 1,
		}, in.ServiceName, nil)
	}
	if err := extractBody(ctx, in.Recipe.Extract, &a); err != nil {
		return done{}, err
	}
	return done{text: a.text, values: a.values}, nil
}

// sendRequest makes one HTTP request over the enclave's network.
func (r *runner) sendRequest(ctx context.Context, service string, recipe *plan.HTTPRecipe) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	r.mu.Lock()
	s, known := r.services[service]
	r.mu.Unlock()
	at, ok := s.Ports[recipe.PortID]
	if !known || !ok {
		var err error
		if s, err = r.inspect(ctx, service); err != nil {
			return answer{}, err
		}
		if at, ok = s.Ports[recipe.PortID]; !ok {
			return answer{}, fmt.Errorf("service %q has no port %q, only %s", service, recipe.PortID, quotedList(sortedKeys(s.Ports)))
		}
	}
	scheme := "http"
	if at.Application == "https" {
		scheme = "https"
	}
	url := fmt.Sprintf("%s://%s:%d%s", scheme, service, at.Number, recipe.Endpoint)
	var body io.Reader
	if recipe.Method == http.MethodPost {
		body = strings.NewReader(recipe.Body)
	}
	req, err := http.NewRequestWithContext(ctx, recipe.Method, url, body)
	if err != nil {
		return answer{}, fmt.Errorf("the request to %q cannot be made: %w", url, err)
	}
	if recipe.Method == http.MethodPost {
		req.Header.Set("Content-Type", recipe.ContentType)
	}
	for name, value := range recipe.Headers.All() {
		if strings.EqualFold(name, "Host") {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	client := r.client()
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		var engine *backends.Error
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return answer{}, fmt.Errorf("%s %s: %w", recipe.Method, url, &unansweredError{fmt.Sprintf("service %q did not answer", service), silent, err})
		} else if errors.As(err, &engine) {
			return answer{}, fmt.Errorf("%s %s: %w", recipe.Method, url, engine)
		}
		return answer{}, fmt.Errorf("%s %s: %w", recipe.Method, url, unwrapURL(err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err == nil && len(text) > maxBody {
		err = fmt.Errorf("the answer has more than %d MB", maxBody>>20)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = &unansweredError{"the answer did not come to its end", "", err}
	}
	if err != nil {
		return answer{}, fmt.Errorf("%s %s: %w", recipe.Method, url, err)
	}
	a := answer{
		values: map[string]plan.Value{"code": plan.NewInt(int64(resp.StatusCode)), "body": plan.String(text)},
		code:   int64(resp.StatusCode), body: string(text),
	}
	a.text = fmt.Sprintf("Request had response code '%d' and body %q", a.code, a.body)
	return a, nil
}

// unansweredError says what did not happen before the time was over.
type unansweredError struct {
	message string
	hint    string // "" where more time is all that can help
	err     error
}

func (e *unansweredError) Error() string { return e.message }

func (e *unansweredError) Unwrap() error { return e.err }

// Hint says what may be behind it, or is "".
func (e *unansweredError) Hint() string { return e.hint }

const (
	// cutOff explains packets that nobody answers: a service that is there and does not listen refuses at once.
	cutOff = "the service runs, but its packets are lost: something keeps it from the enclave's network"
	// silent is what is behind a request without an answer.
	silent = "it is too busy, or cut off from the enclave's network"
)

// client reaches services by name, through the backend.
func (r *runner) client() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			host, text, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			number, err := strconv.ParseUint(text, 10, 16)
			if err != nil {
				return nil, err
			}
			r.mu.Lock()
			name := host
			for _, s := range r.services {
				if s.Address == host || s.Hostname == host {
					name = s.Name
				}
			}
			r.mu.Unlock()
			return r.Backend.Dial(ctx, r.Enclave.UUID, name, backends.Port{Number: uint16(number), Transport: backends.TCP})
		},
		// A service's certificate is one that its own package made up.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
	}}
}

// unwrapURL drops what net/http repeats: method and URL are in our own words already.
func unwrapURL(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// extractBody gives jq the body as JSON.
func extractBody(ctx context.Context, expressions plan.Map[string], a *answer) error {
	if len(expressions) == 0 {
		return nil
	}
	input, err := decodeJSON(a.body)
	if err != nil {
		return fmt.Errorf("the response body is not JSON, so that extract has nothing to work on: %w", err)
	}
	if err := extract(ctx, expressions, input, "response body", a.values); err != nil {
		return err
	}
	a.text += ", with extracted fields:"
	for name := range expressions.All() {
		a.text += fmt.Sprintf("\n'extract.%s': %s", name, a.values["extract."+name])
	}
	return nil
}

func quotedList(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = strconv.Quote(n)
	}
	return strings.Join(quoted, ", ")
}
