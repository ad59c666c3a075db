package workspace

import (
	"container/list"
	"sync"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// Cache keeps parsed modules by path and content. It may be shared by any number of snapshots and goroutines.
type Cache struct {
	limit int

	mu      sync.Mutex
	modules map[key]*list.Element // of *module
	recent  *list.List            // most recently used first
	size    int                   // bytes of text in modules
}

type key struct {
	path string
	hash source.Hash
}

// module is what is derived from the text of a module alone.
type module struct {
	key     key
	size    int
	once    sync.Once
	tree    *parse.Tree
	imports func() []Import // found when first asked for
}

// NewCache returns a cache that forgets the least recently used modules when their texts exceed limit bytes.
// A tree takes about twenty times its text. The module asked for last is always kept.
func NewCache(limit int) *Cache {
	return &Cache{limit: limit, modules: map[key]*list.Element{}, recent: list.New()}
}

func (c *Cache) module(f *source.File) *module {
	m := c.entry(f)
	m.once.Do(func() {
		m.tree = parse.Parse(f)
		m.imports = sync.OnceValue(func() []Import { return importsOf(m.tree) })
	})
	return m
}

func (c *Cache) entry(f *source.File) *module {
	k := key{f.Name(), f.Hash()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.modules[k]; e != nil {
		c.recent.MoveToFront(e)
		return e.Value.(*module)
	}
	m := &module{key: k, size: len(f.Text())}
	c.modules[k] = c.recent.PushFront(m)
	c.size += m.size
	for c.size > c.limit && c.recent.Len() > 1 {
		last := c.recent.Remove(c.recent.Back()).(*module)
		delete(c.modules, last.key)
		c.size -= last.size
	}
	return m
}
