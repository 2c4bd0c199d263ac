const { default: adapter } = await import(`@sveltejs/adapter-${process.env.ADAPTER}`);
const options = process.env.ADAPTER === "vercel" ? { runtime: "nodejs22.x" } : {};

export default { kit: { adapter: adapter(options), csrf: { trustedOrigins: ["*"] } } };
