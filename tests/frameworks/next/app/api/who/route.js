// Behind the proxy: returns the headers that the route may trust.
export const dynamic = "force-dynamic";
export const GET = (request) => {
  // Also as CGI would read them: `_` instead of `-`.
  const claims = [...request.headers].filter(
    ([name]) => name.replaceAll("_", "-") === "x-gwop-subject",
  );
  return new Response(claims.map(([, value]) => value).join(" "));
};
