import { deliver } from "./deliver.js";

test("a webhook is verified", async () => {
  expect(await deliver()).toBe("200 applied, 401");
});
