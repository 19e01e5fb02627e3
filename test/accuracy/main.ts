// npm run accuracy: errors of every loss and function on adversarial rows, beside PyTorch's. Writes the record that `npm test`
// holds them to, and the README's tables.
import { writeFileSync } from "node:fs";
import { replacePart } from "../../bench/readme.js";
import { allRows } from "./losses.js";
import { type Entry, entriesOf, readmePart, recordFile } from "./report.js";

const record: Record<string, readonly Entry[]> = {};
for (const rows of allRows()) {
  const entries = (record[rows.loss] = entriesOf(rows, { many: true }));
  for (const { title, part, ours, torch } of entries) console.log(`${rows.loss.padEnd(26)}${title.padEnd(10)}${part.padEnd(9)}${String(ours).padStart(9)} ULP${torch === undefined ? "" : `, PyTorch ${torch}`}`);
}
const lines = Object.entries(record).map(([loss, entries]) => ` ${JSON.stringify(loss)}: [\n${entries.map((entry) => `  ${JSON.stringify(entry)}`).join(",\n")}\n ]`);
writeFileSync(recordFile, `{\n${lines.join(",\n")}\n}\n`);
replacePart("accuracy:losses", readmePart(record));
