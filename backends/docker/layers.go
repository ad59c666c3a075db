package docker

import (
	"sync"

	"github.com/kurtosis-go/kurtosis/backends"
)

// transfers knows which pull reports the bytes of a layer: the engine downloads a layer once for all the pulls that wait
// for it, and tells each of them about all of it. The zero value is ready.
type transfers struct {
	mu sync.Mutex
	by map[string]*layers // by the layer's id
}

// claim says whether a pull is the one that reports a layer.
func (t *transfers) claim(id string, l *layers) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by == nil {
		t.by = map[string]*layers{}
	}
	owner, taken := t.by[id]
	if !taken {
		t.by[id], owner = l, l
	}
	return owner == l
}

// watch begins with the progress of one pull, until end.
func (t *transfers) watch(ref string, progress func(backends.PullProgress)) *layers {
	return &layers{ref: ref, progress: progress, transfers: t, byID: map[string]*layer{}}
}

// layers sums up the progress of an image's layers.
type layers struct {
	ref       string
	progress  func(backends.PullProgress)
	transfers *transfers
	byID      map[string]*layer
}

type layer struct {
	current, total int64
	done           bool
}

// end leaves what is still on its way to other pulls.
func (s *layers) end() {
	s.transfers.mu.Lock()
	defer s.transfers.mu.Unlock()
	for id := range s.byID {
		if s.transfers.by[id] == s {
			delete(s.transfers.by, id)
		}
	}
}

func (s *layers) message(m message) {
	if s.progress == nil {
		return
	}
	switch m.Status {
	case "Pulling fs layer", "Waiting", "Downloading", "Verifying Checksum", "Download complete", "Extracting", "Pull complete", "Already exists":
		l := s.byID[m.ID]
		if l == nil {
			l = &layer{}
			s.byID[m.ID] = l
		}
		if m.Status == "Downloading" && m.Progress != nil && s.transfers.claim(m.ID, s) {
			l.current, l.total = m.Progress.Current, max(m.Progress.Total, m.Progress.Current)
		}
		if m.Status == "Download complete" || m.Status == "Pull complete" {
			l.current = l.total
		}
		l.done = l.done || m.Status == "Pull complete" || m.Status == "Already exists"
	}
	p := backends.PullProgress{Ref: s.ref, Status: m.Status, Layers: len(s.byID)}
	for _, l := range s.byID {
		p.Current += l.current
		p.Total += l.total
		if l.done {
			p.Present++
		}
	}
	s.progress(p)
}
