// The part of NestJS that the adapter uses. NestJS is a large optional peer, not installed here.
declare module "@nestjs/common" {
  export class HttpException extends Error {
    constructor(response: object, status: number);
  }
}
