// Puts the functions of a WebAssembly module in an order in which similar ones are near each other: deflate looks back no
// further than 32 kB, and most functions are made from one text for other types. wasm-opt moves them, by the names that
// they are given here.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { run } from "./common.mjs";

/** How far back deflate looks. */
const WINDOW = 32768;
/** What functions are compared by: their runs of so many bytes. */
const RUN = 6;
/** A run in more functions than this tells little of them. */
const COMMON = 60;

/** The section of the functions' code. */
const CODE = 10;

/** An unsigned LEB128 number, and where it ends. */
function number(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
  }
}

function leb128(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return [...bytes, value];
}

/** The sections of a module: their number, and where their contents lie. */
function* sections(bytes) {
  for (let at = 8; at < bytes.length; ) {
    const [size, start] = number(bytes, at + 1);
    yield { id: bytes[at], start, end: start + size };
    at = start + size;
  }
}

/** The functions' code. */
function bodies(bytes) {
  const { start } = [...sections(bytes)].find(({ id }) => id === CODE);
  let [count, at] = number(bytes, start);
  return Array.from({ length: count }, () => {
    const [size, from] = number(bytes, at);
    at = from + size;
    return bytes.subarray(from, at);
  });
}

/** An order of the functions, each with those before it that have most in common with it. */
function similar(functions) {
  const n = functions.length;
  const having = new Map();
  const runs = functions.map((body, k) => {
    const own = new Set();
    for (let i = 0; i + RUN <= body.length; i++) own.add(String.fromCharCode(...body.subarray(i, i + RUN)));
    for (const run of own) {
      if (!having.has(run)) having.set(run, []);
      having.get(run).push(k);
    }
    return own.size;
  });
  const shared = new Uint32Array(n * n);
  for (const ks of having.values()) {
    if (ks.length <= COMMON) for (const a of ks) for (const b of ks) shared[a * n + b]++;
  }
  const left = new Set(functions.keys());
  const largest = () => [...left].reduce((a, b) => (functions[b].length > functions[a].length ? b : a));
  const order = [];
  while (left.size > 0) {
    const recent = [];
    for (let k = order.length - 1, size = 0; k >= 0 && size < WINDOW; size += functions[order[k--]].length) recent.push(order[k]);
    let [next, most] = [undefined, 0.05];
    for (const k of left) {
      const likeness = recent.reduce((best, r) => Math.max(best, shared[r * n + k]), 0) / Math.max(runs[k], 1);
      if (likeness > most) [next, most] = [k, likeness];
    }
    next ??= largest();
    order.push(next);
    left.delete(next);
  }
  return order;
}

/** How many functions are imported, which come first in the count. */
function imported(bytes) {
  const module = new globalThis.WebAssembly.Module(bytes);
  return globalThis.WebAssembly.Module.imports(module).filter(({ kind }) => kind === "function").length;
}

/** Puts the functions of the module in this file in order. Throws what wasm-opt says if it fails. */
export function order(path) {
  const bytes = readFileSync(path);
  const first = imported(bytes);
  const places = similar(bodies(bytes)).map((k, place) => [k + first, `f${String(place).padStart(5, "0")}`]);
  // The custom section of names, with those of functions alone, in the order of their numbers.
  const names = places.sort(([a], [b]) => a - b).flatMap(([k, name]) => [...leb128(k), ...leb128(name.length), ...Buffer.from(name)]);
  const map = [...leb128(places.length), ...names];
  const contents = [...leb128(4), ...Buffer.from("name"), 1, ...leb128(map.length), ...map];
  const named = `${path}.named`;
  writeFileSync(named, Buffer.concat([bytes, Buffer.from([0, ...leb128(contents.length), ...contents])]));
  const { status, output } = run("wasm-opt", ["--reorder-functions-by-name", named, "-o", path], { capture: true });
  rmSync(named);
  if (status !== 0) throw new Error(`wasm-opt could not order the functions of ${path}: ${output}`);
}
