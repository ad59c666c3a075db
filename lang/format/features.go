package format

// features tell what the output may use. Python before 3.5 or 3.6 took no comma behind a starred argument or
// parameter, so black adds one only to files that have one already.
type features struct {
	commaAfterStarArg   bool
	commaAfterStarParam bool
	forceParens         bool // split at invisible parentheses in any case
}

// detectFeatures looks for commas behind starred parameters and arguments.
func detectFeatures(root *node) features {
	var f features
	var walk func(n *node)
	walk = func(n *node) {
		if (n.kind == typedArgsList || n.kind == argList) && n.last.kind == tokComma {
			for c := n.first; c != nil; c = c.next {
				starred := c.kind == tokStar || c.kind == tokDoubleStar
				if c.kind == argument {
					starred = c.first.kind == tokStar || c.first.kind == tokDoubleStar
				}
				if starred {
					f.commaAfterStarArg = true
					f.commaAfterStarParam = f.commaAfterStarParam || n.kind == typedArgsList
				}
			}
		}
		for c := n.first; c != nil; c = c.next {
			walk(c)
		}
	}
	walk(root)
	return f
}
