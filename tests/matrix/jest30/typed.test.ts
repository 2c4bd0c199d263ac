import { Gwop } from "@gwop/sdk";
import { isGwopError, SDKValidationError } from "@gwop/sdk/errors";

test("TypeScript compiled to CommonJS", async () => {
  const gwop = new Gwop({ webhookSecret: "whsec_of_a_test_project" });
  const error: unknown = await gwop
    .validateWebhook({ request: { body: "{}", headers: {} } })
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SDKValidationError);
  expect(isGwopError(error)).toBe(false);
});
