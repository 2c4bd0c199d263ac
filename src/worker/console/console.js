// biome-ignore lint/suspicious/noRedundantUseStrict: the page holds this as a classic script.
"use strict";
/** The operator's token. It is stored in this variable only. */
let token = "";
/** Which events are listed, and where the list continues. */
let state = "dead";
let cursor = null;

const $ = (id) => document.getElementById(id);

/** Creates an element with its text or children, and attributes. */
function make(name, content, attributes = {}) {
  const element = document.createElement(name);
  element.append(...[content].flat().filter((part) => part !== null && part !== undefined));
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function button(text, name, work) {
  const element = make("button", text, { type: "button", class: name });
  element.addEventListener("click", work);
  return element;
}

function say(text, bad = false) {
  $("note").textContent = text;
  $("note").classList.toggle("bad", bad);
}

/** Calls a route of this Worker. Rejects with an error that tells the operator what to do. */
async function ask(method, path, body) {
  const headers = { authorization: `Bearer ${token}` };
  if (body) headers["content-type"] = "application/json";
  const init = { method, headers, cache: "no-store", credentials: "omit", redirect: "error" };
  let response;
  try {
    response = await fetch(new URL(`.${path}`, location.href), {
      ...init,
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Error("The Worker cannot be reached. Check the network, then try again.");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const error = new Error(answer.error?.message ?? `The Worker answered ${response.status}.`);
  error.status = response.status;
  throw error;
}

/** Runs the action of a control, one at a time, and shows errors. The control keeps the focus. */
function on(id, event, work) {
  const control = $(id);
  control.addEventListener(event, async (happened) => {
    happened.preventDefault();
    if (control.ariaBusy === "true") return;
    control.ariaBusy = "true";
    try {
      await work();
    } catch (error) {
      say(error.message, true);
    } finally {
      control.ariaBusy = "false";
    }
  });
}

const UNITS = [
  ["d", 86400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

function span(seconds) {
  const [unit, length] = UNITS.find(([, length]) => seconds >= length) ?? UNITS[3];
  return `${Math.floor(seconds / length)} ${unit}`;
}

function ago(iso) {
  const seconds = Math.max(0, (Date.now() - Date.parse(iso)) / 1000);
  return make("time", `${span(seconds)} ago`, { datetime: iso, title: iso });
}

async function counts() {
  const health = await ask("GET", "/healthz");
  if (!health.counts) throw new Error("This is not the operator token.");
  const { pending, dead, conflicts, reconciliation, ...ages } = health.counts;
  const age = (seconds) => (seconds === null ? "nothing waits" : `the oldest: ${span(seconds)}`);
  const cells = [
    ["Dead", dead, age(ages.oldest_dead_seconds), dead > 0],
    ["Pending", pending, age(ages.oldest_pending_seconds), false],
    ["Conflicts", conflicts, "kept with their invoices", false],
  ];
  if (reconciliation) {
    const last = reconciliation.complete_at;
    cells.push(["Reconciliation gap", reconciliation.gap, last ? ago(last) : "no run yet", false]);
  }
  $("counts").replaceChildren(
    ...cells.map(([name, value, note, bad]) =>
      make("div", [
        make("dt", name),
        make("dd", [String(value), make("small", note)], bad ? { class: "bad" } : {}),
      ]),
    ),
  );
  const off = ["webhooks", "fulfillment", "auth", "reconciliation", "alerts"].filter(
    (part) => !health[part]?.on,
  );
  const missing = off.map((part) => `${part} (${health[part].missing.join(", ")})`);
  $("parts").textContent = missing.length > 0 ? `Off: ${missing.join("; ")}` : "Every part is on.";
}

function why(event) {
  const { last_answer: last, deliveries, due_at: due, delivered_at: delivered } = event;
  if (delivered && event.state !== "dead") return ["delivered ", ago(delivered)];
  const tries = deliveries === 1 ? "1 attempt" : `${deliveries} attempts`;
  if (!last) return [due ? `${event.state}, ${tries}` : (event.state ?? "")];
  return [`${last.reason}, `, ago(last.at), make("small", ` · ${tries}`)];
}

async function replay(invoice, event) {
  if (!(await sure(`Deliver event ${event} again?`))) return;
  try {
    await ask("POST", "/events/replay", { invoice_id: invoice, event_id: event });
    await list();
    // The event's row was removed.
    document.querySelector(".tab[aria-pressed=true]").focus();
    say("The event is on its way again.");
    await counts();
  } catch (error) {
    say(error.message, true);
  }
}

function eventRow(event) {
  const id = event.public_invoice_id ?? event.invoice_id;
  const cells = [
    ["Came", ago(event.received_at)],
    ["Event", event.event_type],
    ["Invoice", button(id, "link", () => show(event.invoice_id))],
    ["Outcome", event.outcome],
    ["Why", make("span", why(event))],
  ].map(([name, content]) => make("td", content, { "data-name": name }));
  const again =
    state === "pending"
      ? null
      : button("Replay", "again", () => replay(event.invoice_id, event.event_id));
  again?.setAttribute("aria-label", `Replay event ${event.event_id}`);
  return make("tr", [...cells, make("td", again, { "data-name": "" })]);
}

async function list(more = false) {
  const query = new URLSearchParams({ state, limit: "50" });
  if (more && cursor) query.set("cursor", cursor);
  const wanted = state;
  const page = await ask("GET", `/events?${query}`);
  // Another list was selected in the meantime.
  if (wanted !== state) return;
  const rows = page.events.map(eventRow);
  if (more) $("events").append(...rows);
  else $("events").replaceChildren(...rows);
  cursor = page.cursor;
  $("more").hidden = !cursor;
  $("none").hidden = $("events").childElementCount > 0;
  $("all").hidden = state !== "dead";
}

/** Asks for a confirmation. Escape means no. */
function sure(question) {
  const dialog = $("sure");
  $("question").textContent = question;
  dialog.returnValue = "";
  dialog.showModal();
  $("no").focus();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true });
  });
}

/** Replays all pages of the list. */
async function replayList(dry_run) {
  let events = 0;
  let next = null;
  do {
    const wish = { state: "dead", dry_run, ...(next && { cursor: next }) };
    const done = await ask("POST", "/events/replay", wish);
    events += done.events;
    next = done.cursor;
    if (!dry_run) say(`${events} events are on their way again…`);
  } while (next);
  return events;
}

function item(time, parts) {
  return make("li", [ago(time), " · ", ...parts]);
}

async function show(id) {
  try {
    const invoice = await ask("GET", `/invoices/${encodeURIComponent(id)}`);
    const rows = new Map(invoice.outbox.map((row) => [row.event_id, row]));
    const items = invoice.events.flatMap((event) => {
      const row = rows.get(event.event_id);
      const steps = [
        item(event.received_at, [
          `${event.event_type} came: ${event.outcome}`,
          make("br"),
          make("small", event.event_id),
        ]),
      ];
      if (row?.last_answer) {
        const { reason, at } = row.last_answer;
        steps.push(item(at, [`fulfillment: ${reason}, attempts: ${row.deliveries}`]));
      }
      if (event.delivered_at) steps.push(item(event.delivered_at, ["fulfillment took it"]));
      if (row)
        steps.push(make("li", `now: ${row.state}`, row.state === "dead" ? { class: "bad" } : {}));
      return steps;
    });
    $("id").value = id;
    $("invoice").replaceChildren(
      make("p", [
        make("strong", invoice.status),
        ` ${invoice.public_invoice_id ?? ""} ${invoice.invoice_id}`,
      ]),
      invoice.transaction ? make("p", make("small", `Transaction ${invoice.transaction}`)) : "",
      make("ol", items),
    );
    $("one").focus();
  } catch (error) {
    $("invoice").replaceChildren();
    say(error.message, true);
  }
}

function leave() {
  token = "";
  for (const id of ["counts", "events", "invoice"]) $(id).replaceChildren();
  $("desk").hidden = $("leave").hidden = true;
  $("login").hidden = false;
  say("");
  $("token").focus();
}

on("login", "submit", async () => {
  token = $("token").value.trim();
  $("token").value = "";
  say("Asking…");
  try {
    await counts();
  } catch (error) {
    token = "";
    throw error;
  }
  $("login").hidden = true;
  $("desk").hidden = $("leave").hidden = false;
  say("");
  // Set before the list arrives: a user who moves on in the meantime keeps the focus.
  $("refresh").focus();
  await list();
});
on("leave", "click", leave);
on("refresh", "click", async () => {
  await Promise.all([counts(), list()]);
  say("Up to date.");
});
on("more", "click", () => list(true));
on("find", "submit", () => show($("id").value.trim()));
on("all", "click", async () => {
  const events = await replayList(true);
  if (events === 0) return say("No event is dead.");
  if (!(await sure(`Deliver ${events} dead events again?`))) return;
  await replayList(false);
  await list();
  say(`${events} events are on their way again.`);
  await counts();
});
on("reconcile", "click", async () => {
  say("Comparing with Gwop…");
  let run = await ask("POST", "/reconcile");
  for (let looks = 0; run.running && token && looks < 60; looks += 1) {
    await new Promise((done) => setTimeout(done, 1000));
    run = await ask("GET", "/reconcile");
    if (run.error) say(`Reconciliation waits: ${run.error}`, true);
    else if (run.running) say(`Comparing with Gwop: ${run.applied} applied so far…`);
  }
  if (!token) return;
  await Promise.all([counts(), list()]);
  const { running, applied, conflicts, unusable, error } = run;
  const lost = unusable > 0 ? `, ${unusable} of which no event can be made` : "";
  const done = `Reconciliation: ${applied} applied, ${conflicts} conflicts${lost}.`;
  if (error) say(`Reconciliation waits: ${error}`, true);
  else say(running ? `${done} It goes on: press it again to see how far.` : done);
});
for (const tab of document.querySelectorAll(".tab")) {
  tab.addEventListener("click", async () => {
    state = tab.dataset.state;
    for (const other of document.querySelectorAll(".tab")) {
      other.setAttribute("aria-pressed", String(other === tab));
    }
    try {
      await list();
    } catch (error) {
      say(error.message, true);
    }
  });
}
$("yes").addEventListener("click", () => $("sure").close("yes"));
$("no").addEventListener("click", () => $("sure").close("no"));
$("token").focus();
