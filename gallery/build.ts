// Builds the gallery: static files that work in any folder. Its workers are entries beside the page, so that page and workers share
// one copy of the engine.
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import katex from "katex";
import { type Plugin, build } from "vite";
import type { Story } from "../examples/stories/story.js";
import { LOSSES } from "./losses.js";
import type { Documented } from "virtual:gallery";

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string };
const STORIES = join(root, "examples/stories/index.ts");
const DATA = join(root, "examples/stories/data");

/** The reference that the gallery lies beside. */
export interface Reference {
  readonly home: string;
  /** The page of a loss, by its name. */
  readonly pages: Readonly<Record<string, string>>;
}

export interface Site {
  /** The folder to build into: a new or empty one, or one of an earlier build, which is emptied. */
  readonly out: string;
  readonly reference?: Reference;
  /** The module of the stories, and the folder of their data. */
  readonly stories?: string;
  readonly data?: string;
}

/** As mathematics, without the fonts and styles of KaTeX and without its copy of the source. */
const mathml = (formula: string) =>
  /<math[^]*<\/math>/.exec(katex.renderToString(formula, { displayMode: true, throwOnError: true, output: "mathml" }))?.[0].replace(/<annotation[^]*<\/annotation>/, "") ?? "";

const plain = (comment: string) => comment.replace(/^\s*\*+ ?/gm, "").replace(/\{@link (\w+)\}/g, "$1").replaceAll("`", "").replace(/\s+/g, " ").trim();

/** What the comments of a loss say. */
function documented(name: string, page?: string): Documented {
  const source = readFileSync(join(root, "ts/losses", `${name}.ts`), "utf8");
  const [, comment = ""] = new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s*export const ${name} =`).exec(source) ?? [];
  const [, formula] = /@formula (.+)/.exec(comment) ?? [];
  const [, title] = /^\s*\* ([^:]+):/.exec(comment) ?? [];
  if (formula === undefined || title === undefined) throw new Error(`${name} has no formula, or no name before it.`);
  const [, body = ""] = /export interface \w+Options [^{]*\{([^]*?)\n\}/.exec(source) ?? [];
  const options = [...body.matchAll(/\/\*\*((?:(?!\*\/)[^])*)\*\/\s*readonly (\w+)\?:/g)].map(([, text = "", option = ""]) => [option, plain(text)] as const);
  return { title: plain(title), formula: mathml(formula), options: Object.fromEntries(options), ...(page !== undefined && { page }) };
}

/** The module `virtual:gallery`. */
const texts = (reference: Reference | undefined): Plugin => ({
  name: "gallery",
  transformIndexHtml: (page) => (reference ? page.replace("</ul>", `<li><a href="${reference.home}">Reference</a></li></ul>`) : page),
  resolveId: (id) => (id === "virtual:gallery" ? `\0${id}` : null),
  load(id) {
    if (id !== "\0virtual:gallery") return null;
    const all = Object.fromEntries(LOSSES.map(({ name }) => [name, documented(name, reference?.pages[name])]));
    return [
      `export const documented = ${JSON.stringify(all)};`,
      `export const version = ${JSON.stringify(version)};`,
    ].join("\n");
  },
});

/** What the stories read, beside the page; made where it is not there yet, or older than what makes it. */
async function copyData(stories: string, data: string, out: string) {
  const { stories: all } = (await import(/* @vite-ignore */ pathToFileURL(stories).href)) as { readonly stories: readonly Story[] };
  const files = [...new Set(all.flatMap((story) => story.data))];
  if (data === DATA) (await import("../scripts/storyData.js")).makeStoryData();
  mkdirSync(join(out, "data"), { recursive: true });
  for (const file of files) copyFileSync(join(data, file), join(out, "data", file));
}

export async function buildGallery({ out: folder, reference, stories = STORIES, data = DATA }: Site) {
  const out = resolve(folder); // Vite would take it as within gallery/
  if (existsSync(out) && readdirSync(out).length > 0 && !existsSync(join(out, "machineWorker.js"))) throw new Error(`${out} holds something else than a gallery`);
  const here = (file: string) => join(root, "gallery", file);
  await build({
    root: here(""),
    base: "./",
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    plugins: [texts(reference)],
    resolve: { alias: [{ find: /^.*\/examples\/stories\/index\.js$/, replacement: stories }] },
    build: {
      outDir: out,
      emptyOutDir: true,
      target: "es2022",
      // A worker has no document to preload with.
      modulePreload: false,
      // The engines carry their WebAssembly.
      chunkSizeWarningLimit: 500,
      reportCompressedSize: false,
      rolldownOptions: {
        input: { index: here("index.html"), storyWorker: here("storyWorker.ts"), machineWorker: here("machineWorker.ts") },
        output: { entryFileNames: ({ name }) => (name.endsWith("Worker") ? "[name].js" : "assets/[name]-[hash].js") },
      },
    },
  });
  await copyData(stories, data, out);
}
