// Package verdict holds the two log messages by which a box says how the trial
// of an update ended: the box writes them, and the program that sent the update
// looks for them.
package verdict

const (
	// Kept is the message of a new root that stays.
	Kept = "healthy: this root is kept"
	// FellBack is the message of the old root that runs again.
	FellBack = "the other root was tried and was not healthy: this is the old one"
)
