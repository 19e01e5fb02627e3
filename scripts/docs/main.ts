// npm run docs: the reference of every public name, by typedoc, in docs/. A loss's page has its formula, its curve and its options
// beside what its comment says. The gallery is the front page, and the reference is in docs/reference/; the links are checked.
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import katex from "katex";
import { LinkChecker, LinkState } from "linkinator";
import { Application, Comment, type CommentDisplayPart, CommentTag, Converter, type DeclarationReflection, OptionDefaults, ReflectionKind, Renderer } from "typedoc";
import { type Case, loadCases } from "../../bench/cases.js";
import { buildGallery } from "../../gallery/build.js";
import { seeded } from "../../test/support/draw.js";
import { curve } from "./curve.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { out } = new Command("npm run docs --")
  .description("Builds the reference documentation and checks its links.")
  .option("--out <folder>", "where it goes", join(root, "docs"))
  .parse()
  .opts<{ out: string }>();

const cases = new Map((await loadCases()).map((one) => [one.name, one]));

/** What users import, by the file that it is made from. */
const ENTRIES: Readonly<Record<string, string>> = {
  "ts/index.ts": "fused-loss",
  "ts/threads/pool.ts": "fused-loss/threads",
  "ts/sampling/index.ts": "fused-loss/sampling",
  "ts/testing/index.ts": "fused-loss/testing",
  "ts/interop/tfjs.ts": "fused-loss/tfjs",
  "ts/interop/jax.ts": "fused-loss/jax",
};
/** As typedoc names a file. */
const moduleOf = (file: string) => file.replace(/^ts\/|(\/index)?\.ts$/g, "");
const modules = new Map(Object.entries(ENTRIES).map(([file, entry]) => [moduleOf(file), entry]));

const app = await Application.bootstrap({
  name: "fused-loss",
  entryPoints: Object.keys(ENTRIES).map((file) => join(root, file)),
  tsconfig: join(root, "tsconfig.json"),
  readme: join(root, "README.md"),
  customCss: join(root, "scripts/docs/docs.css"),
  disableGit: true,
  disableSources: true,
  blockTags: [...OptionDefaults.blockTags, "@formula"],
  requiredToBeDocumented: ["Variable", "Function", "Class", "Interface", "TypeAlias"],
  // Types that only signatures are written with have no pages.
  validation: { notExported: false, invalidLink: true, notDocumented: true },
  treatValidationWarningsAsErrors: true,
  groupOrder: ["Losses", "Functions of arrays", "Functions", "Classes", "*"],
  sort: ["alphabetical"],
});

const text = (content: string): CommentDisplayPart => ({ kind: "text", text: content });

/** How it is called, and its options: the interface of its own as a table, and where those of every loss are. */
function usage({ name }: DeclarationReflection, one: Case, interfaces: readonly DeclarationReflection[]): CommentDisplayPart[] {
  const shape = one.shapes.at(-1) ?? [];
  const given = Object.keys("wrt" in one ? one.sample(seeded(1), shape, {}).args : one.sample(seeded(1), shape)).join(", ");
  const calls = [`${name}(${given}, options)`, "wrt" in one ? `${name}.valueAndGrad(${given}, options)` : `${name}.vjp(${given}, gradOutput, options)`];
  const own = interfaces.find((each) => each.name.toLowerCase() === `${name}options`.toLowerCase());
  const rows = (own?.children ?? []).flatMap((option) => [text(`| \`${option.name}\` | `), ...(option.comment?.summary ?? []).map((part) => ({ ...part, text: part.text.replaceAll("\n", " ") })), text(" |\n")]);
  const link = (target: string): CommentDisplayPart => ({ kind: "inline-tag", tag: "@link", text: target, target: interfaces.find((each) => each.name === target) as DeclarationReflection });
  return [
    text(`\n\n#### Calls\n\n${calls.map((call) => `- \`${call}\``).join("\n")}\n\n#### Options\n\n`),
    ...(rows.length > 0 ? [text("| option | meaning |\n|---|---|\n"), ...rows, text("\n")] : []),
    ...("wrt" in one ? [text("Those of every loss: "), link("LossOptions"), text(", and with gradients "), link("GradOptions"), text(".\n")] : [text("`out`: where the result goes.\n")]),
  ];
}

app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
  for (const module of project.getReflectionsByKind(ReflectionKind.Module)) module.name = modules.get(module.name) ?? module.name;
  // As HTML: typedoc would take a link of Markdown for a file of the repository.
  project.readme?.unshift(text('<p><a href="../index.html">The gallery</a>: curves, stories and a benchmark, in your browser.</p>\n\n'));
  const interfaces = project.getReflectionsByKind(ReflectionKind.Interface) as DeclarationReflection[];
  for (const reflection of project.getReflectionsByKind(ReflectionKind.Variable | ReflectionKind.Class) as DeclarationReflection[]) {
    const one = cases.get(reflection.name);
    const { comment } = reflection;
    const formula = comment?.getTag("@formula");
    if (one && !formula) throw new Error(`${reflection.name} has no @formula.`);
    if (!comment || !formula) continue;
    comment.removeTags("@formula");
    const drawn = katex.renderToString(Comment.combineDisplayParts(formula.content).trim(), { displayMode: true, throwOnError: true });
    comment.summary = [text(`${drawn}\n\n${one ? curve(one) : ""}\n\n`), ...comment.summary, ...(one ? usage(reflection, one, interfaces) : [])];
    if (one) comment.blockTags.push(new CommentTag("@group", [text("wrt" in one ? "Losses" : "Functions of arrays")]));
  }
});

const project = await app.convert();
if (!project) process.exit(1);
app.validate(project);
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1);
const pages: Record<string, string> = {};
app.renderer.on(Renderer.EVENT_END, ({ project: { children = [] } }) => {
  for (const reflection of children.flatMap((module) => module.children ?? [])) {
    if (cases.has(reflection.name)) pages[reflection.name] = `reference/${app.renderer.router?.getFullUrl(reflection) ?? ""}`;
  }
});
// Apart first: building the gallery empties its folder, and wants to know the pages of the reference.
const reference = mkdtempSync(join(tmpdir(), "fused-loss-reference-"));
await app.generateDocs(project, reference);

// Formulas are text; their fonts come along.
const fonts = dirname(createRequire(import.meta.url).resolve("katex/dist/katex.min.css"));
cpSync(join(fonts, "katex.min.css"), join(reference, "assets/katex.min.css"));
cpSync(join(fonts, "fonts"), join(reference, "assets/fonts"), { recursive: true });

await buildGallery({ out, reference: { home: "reference/index.html", pages } });
cpSync(reference, join(out, "reference"), { recursive: true });
rmSync(reference, { recursive: true });

const checker = new LinkChecker();
const { links } = await checker.check({ path: out, recurse: true, checkFragments: true, linksToSkip: (link) => Promise.resolve(!/^(localhost|127\.0\.0\.1)$/.test(new URL(link).hostname)) });
// Behind `#/` are pages that the gallery makes itself: that its own page is there is told apart.
const broken = links.filter(({ state, url, status }) => state === LinkState.BROKEN && !(status === 200 && /#\//.test(url)));
for (const { url, parent } of broken) console.error(`broken link: ${url} in ${parent}`);
console.log(`${links.length} links, ${broken.length} broken`);
process.exit(broken.length > 0 ? 1 : 0);
