// By the usual `transformIgnorePatterns`, packages are not transformed.
module.exports = { presets: [["@babel/preset-env", { targets: { node: "current" } }]] };
