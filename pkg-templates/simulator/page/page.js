// The page of the local Gwop. All its actions are control routes. Its data comes from
// `GET /_sim/overview`, and changes come live from `GET /_sim/stream`. It inserts foreign texts as
// text, never as HTML.

const ROW = 46;
const find = (id) => document.getElementById(id);
const [linkLine, clockBox, tabsBox, tools, list, rowsBox, plain, detail, said] = [
  "link",
  "clock",
  "tabs",
  "tools",
  "list",
  "rows",
  "plain",
  "detail",
  "said",
].map(find);

/**
 * Creates an element. Members of `props` that start with `on` are listeners. `data-k` identifies
 * the element when it is drawn again.
 */
function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children
      .flat(Infinity)
      .filter((child) => child !== undefined && child !== null && child !== false),
  );
  return element;
}

// ── Data ────────────────────────────────────────────────────────────────────────────────────────

/** Rows by id, in the order of their creation. */
class Rows {
  constructor(key) {
    this.key = key;
    this.clear();
  }
  clear() {
    this.byId = new Map();
    this.order = [];
  }
  /** Adds or replaces rows. Returns how many are new. */
  take(rows = []) {
    const before = this.order.length;
    for (const row of rows) {
      const id = String(row[this.key]);
      if (!this.byId.has(id)) this.order.push(id);
      this.byId.set(id, row);
    }
    return this.order.length - before;
  }
}

const known = {
  invoices: new Rows("publicInvoiceId"),
  deliveries: new Rows("id"),
  requests: new Rows("requestId"),
  authIntents: new Rows("authIntentId"),
  authSessions: new Rows("sessionId"),
};
/** The page keeps as many requests as the server. */
const MAX_REQUESTS = 1_000;
const rest = {
  now: Date.now(),
  frozen: false,
  merchants: [],
  keys: [],
  faults: [],
  unmatchedPayments: 0,
};
let toldAt = performance.now();
let secrets;

/** Returns the simulator's time. */
const now = () => (rest.frozen ? rest.now : rest.now + (performance.now() - toldAt));

function takeRest(changes) {
  const { merchants, keys, faults } = rest;
  const shown = JSON.stringify([merchants, keys, faults, rest.frozen]);
  for (const name of ["now", "frozen", "merchants", "keys", "faults", "unmatchedPayments"]) {
    if (name in changes) rest[name] = changes[name];
  }
  toldAt = performance.now();
  return shown !== JSON.stringify([rest.merchants, rest.keys, rest.faults, rest.frozen]);
}

// ── Requests ────────────────────────────────────────────────────────────────────────────────────

async function ask(method, path, body) {
  const response = await fetch(`/_sim/${path}`, {
    method,
    headers: {
      accept: "application/json",
      ...(method !== "GET" && { "content-type": "application/json" }),
    },
    ...(method !== "GET" && body !== undefined && { body: JSON.stringify(body) }),
  });
  const parsed = await response.json();
  if (!response.ok)
    throw new Error(parsed.error?.message ?? `the local Gwop answered ${response.status}`);
  return parsed;
}

let forgetting;
function say(message) {
  said.textContent = message;
  clearTimeout(forgetting);
  forgetting = setTimeout(() => (said.textContent = ""), 8_000);
}

/** Creates a button that sends a request. If the request is refused, the page shows the error. */
function action(label, run, props = {}) {
  const press = async () => {
    try {
      await run();
      said.textContent = "";
    } catch (error) {
      say(error.message);
    }
  };
  return h("button", { type: "button", "data-k": label, ...props, onclick: press }, label);
}

const post = (path, body = {}) => ask("POST", path, body);

// ── Texts ───────────────────────────────────────────────────────────────────────────────────────

const timeText = (ms) =>
  ms === null || ms === undefined ? "" : new Date(ms).toISOString().replace("T", " ").slice(0, 19);
const time = (ms) => h("time", { datetime: new Date(ms).toISOString() }, timeText(ms));

/** Formats atomic USDC for people: `1.025 USDC`. It uses integers only. */
function usdc(atomic) {
  const fraction = String(atomic % 1_000_000)
    .padStart(6, "0")
    .replace(/0+$/, "");
  return `${Math.floor(atomic / 1_000_000)}${fraction && `.${fraction}`} USDC`;
}

/** Parses a typed amount, such as `1.5`, as atomic USDC. */
function atomic(text) {
  const [, whole, fraction = ""] = /^(\d{1,5})(?:\.(\d{1,6}))?$/.exec(text.trim()) ?? [];
  if (whole === undefined)
    throw new Error("the amount must be a number of USDC with at most 6 decimals, such as 1.5");
  return Number(whole) * 1_000_000 + Number(fraction.padEnd(6, "0"));
}

const MOOD = {
  OPEN: "",
  PAYING: "wait",
  PAID: "good",
  EXPIRED: "dim",
  CANCELED: "dim",
  delivered: "good",
  failed: "bad",
  pending: "wait",
  held: "wait",
  "no-endpoint": "dim",
};
const mood = (status) => h("span", { class: MOOD[status] ?? "" }, status);
const short = (text) => (text.length > 22 ? `${text.slice(0, 12)}…${text.slice(-6)}` : text);

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const headersText = (headers) => headers.map(([name, value]) => `${name}: ${value}`).join("\n");
const facts = (...pairs) =>
  h(
    "dl",
    {},
    pairs
      .filter(([, value]) => value !== undefined && value !== null && value !== "")
      .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
  );
const message = (title, headers, body) => [
  h("h3", {}, title),
  headers.length > 0 && h("pre", { tabindex: "0" }, headersText(headers)),
  body && h("pre", { tabindex: "0" }, pretty(body)),
];

// ── Lists ───────────────────────────────────────────────────────────────────────────────────────

/** Describes a delivery's state in a few words. */
function deliveryText(row) {
  if (row.nextAttemptAt !== null)
    return `attempt ${row.attempts + 1} at ${timeText(row.nextAttemptAt).slice(11)}`;
  return row.lastStatusCode ?? row.lastError ?? "";
}

/**
 * The tabs: the rows of a list, how to draw one, the searched text, and the tools above the list.
 */
const TABS = {
  invoices: {
    label: "Invoices",
    sources: [known.invoices],
    cells: (row) => [
      [short(row.publicInvoiceId), mood(row.status)],
      [row.description ?? timeText(row.createdAt), usdc(row.amountUsdc)],
    ],
    text: (row) =>
      `${row.publicInvoiceId} ${row.id} ${row.status} ${row.description ?? ""} ${row.wallet ?? ""}`,
    tools: invoiceTools,
    detail: (id) => ask("GET", `invoices/${id}`),
    draw: drawInvoice,
  },
  deliveries: {
    label: "Deliveries",
    sources: [known.deliveries],
    cells: (row) => [
      [`${row.id} · ${row.eventType}${row.variant ? ` · ${row.variant}` : ""}`, mood(row.status)],
      [short(row.publicInvoiceId), deliveryText(row)],
    ],
    text: (row) =>
      `${row.eventId} ${row.eventType} ${row.publicInvoiceId} ${row.status} ${row.lastStatusCode ?? ""}`,
    detail: (id) => ask("GET", `deliveries/${id}`),
    draw: drawDelivery,
  },
  requests: {
    label: "Requests",
    sources: [known.requests],
    cells: (row) => [
      [
        row.operation ?? `${row.method} ${new URL(row.url).pathname}`,
        h(
          "span",
          { class: row.status === null || row.status >= 400 ? "bad" : "good" },
          String(row.status ?? "lost"),
        ),
      ],
      [`${row.method} ${new URL(row.url).pathname}`, timeText(row.at).slice(11)],
    ],
    text: (row) =>
      `${row.operation ?? ""} ${row.method} ${row.url} ${row.status ?? "lost"} ${row.requestId}`,
    detail: (id) => ask("GET", `requests/${id}`),
    draw: drawRequest,
  },
  auth: {
    label: "Auth",
    sources: [known.authSessions, known.authIntents],
    cells: (row) =>
      row.sessionId
        ? [
            [`session ${short(row.sessionId)}`, sessionState(row)],
            [row.subject, timeText(row.createdAt)],
          ]
        : [
            [`intent ${short(row.authIntentId)}`, mood(row.status)],
            [row.wallet ?? "", row.used ? "exchanged" : ""],
          ],
    text: (row) => JSON.stringify(row),
    tools: () => [
      h(
        "div",
        { class: "line" },
        action("New auth intent", async () => select((await post("auth-intents")).authIntentId)),
      ),
    ],
    draw: drawAuth,
  },
  faults: { label: "Faults", plain: drawFaults },
  keys: { label: "Keys", plain: drawKeys },
};

function sessionState(row) {
  if (row.revokedAt !== null) return "revoked";
  return row.expiresAt <= now() ? "expired" : "active";
}

let tab = "invoices";
/** The selected id, by tab. */
const selected = {};
/** The search text, by tab. */
const searched = {};
/** The ids that the list shows, oldest first. */
let shown = [];
let drawn = new Map();

const rowOf = (id) => TABS[tab].sources.map((source) => source.byId.get(id)).find(Boolean);

/** Finds the rows that the list shows. Returns whether any part of the list may have changed. */
function search() {
  const { sources, text } = TABS[tab];
  const wanted = (searched[tab] ?? "").trim().toLowerCase();
  if (wanted === "")
    shown =
      sources.length === 1
        ? sources[0].order
        : sources.toReversed().flatMap((source) => source.order);
  else
    shown = sources
      .toReversed()
      .flatMap((source) =>
        source.order.filter((id) => text(source.byId.get(id)).toLowerCase().includes(wanted)),
      );
}

let planned = false;
function plan() {
  if (planned) return;
  planned = true;
  requestAnimationFrame(() => {
    planned = false;
    drawList();
  });
}

/** Draws the visible rows. Keeps the elements of unchanged rows. */
function drawList() {
  if (TABS[tab].plain) return;
  const count = shown.length;
  rowsBox.style.height = `${count * ROW}px`;
  const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 4);
  const last = Math.min(count, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 4);
  const next = new Map();
  const wanted = new Set(shown.slice(count - last, count - first));
  for (const [id, { element }] of drawn) if (!wanted.has(id)) element.remove();
  for (let at = first; at < last; at += 1) {
    const id = shown[count - 1 - at];
    const row = rowOf(id);
    let own = drawn.get(id);
    if (own?.row !== row) {
      own?.element.remove();
      const [[title, state], [more, end]] = TABS[tab].cells(row);
      const element = h(
        "div",
        { class: "row", role: "option", id: `row-${id}`, "data-id": id, onclick: () => select(id) },
        h("span", {}, title),
        h("span", {}, state),
        h("span", { class: "dim" }, more),
        h("span", { class: "dim" }, String(end)),
      );
      own = { row, element };
    }
    own.element.style.transform = `translateY(${at * ROW}px)`;
    own.element.setAttribute("aria-selected", String(id === selected[tab]));
    own.element.setAttribute("aria-posinset", String(at + 1));
    own.element.setAttribute("aria-setsize", String(count));
    // In visual order, for screen readers.
    const there = rowsBox.children[at - first];
    if (there !== own.element) rowsBox.insertBefore(own.element, there ?? null);
    next.set(id, own);
  }
  drawn = next;
  if (next.has(selected[tab])) list.setAttribute("aria-activedescendant", `row-${selected[tab]}`);
  else list.removeAttribute("aria-activedescendant");
}

list.addEventListener("scroll", plan, { passive: true });
addEventListener("resize", plan);

list.addEventListener("keydown", (event) => {
  const count = shown.length;
  const at = selected[tab] === undefined ? -1 : count - 1 - shown.lastIndexOf(selected[tab]);
  const page = Math.max(1, Math.floor(list.clientHeight / ROW) - 1);
  const to = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + page,
    PageUp: at - page,
    Home: 0,
    End: count - 1,
  }[event.key];
  if (event.key === "Enter") detail.focus();
  if (to === undefined || count === 0) return;
  event.preventDefault();
  const aim = Math.min(count - 1, Math.max(0, to));
  if (aim * ROW < list.scrollTop) list.scrollTop = aim * ROW;
  if ((aim + 1) * ROW > list.scrollTop + list.clientHeight)
    list.scrollTop = (aim + 1) * ROW - list.clientHeight;
  select(shown[count - 1 - aim]);
});

// ── Details ─────────────────────────────────────────────────────────────────────────────────────

let detailText = "";
let asked = 0;
let waiting;

function select(id) {
  selected[tab] = String(id);
  plan();
  showDetail();
}

/** Shows one object in another tab. */
function go(name, id) {
  openTab(name);
  select(id);
}

/** Loads the selected object and draws it, unless it is unchanged. */
async function showDetail() {
  const [own, id] = [tab, selected[tab]];
  const { detail: get, draw } = TABS[own];
  const number = (asked += 1);
  if (!draw || id === undefined) return drawDetail("", []);
  let value;
  try {
    value = get ? await get(encodeURIComponent(id)) : rowOf(id);
  } catch (error) {
    value = undefined;
    if (number === asked) drawDetail("", [h("p", { class: "dim" }, error.message)]);
    return;
  }
  if (number !== asked || value === undefined) return;
  const text = own + JSON.stringify(value);
  if (text !== detailText) drawDetail(text, draw(value));
}

function showDetailSoon() {
  if (waiting !== undefined) return;
  waiting = setTimeout(() => {
    waiting = undefined;
    showDetail();
  }, 30);
}

/** Puts new content into a box. Keeps typed text, opened parts and the focus. */
function redraw(box, children) {
  const keep = new Map(
    [...box.querySelectorAll("[data-k]")].map((element) => [element.dataset.k, element]),
  );
  const focused = box.contains(document.activeElement)
    ? document.activeElement.dataset.k
    : undefined;
  box.replaceChildren(...children.flat(Infinity).filter(Boolean));
  for (const element of box.querySelectorAll("[data-k]")) {
    const old = keep.get(element.dataset.k);
    if (!old) continue;
    if (element.type === "radio" || element.type === "checkbox") element.checked = old.checked;
    else if ("value" in element && element.tagName !== "BUTTON") element.value = old.value;
    if (element.tagName === "DETAILS") element.open = old.open;
  }
  if (focused !== undefined) {
    const again = [...box.querySelectorAll("[data-k]")].find(
      (element) => element.dataset.k === focused,
    );
    (again ?? box).focus();
  }
}

function drawDetail(text, children) {
  detailText = text;
  redraw(detail, children);
}

/** Draws the buttons that pay a target, with the choice of the chain. */
function payBox(target, status) {
  const chain = () => detail.querySelector("input[name=chain]:checked").value;
  const pay = (outcome) => () => post("pay", { target, chain: chain(), outcome });
  const open = status === "OPEN";
  return [
    h("h3", {}, "Pay"),
    h(
      "div",
      { class: "line", role: "radiogroup", "aria-label": "Chain" },
      ["base", "solana"].map((name, at) =>
        h(
          "label",
          {},
          h("input", {
            type: "radio",
            name: "chain",
            value: name,
            checked: at === 0,
            "data-k": `chain-${name}`,
          }),
          name,
        ),
      ),
    ),
    h(
      "div",
      { class: "line", role: "group", "aria-label": "Outcome" },
      action("Paid", pay("settle"), { disabled: !open, class: "main" }),
      action("Held", pay("hold"), { disabled: !open }),
      action("Failed", pay("fail"), { disabled: !open }),
      action("Late", pay("late"), { disabled: !open }),
      status === "PAYING" && [
        action("Settle", () => post("settle", { target }), { class: "main" }),
        action("Fail", () => post("fail-payment", { target })),
      ],
    ),
  ];
}

const paymentText = (payment) => `${payment.chain}, ${short(payment.wallet)}`;

function moment(one) {
  const what = one.status
    ? [mood(one.status), one.payment && ` by ${paymentText(one.payment)}`]
    : one.delivery
      ? [
          h(
            "button",
            {
              type: "button",
              "data-k": `go-${one.delivery}-${one.at}`,
              onclick: () => go("deliveries", one.delivery),
            },
            `delivery ${one.delivery}`,
          ),
          ` ${one.eventType}: `,
          h(
            "span",
            { class: one.statusCode >= 200 && one.statusCode < 300 ? "good" : "bad" },
            String(one.statusCode ?? one.error ?? "under way"),
          ),
        ]
      : one.settles
        ? [h("span", { class: "wait" }, "settles late"), ` by ${paymentText(one.settles)}`]
        : [h("span", { class: "bad" }, "settled unmatched"), ` by ${paymentText(one.unmatched)}`];
  return h("li", {}, time(one.at), " ", what);
}

function drawInvoice(invoice) {
  const { payment } = invoice;
  return [
    h("h2", {}, invoice.publicInvoiceId),
    facts(
      ["status", mood(invoice.status)],
      ["amount", usdc(invoice.amountUsdc)],
      ["description", invoice.description],
      ["id", invoice.id],
      ["expires", time(invoice.expiresAt)],
      ["paid by", payment && `${payment.wallet} on ${payment.chain}`],
      ["transaction", payment?.transaction],
    ),
    payBox(invoice.publicInvoiceId, invoice.status),
    h(
      "div",
      { class: "line" },
      action("Cancel", () => post("cancel", { target: invoice.publicInvoiceId }), {
        disabled: invoice.status !== "OPEN",
      }),
    ),
    h("h3", {}, "Timeline"),
    h("ol", { id: "timeline" }, invoice.timeline.map(moment)),
    h(
      "details",
      { "data-k": "public" },
      h("summary", {}, "What agents see"),
      h("pre", { tabindex: "0" }, JSON.stringify(invoice.public, null, 2)),
    ),
  ];
}

const VARIANTS = ["tampered", "stale", "wrong-secret", "header-mismatch", "malformed-json"];

function drawDelivery(delivery) {
  const { eventId } = delivery;
  const send = (options = {}) => post("deliver", { eventId, ...options });
  const url = h("input", {
    type: "url",
    class: "wide",
    placeholder: "http://127.0.0.1:3001/hook",
    "aria-label": "Another URL",
    "data-k": "url",
  });
  return [
    h("h2", {}, `Delivery ${delivery.id}: ${delivery.eventType}`),
    facts(
      ["status", mood(delivery.status)],
      ["event", eventId],
      [
        "invoice",
        h(
          "button",
          {
            type: "button",
            "data-k": "invoice",
            onclick: () => go("invoices", delivery.publicInvoiceId),
          },
          delivery.publicInvoiceId,
        ),
      ],
      ["next attempt", delivery.nextAttemptAt === null ? "none" : time(delivery.nextAttemptAt)],
      ["sent as", delivery.variant],
      ["sent to", delivery.url],
    ),
    h("h3", {}, "Send the event again"),
    h(
      "div",
      { class: "line" },
      action("Send again", () => send(), { class: "main" }),
      VARIANTS.map((variant) => action(variant, () => send({ variant }))),
    ),
    h(
      "div",
      { class: "line" },
      url,
      action("Send to this URL", () => send({ url: url.value.trim() })),
    ),
    h("h3", {}, "Attempts"),
    delivery.attempts
      .map((attempt, at) => {
        const outcome = attempt.statusCode ?? attempt.error ?? "no answer yet";
        const isGood = attempt.statusCode >= 200 && attempt.statusCode < 300;
        return h(
          "article",
          {},
          h(
            "p",
            {},
            `${at + 1}. `,
            time(attempt.at),
            " ",
            h("strong", { class: isGood ? "good" : "bad" }, String(outcome)),
            attempt.faults.length > 0 && ` (${attempt.faults.join(", ")})`,
          ),
          attempt.url && h("p", { class: "dim" }, `POST ${attempt.url}`),
          h(
            "details",
            { "data-k": `attempt-${at}`, open: at === delivery.attempts.length - 1 },
            h("summary", {}, "Messages"),
            message("Sent", attempt.headers, attempt.body ?? (attempt.url ? delivery.body : "")),
            message("Answer", attempt.answerHeaders, attempt.answerBody),
          ),
        );
      })
      .toReversed(),
    delivery.attempts.length === 0 && message("To be sent", [], delivery.body),
  ];
}

function drawRequest(request) {
  const { exchange } = request;
  return [
    h("h2", {}, `${request.method} ${request.url}`),
    facts(
      [
        "answer",
        h(
          "span",
          { class: request.status === null || request.status >= 400 ? "bad" : "good" },
          String(request.status ?? "none: the connection failed"),
        ),
      ],
      ["operation", request.operation],
      ["at", time(request.at)],
      ["request id", request.requestId],
      ["idempotency key", request.idempotencyKey],
    ),
    message("Request", exchange.headers, exchange.body),
    message("Answer", exchange.answerHeaders, exchange.answerBody),
  ];
}

function drawAuth(row) {
  if (row.sessionId) {
    return [
      h("h2", {}, row.sessionId),
      facts(
        ["state", sessionState(row)],
        ["subject", row.subject],
        ["merchant", row.merchantId],
        ["started", time(row.createdAt)],
        ["expires", time(row.expiresAt)],
        ["revoked", row.revokedAt !== null && time(row.revokedAt)],
      ),
      h(
        "div",
        { class: "line" },
        action("Revoke", () => post("revoke-session", { sessionId: row.sessionId }), {
          disabled: row.revokedAt !== null,
        }),
      ),
    ];
  }
  return [
    h("h2", {}, row.authIntentId),
    facts(
      ["status", mood(row.status)],
      ["merchant", row.merchantId],
      ["expires", time(row.expiresAt)],
      ["wallet", row.wallet],
      ["chain", row.chain],
      ["exchanged", row.used ? "yes" : "no"],
    ),
    payBox(row.authIntentId, row.status),
  ];
}

// ── Tools and plain tabs ────────────────────────────────────────────────────────────────────────

function invoiceTools() {
  const amount = h("input", { value: "1", inputmode: "decimal", "data-k": "amount" });
  const text = h("input", { class: "wide", "data-k": "description", maxlength: "500" });
  const create = async () => {
    const description = text.value.trim();
    const { publicInvoiceId } = await post("invoices", {
      amountUsdc: atomic(amount.value),
      ...(description && { description }),
    });
    select(publicInvoiceId);
  };
  const press = (event) =>
    event.key === "Enter" && event.currentTarget.closest(".line").querySelector("button").click();
  for (const input of [amount, text]) input.addEventListener("keydown", press);
  return [
    h(
      "div",
      { class: "line" },
      h("label", {}, "USDC", amount),
      h("label", {}, "description", text),
      action("New invoice", create, { class: "main" }),
    ),
  ];
}

/** The options of each fault, by its name: `n` is a number, `t` is a text. */
const FAULTS = {
  "lose-answer": { operation: "t" },
  "lose-request": { operation: "t" },
  error: { operation: "t", status: "n", code: "t" },
  "rate-limit": { operation: "t", retryAfter: "t" },
  replace: { operation: "t", status: "n", body: "t" },
  "malformed-json": { operation: "t" },
  delay: { operation: "t", delayMs: "n" },
  "slow-body": { operation: "t", chunkBytes: "n", intervalMs: "n" },
  "payment-fail": {},
  "payment-late": { delayMs: "n", answer: "t" },
  "payment-lose-answer": {},
  "webhook-duplicate": { copies: "n" },
  "webhook-reorder": { events: "n" },
  "webhook-delay": { delayMs: "n" },
  "webhook-lose": {},
  "webhook-lose-answer": {},
  "webhook-tamper": {},
  "webhook-stale": { seconds: "n" },
  "webhook-wrong-secret": {},
  "webhook-header-mismatch": {},
  "webhook-malformed-json": {},
};

function drawFaults() {
  const fields = h("span", { class: "line" });
  const drawFields = () =>
    fields.replaceChildren(
      ...Object.keys(FAULTS[which.value]).map((name) =>
        h("label", {}, name, h("input", { name, "data-k": `fault-${name}` })),
      ),
    );
  const which = h(
    "select",
    { "aria-label": "Fault", "data-k": "fault", onchange: drawFields },
    Object.keys(FAULTS).map((name) => h("option", { value: name }, name)),
  );
  which.value = plain.querySelector('[data-k="fault"]')?.value ?? "error";
  drawFields();
  const times = h("input", { value: "1", "data-k": "times", title: "a whole number, or always" });
  const add = () => {
    const body = {
      fault: which.value,
      times: times.value.trim() === "always" ? "always" : Number(times.value),
    };
    for (const { name, value } of fields.querySelectorAll("input")) {
      if (value.trim() !== "")
        body[name] = FAULTS[which.value][name] === "n" ? Number(value) : value;
    }
    return post("faults", body);
  };
  return [
    h(
      "div",
      { class: "line" },
      which,
      h("label", {}, "times", times),
      fields,
      action("Add fault", add, { class: "main" }),
    ),
    h("h3", {}, "Active"),
    rest.faults.length === 0 && h("p", { class: "dim" }, "none"),
    rest.faults.map(({ id, fault, times: left, ...more }) =>
      h(
        "article",
        { "data-fault": fault },
        h("strong", {}, fault),
        ` × ${left} `,
        h("code", {}, JSON.stringify(more)),
        " ",
        action("End", () => ask("DELETE", `faults?id=${id}`), {
          "data-k": `end-${id}`,
          "aria-label": `End fault ${id}, ${fault}`,
        }),
      ),
    ),
    rest.faults.length > 1 && action("End all", () => ask("DELETE", "faults")),
    rest.unmatchedPayments > 0 &&
      h(
        "p",
        { class: "wait" },
        `${rest.unmatchedPayments} payments settled when nobody awaited them any more`,
      ),
  ];
}

function drawKeys() {
  return [
    h("h3", {}, "Signing keys (JWK Set)"),
    h(
      "ul",
      {},
      rest.keys.map(({ kid, signs }) => h("li", {}, kid, signs && " · signs")),
    ),
    h(
      "div",
      { class: "line" },
      action("Rotate signing key", () => post("keys/rotate")),
      action("Drop old keys", () => post("keys/drop-old")),
    ),
    h("h3", {}, "Merchants"),
    rest.merchants.map(({ id, name, webhookUrl, signingSecrets }) => {
      const url = h("input", {
        type: "url",
        class: "wide",
        value: webhookUrl ?? "",
        "aria-label": `Webhook URL of ${name}`,
        "data-k": `url-${id}`,
      });
      const own = secrets?.find((one) => one.merchantId === id);
      return h(
        "article",
        {},
        h("strong", {}, name),
        h("p", { class: "dim" }, id),
        h(
          "div",
          { class: "line" },
          h("label", {}, "webhooks go to", url),
          action(
            "Set",
            () =>
              post("webhook-url", {
                merchantId: id,
                ...(url.value.trim() && { url: url.value.trim() }),
              }),
            { "data-k": `set-${id}` },
          ),
        ),
        h("p", {}, `${signingSecrets} webhook secret${signingSecrets === 1 ? "" : "s"} sign`),
        own &&
          facts(
            ["merchant key", h("code", {}, own.merchantApiKey)],
            ...own.webhookSecrets.map((secret, at) => [
              at === 0 ? "secret" : "old secret",
              h("code", {}, secret),
            ]),
          ),
        h(
          "div",
          { class: "line" },
          action(
            "Rotate secret",
            () =>
              post("webhook-secret/rotate", { merchantId: id }).then(() => (secrets = undefined)),
            { "data-k": `rotate-${id}` },
          ),
          action(
            "Drop old secrets",
            () =>
              post("webhook-secret/drop-old", { merchantId: id }).then(() => (secrets = undefined)),
            { "data-k": `drop-${id}` },
          ),
        ),
      );
    }),
    h(
      "div",
      { class: "line" },
      secrets
        ? action("Hide keys and secrets", () => {
            secrets = undefined;
            drawPlain();
          })
        : action("Show keys and secrets", async () => {
            ({ merchants: secrets } = await ask("GET", "secrets"));
            drawPlain();
          }),
    ),
  ];
}

function drawPlain() {
  const { plain: draw } = TABS[tab];
  plain.hidden = !draw;
  if (draw) redraw(plain, draw());
}

function openTab(name) {
  tab = name;
  for (const button of tabsBox.children) {
    const isOwn = button.dataset.tab === name;
    button.setAttribute("aria-selected", String(isOwn));
    button.tabIndex = isOwn ? 0 : -1;
  }
  const { label, plain: isPlain, tools: own } = TABS[name];
  find("panel").setAttribute("aria-label", label);
  list.setAttribute("aria-label", label);
  list.hidden = tools.hidden = Boolean(isPlain);
  for (const { element } of drawn.values()) element.remove();
  drawn = new Map();
  if (isPlain) shown = [];
  else {
    const box = h("input", {
      type: "search",
      class: "wide",
      placeholder: "Search",
      "aria-label": `Search ${label}`,
      value: searched[name] ?? "",
      oninput: () => {
        searched[name] = box.value;
        search();
        list.scrollTop = 0;
        plan();
      },
    });
    tools.replaceChildren(
      ...(own?.() ?? []),
      h("div", { class: "line" }, box, h("span", { class: "dim", id: "count" })),
    );
    search();
    list.scrollTop = 0;
  }
  plan();
  drawPlain();
  drawCounts();
  detailText = "";
  showDetail();
}

function drawCounts() {
  const counts = {
    invoices: known.invoices.order.length,
    deliveries: known.deliveries.order.length,
    requests: known.requests.order.length,
    auth: known.authIntents.order.length + known.authSessions.order.length,
    faults: rest.faults.length,
  };
  for (const button of tabsBox.children) {
    const { tab: name } = button.dataset;
    const text = counts[name] ? `${TABS[name].label} (${counts[name]})` : TABS[name].label;
    if (button.textContent !== text) button.textContent = text;
  }
}

function drawClock() {
  const shownTime = h("time", { id: "now" });
  const minutes = h("input", {
    value: "15",
    inputmode: "decimal",
    "aria-label": "Minutes",
    size: "4",
    "data-k": "minutes",
  });
  const advance = () => {
    const ms = Number(minutes.value) * 60_000;
    if (!(ms > 0)) throw new Error("the clock goes forward by a number of minutes, such as 15");
    return post("clock", { advanceMs: ms });
  };
  redraw(clockBox, [
    shownTime,
    rest.frozen
      ? action("Resume", () => post("clock", { frozen: false }), { "data-k": "freeze" })
      : action("Freeze", () => post("clock", { frozen: true }), { "data-k": "freeze" }),
    minutes,
    action("Advance minutes", advance),
  ]);
  tick();
}

function tick() {
  const element = find("now");
  const text = `${timeText(now())} UTC`;
  if (element && element.textContent !== text) element.textContent = text;
}

// ── Live updates ────────────────────────────────────────────────────────────────────────────────

/** The changes that arrive before the overview. */
let early;

async function begin() {
  const own = (early = []);
  const overview = await ask("GET", "overview");
  if (own !== early) return;
  for (const rows of Object.values(known)) rows.clear();
  take(overview, true);
  early = undefined;
  for (const changes of own) take(changes);
  linkLine.textContent = "live";
  linkLine.className = "";
}

function take(changes, isWhole = false) {
  const isElse = takeRest(changes);
  let added = 0;
  for (const [name, rows] of Object.entries(known)) {
    const more = rows.take(changes[name]);
    if (!isWhole && TABS[tab].sources?.includes(rows)) added += more;
  }
  const { requests } = known;
  for (const id of requests.order.splice(0, Math.max(0, requests.order.length - MAX_REQUESTS)))
    requests.byId.delete(id);
  const before = shown.length;
  if (!TABS[tab].plain && (searched[tab] || TABS[tab].sources.length > 1 || isWhole)) search();
  // Keep the scroll position of somebody who reads further down.
  if (added > 0 && list.scrollTop > 0)
    list.scrollTop += (searched[tab] ? shown.length - before : added) * ROW;
  plan();
  drawCounts();
  if (isElse || isWhole) {
    drawPlain();
    drawClock();
  }
  if (isWhole || concerns(changes)) showDetailSoon();
}

/** Returns whether changes affect the object in the details. */
function concerns(changes) {
  const id = selected[tab];
  if (id === undefined) return false;
  const { sources = [] } = TABS[tab];
  const isOwn = Object.entries(known).some(
    ([name, rows]) =>
      sources.includes(rows) && changes[name]?.some((row) => String(row[rows.key]) === id),
  );
  return (
    isOwn ||
    (tab === "invoices" && Boolean(changes.deliveries?.some((row) => row.publicInvoiceId === id)))
  );
}

const lost = () => {
  linkLine.textContent = "not connected: is the local Gwop running?";
  linkLine.className = "off";
};

function listen() {
  const source = new EventSource("/_sim/stream");
  const again = () => {
    lost();
    source.close();
    setTimeout(listen, 1_000);
  };
  source.onmessage = ({ data }) => {
    const changes = JSON.parse(data);
    if (changes.begin || changes.reset) begin().catch(again);
    else if (early) early.push(changes);
    else take(changes);
  };
  source.onerror = () => {
    // Browsers do not reconnect after a response that is not a stream.
    if (source.readyState === EventSource.CLOSED) again();
    else lost();
  };
}

for (const [name, { label }] of Object.entries(TABS)) {
  tabsBox.append(
    h(
      "button",
      {
        type: "button",
        role: "tab",
        "data-tab": name,
        "aria-controls": "panel",
        onclick: () => openTab(name),
      },
      label,
    ),
  );
}
tabsBox.addEventListener("keydown", (event) => {
  const all = [...tabsBox.children];
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
  openTab(next.dataset.tab);
  next.focus();
});

// An action that cannot be undone needs a second press.
let sure;
const reset = find("reset");
reset.addEventListener("click", async () => {
  if (!sure) {
    reset.textContent = "Reset everything?";
    sure = setTimeout(() => {
      sure = undefined;
      reset.textContent = "Reset";
    }, 4_000);
    return;
  }
  clearTimeout(sure);
  sure = undefined;
  reset.textContent = "Reset";
  await post("reset").catch((error) => say(error.message));
});

setInterval(tick, 250);
openTab("invoices");
drawClock();
listen();
