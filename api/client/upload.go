package client

import "github.com/kurtosis-go/kurtosis/runtime/event"

// progressStep is how much is sent from one event to the next, at least.
const progressStep = 1 << 20

// progress tells how far an upload is, in at most a hundred events.
type progress struct {
	sink              event.Sink
	sent, told, total int64
}

// add comes before so much is sent, as sending may take its time.
func (p *progress) add(n int) {
	if p.total < progressStep {
		return
	}
	if p.sent == 0 || p.sent-p.told >= max(progressStep, p.total/100) {
		p.tell(min(p.sent, p.total-1)) // the stream is longer than the files in it
	}
	p.sent += int64(n)
}

func (p *progress) tell(current int64) {
	p.told = p.sent
	p.sink.Emit(event.UploadProgress{Current: current, Total: p.total})
}

func (p *progress) end() {
	if p.sent > 0 {
		p.tell(p.total)
	}
}
