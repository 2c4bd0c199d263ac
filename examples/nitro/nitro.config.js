export default { serverDir: "./", compatibilityDate: "2025-07-15" };
