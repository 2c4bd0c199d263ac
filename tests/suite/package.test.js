import { assert, test } from "./harness.js";
import { Gwop } from "@gwop/sdk";

test("the test server answers on loopback", async ({ serverURL }) => {
  const answer = await (await fetch(`${serverURL}/echo?x=1`, { method: "POST", headers: { "x-a": "b" }, body: "hi" })).json();
  assert(answer.url === "/echo?x=1" && answer.headers["x-a"] === "b" && answer.body === "hi");
});
test("new Gwop() works right after import", () => {
  assert(new Gwop().hi() === "hello Gwop");
});
