package wire

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// Plan is a plan as JSON, with its locators' paths translated. The plan itself stays as it is.
func Plan(p *plan.Plan, paths Paths) ([]byte, error) {
	sent := *p
	sent.Steps = slices.Clone(p.Steps)
	for i, s := range sent.Steps {
		if len(s.Locators) > 0 {
			translated := *s
			translated.Locators = slices.Clone(s.Locators)
			for j := range translated.Locators {
				translated.Locators[j].Path = paths(s.Locators[j].Path)
			}
			sent.Steps[i] = &translated
		}
	}
	text, err := json.Marshal(&sent)
	if err != nil {
		return nil, fmt.Errorf("the plan has no JSON form: %w", err)
	}
	return text, nil
}

// GoPlan reads what Plan wrote. Locators that are not on this machine have no path.
func GoPlan(text []byte, paths Paths) (*plan.Plan, error) {
	p := &plan.Plan{}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("reading the plan that the API container sent: %w", err)
	}
	for _, s := range p.Steps {
		for j := range s.Locators {
			was := s.Locators[j].Path
			if s.Locators[j].Path = paths(was); s.Locators[j].Path == was {
				s.Locators[j].Path = ""
			}
		}
	}
	return p, nil
}
