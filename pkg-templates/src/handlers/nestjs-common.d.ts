// What is used of NestJS: it is a large optional peer, and not installed to build this package.
declare module "@nestjs/common" {
  export class HttpException extends Error {
    constructor(response: object, status: number);
  }
}
