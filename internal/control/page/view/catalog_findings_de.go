package view

// germanFindings is englishFindings, the texts of package trace, in German.
var germanFindings = catalog{}
