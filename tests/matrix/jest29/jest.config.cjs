// `js` by babel-jest, `ts` by ts-jest; the ES modules as they are.
const typescript = { tsconfig: { module: "commonjs", moduleResolution: "node10", target: "es2022", strict: true, esModuleInterop: true, types: ["jest"] } };
module.exports = process.env.ESM
  ? { transform: {}, testMatch: ["**/shop.test.js"] }
  : { transform: { "\\.js$": "babel-jest", "\\.ts$": ["ts-jest", typescript] } };
