// Which page an address shows: `#/<page>/<path>?<parameters>`.
import { h } from "./dom.js";
import { messageOf } from "./worker.js";

export interface Shown {
  readonly title: string;
  readonly content: HTMLElement;
  /** Ends what the page has running. */
  leave?(): void;
}

export type Page = (path: readonly string[], parameters: URLSearchParams) => Shown;

const FIRST = "curves";
const pages: Readonly<Record<string, () => Promise<Page>>> = {
  curves: async () => (await import("./curves.js")).curves,
  stories: async () => (await import("./stories.js")).stories,
  machine: async () => (await import("./machine.js")).machine,
};

let current: Shown | undefined;
let turn = 0;

/** Shows the page of the address. */
function open(then?: () => void) {
  opened(then).catch((error: unknown) => document.querySelector("main")?.replaceChildren(h("p", { role: "alert", class: "alert" }, `The page cannot be shown: ${messageOf(error)}`)));
}

/** Of pages asked for in a row, the last. */
async function opened(then?: () => void) {
  const [, route = "", query = ""] = /^#?\/?([^?]*)\??(.*)$/.exec(location.hash) ?? [];
  const [name = "", ...path] = route.split("/");
  const found = Object.hasOwn(pages, name) ? name : FIRST;
  const mine = ++turn;
  const page = await pages[found]?.();
  if (mine !== turn || !page) return;
  current?.leave?.();
  current = page(path, new URLSearchParams(query));
  document.title = `${current.title} – fused-loss`;
  for (const link of document.querySelectorAll<HTMLAnchorElement>("nav a")) {
    if (link.hash === `#/${found}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.querySelector("main")?.replaceChildren(current.content);
  then?.();
}

/** Goes to an address; `then` runs once its page is there. */
export function show(hash: string, then?: () => void) {
  history.pushState(null, "", hash);
  open(then);
}

/** Shows the page of the address, and those that it changes to, whose heading gets the focus. */
export function start() {
  open();
  addEventListener("hashchange", () => {
    open(() => {
      const heading = document.querySelector<HTMLElement>("main h1");
      heading?.setAttribute("tabindex", "-1");
      heading?.focus();
      scrollTo(0, 0);
    });
  });
}
