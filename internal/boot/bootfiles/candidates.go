package bootfiles

// Candidates returns the names under which to look for a file that a machine
// requests after its firmware has started a program of an entry: first below the
// program's folder, and then as it is. Such a program may ask for a fixed name,
// such as /grub/grub.cfg or \Boot\BCD, and means a file in its folder. raw is the
// name as it was sent; a slash at its beginning makes no difference. folder is
// empty, or as Clean returns it. The names are as Clean returns them. The error
// is ErrName.
func Candidates(raw, folder string) ([]string, error) {
	name, err := Clean(raw)
	if err != nil {
		return nil, err
	}
	if folder == "" {
		return []string{name}, nil
	}
	return []string{folder + "/" + name, name}, nil
}
