import { resolve } from "node:path";

export default {
  mode: "production",
  target: "node",
  entry: "./print.js",
  output: { path: resolve("out/rspack") },
  devtool: false,
};
