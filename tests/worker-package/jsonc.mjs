// JSON with comments, as merchants write it: additions are there, and nothing else has changed.
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

import { WORKSHOP } from "./lib.mjs";
import { suite } from "../runners/checks.mjs";
import { random } from "../worker/lib/helpers.mjs";

suite("jsonc", async ({ test }) => {
  const { parse, contentOf, withValue } = await import(
    pathToFileURL(join(WORKSHOP, "node_modules/@gwop/worker/cli/jsonc.js"))
  );
  const read = (text) => contentOf(parse(text));

  test("comments, commas at an end and escapes are read as wrangler reads them", () => {
    const text =
      '\ufeff// one {\r\n{ /* } */ "a": [1, -2.5e3, true, null,], // ]\r\n  "b\\u0020\\"": "// no comment", "c": {},\r\n}\n// end';
    assert.deepEqual(read(text), { a: [1, -2500, true, null], 'b "': "// no comment", c: {} });
    for (const [broken, expected] of [
      ['{ "a" 1 }', /: is expected/],
      ["{ a: 1 }", /a name in double quotes/],
      ["[1 2]", /, or \] is expected/],
      ["{} x", /the end is expected/],
      ["", /a value/],
      ['{\n"a": "x', /line 2: a value/],
      ["[,]", /a value/],
    ]) {
      assert.throws(() => parse(broken), expected, broken);
    }
  });

  test("into texts of any shape: every other value and every comment stays", () => {
    const { next, below, pick } = random(23);
    const space = () => pick(["", " ", "\n", "\n  ", " /* } ] , */ ", '// " { [ ,\n', "\r\n\t"]);
    const scalars = ["1", "true", "null", '"x"', '"a // b"', '"\\"}"'];
    const write = (depth) => {
      if (depth === 0 || next() < 0.3) return pick(scalars);
      const count = below(4);
      const isList = next() < 0.5;
      const items = Array.from(
        { length: count },
        (_, at) =>
          `${space()}${isList ? "" : `"k${at}"${space()}:${space()}`}${write(depth - 1)}${space()}`,
      );
      const end = count > 0 && next() < 0.3 ? `,${space()}` : "";
      return `${isList ? "[" : "{"}${items.join(",")}${end}${space()}${isList ? "]" : "}"}`;
    };
    for (let time = 0; time < 5_000; time += 1) {
      const text = `${space()}{${space()}"list"${space()}:${space()}[${next() < 0.5 ? `${write(2)}${space()}` : space()}]${space()},${space()}"deep": { "x": ${write(3)}${pick(["", ",", ` , ${space()}`])} }${pick(["", ",", " ,// c\n"])}${space()}}${space()}`;
      const before = read(text);
      const comments = text.match(/\/\*[\s\S]*?\*\/|\/\/[^\n"]*$/gm) ?? [];
      for (const [path, value, isItem, change] of [
        [["list"], { name: "new" }, true, (all) => all.list.push({ name: "new" })],
        [["deep", "added", "here"], [1], false, (all) => (all.deep.added = { here: [1] })],
        [["deep", "items"], "one", true, (all) => (all.deep.items = ["one"])],
        [["top"], { a: 1 }, false, (all) => (all.top = { a: 1 })],
      ]) {
        const after = withValue(text, path, value, isItem);
        const expected = structuredClone(before);
        change(expected);
        assert.deepEqual(
          read(after),
          expected,
          `${JSON.stringify(text)}\n${JSON.stringify(after)}`,
        );
        for (const comment of comments) assert.ok(after.includes(comment));
      }
    }
  });
});
