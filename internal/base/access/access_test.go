package access

import (
	"bytes"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var client = netip.MustParseAddr("192.0.2.1")

func TestCheck(t *testing.T) {
	now := time.Now()
	g := NewGate("correct horse")
	for range 100 {
		if err := g.Check(now, client, User, "correct horse"); err != nil {
			t.Fatalf("the right password: %v", err)
		}
	}
	for _, tt := range []struct{ situation, user, password string }{
		{situation: "empty", user: User},
		{situation: "another user", user: "root", password: "correct horse"},
		{situation: "longer", user: User, password: "correct horse "},
		{situation: "shorter", user: User, password: "correct hors"},
		{situation: "user and password shifted", user: User + "c", password: "orrect horse"},
	} {
		if err := g.Check(now, client, tt.user, tt.password); err != ErrWrong {
			t.Errorf("%s: %v", tt.situation, err)
		}
	}
}

func TestGuessing(t *testing.T) {
	now := time.Now()
	g := NewGate("correct horse")
	for range burst {
		if err := g.Check(now, client, User, "guess"); err != ErrWrong {
			t.Fatal(err)
		}
	}
	mapped := netip.AddrFrom16(client.As16())
	for _, from := range []netip.Addr{client, mapped} {
		if err := g.Check(now, from, User, "correct horse"); err != ErrWait {
			t.Errorf("after %d guesses: %v", burst, err)
		}
	}
	if err := g.Check(now, netip.MustParseAddr("192.0.2.2"), User, "correct horse"); err != nil {
		t.Errorf("another address: %v", err)
	}
	if err := g.Check(now.Add(every-time.Second), client, User, "correct horse"); err != ErrWait {
		t.Errorf("before %v are over: %v", every, err)
	}
	if err := g.Check(now.Add(every), client, User, "correct horse"); err != nil {
		t.Errorf("%v later: %v", every, err)
	}
}

// An owner who has logged in gets no more guesses than other clients.
func TestGuessingByAnOwnersAddress(t *testing.T) {
	now := time.Now()
	g := NewGate("correct horse")
	if err := g.Check(now, client, User, "correct horse"); err != nil {
		t.Fatal(err)
	}
	guesses := 0
	for i := range 10 * burst {
		if g.Check(now, client, User, "guess") == ErrWrong {
			guesses++
		}
		if i == burst/2 { // the owner logs in meanwhile, and forgives nothing
			if err := g.Check(now, client, User, "correct horse"); err != nil {
				t.Errorf("the owner: %v", err)
			}
			g.Admit(now, client)
		}
	}
	if guesses != burst {
		t.Errorf("%d guesses are answered, want %d", guesses, burst)
	}
}

// Many addresses guess for a quarter of an hour, more often than allowed. The
// owner still gets in, and what the guesses reveal is bounded.
func TestManyAddressesGuess(t *testing.T) {
	for _, tt := range []struct {
		situation string
		addresses int
		loggedIn  bool // the owner, before the guessing begins
	}{
		{situation: "1,100 addresses, and the owner for the first time", addresses: 1100},
		{situation: "more addresses than are counted, and the owner again", addresses: maxSources + 1000,
			loggedIn: true},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			start := time.Now()
			g := NewGate("correct horse")
			if tt.loggedIn {
				if err := g.Check(start, client, User, "correct horse"); err != nil {
					t.Fatal(err)
				}
			}
			const lasts, step = 15 * time.Minute, time.Minute / 2
			learnt, in, asked := 0, 0, 0
			for now := start; now.Sub(start) < lasts; now = now.Add(step) {
				from := netip.MustParseAddr("10.0.0.0")
				for range tt.addresses {
					from = from.Next()
					if g.Check(now, from, User, "guess") == ErrWrong {
						learnt++
					}
				}
				asked++
				if g.Check(now, client, User, "correct horse") == nil {
					in++
				}
			}
			if in != asked {
				t.Errorf("the owner is let in %d times of %d", in, asked)
			}
			counted := min(tt.addresses, maxSources)
			most := counted*(burst+int(lasts/every)) + restBurst + int(lasts/restEvery)
			if learnt > most {
				t.Errorf("%d guesses are answered, at most %d may be", learnt, most)
			}
			if len(g.sources) > maxSources || len(g.owners) > maxOwners {
				t.Errorf("%d addresses are counted, %d remembered", len(g.sources), len(g.owners))
			}
		})
	}
}

func TestManySources(t *testing.T) {
	now := time.Now()
	g := NewGate("correct horse")
	from := netip.MustParseAddr("10.0.0.0")
	for range maxSources + restBurst {
		from = from.Next()
		g.Check(now, from, User, "guess")
	}
	if n := len(g.sources); n > maxSources {
		t.Errorf("%d addresses have a limit each", n)
	}
	if err := g.Check(now, from.Next(), User, "guess"); err != ErrWait {
		t.Errorf("one address more: %v", err)
	}
	// Those that are forgiven make room, but not at each guess: it takes a scan.
	for _, tt := range []struct {
		after time.Duration
		full  bool
	}{
		{every - time.Second/2, true}, {every + time.Second/4, true}, {every + time.Second/2, false},
	} {
		from = from.Next()
		g.Check(now.Add(tt.after), from, User, "guess")
		if full := len(g.sources) == maxSources; full != tt.full {
			t.Errorf("%v later %d addresses have a limit each", tt.after, len(g.sources))
		}
	}
	if err := g.Check(now.Add(burst*every), from, User, "guess"); err != ErrWrong {
		t.Errorf("much later: %v", err)
	}
	if n := len(g.sources); n > 1 {
		t.Errorf("much later %d have", n)
	}
}

// An IPv4 address is the same one on a socket for IPv6.
func TestOwnerOnAnIPv6Socket(t *testing.T) {
	mapped := netip.AddrFrom16(client.As16())
	for _, from := range []netip.Addr{client, mapped} {
		g := NewGate("correct horse")
		if err := g.Check(time.Now(), from, User, "correct horse"); err != nil {
			t.Fatal(err)
		}
		if !g.Known(client) || !g.Known(mapped) {
			t.Errorf("%v logged in, and is not known", from)
		}
	}
}

// Only the least recently seen address is forgotten.
func TestOwnersAreBounded(t *testing.T) {
	now := time.Now()
	g := NewGate("correct horse")
	from := netip.MustParseAddr("10.0.0.0")
	for i := range maxOwners {
		from = from.Next()
		g.Admit(now.Add(time.Duration(i)*time.Second), from)
	}
	first, second := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	now = now.Add(time.Hour)
	g.Admit(now, first)
	g.Admit(now, from.Next())
	for addr, want := range map[netip.Addr]bool{first: true, second: false, from: true, from.Next(): true} {
		if g.Known(addr) != want {
			t.Errorf("%v: known %v, want %v", addr, !want, want)
		}
	}
}

func TestCertificateStays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pxebox", "keys", "https.pem")
	c, err := Certificate(file)
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]os.FileMode{filepath.Dir(file): 0o700, filepath.Dir(filepath.Dir(file)): 0o755} {
		if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", dir, st.Mode(), err, want)
		}
	}
	again, err := Certificate(file)
	if err != nil || Pin(again) != Pin(c) {
		t.Errorf("the second time the certificate is another one (%v)", err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v", file, st.Mode(), err)
	}
	if err := os.WriteFile(file, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Certificate(file); err == nil {
		t.Error("a damaged certificate is replaced")
	}
}

// The appliance and menuwatch start at the same time, and each needs the
// certificate.
func TestProgramsAgreeOnTheCertificate(t *testing.T) {
	const programs = 8
	for range 20 {
		file := filepath.Join(t.TempDir(), "keys", "https.pem")
		start, pins := make(chan struct{}), make(chan string)
		for range programs {
			go func() {
				<-start
				c, err := Certificate(file)
				if err != nil {
					t.Error(err)
					pins <- ""
					return
				}
				pins <- Pin(c)
			}()
		}
		close(start)
		first := <-pins
		for range programs - 1 {
			if pin := <-pins; pin != first {
				t.Fatalf("one program has %s, another one %s", first, pin)
			}
		}
		if c, err := ReadCertificate(file); err != nil || Pin(c) != first {
			t.Fatalf("the file has another certificate (%v)", err)
		}
		if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
			t.Fatalf("files that are left: %v, %v", left, err)
		}
	}
}

// A short password of the owner is refused. On the box, its first password
// lets the owner in.
func TestPasswords(t *testing.T) {
	const folder = "a folder in the file's place"
	for _, tt := range []struct {
		situation, own, first string
		want, logged          string
		err                   string
	}{
		{situation: "the box's first", first: "generated-by-the-box", want: "generated-by-the-box"},
		{situation: "the owner's", own: "correct horse\n", first: "generated-by-the-box", want: "correct horse"},
		{
			situation: "the owner's is too short", own: "horse\n", first: "generated-by-the-box",
			want:   "generated-by-the-box",
			logged: "so the box's first password applies",
		},
		{
			situation: "the owner's file is empty", own: "\n", first: "generated-by-the-box", want: "generated-by-the-box",
			logged: "so the box's first password applies",
		},
		{situation: "the one of an earlier image is too short", first: "horse", want: "horse",
			logged: "the password of the earlier image is too short"},
		{
			situation: "the owner's is too short, and the earlier image's too", own: "horse", first: "correct",
			want: "correct", logged: "so the box's first password applies",
		},
		{situation: "as short as it may be", own: "correct-hors\n", first: "generated-by-the-box", want: "correct-hors"},
		{situation: "the box's first, as short as it may be", first: "correct-hors", want: "correct-hors"},
		{situation: "not on a box, and empty", own: "\n", err: "is empty: write a password into it"},
		{situation: "a folder", own: folder, first: "generated-by-the-box", err: "is a directory"},
		{situation: "not on a box, and a folder", own: folder, err: "is a directory"},
		{situation: "a box without a password", first: folder, err: "is a directory"},
		{situation: "not on a box", own: "correct horse\n", want: "correct horse"},
		{situation: "not on a box, and too short", own: "horse\n", err: "has 5 characters; write one of at least 12"},
		{situation: "not on a box, and no password", err: "no password in /"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			dir := t.TempDir()
			file := func(name, text string) string {
				name = filepath.Join(dir, name)
				switch text {
				case "":
					return name
				case folder:
					if err := os.Mkdir(name, 0o700); err != nil {
						t.Fatal(err)
					}
					return name
				}
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				return name
			}
			own, first := file("own", tt.own), ""
			if tt.first != "" {
				first = file("first", tt.first)
			}
			var log bytes.Buffer
			gate, err := OpenGate(own, first, slog.New(slog.NewTextHandler(&log, nil)))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := gate.Check(time.Now(), client, User, tt.want); err != nil {
				t.Errorf("%q: %v", tt.want, err)
			}
			if (tt.logged == "") != (log.Len() == 0) || !strings.Contains(log.String(), tt.logged) {
				t.Errorf("logged %q", &log)
			}
		})
	}
}
