// A Redis to work with: that of REDIS_URL, or one of our own on the loopback device, with its own port and folder.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Redis } from "ioredis";
import { needProgram } from "../debian.ts";

export interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** Throws where there is no server, which clients would wait for without end. */
async function connect(url: string) {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: null }).on("error", () => undefined);
  try {
    await client.connect();
  } catch (cause) {
    throw new Error(`There is no Redis at ${url}.`, { cause });
  } finally {
    client.disconnect();
  }
}

/** Starts a server, or takes the one that REDIS_URL names. */
export async function startRedis(): Promise<Server> {
  const given = process.env.REDIS_URL;
  if (given) {
    await connect(given);
    return { url: given, stop: () => Promise.resolve() };
  }
  needProgram("redis-server", ", or set REDIS_URL");
  const folder = mkdtempSync(join(tmpdir(), "fused-loss-redis-"));
  const port = await freePort();
  // Nothing is kept on disk: what a run leaves is worth nothing without its processes.
  const options = { port, bind: "127.0.0.1", dir: folder, save: "", appendonly: "no" };
  const server = spawn("redis-server", Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]), { stdio: "ignore" });
  const kill = () => void server.kill();
  process.once("exit", kill);
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const url = `redis://127.0.0.1:${port}`;
  const stop = async () => {
    kill();
    await ended;
    process.off("exit", kill);
    rmSync(folder, { recursive: true, force: true });
  };
  for (let tries = 0; ; tries++) {
    try {
      await connect(url);
      return { url, stop };
    } catch (error) {
      if (server.exitCode !== null || tries === 100) {
        await stop();
        throw error;
      }
      await setTimeout(50);
    }
  }
}
