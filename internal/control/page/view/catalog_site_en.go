package view

// englishSite has the texts of the pages about the site.
var englishSite = catalog{}
