// By the usual `transformIgnorePatterns`, packages are not transformed.
module.exports = process.env.ESM ? {} : { presets: [["@babel/preset-env", { targets: { node: "current" } }]] };
