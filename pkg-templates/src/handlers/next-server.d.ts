// What is used of Next.js: it is a large optional peer, and not installed to build this package.
declare module "next/server.js" {
  export const NextResponse: { next(init: { request: { headers: Headers } }): Response };
}
