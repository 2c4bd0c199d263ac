// Starts a private Postgres server: a new cluster in a temporary directory, on a free port of
// loopback.
import { execFileSync } from "node:child_process";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, runProgram, started, startProgram } from "../runners/programs.mjs";

/**
 * Starts it. Resolves to its URL and a function that ends it. `bin` is the directory of `initdb`
 * and `postgres`.
 */
export async function startPostgres(bin) {
  const directory = mkdtempSync(join(tmpdir(), "gwop-postgres-"));
  // Postgres refuses to run as root. Then it runs as the user of Debian's package.
  const who = process.getuid() === 0 ? account("postgres") : {};
  if (who.uid) chownSync(directory, who.uid, who.gid);
  const options = { ...who, cwd: directory };
  const data = join(directory, "data");
  const port = await freePort();
  await runProgram(join(bin, "initdb"), ["-D", data, "-U", "gwop", "-A", "trust", "-N"], options);
  const settings = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: directory,
    fsync: "off",
    max_connections: 200,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server = startProgram(join(bin, "postgres"), ["-D", data, ...flags], options);
  await started(() => server.output().includes("ready to accept connections"), server, "Postgres");
  return {
    url: `postgres://gwop@127.0.0.1:${port}/postgres`,
    end() {
      server.end();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function account(name) {
  const id = (flag) => Number(execFileSync("id", [flag, name], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}
