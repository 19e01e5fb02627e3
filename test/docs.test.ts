// Every fenced ts example of README.md and of the documentation comments, type-checked and run. A trailing comment that
// states a result (`// 5/3`, `// [0.5, 0.880797]`, `// Float32Array(6)`) must be what the expression before it gives.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";
import * as lib from "fused-loss";
import * as sampling from "fused-loss/sampling";
import * as testing from "fused-loss/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

interface Example {
  /** Where it stands: file and line of its first line of code. */
  readonly file: string;
  readonly line: number;
  readonly code: string;
}

/** The fenced examples of a Markdown text; `line` is that of the text's first line. */
function fences(file: string, text: string, line: number): Example[] {
  const found: Example[] = [];
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const open = /^(\s*)(`{3,})(\w*)(.*)$/.exec(lines[i] ?? "");
    if (!open) continue;
    const [, , ticks = "", language = ""] = open;
    const start = i + 1;
    while (++i < lines.length && lines[i]?.trim() !== ticks);
    if (["ts", "typescript", "js", "javascript"].includes(language)) {
      found.push({ file, line: line + start, code: lines.slice(start, i).join("\n") });
    }
  }
  return found;
}

/** The documentation comments of a source file, without their stars, line by line. */
function comments(file: string): Example[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(/\/\*\*[\s\S]*?\*\//g)].flatMap(({ 0: comment, index }) => {
    const line = text.slice(0, index).split("\n").length;
    return fences(file, comment.replace(/^[ \t]*\*(?!\/) ?/gm, ""), line);
  });
}

const sources = (readdirSync(join(root, "ts"), { recursive: true }) as string[]).filter((name) => name.endsWith(".ts")).map((name) => join("ts", name));
const readme = existsSync(join(root, "README.md")) ? fences("README.md", readFileSync(join(root, "README.md"), "utf8"), 1) : [];
const examples = [...readme, ...sources.sort().flatMap(comments)];

// ---------------------------------------------------------------------------------------------------------------------
// What a comment states

interface Stated {
  readonly values: readonly { readonly text: string; readonly value: number; readonly tolerance: number }[];
  readonly list: boolean;
  /** The name of a typed array's class, where it is stated. */
  readonly type: string | undefined;
  /** The number of elements, where only that is stated. */
  readonly length: number | undefined;
}

const LITERAL = String.raw`[-−]?(?:\d[\d_]*\.?\d*(?:e[-−+]?\d+)?|Infinity|∞|NaN)`;

/** A number as digits state it: right when it rounds to them. */
function literal(text: string) {
  const plain = text.replaceAll("−", "-").replaceAll("∞", "Infinity").replaceAll("_", "");
  const value = Number(plain);
  const [, decimals = "", exponent = "0"] = /^-?\d+(?:\.(\d*))?(?:e([-+]?\d+))?$/.exec(plain) ?? [];
  return { text, value, tolerance: 0.5000001 * 10 ** (Number(exponent) - decimals.length) };
}

/** Arithmetic as comments write it: `5/3`, `(1 + e − 3)/2`, `(0.5 + (ln 4 + 1)/2)/2`. */
function formula(text: string): number | undefined {
  const script = text
    .replaceAll("−", "-")
    .replaceAll("·", "*")
    .replaceAll("π", "Math.PI")
    .replace(/\bln (\d+(?:\.\d+)?|\([^()]*\))/g, "Math.log($1)")
    .replace(/\be\b/g, "Math.E");
  if (!/^(?:[\d.+\-*/() ]|Math\.(?:log|E|PI)\b)+$/.test(script) || !/\d|Math/.test(script)) return undefined;
  try {
    // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- numbers and operators only
    const value: unknown = new Function(`"use strict"; return ${script};`)();
    return typeof value === "number" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What a comment states; `undefined` when it is prose. */
function stated(comment: string): Stated | undefined {
  const text = comment.replace(/^(?:→|=>|=|≈)\s*/, "").trim();
  const sized = /^(Float(?:32|64)Array)\((\d+)\)(?:,.*)?$/.exec(text);
  if (sized) return { values: [], list: true, type: sized[1], length: Number(sized[2]) };
  const listed = new RegExp(`^(Float(?:32|64)Array)?\\s*(?:\\(\\d+\\)\\s*)?\\[\\s*(${LITERAL}(?:\\s*,\\s*${LITERAL})*)?\\s*\\]$`).exec(text);
  if (listed) {
    const values = (listed[2] ?? "").split(",").filter((part) => part.trim() !== "").map((part) => literal(part.trim()));
    return { values, list: true, type: listed[1], length: undefined };
  }
  if (new RegExp(`^${LITERAL}$`).test(text)) return { values: [literal(text)], list: false, type: undefined, length: undefined };
  const value = formula(text);
  // A formula means its exact value, but results are float32 as a rule.
  if (value !== undefined) return { values: [{ text, value, tolerance: 2e-6 * Math.max(1, Math.abs(value)) }], list: false, type: undefined, length: undefined };
  return undefined;
}

/** Whether a value is what a comment states; says what is wrong otherwise. */
function disagrees(value: unknown, { values, list, type, length }: Stated): string | undefined {
  const shown = ArrayBuffer.isView(value) ? `${value.constructor.name} [${Array.from(value as Float32Array).join(", ")}]` : String(value);
  const array = ArrayBuffer.isView(value) || Array.isArray(value);
  if (list !== array) return `gives ${shown}`;
  const elements = array ? Array.from(value as Float32Array) : [value];
  if (type !== undefined && (value as object).constructor.name !== type) return `gives a ${(value as object).constructor.name}`;
  if (length !== undefined) return elements.length === length ? undefined : `has ${elements.length} elements`;
  if (elements.length !== values.length) return `gives ${shown}`;
  const right = values.every((one, i) => {
    const element = elements[i];
    return typeof element === "number" && (Object.is(element, one.value) || Math.abs(element - one.value) <= one.tolerance);
  });
  return right ? undefined : `gives ${shown}`;
}

// ---------------------------------------------------------------------------------------------------------------------
// Checking and running

const file = (k: number) => join(folder, `example${k}.ts`);
let folder = "";
let diagnostics: readonly ts.Diagnostic[] = [];

const parse = (code: string) => ts.createSourceFile("example.ts", code, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);

/** Names that a code declares at its top, and names that it imports. */
function declared(code: string): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node) => {
    if ((ts.isVariableDeclaration(node) || ts.isFunctionDeclaration(node) || ts.isParameter(node) || ts.isBindingElement(node) || ts.isImportSpecifier(node) || ts.isNamespaceImport(node) || ts.isImportClause(node)) && node.name && ts.isIdentifier(node.name)) {
      names.add(node.name.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(parse(code));
  return names;
}

/** The names of the package that an example uses without importing them. */
function missing(code: string): string[] {
  const own = declared(code);
  const used = new Set<string>();
  const visit = (node: ts.Node) => {
    const member = ts.isIdentifier(node) && ts.isPropertyAccessExpression(node.parent) && node.parent.name === node;
    if (ts.isIdentifier(node) && !member) used.add(node.text);
    ts.forEachChild(node, visit);
  };
  visit(parse(code));
  return Object.keys(lib).filter((name) => used.has(name) && !own.has(name));
}

/** An example as a module: imports, on its first line, of what it uses; its own lines follow. */
const head = (code: string) => {
  const names = missing(code);
  return names.length > 0 ? `import { ${names.join(", ")} } from "fused-loss"; export {};` : "export {};";
};

interface Statement {
  /** The line in the example, from 0. */
  readonly line: number;
  readonly comment: string;
  readonly stated: Stated;
}

/** The example with every stated expression reported to `__check(k, value)`. */
function instrument(code: string): { script: string; statements: Statement[] } {
  const source = parse(code);
  const statements: Statement[] = [];
  const edits: { at: number; text: string }[] = [];
  for (const node of source.statements) {
    const trailing = ts.getTrailingCommentRanges(code, node.end)?.[0];
    if (!trailing) continue;
    const comment = code.slice(trailing.pos + 2, trailing.end).trim();
    const meaning = stated(comment);
    if (!meaning) {
      // One that looks like a result but cannot be read would go unchecked.
      if (/^(?:[-−(]?\d|\[|Float(?:32|64)Array\b)/.test(comment)) throw new Error(`"${comment}" looks like a result and cannot be read`);
      continue;
    }
    const k = statements.push({ line: source.getLineAndCharacterOfPosition(node.getStart()).line, comment, stated: meaning }) - 1;
    if (ts.isExpressionStatement(node)) {
      // An assignment's value is what is assigned; console.log's is its argument.
      const call = node.expression;
      const logged = ts.isCallExpression(call) && call.expression.getText() === "console.log" ? call.arguments[0] : undefined;
      const target = logged ?? node.expression;
      edits.push({ at: target.getStart(), text: `__check(${k}, ` }, { at: target.end, text: ")" });
    } else if (ts.isVariableStatement(node)) {
      const declaration = node.declarationList.declarations.at(-1);
      if (declaration && ts.isIdentifier(declaration.name)) edits.push({ at: node.end, text: ` __check(${k}, ${declaration.name.text});` });
      else throw new Error(`the comment "${comment}" does not say of what`);
    } else {
      throw new Error(`the comment "${comment}" follows no expression`);
    }
  }
  let script = code;
  for (const { at, text } of edits.sort((a, b) => b.at - a.at)) script = script.slice(0, at) + text + script.slice(at);
  return { script, statements };
}

async function run(k: number, code: string): Promise<string[]> {
  const { script, statements } = instrument(code);
  const results = new Map<number, unknown>();
  const report = `example${k}`;
  (globalThis as Record<string, unknown>)[report] = (at: number, value: unknown) => {
    // Now, as memory may be written later.
    results.set(at, ArrayBuffer.isView(value) ? (value as Float32Array).slice() : value);
    return value;
  };
  const text = `${head(code)} const __check = globalThis.${report};\n${script}`;
  const { outputText } = ts.transpileModule(text, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } });
  const path = join(folder, `${report}.mjs`);
  writeFileSync(path, outputText);
  await import(/* @vite-ignore */ pathToFileURL(path).href);
  return statements.flatMap(({ line, comment, stated: meaning }, at) => {
    const wrong = results.has(at) ? disagrees(results.get(at), meaning) : "was not run";
    return wrong === undefined ? [] : [`line ${line + 1}: // ${comment}: ${wrong}`];
  });
}

beforeAll(() => {
  // Inside the package, so that its own name resolves, where git does not look.
  mkdirSync(join(root, "target"), { recursive: true });
  folder = mkdtempSync(join(root, "target", "docs-"));
  examples.forEach(({ code }, k) => writeFileSync(file(k), `${head(code)}\n${code}\n`));
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), (path) => ts.sys.readFile(path)) as { config: { compilerOptions: object } };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root);
  const program = ts.createProgram(
    examples.map((_, k) => file(k)),
    { ...options, paths: {}, noEmit: true },
  );
  diagnostics = ts.getPreEmitDiagnostics(program);
}, 60_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("examples", () => {
  it("are there: one at least for each function", () => {
    const used = new Set(examples.filter(({ file: from }) => from !== "README.md").flatMap(({ code }) => [...missing(code), ...declared(code)]));
    const functions = Object.entries({ ...lib, ...sampling, ...testing }).filter(([name, value]) => typeof value === "function" && !/^[A-Z]/.test(name) && name !== "reset");
    expect(functions.map(([name]) => name).filter((name) => !used.has(name))).toEqual([]);
  });

  it("README.md has three at least", () => {
    expect(existsSync(join(root, "README.md")), "README.md is missing").toBe(true);
    expect(readme.length).toBeGreaterThanOrEqual(3);
  });

  it.each(examples.map((example, k) => [`${relative(root, join(root, example.file))}:${example.line}`, example, k] as const))("%s", async (title, example, k) => {
    const own = diagnostics.filter((diagnostic) => diagnostic.file && relative(file(k), diagnostic.file.fileName) === "");
    const told = own.map((diagnostic) => {
      const { line } = ts.getLineAndCharacterOfPosition(diagnostic.file as ts.SourceFile, diagnostic.start ?? 0);
      return `${example.file}:${example.line + line - 1}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n")}`;
    });
    expect(told, `${title} does not compile`).toEqual([]);
    const wrong = (await run(k, example.code)).map((text) => text.replace(/^line (\d+)/, (_, n: string) => `${example.file}:${example.line + Number(n) - 1}`));
    expect(wrong, title).toEqual([]);
  });
});

describe("the check itself", () => {
  it("reads what comments state", () => {
    const value = (text: string) => stated(text)?.values.map((one) => one.value);
    expect(value("5/3")).toEqual([5 / 3]);
    expect(value("0.1642520")).toEqual([0.164252]);
    expect(value("[0.1269280, 3.059023e-7]")).toEqual([0.126928, 3.059023e-7]);
    expect(value("(1 + e − 3)/2")).toEqual([(1 + Math.E - 3) / 2]);
    expect(value("(0.5 + (ln 4 + 1)/2)/2")).toEqual([(0.5 + (Math.log(4) + 1) / 2) / 2]);
    expect(value("Float32Array [1, −2]")).toEqual([1, -2]);
    expect(stated("Float32Array(6)")).toMatchObject({ length: 6, type: "Float32Array" });
    expect(stated("in place: gradient over the logits")).toBeUndefined();
    expect(stated("two rows of three classes")).toBeUndefined();
    expect(stated("→ number")).toBeUndefined();
  });

  it("finds a wrong digit, type, length and a wrong kind", () => {
    const check = (result: unknown, comment: string) => disagrees(result, stated(comment) as Stated);
    expect(check(0.1642521, "0.1642521")).toBeUndefined();
    expect(check(0.1642521, "0.164252")).toBeUndefined();
    expect(check(0.1642521, "0.164253")).toBeDefined();
    expect(check(0.25, "0.2")).toBeUndefined();
    expect(check(0.26, "0.2")).toBeDefined();
    expect(check(3.059e-7, "3.06e-7")).toBeUndefined();
    expect(check(3.059e-7, "3.07e-7")).toBeDefined();
    expect(check(1.7, "5/3")).toBeDefined();
    expect(check(Float32Array.of(1, 2), "[1, 2]")).toBeUndefined();
    expect(check(Float64Array.of(1, 2), "Float32Array [1, 2]")).toBeDefined();
    expect(check(Float32Array.of(1), "[1, 2]")).toBeDefined();
    expect(check(new Float32Array(5), "Float32Array(6)")).toBeDefined();
    expect(check(1, "[1]")).toBeDefined();
  });
});
