package format

import "slices"

// hunk says that old lines oldFrom … oldTo became new lines newFrom … newTo; all count from 0, the ends excluded.
type hunk struct{ oldFrom, oldTo, newFrom, newTo int }

func (h hunk) shift(old, laidOut int) hunk {
	return hunk{h.oldFrom + old, h.oldTo + old, h.newFrom + laidOut, h.newTo + laidOut}
}

// diffLines compares two texts line by line. It first pins the lines that both have exactly once, then looks for the
// shortest way between two pins. Where that way is long it gives up and replaces all between them.
func diffLines(before, after [][]byte) []hunk {
	ids := make(map[string]int, len(before))
	number := func(lines [][]byte) []int {
		list := make([]int, len(lines))
		for i, l := range lines {
			id, ok := ids[string(l)]
			if !ok {
				id = len(ids)
				ids[string(l)] = id
			}
			list[i] = id
		}
		return list
	}
	a, b := number(before), number(after)
	d := &lineDiff{a: a, b: b}
	i, j := 0, 0
	for _, pin := range append(pins(a, b, len(ids)), [2]int{len(a), len(b)}) {
		d.between(i, pin[0], j, pin[1])
		i, j = pin[0], pin[1]
	}
	return d.hunks
}

// pins are pairs of places of lines that occur once in a and once in b, as many as possible in rising order.
func pins(a, b []int, ids int) [][2]int {
	const none, many = -1, -2
	at := func(list []int) []int {
		place := make([]int, ids)
		for i := range place {
			place[i] = none
		}
		for i, id := range list {
			if place[id] == none {
				place[id] = i
			} else {
				place[id] = many
			}
		}
		return place
	}
	inA, inB := at(a), at(b)
	var pairs [][2]int
	for i, id := range a {
		if inA[id] >= 0 && inB[id] >= 0 {
			pairs = append(pairs, [2]int{i, inB[id]})
		}
	}
	// The longest rising sequence of second places: ends[n] is the pair with the least one that ends n+1 of them.
	var ends []int
	before := make([]int, len(pairs))
	for i, p := range pairs {
		n, _ := slices.BinarySearchFunc(ends, p[1], func(e, place int) int { return pairs[e][1] - place })
		before[i] = -1
		if n > 0 {
			before[i] = ends[n-1]
		}
		if n == len(ends) {
			ends = append(ends, i)
		} else {
			ends[n] = i
		}
	}
	var chosen [][2]int
	if len(ends) > 0 {
		for i := ends[len(ends)-1]; i >= 0; i = before[i] {
			chosen = append(chosen, pairs[i])
		}
	}
	slices.Reverse(chosen)
	return chosen
}

type lineDiff struct {
	a, b  []int
	hunks []hunk
}

func (d *lineDiff) change(h hunk) {
	if n := len(d.hunks); n > 0 && d.hunks[n-1].oldTo == h.oldFrom && d.hunks[n-1].newTo == h.newFrom {
		d.hunks[n-1].oldTo, d.hunks[n-1].newTo = h.oldTo, h.newTo
		return
	}
	d.hunks = append(d.hunks, h)
}

// maxWay bounds the edits between two pins, and with their square the memory for finding them.
const maxWay = 400

// between compares a[i:iEnd] with b[j:jEnd].
func (d *lineDiff) between(i, iEnd, j, jEnd int) {
	for i < iEnd && j < jEnd && d.a[i] == d.b[j] {
		i++
		j++
	}
	for i < iEnd && j < jEnd && d.a[iEnd-1] == d.b[jEnd-1] {
		iEnd--
		jEnd--
	}
	if i == iEnd && j == jEnd {
		return
	}
	if i == iEnd || j == jEnd {
		d.change(hunk{i, iEnd, j, jEnd})
		return
	}
	a, b := d.a[i:iEnd], d.b[j:jEnd]
	// Myers' greedy search: far[k] is how far into a one gets on diagonal k with the edits so far.
	limit := min(len(a)+len(b), maxWay)
	far := make([]int, 2*limit+2)
	var history [][]int
	for edits := 0; edits <= limit; edits++ {
		history = append(history, slices.Clone(far[limit-edits:limit+edits+2]))
		for k := -edits; k <= edits; k += 2 {
			x := 0
			if k == -edits || k != edits && far[limit+k-1] < far[limit+k+1] {
				x = far[limit+k+1]
			} else {
				x = far[limit+k-1] + 1
			}
			y := x - k
			for x < len(a) && y < len(b) && a[x] == b[y] {
				x++
				y++
			}
			far[limit+k] = x
			if x >= len(a) && y >= len(b) {
				d.trace(history, i, j, len(a), len(b))
				return
			}
		}
	}
	d.change(hunk{i, iEnd, j, jEnd})
}

// trace walks back from the end of a search and notes its edits in order.
func (d *lineDiff) trace(history [][]int, i, j, x, y int) {
	var found []hunk
	for edits := len(history) - 1; edits > 0; edits-- {
		far := func(k int) int { return history[edits][k+edits] }
		k := x - y
		var fromX int
		if k == -edits || k != edits && far(k-1) < far(k+1) {
			fromX = far(k + 1)
			fromY := fromX - (k + 1)
			found = append(found, hunk{i + fromX, i + fromX, j + fromY, j + fromY + 1})
			x, y = fromX, fromY
		} else {
			fromX = far(k - 1)
			fromY := fromX - (k - 1)
			found = append(found, hunk{i + fromX, i + fromX + 1, j + fromY, j + fromY})
			x, y = fromX, fromY
		}
	}
	for n := len(found) - 1; n >= 0; n-- {
		d.change(found[n])
	}
}
