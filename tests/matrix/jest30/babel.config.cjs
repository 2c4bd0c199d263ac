// The usual `transformIgnorePatterns` exclude packages from the transformation.
module.exports = { presets: [["@babel/preset-env", { targets: { node: "current" } }]] };
