// The parts of the runtimes that the store uses, so that the type check needs no runtime's types.
declare module "node:sqlite" {
  export class DatabaseSync {
    constructor(file: string);
    exec(sql: string): void;
    prepare(sql: string): {
      all(...parameters: unknown[]): unknown[];
      get(...parameters: unknown[]): unknown;
      run(...parameters: unknown[]): unknown;
    };
  }
}
declare module "bun:sqlite" {
  export class Database {
    constructor(file: string);
    exec(sql: string): void;
    prepare(sql: string): {
      all(...parameters: unknown[]): unknown[];
      get(...parameters: unknown[]): unknown;
      run(...parameters: unknown[]): unknown;
    };
  }
}
declare const process: { env: Record<string, string | undefined> };
declare const Bun: {
  serve(options: {
    fetch(request: Request): Response | Promise<Response>;
    port: number;
    hostname: string;
  }): void;
};
