// The page works without this script, by loading it again. The script keeps it
// current, and shows times in the reader's own time zone.
'use strict';

// The page's language, in the reader's own form of it: en-GB rather than en.
const lang = document.documentElement.lang;
const locale = navigator.languages.find(l => l.split('-')[0] === lang) ?? lang;

// Times as the reader's clock shows them.
function localTimes(root) {
	const today = new Date().toDateString();
	const two = { hour: '2-digit', minute: '2-digit' };
	for (const t of root.querySelectorAll('time[datetime]')) {
		const d = new Date(t.dateTime);
		if (isNaN(d)) continue;
		t.title = t.dateTime;
		switch (t.dataset.form) {
		case 'clock':
			t.textContent = d.toLocaleTimeString(locale, { ...two, second: '2-digit', fractionalSecondDigits: 3 });
			break;
		case 'seconds':
			t.textContent = d.toLocaleTimeString(locale, { ...two, second: '2-digit' });
			break;
		case 'short':
			t.textContent = d.toLocaleTimeString(locale, two);
			break;
		default:
			t.textContent = d.toDateString() === today ?
				d.toLocaleTimeString(locale, { ...two, second: '2-digit' }) :
				d.toLocaleString(locale, { dateStyle: 'medium', timeStyle: 'medium' });
		}
	}
}

// The server renders all HTML, and escapes it: what arrives here is what a
// reload would show.
function elementOf(html) {
	const t = document.createElement('template');
	t.innerHTML = html;
	localTimes(t.content);
	return t.content;
}

// refresh loads the page again and replaces its live parts, at most every three
// seconds.
let refreshing = false, again = false;
async function refresh() {
	if (refreshing) {
		again = true;
		return;
	}
	refreshing = true;
	try {
		const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
		if (answer.redirected) location.reload(); // to the login form
		if (answer.ok) {
			const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
			for (const id of ['summary', 'machines', 'empty', 'live', 'events']) replace(id, page);
		}
	} catch (e) {
		// The server is away; the stream of events tries again.
	}
	setTimeout(() => {
		refreshing = false;
		if (again) {
			again = false;
			refresh();
		}
	}, 3000);
}

// replace replaces an element by the one of another page, and keeps what the
// reader has unfolded, and the focus.
function replace(id, page) {
	const old = document.getElementById(id), now = page.getElementById(id);
	if (!old || old.innerHTML === now?.innerHTML) return;
	if (!now) {
		old.remove();
		return;
	}
	localTimes(now);
	keep(old, now);
}

function keep(old, now) {
	const open = [...old.querySelectorAll('details')].map(d => d.open);
	[...now.querySelectorAll('details')].forEach((d, i) => { if (open[i]) d.open = true; });
	if (old.open) now.open = true;
	const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
	old.replaceWith(now);
	if (focused) [...now.querySelectorAll('a')].find(a => a.getAttribute('href') === focused)?.focus();
}

// row puts a machine's row into the list: in its place, or at the top if it is a
// new boot.
function row(change) {
	const list = document.getElementById('machines');
	const old = document.getElementById('machine-' + change.machine);
	const now = change.html ? elementOf(change.html).firstElementChild : null;
	if (!now) {
		old?.remove();
		return;
	}
	document.getElementById('empty')?.remove();
	if (old && old.dataset.boot === change.boot) {
		keep(old, now);
		return;
	}
	old?.remove();
	now.classList.add('new');
	list.prepend(now);
	while (list.children.length > 200) list.lastElementChild.remove();
}

function watch(source) {
	const events = new EventSource(source.dataset.live);
	const data = e => JSON.parse(e.data);
	const note = document.getElementById('lost');
	let lost = false;
	// The server ends each stream now and then; the browser opens the next one.
	const say = () => setTimeout(() => { note.hidden = !lost; }, 5000);
	events.addEventListener('row', e => row(data(e)));
	events.addEventListener('state', e => {
		const summary = document.getElementById('summary');
		if (summary) summary.replaceChildren(elementOf(data(e).html));
	});
	events.addEventListener('change', refresh);
	events.addEventListener('reload', refresh);
	events.addEventListener('open', () => {
		if (lost) refresh();
		lost = false;
		note.hidden = true;
	});
	events.addEventListener('error', () => {
		lost = true;
		say();
		// Too many pages are kept current, or the session has ended.
		if (events.readyState === EventSource.CLOSED) setTimeout(() => { refresh(); watch(source); }, 15000);
	});
}

localTimes(document);
const source = document.querySelector('[data-live]');
if (source) watch(source);
