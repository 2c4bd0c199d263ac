// Behind the proxy: what it says is what the route may trust.
export const dynamic = "force-dynamic";
export const GET = (request) => {
  // As CGI would read them: `_` for `-`.
  const claims = [...request.headers].filter(
    ([name]) => name.replaceAll("_", "-") === "x-gwop-subject",
  );
  return new Response(claims.map(([, value]) => value).join(" "));
};
