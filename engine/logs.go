package engine

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kurtosis-go/kurtosis/api/engineapi"
	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime"
)

// defaultLines is how many of the last lines are given to who says nothing about it.
const defaultLines = 200

// GetServiceLogs streams the lines of services, those that are gone included. Filters come first: the last lines
// are the last that match. Who follows gets lines until the services end.
func (s *Server) GetServiceLogs(ctx context.Context, req *connect.Request[engineapi.GetServiceLogsArgs], stream *connect.ServerStream[engineapi.GetServiceLogsResponse]) error {
	m := req.Msg
	matches, err := filter(m.ConjunctiveFilters)
	if err != nil {
		return err
	}
	q := logQuery{
		enclave: m.EnclaveIdentifier, services: slices.Sorted(maps.Keys(m.ServiceUuidSet)), matches: matches, tail: int(m.GetNumLogLines()), follow: m.GetFollowLogs(),
	}
	if q.tail == 0 {
		q.tail = defaultLines
	}
	if m.GetReturnAllLogs() {
		q.tail = 0
	}
	readers, missing, err := s.readers(ctx, q)
	if err != nil {
		return rpc.Error(err)
	}
	if len(missing) > 0 {
		unknown := map[string]bool{}
		for _, identifier := range missing {
			unknown[identifier] = true
		}
		if err := stream.Send(&engineapi.GetServiceLogsResponse{NotFoundServiceUuidSet: unknown}); err != nil {
			return err
		}
	}
	return together(ctx, readers, func(r reader, l backends.LogLine) error { return stream.Send(logLine(r.asked, l)) })
}

// logQuery asks for logs.
type logQuery struct {
	enclave  string
	services []string // none is all that there are now
	matches  func(string) bool
	tail     int // 0 is all
	follow   bool
}

// readers finds the services that are asked for, in their order, and those that there never were.
func (s *Server) readers(ctx context.Context, q logQuery) (list []reader, missing []string, err error) {
	enclave, exists, err := s.past(ctx, q.enclave)
	if err != nil {
		return nil, nil, err
	}
	var services []backends.Service
	if exists {
		if services, err = s.Backend.ListServices(ctx, enclave); err != nil {
			return nil, nil, err
		}
	}
	if len(q.services) == 0 {
		for _, service := range services {
			q.services = append(q.services, service.UUID)
		}
	}
	for _, identifier := range q.services {
		r := reader{server: s, asked: identifier, enclave: enclave, matches: q.matches, tail: q.tail, follow: q.follow}
		if service, ok := runtime.FindService(services, identifier); ok {
			r.name, r.service = service.Name, service.UUID
		} else if gone, ok := s.logs.lookup(enclave, identifier); ok {
			r.service = gone.UUID
		} else {
			missing = append(missing, identifier)
			continue
		}
		list = append(list, r)
	}
	return list, missing, nil
}

// together reads logs side by side and sends their lines as they come.
func together(ctx context.Context, list []reader, send func(reader, backends.LogLine) error) error {
	type read struct {
		from reader
		line backends.LogLine
	}
	ctx, stop := context.WithCancel(ctx)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer stop()
	out, failed := make(chan read), make(chan error, len(list))
	for _, r := range list {
		readers.Go(func() {
			if err := r.read(ctx, func(line backends.LogLine) bool {
				select {
				case out <- read{r, line}:
					return true
				case <-ctx.Done():
					return false
				}
			}); err != nil {
				failed <- err
			}
		})
	}
	ended := make(chan struct{})
	go func() { readers.Wait(); close(ended) }()
	for {
		select {
		case l := <-out:
			if err := send(l.from, l.line); err != nil {
				return err
			}
		case err := <-failed:
			return rpc.Error(err)
		case <-ctx.Done():
			return rpc.Error(ctx.Err())
		case <-ended:
			select {
			case err := <-failed:
				return rpc.Error(err)
			default:
				return nil
			}
		}
	}
}

func logLine(service string, l backends.LogLine) *engineapi.GetServiceLogsResponse {
	return &engineapi.GetServiceLogsResponse{ServiceLogsByServiceUuid: map[string]*engineapi.LogLine{
		service: {Line: []string{strings.ToValidUTF8(l.Text, "\uFFFD")}, Timestamp: timestamppb.New(l.Time)},
	}}
}

// past finds an enclave that is or was there.
func (s *Server) past(ctx context.Context, identifier string) (uuid string, exists bool, err error) {
	m, err := s.find(ctx, identifier)
	if err == nil {
		return m.UUID, true, nil
	}
	if backends.KindOf(err) != backends.NotFound {
		return "", false, err
	}
	all := s.history.all()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Name == identifier || len(identifier) >= backends.ShortUUIDLength && strings.HasPrefix(all[i].UUID, identifier) {
			return all[i].UUID, false, nil
		}
	}
	return "", false, backends.Errorf(backends.NotFound, "%w", noEnclave(identifier))
}

// reader reads one service's log: what was kept, and what the container engine has beyond that.
type reader struct {
	server  *Server
	asked   string // how it was named
	enclave string
	service string // UUID
	name    string // "" of one that is gone
	matches func(string) bool
	tail    int // 0 is all
	follow  bool
}

func (r reader) read(ctx context.Context, yield func(backends.LogLine) bool) error {
	seen := &position{}
	last := &ring{size: r.tail, yield: yield}
	for rec, err := range kept(r.server.logs.path(r.enclave, r.service)) {
		if err != nil {
			return err
		}
		seen.add(rec.Time)
		if !last.add(backends.LogLine(rec), r.matches) || ctx.Err() != nil {
			return nil
		}
	}
	if r.name == "" {
		last.flush()
		return nil
	}
	more, err := r.engine(ctx, seen, false, func(l backends.LogLine) bool { return last.add(l, r.matches) })
	if err != nil || !more || !last.flush() || !r.follow {
		return err
	}
	_, err = r.engine(ctx, seen, true, func(l backends.LogLine) bool { return !r.matches(l.Text) || yield(l) })
	return err
}

// engine reads what the container engine has after a position.
func (r reader) engine(ctx context.Context, seen *position, follow bool, yield func(backends.LogLine) bool) (more bool, err error) {
	skip := seen.skipper()
	for line, err := range r.server.Backend.Logs(ctx, r.enclave, r.name, backends.LogOptions{Follow: follow, Since: seen.last}) {
		switch {
		case ctx.Err() != nil:
			return false, nil
		case backends.KindOf(err) == backends.NotFound:
			return true, nil // removed just now
		case err != nil:
			return false, err
		case skip(line.Time):
			continue
		}
		seen.add(line.Time)
		if !yield(line) {
			return false, nil
		}
	}
	return true, nil
}

// ring holds back all but the last lines; with size 0 it holds nothing back.
type ring struct {
	size  int
	lines []backends.LogLine
	next  int
	yield func(backends.LogLine) bool
}

func (r *ring) add(l backends.LogLine, matches func(string) bool) bool {
	switch {
	case !matches(l.Text):
		return true
	case r.size == 0:
		return r.yield(l)
	case len(r.lines) < r.size:
		r.lines = append(r.lines, l)
	default:
		r.lines[r.next] = l
		r.next = (r.next + 1) % r.size
	}
	return true
}

func (r *ring) flush() bool {
	for i := range r.lines {
		if !r.yield(r.lines[(r.next+i)%len(r.lines)]) {
			return false
		}
	}
	return true
}

// filter makes a predicate that is true where all filters are.
func filter(filters []*engineapi.LogLineFilter) (func(string) bool, error) {
	var tests []func(string) bool
	for _, f := range filters {
		pattern := f.TextPattern
		contains := func(text string) bool { return strings.Contains(text, pattern) }
		switch f.Operator {
		case engineapi.LogLineOperator_LogLineOperator_DOES_CONTAIN_MATCH_REGEX, engineapi.LogLineOperator_LogLineOperator_DOES_NOT_CONTAIN_MATCH_REGEX:
			compiled, err := regexp.Compile(pattern)
			if err != nil {
				return nil, rpc.Error(backends.Errorf(backends.Invalid, "the log filter %q is no regular expression: %w", pattern, err))
			}
			contains = compiled.MatchString
		}
		switch f.Operator {
		case engineapi.LogLineOperator_LogLineOperator_DOES_NOT_CONTAIN_TEXT, engineapi.LogLineOperator_LogLineOperator_DOES_NOT_CONTAIN_MATCH_REGEX:
			positive := contains
			contains = func(text string) bool { return !positive(text) }
		}
		tests = append(tests, contains)
	}
	return func(text string) bool {
		for _, test := range tests {
			if !test(text) {
				return false
			}
		}
		return true
	}, nil
}
