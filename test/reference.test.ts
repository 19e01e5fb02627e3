// npm run docs: a page for every loss and function, with its formula, its curve, its options, errors and source; no broken link.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { functionCases, lossCases } from "./support/cases.js";

const out = mkdtempSync(join(tmpdir(), "fused-loss-docs-"));
let printed = "";

beforeAll(async () => {
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  printed = (await promisify(execFile)(process.execPath, ["--import", "tsx", "scripts/docs/main.ts", "--out", out], { cwd })).stdout;
}, 120_000);
afterAll(() => rmSync(out, { recursive: true, force: true }));

it("has no broken link", () => {
  expect(printed).toMatch(/^[1-9]\d{2,} links, 0 broken$/m);
});

it.each([...lossCases, ...functionCases].map(({ name }) => name))("%s", (name) => {
  const page = readFileSync(join(out, "reference/variables", `fused-loss.${name}.html`), "utf8");
  expect(page).toContain('class="katex-display"');
  const curve = /<div class="curve">.*?<\/div>/s.exec(page)?.[0] ?? "";
  // Two panels, each with a line of many points.
  expect(curve.match(/<svg/g)).toHaveLength(2);
  expect(curve.match(/<path[^>]* d="M[^"]{200,}"/g)?.length).toBeGreaterThanOrEqual(2);
  for (const heading of ["Calls", "Options", "Throws", "Example"]) expect(page, heading).toContain(`>${heading}<`);
  expect(page).toMatch(/Source: /);
  expect(page).toContain(`${name}(`);
});

it("has the gallery as its front page, which leads to the reference and back", () => {
  expect(readFileSync(join(out, "index.html"), "utf8")).toContain('<a href="reference/index.html">Reference</a>');
  expect(readFileSync(join(out, "reference/index.html"), "utf8")).toContain('<a href="../index.html">The gallery</a>');
  expect(existsSync(join(out, "storyWorker.js"))).toBe(true);
});

it("brings the fonts of its formulas", () => {
  expect(existsSync(join(out, "reference/assets/fonts/KaTeX_Main-Regular.woff2"))).toBe(true);
});
