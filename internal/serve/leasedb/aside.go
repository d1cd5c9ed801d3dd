package leasedb

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// badKept is how many unreadable databases are kept.
const badKept = 3

// moveAside renames a database that cannot be read.
func moveAside(path string) (string, error) {
	name, err := nextAside(path)
	if err != nil {
		return "", err
	}
	return name, os.Rename(path, name)
}

// nextAside returns the name for a database that is set aside. It makes room:
// it deletes the oldest of the databases that were set aside before.
func nextAside(path string) (string, error) {
	dir, base := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return "", err
	}
	var numbers []int
	for _, e := range entries {
		if text, ok := strings.CutPrefix(e.Name(), base+".bad-"); ok {
			if n, err := strconv.Atoi(text); err == nil && n > 0 {
				numbers = append(numbers, n)
			}
		}
	}
	slices.Sort(numbers)
	name := func(n int) string { return path + ".bad-" + strconv.Itoa(n) }
	next := 1
	if len(numbers) > 0 {
		next = numbers[len(numbers)-1] + 1
	}
	for _, n := range numbers[:max(0, len(numbers)+1-badKept)] {
		if err := os.Remove(name(n)); err != nil {
			return "", err
		}
	}
	return name(next), nil
}
