// Package wire puts values of this project into messages of kurtosis.v1 and takes them out again: what a server
// sends and what its client then has are the same.
package wire

import (
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/kurtosis-go/kurtosis/api/kurtosisv1"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// Paths translates paths of one machine, also within a text, into those of another, or into what stands for them on the
// wire.
type Paths func(path string) string

// Time is absent for the zero time.
func Time(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// GoTime is the reverse of Time.
func GoTime(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

func span(r source.Range) *pb.Range {
	return &pb.Range{StartLine: r.Start.Line, StartColumn: r.Start.Col, EndLine: r.End.Line, EndColumn: r.End.Col}
}

func goSpan(r *pb.Range) source.Range {
	return source.Range{Start: source.Pos{Line: r.GetStartLine(), Col: r.GetStartColumn()}, End: source.Pos{Line: r.GetEndLine(), Col: r.GetEndColumn()}}
}

func position(p plan.Position) *pb.Position {
	return &pb.Position{Module: p.Module, Line: p.Line, Column: p.Col}
}

func goPosition(p *pb.Position) plan.Position {
	return plan.Position{Module: p.GetModule(), Pos: source.Pos{Line: p.GetLine(), Col: p.GetColumn()}}
}

// Diagnostics are findings.
func Diagnostics(list []diag.Diagnostic, paths Paths) []*pb.Diagnostic {
	out := make([]*pb.Diagnostic, len(list))
	for i, d := range list {
		m := &pb.Diagnostic{Code: d.Code, Severity: d.Severity.String(), File: paths(d.File), Range: span(d.Range), Message: paths(d.Message), Hint: paths(d.Hint)}
		for _, r := range d.Related {
			m.Related = append(m.Related, &pb.Related{File: paths(r.File), Range: span(r.Range), Message: r.Message})
		}
		for _, f := range d.Fixes {
			fix := &pb.Fix{Title: f.Title, Safe: f.Safe}
			for _, e := range f.Edits {
				fix.Edits = append(fix.Edits, &pb.Edit{File: paths(e.File), Range: span(e.Range), NewText: e.NewText})
			}
			m.Fixes = append(m.Fixes, fix)
		}
		for _, t := range d.Tags {
			m.Tags = append(m.Tags, uint32(t))
		}
		out[i] = m
	}
	return out
}

// GoDiagnostics is the reverse of Diagnostics. It is nil for none.
func GoDiagnostics(list []*pb.Diagnostic, paths Paths) []diag.Diagnostic {
	var out []diag.Diagnostic
	for _, m := range list {
		d := diag.Diagnostic{Code: m.Code, Severity: severity(m.Severity), File: paths(m.File), Range: goSpan(m.Range), Message: paths(m.Message), Hint: paths(m.Hint)}
		for _, r := range m.Related {
			d.Related = append(d.Related, diag.Related{File: paths(r.File), Range: goSpan(r.Range), Message: r.Message})
		}
		for _, f := range m.Fixes {
			fix := diag.Fix{Title: f.Title, Safe: f.Safe}
			for _, e := range f.Edits {
				fix.Edits = append(fix.Edits, diag.Edit{File: paths(e.File), Range: goSpan(e.Range), NewText: e.NewText})
			}
			d.Fixes = append(d.Fixes, fix)
		}
		for _, t := range m.Tags {
			d.Tags = append(d.Tags, diag.Tag(t))
		}
		out = append(out, d)
	}
	return out
}

// severity takes what it does not know, of a later version, for an error.
func severity(text string) diag.Severity {
	for _, s := range []diag.Severity{diag.Warning, diag.Info, diag.Hint} {
		if s.String() == text {
			return s
		}
	}
	return diag.Error
}

// Problems are what is wrong with a plan.
func Problems(list []plan.Problem, paths Paths) []*pb.Problem {
	out := make([]*pb.Problem, len(list))
	for i, p := range list {
		out[i] = &pb.Problem{Code: p.Code, Message: paths(p.Message), Position: position(p.Position), Hint: paths(p.Hint), Step: p.Step}
	}
	return out
}

// GoProblems is the reverse of Problems. It is nil for none.
func GoProblems(list []*pb.Problem, paths Paths) []plan.Problem {
	var out []plan.Problem
	for _, m := range list {
		out = append(out, plan.Problem{Code: m.Code, Message: paths(m.Message), Position: goPosition(m.Position), Hint: paths(m.Hint), Step: m.Step})
	}
	return out
}

// LastRun is an entry of the history.
func LastRun(r *state.Run) *pb.LastRun {
	if r == nil {
		return nil
	}
	return &pb.LastRun{
		Id: r.ID, Package: r.Package, Args: r.Args, Started: Time(r.Started), Ended: Time(r.Ended), Status: string(r.Status), Current: r.Current,
		Executed: int32(r.Executed), Skipped: int32(r.Skipped), Total: int32(r.Total), Failed: r.Failed, Error: r.Error, Output: r.Output,
	}
}

// GoLastRun is the reverse of LastRun.
func GoLastRun(m *pb.LastRun) *state.Run {
	if m == nil {
		return nil
	}
	return &state.Run{
		ID: m.Id, Package: m.Package, Args: m.Args, Started: GoTime(m.Started), Ended: GoTime(m.Ended), Status: state.RunStatus(m.Status), Current: m.Current,
		Executed: int(m.Executed), Skipped: int(m.Skipped), Total: int(m.Total), Failed: m.Failed, Error: m.Error, Output: m.Output,
	}
}

// Holder is who works in an enclave.
func Holder(h *state.Holder) *pb.Holder {
	if h == nil {
		return nil
	}
	return &pb.Holder{Pid: int32(h.PID), Purpose: h.Purpose, Since: Time(h.Since)}
}

// GoHolder is the reverse of Holder.
func GoHolder(m *pb.Holder) *state.Holder {
	if m == nil {
		return nil
	}
	return &state.Holder{PID: int(m.Pid), Purpose: m.Purpose, Since: GoTime(m.Since)}
}

// Artifact is a files artifact.
func Artifact(a state.Artifact) *pb.Artifact {
	return &pb.Artifact{Uuid: a.UUID, Name: a.Name, Size: a.Size, Files: int64(a.Files), Digest: a.Digest, Updated: Time(a.Updated)}
}

// GoArtifact is the reverse of Artifact.
func GoArtifact(m *pb.Artifact) state.Artifact {
	return state.Artifact{UUID: m.GetUuid(), Name: m.GetName(), Size: m.GetSize(), Files: int(m.GetFiles()), Digest: m.GetDigest(), Updated: GoTime(m.GetUpdated())}
}

// Enclave is an enclave, without its API container.
func Enclave(e backends.Enclave) *pb.Enclave {
	return &pb.Enclave{
		Uuid: e.UUID, Name: e.Name, Status: string(e.Status), Created: Time(e.Created), Production: e.Production, Subnet: e.Subnet, Labels: e.Labels,
	}
}

// Service is a service; config is what it was made from, nil where that is not known, and kept the same with references to
// secrets, nil where it has none.
func Service(s backends.Service, config, kept []byte) *pb.Service {
	m := &pb.Service{
		Uuid: s.UUID, Name: s.Name, State: string(s.State), Reason: s.Reason, ExitCode: int32(s.ExitCode), OutOfMemory: s.OutOfMemory,
		Image: s.Image, ImageId: s.ImageID, Address: s.Address, Hostname: s.Hostname, Labels: s.Labels,
		Started: Time(s.Started), Finished: Time(s.Finished), Config: config, KeptConfig: kept,
	}
	ids := map[string]bool{}
	for id := range s.Ports {
		ids[id] = true
	}
	for id := range s.Published {
		ids[id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		port, internal := s.Ports[id]
		public := s.Published[id]
		if !internal {
			port = public.Port
		}
		p := &pb.ServicePort{
			Id: id, Transport: string(port.Transport), Application: port.Application, PublicAddress: public.Address, PublicPort: uint32(public.Number),
		}
		if internal {
			p.Number = uint32(port.Number)
		}
		m.Ports = append(m.Ports, p)
	}
	return m
}
