// Debian's Chromium and Firefox, and a server of pages for them.
import { spawnSync } from "node:child_process";
import { type Browser, launch } from "puppeteer-core";
import { createServer, preview } from "vite";

const BROWSERS = {
  chromium: { package: "chromium", path: "/usr/bin/chromium" },
  firefox: { package: "firefox-esr", path: "/usr/bin/firefox-esr" },
} as const;
export type BrowserName = keyof typeof BROWSERS;

// As root Chromium has no sandbox; the rest keeps it from calling home.
const CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** Installs a package of Debian where that can be done, and says what to do where it cannot. */
function need({ package: name, path }: { readonly package: string; readonly path: string }) {
  const isThere = () => spawnSync(path, ["--version"]).status === 0;
  if (isThere()) return;
  if (process.getuid?.() === 0 && spawnSync("apt-get", ["--version"]).status === 0) {
    for (const args of [["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", name]]) {
      spawnSync("apt-get", args, { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
    }
    if (isThere()) return;
  }
  throw new Error(`There is no ${path}: install it (on Debian \`apt-get install ${name}\`).`);
}

export async function start(name: BrowserName): Promise<Browser> {
  need(BROWSERS[name]);
  const executablePath = BROWSERS[name].path;
  if (name === "firefox") return launch({ browser: "firefox", executablePath, headless: true });
  return launch({ executablePath, headless: true, args: CHROMIUM_FLAGS });
}

/** What a page leaves in `globalThis.outcome`, once it does. A complaint on its console is an error, unless it may complain. */
export async function outcomeOf(browser: Browser, url: string, { mayComplain = false } = {}): Promise<unknown> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  try {
    await page.goto(url);
    await page.waitForFunction("globalThis.outcome !== undefined", { timeout: 90_000, polling: 100 });
    const outcome = await page.evaluate("globalThis.outcome");
    if (complaints.length > 0 && !mayComplain) throw new Error(complaints.join("\n"));
    return outcome;
  } catch (cause) {
    throw new Error([`${url}: ${String(cause)}`, ...complaints].join("\n"), { cause });
  } finally {
    await page.close();
  }
}

export interface Served {
  readonly url: string;
  close(): Promise<void>;
}

// What a page must be served with to share memory between threads.
const ISOLATED = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** Serves a folder, with more headers if they are given: its files as they are, or by Vite's development server. */
export async function serve(root: string, kind: "files" | "development", more: Readonly<Record<string, string>> = {}): Promise<Served> {
  const options = { host: "127.0.0.1", port: 0, headers: { ...ISOLATED, ...more } };
  const config = { root, configFile: false, logLevel: "error", appType: "mpa" } as const;
  if (kind === "files") {
    const server = await preview({ ...config, build: { outDir: "." }, preview: options });
    return { url: server.resolvedUrls?.local[0] ?? "", close: () => server.close() };
  }
  const server = await createServer({ ...config, server: options });
  await server.listen();
  return { url: server.resolvedUrls?.local[0] ?? "", close: () => server.close() };
}
