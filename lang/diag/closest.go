package diag

// Closest gives the name among those that one is most likely a slip of, for "did you mean", and whether there is
// one near enough: at most a third of its letters added, left out, changed or swapped with a neighbour. Case and
// the difference between - and _ count for nothing; among equals the first wins.
func Closest(name string, among []string) (string, bool) {
	best, least := "", len(name)/3+1
	if len(name) < 3 {
		least = 2
	}
	want := folded(name)
	for _, candidate := range among {
		if candidate == name {
			continue
		}
		if d := distance(want, folded(candidate), least); d < least {
			best, least = candidate, d
		}
	}
	return best, best != ""
}

func folded(s string) []byte {
	b := []byte(s)
	for i, c := range b {
		switch {
		case 'A' <= c && c <= 'Z':
			b[i] = c + 'a' - 'A'
		case c == '-':
			b[i] = '_'
		}
	}
	return b
}

// distance is the optimal string alignment distance of a and b, or limit where it is that or more.
func distance(a, b []byte, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
