package view

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"
	"text/template/parse"
)

// Each text is in each language, and takes the same values in the same places.
func TestCatalogsAgree(t *testing.T) {
	verbs := regexp.MustCompile(`%(\[\d+\])?[a-z%]|{\w+}`)
	reference := catalogs[fallback]
	for _, code := range languages {
		c := catalogs[code]
		for key, want := range reference {
			got, ok := c[key]
			if !ok || got == "" {
				t.Errorf("catalog %s has no text %q", code, key)
				continue
			}
			a, b := verbs.FindAllString(want, -1), verbs.FindAllString(got, -1)
			slices.Sort(a)
			slices.Sort(b)
			if !slices.Equal(a, b) {
				t.Errorf("catalog %s, %q takes %q, and %q in %s", code, key, b, a, fallback)
			}
		}
		for key := range c {
			if _, ok := reference[key]; !ok {
				t.Errorf("catalog %s has %q, which %s does not have", code, key, fallback)
			}
		}
	}
}

// Parts of a catalog do not replace each other's texts.
func TestCatalogPartsAreDisjoint(t *testing.T) {
	for _, parts := range [][]catalog{{english, englishSite, englishFindings,
		englishNotes, englishCauses, englishMessages},
		{german, germanSite, germanFindings, germanCauses, germanMessages}} {
		n := 0
		for _, p := range parts {
			n += len(p)
		}
		if got := len(merge(parts...)); got != n {
			t.Errorf("%d keys in the parts, %d together: a key is in two of them", n, got)
		}
	}
}

// Every key that a template names is in the catalogs.
func TestTemplateKeys(t *testing.T) {
	keys := map[string]bool{}
	var walk func(n parse.Node)
	list := func(l *parse.ListNode) {
		if l != nil {
			for _, n := range l.Nodes {
				walk(n)
			}
		}
	}
	walk = func(n parse.Node) {
		switch n := n.(type) {
		case *parse.ListNode:
			list(n)
		case *parse.ActionNode:
			walk(n.Pipe)
		case *parse.TemplateNode:
			if n.Pipe != nil {
				walk(n.Pipe)
			}
		case *parse.IfNode:
			walk(n.Pipe)
			list(n.List)
			list(n.ElseList)
		case *parse.RangeNode:
			walk(n.Pipe)
			list(n.List)
			list(n.ElseList)
		case *parse.WithNode:
			walk(n.Pipe)
			list(n.List)
			list(n.ElseList)
		case *parse.PipeNode:
			for _, c := range n.Cmds {
				walk(c)
			}
		case *parse.CommandNode:
			if f, ok := n.Args[0].(*parse.IdentifierNode); ok && len(n.Args) > 1 {
				if key, ok := n.Args[1].(*parse.StringNode); ok {
					switch f.Ident {
					case "t":
						keys[key.Text] = true
					case "count":
						keys[key.Text+".one"], keys[key.Text+".many"] = true, true
					}
				}
			}
			for _, a := range n.Args {
				walk(a)
			}
		}
	}
	for _, set := range sets[fallback] {
		for _, tmpl := range set.Templates() {
			if tmpl.Tree != nil {
				walk(tmpl.Tree.Root)
			}
		}
	}
	if len(keys) < 10 {
		t.Fatalf("only %d keys found: %v", len(keys), slices.Sorted(maps.Keys(keys)))
	}
	for key := range keys {
		if _, ok := catalogs[fallback][key]; !ok {
			t.Errorf("a template names the text %q, which no catalog has", key)
		}
	}
}

func TestLanguage(t *testing.T) {
	for _, tc := range []struct{ situation, query, cookie, header, want string }{
		{situation: "a browser that says nothing", want: "en"},
		{situation: "a German browser", header: "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", want: "de"},
		{situation: "English first", header: "en-US,en;q=0.9,de;q=0.8", want: "en"},
		{situation: "weights against the order", header: "en;q=0.1, de;q=0.9", want: "de"},
		{situation: "a language that the pages do not have", header: "fr-FR,fr;q=0.9", want: "en"},
		{situation: "one that they do not have, then German", header: "fr,de;q=0.5", want: "de"},
		{situation: "German refused", header: "de;q=0", want: "en"},
		{situation: "weights that are no numbers", header: "de;q=high, de;q=NaN, de;q=7", want: "en"},
		{situation: "chosen before", cookie: "de", header: "en", want: "de"},
		{situation: "chosen now", query: "?lang=en", cookie: "de", want: "en"},
		{situation: "a choice that is no language", query: "?lang=xx", cookie: "../de", want: "en"},
	} {
		t.Run(tc.situation, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/"+tc.query, nil)
			r.Header.Set("Accept-Language", tc.header)
			if tc.cookie != "" {
				r.AddCookie(&http.Cookie{Name: languageCookie, Value: tc.cookie})
			}
			if got := language(r); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
