// babel-jest for `js`, ts-jest for `ts`. The ES modules of `esm` are not transformed.
const typescript = {
  tsconfig: {
    module: "commonjs",
    moduleResolution: "node10",
    target: "es2022",
    strict: true,
    esModuleInterop: true,
    types: ["jest"],
  },
};
module.exports = process.env.ESM
  ? { transform: {}, roots: ["esm"] }
  : {
      transform: { "\\.js$": "babel-jest", "\\.ts$": ["ts-jest", typescript] },
      testPathIgnorePatterns: ["/node_modules/", "/esm/"],
    };
