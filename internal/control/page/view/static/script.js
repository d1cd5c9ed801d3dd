// The page works without this script, by loading it again. The script keeps it
// current, and shows times in the reader's own time zone.
'use strict';

function localTimes(root) {
	for (const t of root.querySelectorAll('time[datetime]')) {
		const d = new Date(t.dateTime);
		if (isNaN(d)) continue;
		const today = d.toDateString() === new Date().toDateString();
		t.title = t.dateTime;
		t.textContent = today ? d.toLocaleTimeString() : d.toLocaleString();
	}
}

localTimes(document);
