// Package browser runs Debian's Chromium for tests of the box's page. A Browser
// reaches only the hosts that it is given, accepts only the certificate that it
// is given, and collects whatever a page does wrong: errors on the console,
// failed requests, requests to other hosts, dialogs. It knows nothing about the
// page itself. The rest of the package is behind the build tag e2e, so that only
// those tests link a browser's protocol.
package browser
