// Debian's Chromium and Firefox, and a server of pages for them.
import { type Browser, type Page, launch } from "puppeteer-core";
import { createServer, preview } from "vite";
import { needProgram } from "../../examples/debian.js";

const BROWSERS = { chromium: "chromium", firefox: "firefox-esr" } as const;
type BrowserName = keyof typeof BROWSERS;
export const BROWSER_NAMES = Object.keys(BROWSERS) as readonly BrowserName[];

// As root Chromium has no sandbox; the rest keeps it from calling home.
const CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

async function start(name: BrowserName): Promise<Browser> {
  needProgram(BROWSERS[name]);
  const executablePath = `/usr/bin/${BROWSERS[name]}`;
  if (name === "firefox") return launch({ browser: "firefox", executablePath, headless: true });
  return launch({ executablePath, headless: true, args: CHROMIUM_FLAGS });
}

// What a page must be served with to share memory between threads.
const ISOLATED = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** How a folder is served, and what its page may do. */
export interface Visit {
  /** By Vite's development server, in place of the files as they are. */
  readonly development?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly mayComplain?: boolean;
}

async function serve(root: string, { development = false, headers = {} }: Visit) {
  const options = { host: "127.0.0.1", port: 0, headers: { ...ISOLATED, ...headers } };
  const config = { root, configFile: false, logLevel: "error", appType: "mpa" } as const;
  if (development) return (await createServer({ ...config, server: options })).listen();
  return preview({ ...config, build: { outDir: "." }, preview: options });
}

/** Opens a page in a browser for `use`, which is given the address of a folder's. A complaint on its console is an error, unless it may complain. */
export async function browse<T>(name: BrowserName, root: string, how: Visit, use: (page: Page, url: string) => Promise<T>): Promise<T> {
  const server = await serve(root, how);
  const url = server.resolvedUrls?.local[0] ?? "";
  const complaints: string[] = [];
  let browser: Browser | undefined;
  try {
    browser = await start(name);
    const page = await browser.newPage();
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    const result = await use(page, url);
    if (complaints.length > 0 && !how.mayComplain) throw new Error(complaints.join("\n"));
    return result;
  } catch (cause) {
    throw new Error([`${url}: ${String(cause)}`, ...complaints].join("\n"), { cause });
  } finally {
    await browser?.close();
    await server.close();
  }
}

/** Opens the page of a folder in a browser; what it leaves in `globalThis.outcome`, once it does. */
export const visit = (name: BrowserName, root: string, how: Visit): Promise<unknown> =>
  browse(name, root, how, async (page, url) => {
    await page.goto(url);
    await page.waitForFunction("globalThis.outcome !== undefined", { timeout: 90_000, polling: 100 });
    return page.evaluate("globalThis.outcome");
  });
