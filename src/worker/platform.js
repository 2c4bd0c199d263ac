/**
 * What the Worker asks of the platform, one call from the wasm instead of several: each call, and each string that goes with it, costs about
 * as much as what it asks for. No decision is made here.
 */

/** A promise and the functions that settle it. Engines make this one faster than what `Promise.withResolvers` gives. */
class Deferred {
  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

/** What settles the promise of the future that is being polled, or was last. */
let polled;

export const deferred = () => (polled = new Deferred());

export function settle(deferred, fulfilled, value) {
  if (fulfilled) deferred.resolve(value);
  else deferred.reject(value);
}

/**
 * What is thrown in `then` would only reject a promise that nobody has: in a microtask it reaches worker-build's `error` listener, which
 * writes a trap into the log and instantiates the wasm anew.
 */
function report(error) {
  queueMicrotask(() => {
    throw error;
  });
}

/** Tells `settled` what a promise becomes. */
export function listen(promise, number, settled) {
  const waiting = polled;
  const tell = (fulfilled, value) => {
    polled = waiting;
    try {
      settled(number, fulfilled, value);
    } catch (error) {
      report(error);
      // After a trap the wasm that knew the future is gone: nobody else would answer.
      waiting?.reject(error);
    }
  };
  promise.then(
    (value) => tell(true, value),
    (reason) => tell(false, reason),
  );
}

/** Method, URL and the headers of these names, one per line, of which none of them can hold more. */
export function head(request, names) {
  const { method, url, headers } = request;
  let text = `${method}\n${url}`;
  for (const name of names) text += `\n${headers.get(name) ?? ""}`;
  return text;
}

/** Method and URL, with a space between. */
export const target = ({ method, url }) => `${method} ${url}`;

export const header = ({ headers }, name) => headers.get(name) ?? undefined;

export const bytes = (buffer) => new Uint8Array(buffer);

export const property = (object, name) => object[name];

/** A `Response` with a copy of these headers and the request's id. */
export function response(status, body, headers, requestId) {
  const response = new Response(body, { status, headers });
  response.headers.set("x-request-id", requestId);
  return response;
}

/** An answer of status 200 with one header and no body. */
export const marked = (name, value) => new Response(null, { headers: { [name]: value } });

/** Asks the Durable Object of a name: with a body by `POST`, without one by `GET`. `undefined` where the binding is none of Durable Objects. */
export function ask(env, binding, name, url, body) {
  const namespace = env[binding];
  if (namespace?.constructor?.name !== "DurableObjectNamespace") return undefined;
  const object = namespace.getByName(name);
  return body === undefined ? object.fetch(url) : object.fetch(url, { method: "POST", body });
}

/** A statement's bindings, of a JSON array. */
const valuesOf = (bindings) => (bindings === undefined ? [] : JSON.parse(bindings));

/** Runs a statement; the bindings come as a JSON array, if there are any. All rows as JSON text, `undefined` where there are none. */
export function rows(sql, statement, bindings) {
  const rows = sql.exec(statement, ...valuesOf(bindings)).toArray();
  return rows.length > 0 ? JSON.stringify(rows) : undefined;
}

/** As `rows`, of a statement that has none; a text may follow as its last binding, so that a long one need not become JSON. */
export function run(sql, statement, bindings, text) {
  const values = valuesOf(bindings);
  if (text !== undefined) values.push(text);
  sql.exec(statement, ...values);
}

/** As `rows`, but only whether there are any, with one binding. */
export const exists = (sql, statement, binding) => sql.exec(statement, binding).toArray().length > 0;

export const transaction = (storage, work) =>
  storage.transaction(() => {
    try {
      return work();
    } catch (error) {
      report(error);
      throw error;
    }
  });

export const setAlarm = (storage, milliseconds) => storage.setAlarm(milliseconds);

export const getAlarm = (storage) => storage.getAlarm();

export const deleteAll = (storage) => storage.deleteAll();
