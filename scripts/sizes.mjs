// Prints what each file of dist/ weighs, as it is and as servers send it.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { root } from "./common.mjs";

const dist = join(root, "dist");
const files = readdirSync(dist).filter((name) => /\.(js|wasm)$/.test(name));
const kB = (bytes) => `${(bytes.length / 1000).toFixed(1)} kB`;
const row = (name, ...columns) => console.log(`  ${name.padEnd(20)}${columns.map((c) => c.padStart(10)).join("")}`);

row("", "raw", "gzip", "brotli");
for (const name of files) {
  const bytes = readFileSync(join(dist, name));
  row(name, kB(bytes), kB(gzipSync(bytes, { level: 9 })), kB(brotliCompressSync(bytes)));
}
