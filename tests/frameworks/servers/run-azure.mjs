// Serves the example's functions, as Azure's library registers them: `run-azure.mjs`, with the port
// in PORT. Azure's host is a .NET program that is not on npm. Two parts replace it:
// `@azure/functions-core`, which only the host has, and a gateway that matches routes.
import Module from "node:module";
import azure from "@azure/functions";
import { served } from "./function-platform.mjs";

const routes = [];
const core = {
  version: "0.0.0",
  hostVersion: "4.0.0",
  setProgrammingModel() {},
  registerHook: () => ({ dispose() {} }),
  registerFunction({ bindings }, handler) {
    const { route, methods } = Object.values(bindings).find(({ type }) =>
      /httpTrigger/i.test(type),
    );
    routes.push({
      pattern: new RegExp(`^/api/${route.replace(/\{\*\w+\}/, ".*")}$`),
      methods,
      handler,
    });
    return { dispose() {} };
  },
};
const load = Module._load;
Module._load = (name, ...rest) => (name === "@azure/functions-core" ? core : load(name, ...rest));
await import("./examples/azure-functions/src/functions.js");

await served(
  async ({ method, url, headers, body }) => {
    const { pathname } = new URL(url, "http://localhost");
    const found = routes.find(
      ({ pattern, methods }) => pattern.test(pathname) && methods.includes(method),
    );
    if (!found) return { status: 404, headers: {}, body: "" };
    const request = new azure.HttpRequest({
      method,
      url: `http://shop.example${url}`,
      headers,
      ...(body.length > 0 && { body: { bytes: body } }),
    });
    const { status = 200, headers: given = {}, body: text } = await found.handler(request, {});
    return { status, headers: given, body: text };
  },
  [],
  Number(process.env.PORT),
);
