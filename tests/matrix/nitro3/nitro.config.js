export default { serverDir: "./", compatibilityDate: "2025-07-15", cloudflare: { nodeCompat: true, deployConfig: true } };
