package grub

import (
	"errors"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// inEntries makes a menu with one entry per script.
func inEntries(scripts ...string) string {
	var menu strings.Builder
	for _, s := range scripts {
		menu.WriteString("menuentry 'x' {\n" + s + "\n}\n")
	}
	return menu.String()
}

// takenByGRUB reports whether GRUB's parser accepts a script.
func takenByGRUB(t *testing.T, script string) bool {
	t.Helper()
	cmd := exec.Command("grub-script-check")
	cmd.Stdin = strings.NewReader(script)
	err := cmd.Run()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatalf("grub-script-check (package grub-common) is needed: run make deps: %v", err)
	}
	return err == nil
}

// GRUB must accept what CheckScript accepts: a mistake in one entry's lines
// would cost every machine its menu.
func TestGRUBTakesWhatIsTaken(t *testing.T) {
	pieces := []string{
		"if", "then", "fi", "else", "elif", "while", "until", "for", "do", "done", "in", "case", "esac", "select",
		"function", "time",
		"menuentry", "echo", "echo a", "a", "x=1", "é", "if true; then", "; fi", "for i in", "; do", "; done",
		"while true; do",
		"{", "}", "[", "]", "[[", "]]", "(", ")", "!", "=", "`", "*", "~", "%",
		"@", ";", ";", "\n", "\n", "\n", " ", " ", " ", " ",
		"'", `"`, `\`, "$", "$a", "${a}", "$?", "$1", "#", "\\\n", "'b c'", `"d $e"`,
	}
	random := rand.New(rand.NewPCG(1, 2))
	var taken []string
	for range 30_000 {
		var s strings.Builder
		for range 1 + random.IntN(12) {
			s.WriteString(pieces[random.IntN(len(pieces))])
			if random.IntN(2) == 0 {
				s.WriteByte(' ')
			}
		}
		if problem, _ := CheckScript(s.String()); problem == "" {
			taken = append(taken, s.String())
		}
	}
	if takenByGRUB(t, inEntries(taken...)) {
		return
	}
	for _, s := range taken {
		if !takenByGRUB(t, inEntries(s)) {
			t.Errorf("GRUB refuses %q", s)
		}
	}
	if !t.Failed() {
		t.Error("GRUB refuses some of these together")
	}
}

// What grub-script-check reports for these inside a menuentry, in other words.
func TestGRUBScript(t *testing.T) {
	for _, tt := range []struct{ script, problem string }{
		{"echo a", ""},
		{"echo 'a", "line 1 has a ' without its end"},
		{"echo a\necho \"b \\\"", "line 2 has a \" without its end"},
		{"echo '}' \"}\" \\}", ""},
		{"echo 'a\nb'\n}", "line 3 has }, and nothing before that it belongs to"},
		{"echo }", "line 1 has }, and nothing before that it belongs to"},
		{"echo a}b", "line 1 has }, and nothing before that it belongs to"},
		{"menuentry x {\necho a", "line 1 has { without its }"},
		{"menuentry x { echo a; }", ""},
		{"# }", "has no command"},
		{"echo a # } '", ""},
		{"echo a#}", "line 1 has }, and nothing before that it belongs to"},
		{"echo a\\\n# }", "line 2 has }, and nothing before that it belongs to"},
		{"echo a \\\n b", ""},
		{"echo ${a} $a_b $1 $? \"${a}\"", ""},
		{"echo ${a", "line 1 has a $ that begins no name of a variable"},
		{"echo \"a ${b\"", "line 1 has a $ that begins no name of a variable"},
		{"echo $", "line 1 has a $ that begins no name of a variable"},
		{"echo \\$ '$' \"\\$\"", ""},
		{"echo a \\", "line 1 ends the text in a backslash"},
		{"if true; then echo a; elif [ a = b ]; then echo b; else echo c; fi", ""},
		{"if true\nthen\n\techo a\nfi", ""},
		{"if true; then\necho a", "line 1 has if without its fi"},
		{"if true; echo a; fi", "line 1 has fi before the if of line 1 has its then"},
		{"while true; do echo a; done", ""},
		{"for i in do done; do echo $i; done", ""},
		{"for i in 1 2\ndo echo $i", "line 1 has for without its done"},
		{"until true; do echo a; fi", "line 1 has fi before the until of line 1 has its done"},
		{"if true; then menuentry x { echo a\nfi", "line 2 has fi before the { of line 1 has its }"},
		{"fi", "line 1 has fi, and nothing before that it belongs to"},
		{"else echo a", "line 1 has else, and nothing before that it belongs to"},
		{"echo if fi done then", ""},
		{"'fi' a", ""},
		{"; echo a", "line 1 has a ; without a command before it"},
		{"echo a; ; echo b", "line 1 has a ; without a command before it"},
		{"linux k a=1&b=2", "line 1 has a &, which GRUB has no use for"},
		{"linux k 'a=1&b=2'", ""},
		{"a || b", "line 1 has a |, which GRUB has no use for"},
		{"if [[ -e /site/tool.efi ]]; then\n  reboot\nfi", "line 1 has [[, which GRUB has no use for"},
		{"echo a ]]", "line 1 has ]], which GRUB has no use for"},
		{"echo '[[' ]]a a[[", ""},
		{"case a", "line 1 has case, which is not a command within an entry"},
		{"echo a\nesac", "line 2 has esac, which is not a command within an entry"},
		{"in a", "line 1 has in, which is not a command within an entry"},
		{"select a", "line 1 has select, which is not a command within an entry"},
		{"function f { echo a; }", "line 1 has function, which is not a command within an entry"},
		{"echo case esac in select function time; time; ! a", ""},
		{"{ echo a; }", "line 1 has a { without a command before it"},
		{"echo a {\necho b\n}", ""},
		{"menuentry x {\n}", "line 2 has a } without a command before it"},
		{"menuentry x { echo a; } b", "line 1 has b right behind the end of a block"},
		{"menuentry x { echo a; } { echo b; }", "line 1 has { right behind the end of a block"},
		{"menuentry x { if true; then echo a; fi }; echo b", ""},
		{"if true; then echo a; fi fi", "line 1 has fi right behind the end of a block"},
		{"if true; then\nfi", "line 2 has a fi without a command before it"},
		{"if; then echo a; fi", "line 1 has a ; without a command before it"},
		{"if true; then\n# later\nelse echo a; fi", "line 3 has a else without a command before it"},
		{"while true; do done", "line 1 has a done without a command before it"},
		{"for i; do echo; done", "line 1 has for without a name and in behind it"},
		{"for in in a; do echo; done", "line 1 has for without a name and in behind it"},
		{"for 1 in a; do echo; done", "line 1 has for without a name and in behind it"},
		{"for i in { echo; }", "line 1 has { before the for of line 1 has its do"},
		{"for i in; do echo; done", ""},
		{"for i in a\n\ndo\n\necho; done", ""},
		{"for i in a", "line 1 has for without its do"},
		{"echo a;\n\necho b;", ""},
		{"echo a\n; echo b", "line 2 has a ; without a command before it"},
		{"i\\\nf true; then echo a; fi", "line 2 has then, and nothing before that it belongs to"},
		{"echo \\\n# [[", "line 2 has [[, which GRUB has no use for"},
		{strings.Repeat("if true; then ", 100) + "a" + strings.Repeat("; fi", 100),
			"line 1 is more than 100 blocks deep"},
		{"if a; then b" + strings.Repeat("; elif a; then b", 99) + "; fi", "line 1 is more than 100 blocks deep"},
		{strings.Repeat("if a; then ", 99) + "b" + strings.Repeat("; fi", 99), ""},
		{"echo" + strings.Repeat(" a", 1000), "line 1 has a command of more than 1000 words"},
	} {
		t.Run(tt.script[:min(len(tt.script), 60)], func(t *testing.T) {
			if problem, fix := CheckScript(tt.script); problem != tt.problem || (problem == "") != (fix == "") {
				t.Errorf("%q; %q, want %q", problem, fix, tt.problem)
			}
			// GRUB accepts a few things that the author cannot have
			// meant.
			stricter := regexp.MustCompile(
				"a [$] that begins|ends the text in a backslash|more than").MatchString(tt.problem)
			if taken := takenByGRUB(t, inEntries(tt.script)); taken != (tt.problem == "") && !stricter {
				t.Errorf("GRUB takes it: %v", taken)
			}
		})
	}
}
