package view

// germanSite is englishSite in German.
var germanSite = catalog{}
