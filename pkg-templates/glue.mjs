// Makes what wasm-bindgen wrote small: the glue's repeated steps become helpers, and the names by which the wasm and its glue know
// each other become short on both sides. wasm-bindgen is pinned, so each rewrite knows the text exactly; where one does not fit
// any more, the build fails.
import { readFileSync, writeFileSync } from "node:fs";

/** Helpers that replace wasm-bindgen's own of the same names, or what it repeats; each before those that it calls. */
const HELPERS = {
  // A string of Rust's, or none.
  takeString: `function takeString([ptr, len]) {
    if (!ptr) return;
    const text = getStringFromWasm0(ptr, len);
    wasm.__wbindgen_free(ptr, len, 1);
    return text;
}`,
  takeValue: `function takeValue(ret) {
    raise(ret[2], ret[1]);
    return takeFromExternrefTable0(ret[0]);
}`,
  raise: `function raise(failed, idx) {
    if (failed) throw takeFromExternrefTable0(idx);
}`,
  // Runtimes without it leak what nobody freed.
  finalization: `function finalization(free) {
    return typeof FinalizationRegistry === "undefined" ? { register() {}, unregister() {} } : new FinalizationRegistry(free);
}`,
  passArray8ToWasm0: `function passArray8ToWasm0(arg) {
    const ptr = wasm.__wbindgen_malloc(arg.length, 1) >>> 0;
    getUint8ArrayMemory0().set(arg, ptr);
    WASM_VECTOR_LEN = arg.length;
    return ptr;
}`,
  // As wasm-bindgen has it: ASCII byte by byte, which is faster than `encodeInto` for texts as short as these.
  passStringToWasm0: `function passStringToWasm0(arg) {
    let len = arg.length;
    let ptr = wasm.__wbindgen_malloc(len, 1) >>> 0;
    const mem = getUint8ArrayMemory0();
    let offset = 0;
    for (; offset < len; offset++) {
        const code = arg.charCodeAt(offset);
        if (code > 0x7F) break;
        mem[ptr + offset] = code;
    }
    if (offset !== len) {
        if (offset !== 0) arg = arg.slice(offset);
        ptr = wasm.__wbindgen_realloc(ptr, len, len = offset + arg.length * 3, 1) >>> 0;
        const view = getUint8ArrayMemory0().subarray(ptr + offset, ptr + len);
        offset += cachedTextEncoder.encodeInto(arg, view).written;
        ptr = wasm.__wbindgen_realloc(ptr, len, offset, 1) >>> 0;
    }
    WASM_VECTOR_LEN = offset;
    return ptr;
}`,
  // Safari's decoder throws for good once it has decoded 2 GiB; the wasm's text is always UTF-8, so nothing else throws.
  getStringFromWasm0: `function getStringFromWasm0(ptr, len) {
    const bytes = getArrayU8FromWasm0(ptr, len);
    try {
        return cachedTextDecoder.decode(bytes);
    } catch {
        return (cachedTextDecoder = newTextDecoder()).decode(bytes);
    }
}`,
  getArrayU8FromWasm0: `function getArrayU8FromWasm0(ptr, len) {
    ptr >>>= 0;
    return getUint8ArrayMemory0().subarray(ptr, ptr + len);
}`,
  // The first call, which decodes nothing, is wasm-bindgen's, for Safari too.
  newTextDecoder: `function newTextDecoder() {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
    decoder.decode();
    return decoder;
}`,
  handleError: `function handleError(f) {
    try {
        return f();
    } catch (e) {
        wasm.__wbindgen_exn_store(addToExternrefTable0(e));
    }
}`,
};


/** What is rewritten: `[what to find, what replaces it]`. */
const REWRITES = [
  [/^\s*\/\*\*[^]*?\*\/\n/gm, ""],
  // Nobody disposes of the classes, which are not the package's own API.
  [/^if \(Symbol\.dispose\) .*\n/gm, ""],
  [
    /^const (\w+) = \(typeof FinalizationRegistry === 'undefined'\)\s*\? .*\s*: new FinalizationRegistry\((.*)\);/gm,
    "const $1 = /* @__PURE__ */ finalization($2);",
  ],
  [
    /let deferred\w+_0;\s*let deferred\w+_1;\s*try {([^]*?)(?:deferred\w+_[01] = [^;]+;\s*){2}return getStringFromWasm0\([^;]*\);\s*} finally {\s*wasm\.__wbindgen_free\([^;]*;\s*}/g,
    (_, body) =>
      `${body.replace(/var ptr\d+ = ret\[0\];\s*var len\d+ = ret\[1\];\s*if \(ret\[3\]\) {[^}]*}/, "raise(ret[3], ret[2]);")}return takeString(ret);`,
  ],
  [
    /let (v\d+);\s*if \(ret\[0\] !== 0\) {\s*\1 = getStringFromWasm0\(ret\[0\], ret\[1\]\);\s*wasm\.__wbindgen_free\(.*\);\s*}\s*return \1;/g,
    "return takeString(ret);",
  ],
  [/if \(ret\[2\]\) {\s*throw takeFromExternrefTable0\(ret\[1\]\);\s*}\s*return takeFromExternrefTable0\(ret\[0\]\);/g, "return takeValue(ret);"],
  [/if \(ret\[(\d)\]\) {\s*throw takeFromExternrefTable0\(ret\[(\d)\]\);\s*}/g, "raise(ret[$1], ret[$2]);"],
  [/, wasm\.__wbindgen_malloc(?:, wasm\.__wbindgen_realloc)?\)/g, ")"],
  [/\(\) { return handleError\(function (\(.*\)) {\n([^]*?)\n}, arguments\); }/g, "$1 { return handleError(() => {\n$2\n}); }"],
  [/^if \(!\('encodeInto' in cachedTextEncoder\)\) {[^]*?\n}\n/m, ""],
  // What is not called has no effect, so that a bundler can leave it out.
  [/^const cachedTextEncoder = new/m, "const cachedTextEncoder = /* @__PURE__ */ new"],
  [/^let cachedTextDecoder = [^]*?function decodeText[^]*?\n}\n/m, "let cachedTextDecoder = /* @__PURE__ */ newTextDecoder();\n"],
];

/** The glue with its repetitions taken out. */
function condense(glue) {
  for (const [find, replacement] of REWRITES) glue = glue.replace(find, replacement);
  // A pointer is computed where it is passed, from left to right, and its length read right after it.
  for (let match; (match = /(?:const|var) ptr(\d+) = (.+);\s*(?:const|var) len\1 = WASM_VECTOR_LEN;\s*/.exec(glue)); ) {
    const [text, number, pass] = match;
    const rest = glue.slice(match.index + text.length).replace(`ptr${number}, len${number}`, () => `${pass}, WASM_VECTOR_LEN`);
    glue = glue.slice(0, match.index) + rest;
  }
  for (const [name, helper] of Object.entries(HELPERS)) {
    glue = glue.replace(new RegExp(`^function ${name}\\([^]*?^}\n`, "m"), "");
    if (glue.includes(`${name}(`)) glue += `${helper}\n`;
  }
  const left = /\b(deferred\w*|finally|ptr\d|len\d|arguments|decodeText|MAX_SAFARI\w*|Symbol\.dispose|__wbindgen_malloc, )/.exec(glue);
  if (left) throw new Error(`the glue still has ${left[0]}: wasm-bindgen writes another text than glue.mjs knows`);
  return glue;
}

/** Short names, the shortest first: a, b, … z, A, … Z, aa, … */
function* shortNames() {
  const letters = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];
  yield* letters;
  for (const first of letters) for (const second of letters) yield first + second;
}

/** Renames a wasm's imports and exports by the functions given (WebAssembly's binary format, sections 2 and 7). */
function rename(wasm, renameImport, renameExport) {
  const out = [...wasm.subarray(0, 8)];
  let at = 8;
  const readNumber = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const number = (value) => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...number(value >>> 7)]);
  const readText = () => {
    const length = readNumber();
    at += length;
    return wasm.toString("utf8", at - length, at);
  };
  const text = (value) => [...number(value.length), ...Buffer.from(value)];
  const entries = (entry) => {
    const count = readNumber();
    return [...number(count), ...Array.from({ length: count }, entry).flat()];
  };
  while (at < wasm.length) {
    const section = wasm[at++];
    const size = readNumber();
    const end = at + size;
    let body;
    if (section === 2) {
      body = entries(() => {
        const module = readText();
        const name = renameImport(readText());
        if (wasm[at++] !== 0) throw new Error(`the wasm imports ${name}, which is not a function`);
        return [...text(module), ...text(name), 0, ...number(readNumber())];
      });
    } else if (section === 7) {
      body = entries(() => [...text(renameExport(readText())), wasm[at++], ...number(readNumber())]);
    } else {
      body = wasm.subarray(at, end);
    }
    at = end;
    out.push(section, ...number(body.length));
    for (const byte of body) out.push(byte);
  }
  return Buffer.from(out);
}

/** What loads the module knows these exports by name. */
const KNOWN = new Set(["memory", "__wbindgen_start"]);

/**
 * Rewrites `NAME.wasm` and `NAME_bg.js` in place. The glue exports each import under its short name, for runtimes that load a wasm
 * as an ES module, and all of them as `imports`, so that a bundler can leave out what a program does not call. Until it has an
 * instance, whatever it calls throws `unloaded`.
 */
export function shrink(wasmFile, glueFile, unloaded) {
  let glue = condense(readFileSync(glueFile, "utf8"));
  const proxy = `/* @__PURE__ */ new Proxy({}, { get() { throw new Error(${JSON.stringify(unloaded)}); } })`;
  glue = glue.replace(/^let wasm;$/m, () => `let wasm = ${proxy};`);
  if (!glue.includes(proxy)) throw new Error("the glue has no `let wasm;`: wasm-bindgen writes another text than glue.mjs knows");
  const short = { imports: new Map(), exports: new Map() };
  const shorten = (map) => {
    const names = shortNames();
    return (name) => {
      if (!KNOWN.has(name)) map.set(name, names.next().value);
      return map.get(name) ?? name;
    };
  };
  const wasm = rename(readFileSync(wasmFile), shorten(short.imports), shorten(short.exports));
  glue = glue.replace(/\bwasm\.(\w+)/g, (_, name) => {
    if (!short.exports.has(name) && !KNOWN.has(name)) throw new Error(`the glue calls ${name}, which ${wasmFile} does not export`);
    return `wasm.${short.exports.get(name) ?? name}`;
  });
  // Imports of several types with the same text are one function.
  const byText = new Map();
  const pairs = [...short.imports].map(([name, to]) => {
    const [whole, text] = new RegExp(`^export function ${name}(\\([^]*?^}|.* }$)\n`, "m").exec(glue) ?? [];
    if (!whole) throw new Error(`${wasmFile} imports ${name}, which the glue does not export`);
    const same = byText.get(text);
    byText.set(text, same ?? name);
    glue = glue.replace(whole, () => (same ? "" : whole.replace("export ", "")));
    return [same ?? name, to];
  });
  glue += `export { ${pairs.map(([name, to]) => `${name} as ${to}`).join(", ")} };\n`;
  glue += `export const imports = { ${pairs.map(([name, to]) => `${to}: ${name}`).join(", ")} };\n`;
  writeFileSync(wasmFile, wasm);
  writeFileSync(glueFile, glue);
}
