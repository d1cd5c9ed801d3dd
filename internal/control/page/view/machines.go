package view

import "net/http"

func (p *Pages) machines(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, http.StatusOK, "machines", text(r, "machines.title"), nil)
}
