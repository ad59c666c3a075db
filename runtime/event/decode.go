package event

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Encode is an event as an object of JSON with its type, the form of JSONLines without the time.
func Encode(e Event) ([]byte, error) {
	body, err := marshal(e)
	if err != nil {
		return nil, err
	}
	head := []byte(`{"type":"` + e.Type() + `"`)
	if bytes.Equal(body, []byte("{}")) {
		return append(head, '}'), nil
	}
	return append(append(head, ','), body[1:]...), nil
}

// Decode is the reverse of Encode, and of a line of JSONLines. A type that is not known, of a later version, is an
// Info that says so; durations have the precision of the encoding, a millisecond.
func Decode(line []byte) (Event, error) {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return nil, fmt.Errorf("an event is no JSON object: %w", err)
	}
	decode, known := decoders[head.Type]
	if !known {
		return Info{Message: fmt.Sprintf("an event of type '%s', which this version does not know", head.Type)}, nil
	}
	e, err := decode(line)
	if err != nil {
		return nil, fmt.Errorf("an event of type '%s': %w", head.Type, err)
	}
	return e, nil
}

func into[E Event](line []byte) (Event, error) {
	var e E
	err := json.Unmarshal(line, &e)
	return e, err
}

var decoders = map[string]func([]byte) (Event, error){
	UploadProgress{}.Type(): into[UploadProgress],
	PhaseStarted{}.Type():   into[PhaseStarted],
	PhaseEnded{}.Type():     into[PhaseEnded],
	Planned{}.Type():        into[Planned],
	ImageProgress{}.Type():  into[ImageProgress],
	ImageReady{}.Type():     into[ImageReady],
	StepStarted{}.Type():    into[StepStarted],
	StepProgress{}.Type():   into[StepProgress],
	StepRetry{}.Type():      into[StepRetry],
	StepFinished{}.Type():   into[StepFinished],
	StepFailed{}.Type():     into[StepFailed],
	StepSkipped{}.Type():    into[StepSkipped],
	ServiceReady{}.Type():   into[ServiceReady],
	ServiceRemoved{}.Type(): into[ServiceRemoved],
	Warning{}.Type():        into[Warning],
	Info{}.Type():           into[Info],
	Result{}.Type():         into[Result],
}
