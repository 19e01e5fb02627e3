// npm run gallery: builds the gallery and serves it.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError } from "commander";
import { preview } from "vite";
import { buildGallery } from "./build.js";

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65535) throw new InvalidArgumentError("It must be an integer from 0 to 65535.");
  return value;
}

const command = new Command("npm run gallery --")
  .description("Builds the gallery, a static site that runs the engine in the browser, and serves it.")
  .option("--port <number>", "the port; another one if it is taken", port, 4173)
  .option("--host <address>", "the address to listen at", "127.0.0.1")
  .option("--out <folder>", "build into this folder, new, empty or of an earlier build, and serve nothing")
  .parse();
const options = command.opts<{ port: number; host: string; out?: string }>();

const out = options.out ?? fileURLToPath(new URL("../target/gallery", import.meta.url));
await buildGallery({ out }).catch((error: Error) => command.error(`error: ${error.message}`));
if (options.out !== undefined) {
  console.log(`The gallery is in ${join(out, "index.html")}; any server of files can serve it.`);
} else {
  // An isolated page has finer clocks, for This machine.
  const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
  const server = await preview({ configFile: false, root: out, build: { outDir: "." }, preview: { port: options.port, host: options.host, headers }, logLevel: "error" });
  console.log(`The gallery: ${server.resolvedUrls?.local[0] ?? ""}\nCtrl+C ends it.`);
}
