// Package verdict holds the two log messages with which a box reports how the
// trial of an update ended. The box writes them, and the program that sent the
// update looks for them.
package verdict

const (
	// Kept is the message of a new root that is kept.
	Kept = "healthy: this root is kept"
	// FellBack is the message of the old root that is running again.
	FellBack = "the other root was tried and was not healthy: this is the old one"
)
