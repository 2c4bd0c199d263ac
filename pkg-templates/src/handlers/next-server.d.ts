// The part of Next.js that the adapter uses. Next.js is a large optional peer, not installed here.
declare module "next/server.js" {
  export const NextResponse: { next(init: { request: { headers: Headers } }): Response };
}
