// Behind the proxy: what it says is what the route may trust.
export const dynamic = "force-dynamic";
export const GET = (request) => new Response(request.headers.get("x-gwop-subject"));
