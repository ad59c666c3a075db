package event

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func at() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC) }

func TestJSONLines(t *testing.T) {
	step := Step{ID: "3", Index: 3, Total: 9, Instruction: "wait", Description: "Waiting", Position: Position{"main.star", 4, 5}}
	const stepJSON = `"step":{"id":"3","index":3,"total":9,"instruction":"wait","description":"Waiting","position":{"file":"main.star","line":4,"column":5}}`
	tests := []struct {
		event Event
		want  string
	}{
		{UploadProgress{Current: 5, Total: 10}, `"current_bytes":5,"total_bytes":10`},
		{PhaseStarted{Phase: Images, Total: 2}, `"phase":"images","total":2`},
		{PhaseEnded{Phase: Images, Duration: Seconds(1250 * time.Millisecond)}, `"phase":"images","seconds":1.25`},
		{Planned{Enclave: "e", Steps: []StepCause{{Step: Step{ID: "1", Index: 1, Total: 1, Instruction: "print"}, Skip: true, Cause: "unchanged"}}},
			`"enclave":"e","steps":[{"id":"1","index":1,"total":1,"instruction":"print","description":"","position":{"line":0,"column":0},"skip":true,"cause":"unchanged"}]`},
		{ImageProgress{Image: "a:1", Status: "pulling", Current: 5, Total: 10}, `"image":"a:1","status":"pulling","current_bytes":5,"total_bytes":10`},
		{ImageReady{Image: "a:1", Source: ImageCached}, `"image":"a:1","source":"cached","seconds":0`},
		{StepStarted{Step: step, Cause: "new"}, stepJSON + `,"cause":"new"`},
		{StepProgress{Step: step, Message: "<m>"}, stepJSON + `,"message":"<m>"`},
		{StepRetry{Step: step, Attempt: 2, Timeout: Seconds(time.Minute), Reason: "r"}, stepJSON + `,"attempt":2,"elapsed_seconds":0,"timeout_seconds":60,"reason":"r"`},
		{StepFinished{Step: step, Result: "ok"}, stepJSON + `,"result":"ok","seconds":0`},
		{StepFailed{Step: step, Failure: Failure{Message: "m", Log: []string{"l"}}}, stepJSON + `,"failure":{"message":"m","log":["l"]},"seconds":0`},
		{StepSkipped{Step: step, Cause: "unchanged", Result: "ok"}, stepJSON + `,"cause":"unchanged","result":"ok"`},
		{ServiceReady{Service: "s", UUID: "u", Address: "10.0.0.2", Ports: []Port{{ID: "http", Number: 80, Transport: "TCP"}}},
			`"service":"s","uuid":"u","address":"10.0.0.2","ports":[{"id":"http","number":80,"transport":"TCP"}],"seconds":0`},
		{ServiceRemoved{Service: "s", Cause: "c"}, `"service":"s","cause":"c"`},
		{Warning{Message: "m"}, `"message":"m"`},
		{Info{Message: "m"}, `"message":"m"`},
		{Result{Status: Succeeded, Executed: 2, Output: "{\n  \"a\": 1\n}"}, `"status":"succeeded","executed":2,"skipped":0,"seconds":0,"output":{"a":1}`},
		{Result{Status: Failed, Output: "struct(a = 1)"}, `"status":"failed","executed":0,"skipped":0,"seconds":0,"output":"struct(a = 1)","output_is_text":true`},
	}
	for _, test := range tests {
		var out strings.Builder
		sink := NewJSONLines(&out, at)
		sink.Emit(test.event)
		require.NoError(t, sink.Err())
		require.Equal(t, `{"type":"`+test.event.Type()+`","time":"2026-01-02T03:04:05.678Z",`+test.want+"}\n", out.String())
	}
}

type failing struct{ writes int }

func (f *failing) Write([]byte) (int, error) { f.writes++; return 0, errors.New("broken pipe") }

func TestJSONLinesStopAfterAFailedWrite(t *testing.T) {
	w := &failing{}
	sink := NewJSONLines(w, at)
	sink.Emit(Info{Message: "a"})
	sink.Emit(Info{Message: "b"})
	require.EqualError(t, sink.Err(), "broken pipe")
	require.Equal(t, 1, w.writes)
}

func TestSecondsRoundTrip(t *testing.T) {
	var s Seconds
	require.NoError(t, s.UnmarshalJSON([]byte("1.25")))
	require.Equal(t, Seconds(1250*time.Millisecond), s)
	require.Error(t, s.UnmarshalJSON([]byte(`"x"`)))
}
