package keaconf

import "strconv"

// A node is a value. Its kind is that of its first token.
type node struct {
	kind   tokenKind
	pos    Pos    // where Kea says that it is: a map or list that has a key is where the key is
	str    string // of a string; of an enumeration's word as the table writes it
	num    int64
	flt    float64
	b      bool
	fields []field        // of a map
	places map[string]int // of a large map: where each key is in fields
	items  []*node        // of a list

	scope  string // of a map: its keys in the table; empty if it may hold anything
	parent *node
	key    string // in the parent map
	index  int    // in the parent list
}

type field struct {
	key   string
	pos   Pos
	value *node
}

// path returns where n is in the document.
func (n *node) path() string {
	switch {
	case n == nil || n.parent == nil:
		return ""
	case n.parent.kind == tokOpenList:
		return n.parent.path() + "[" + strconv.Itoa(n.index) + "]"
	}
	return join(n.parent.path(), n.key)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// get returns the value of key, or nil.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	if f := n.find(key); f != nil {
		return f.value
	}
	return nil
}

// find returns the first field with the key, or nil.
func (n *node) find(key string) *field {
	if n.places != nil {
		if i, ok := n.places[key]; ok {
			return &n.fields[i]
		}
		return nil
	}
	for i := range n.fields {
		if n.fields[i].key == key {
			return &n.fields[i]
		}
	}
	return nil
}

// add appends a field. Large maps get an index, lest files with many keys
// take forever.
func (n *node) add(f field) {
	n.fields = append(n.fields, f)
	switch {
	case len(n.fields) == 64:
		n.places = make(map[string]int)
		for i, f := range n.fields {
			if _, ok := n.places[f.key]; !ok {
				n.places[f.key] = i
			}
		}
	case len(n.fields) > 64:
		if _, ok := n.places[f.key]; !ok {
			n.places[f.key] = len(n.fields) - 1
		}
	}
}

// list returns the values in the list that key names.
func (n *node) list(key string) []*node {
	if l := n.get(key); l != nil {
		return l.items
	}
	return nil
}

// hasKey tells whether key stands in m, be its value right or not.
func (n *node) hasKey(key string) bool { return n.find(key) != nil }
