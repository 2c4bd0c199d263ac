// What is used of the runtimes, so that checking the types needs none of them.
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
