package plan

// ImagesOf lists the images that an instruction starts containers from, in order.
func ImagesOf(in Instruction) []Image {
	switch in := in.(type) {
	case *AddService:
		return []Image{in.Config.Image}
	case *AddServices:
		var all []Image
		for _, c := range in.Configs.All() {
			all = append(all, c.Image)
		}
		return all
	case *RunSh:
		return []Image{in.Image}
	case *RunPython:
		return []Image{in.Image}
	}
	return nil
}

// ImagesNamedIn is ImagesOf with the image that set_service gives a service.
func ImagesNamedIn(in Instruction) []Image {
	if set, ok := in.(*SetService); ok {
		return []Image{set.Config.Image}
	}
	return ImagesOf(in)
}

// Images lists the images of the plan by their references, each once, in the order of the steps.
func (p *Plan) Images() ([]Image, error) {
	var list []Image
	seen := map[string]bool{}
	for _, s := range p.Steps {
		in, err := s.Instruction()
		if err != nil {
			return nil, err
		}
		for _, image := range ImagesOf(in) {
			if ref := image.Reference(); !seen[ref] {
				seen[ref] = true
				list = append(list, image)
			}
		}
	}
	return list, nil
}
