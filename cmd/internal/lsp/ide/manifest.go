package ide

import (
	"context"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

func (v *View) manifestHover(ctx context.Context, path string, at source.Pos) (*Hover, error) {
	return nil, nil
}
func (v *View) manifestCompletion(ctx context.Context, path string, at source.Pos) (*Completion, error) {
	return nil, nil
}
func (v *View) argumentsCompletion(ctx context.Context, path string, at source.Pos) (*Completion, error) {
	return nil, nil
}
