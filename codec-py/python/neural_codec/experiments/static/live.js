// Keeps an open page true: with each change that the server tells, the table is asked for anew.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const live = document.getElementById("live"), one = document.getElementById("one");
  const connection = document.getElementById("connection");
  let waiting = false, again = false, last = 0;
  async function renew() {
    if (waiting) { again = true; return; }
    waiting = true;
    try {
      const answer = await fetch("/rows" + location.search);
      if (answer.ok) {
        const focused = document.activeElement && live.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        live.innerHTML = await answer.text();
        if (focused) { const found = [...live.querySelectorAll("a")].find((a) => a.getAttribute("href") === focused); if (found) found.focus(); }
      }
      if (Date.now() - last > 5000) { last = Date.now(); drawChart(); }
    } finally {
      waiting = false;
      if (again) { again = false; setTimeout(renew, 200); }
    }
  }
  const start = (live || one).dataset.revision;
  const events = new EventSource("/events?after=" + start);
  events.onopen = () => { connection.textContent = "live"; };
  events.onerror = () => { connection.textContent = "connection lost, trying again"; };
  events.addEventListener("change", (event) => {
    connection.textContent = "live";
    if (live) renew();
    const mine = one && JSON.parse(event.data).rows.find((row) => row.experiment_id === one.dataset.experiment);
    if (mine && (mine.state !== one.dataset.state || mine.phase !== one.dataset.phase)) location.reload();
  });
});
