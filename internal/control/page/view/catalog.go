package view

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A catalog holds the texts of the pages in one language, by key. A text is a
// format for fmt.Sprintf. It is plain text: the templates escape it like any
// other value.
//
// Another language is another catalog and one more entry in catalogs.
type catalog map[string]string

// catalogs are the languages, each with its code (BCP 47).
var catalogs = map[string]catalog{
	"en": merge(english, englishSite, englishFindings, englishNotes, englishCauses, englishMessages),
	"de": merge(german, germanSite, germanFindings, germanCauses, germanMessages),
}

// fallback is the language of a browser that wants none of ours.
const fallback = "en"

// languages are the codes of the catalogs, in a constant order.
var languages = slices.Sorted(maps.Keys(catalogs))

func merge(parts ...catalog) catalog {
	all := catalog{}
	for _, p := range parts {
		maps.Copy(all, p)
	}
	return all
}

// text returns the text of a key. A key that is not in the catalog shows as
// itself; a test demands each key in all catalogs.
func (c catalog) text(key string, args ...any) string {
	format, ok := c[key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// count returns the text of a number of things: that of key.one or key.many,
// with the number as its first argument.
func (c catalog) count(key string, n int, args ...any) string {
	form := ".many"
	if n == 1 {
		form = ".one"
	}
	return c.text(key+form, append([]any{n}, args...)...)
}

// languageCookie keeps the language that a person chose with ?lang=de.
const languageCookie = "pxebox-language"

// language returns the language of a request: the one chosen now or before, or
// the first that the browser accepts.
func language(r *http.Request) string {
	if l := r.URL.Query().Get("lang"); catalogs[l] != nil {
		return l
	}
	if c, err := r.Cookie(languageCookie); err == nil && catalogs[c.Value] != nil {
		return c.Value
	}
	return accepted(r.Header.Get("Accept-Language"))
}

// rememberLanguage keeps a choice that the request makes.
func rememberLanguage(w http.ResponseWriter, r *http.Request) {
	if l := r.URL.Query().Get("lang"); catalogs[l] != nil {
		http.SetCookie(w, &http.Cookie{
			Name: languageCookie, Value: l, Path: "/", MaxAge: 365 * 24 * 60 * 60,
			Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		})
	}
}

// accepted returns the language with the highest weight in an Accept-Language
// header (RFC 9110 §12.5.4), the first one of equal weights.
func accepted(header string) string {
	best, weight := fallback, 0.0
	for _, part := range strings.SplitN(header, ",", 20) {
		tag, parameters, _ := strings.Cut(part, ";")
		code, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(parameters), "q="); ok {
			parsed, err := strconv.ParseFloat(v, 64)
			if err != nil {
				continue
			}
			q = parsed
		}
		if catalogs[code] != nil && q > weight && q <= 1 {
			best, weight = code, q
		}
	}
	return best
}
