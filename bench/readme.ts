// The README's parts that commands write.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(new URL("../README.md", import.meta.url));

/** Where a part lies: between its marks, `<!-- name -->` and `<!-- /name -->`. */
function find(name: string) {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const text = readFileSync(file, "utf8");
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
  if (from < begin.length || to < from) throw new Error(`README.md has no ${begin.trim()} … ${end}`);
  return { text, from, to };
}

/** The lines of a part. */
export function readPart(name: string): string[] {
  const { text, from, to } = find(name);
  return text.slice(from, to).split("\n").slice(0, -1);
}

export function replacePart(name: string, lines: readonly string[]) {
  const { text, from, to } = find(name);
  writeFileSync(file, `${text.slice(0, from)}${lines.join("\n")}\n${text.slice(to)}`);
}
