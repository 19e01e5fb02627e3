// The gallery in browsers: what a visitor sees and does, by mouse and by keyboard.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as library from "fused-loss";
import type { Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildGallery } from "../../gallery/build.js";
import { codeOf, curveOf } from "../../gallery/curve.js";
import { digits } from "../../gallery/dom.js";
import { LOSSES } from "../../gallery/losses.js";
import { BROWSER_NAMES, browse } from "./browsers.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), "fused-loss-gallery-"));
const site = join(folder, "site");
const STORIES = fileURLToPath(new URL("../support/standInStories.ts", import.meta.url));

beforeAll(async () => {
  writeFileSync(join(folder, "numbers.bin"), Uint8Array.of(1, 2, 3));
  const reference = { home: "../index.html", pages: { huber: "../variables/huber.html" } };
  await buildGallery({ out: site, stories: STORIES, data: folder, reference });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const textOf = (page: Page, selector: string) => page.$eval(selector, (element) => element.textContent ?? "");
/** Waits until an element has a text that matches. */
async function waitForText(page: Page, selector: string, pattern: RegExp) {
  const has = (selector: string, source: string) => new RegExp(source).test(document.querySelector(selector)?.textContent ?? "");
  await page.waitForFunction(has, { timeout: 60_000, polling: 50 }, selector, pattern.source);
}

/** Opens the site at an address. */
async function open(page: Page, url: string, hash: string, heading: string) {
  await page.goto("about:blank");
  await page.goto(url + hash);
  await waitForText(page, "h1", new RegExp(heading));
}

/** Goes on to the curve of a loss, and opens its tables. */
async function turnTo(page: Page, loss: string) {
  await page.evaluate((hash) => (location.hash = hash), `#/curves/${loss}`);
  await waitForText(page, "h2", new RegExp(`^${loss}$`));
  await page.waitForFunction(() => document.querySelectorAll("figure canvas").length === 2);
  await page.$$eval("summary", (all) => all.forEach((summary) => summary.click()));
  await page.waitForFunction(() => document.querySelectorAll("details tbody").length === 2);
}

/** What a page must have for those who do not see it, or use no mouse; and no scrolling aside. */
async function problemsOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const problems: string[] = [];
    const say = (what: string, element: Element) => problems.push(`${what}: ${element.outerHTML.slice(0, 120)}`);
    const named = (element: Element) =>
      element.getAttribute("aria-label") ?? (element as HTMLInputElement).labels?.[0]?.textContent ?? (element.matches("button, a, summary") ? element.textContent : null);
    for (const element of document.querySelectorAll("input, select, textarea, button, a, progress, [role=img], [role=region], [role=application], canvas[role]")) if (!named(element)?.trim()) say("no name", element);
    for (const element of document.querySelectorAll("[aria-describedby]")) if (!document.getElementById(element.getAttribute("aria-describedby") ?? "")) say("no description", element);
    const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
    for (const id of ids.filter((id, k) => ids.indexOf(id) !== k)) problems.push(`id twice: ${id}`);
    for (const element of document.querySelectorAll("table")) if (!element.caption || element.querySelector("th:not([scope])")) say("no caption or scope", element);
    if (document.querySelectorAll("h1").length !== 1 || document.querySelectorAll("main").length !== 1) problems.push("not one h1 and one main");
    const levels = [...document.querySelectorAll("h1, h2, h3")].map(({ tagName }) => Number(tagName[1]));
    if (levels.some((level, k) => level > (levels[k - 1] ?? 0) + 1)) problems.push(`levels of headings: ${levels.join()}`);
    if (document.documentElement.lang === "" || document.title === "") problems.push("no language or title");
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) problems.push(`scrolls aside: ${scrollWidth} > ${clientWidth}`);

    // Contrast of texts, by WCAG 2.
    const rgb = (color: string) => (color.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = (color: string) => {
      const [r = 0, g = 0, b = 0] = rgb(color).map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element: Element | null): string => {
      if (!element) return "rgb(255, 255, 255)";
      const { backgroundColor } = getComputedStyle(element);
      return rgb(backgroundColor)[3] === 0 ? behind(element.parentElement) : backgroundColor;
    };
    for (const element of document.querySelectorAll("body *")) {
      const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
      if (!own || element.matches(":disabled, option, optgroup, noscript, math *") || element.closest("[hidden]")) continue;
      const [light = 0, dark = 0] = [luminance(getComputedStyle(element).color), luminance(behind(element))].sort((a, b) => b - a);
      if ((light + 0.05) / (dark + 0.05) < 4.5) say("contrast", element);
    }
    return problems;
  });
}

describe.each(BROWSER_NAMES)("in %s", (browser) => {
  const visit = <T>(use: (page: Page, url: string) => Promise<T>) => browse(browser, site, {}, use);

  it("every loss has its curve: the figures of the package, and the code that gives them", () =>
    visit(async (page, url) => {
      await open(page, url, "", "Curves");
      for (const loss of LOSSES) {
        await turnTo(page, loss.name);
        const [values, gradients] = await page.$$eval("details tbody", (bodies) => bodies.map((body) => [...body.rows].map((row) => [...row.cells].map((cell) => cell.textContent ?? ""))));
        const curve = curveOf(loss, {}, library);
        const places = values?.map((_, k) => Math.round((k * 240) / 24)) ?? [];
        expect(values, loss.name).toEqual(places.map((k) => [curve.x[k], curve.value[k]].map((value) => digits(value ?? NaN))));
        expect(gradients, loss.name).toEqual(places.map((k) => [curve.x[k], ...curve.grads.map(({ data }) => data[k])].map((value) => digits(value ?? NaN))));
        expect(values?.some(([, value]) => value !== "none")).toBe(true);
        expect(await textOf(page, "pre code")).toBe(codeOf(loss, {}));
        expect(await page.$eval(".formula math", (math) => math.getBoundingClientRect().height), loss.name).toBeGreaterThan(10);
      }
    }));

  it("an option moves the curve, the code and the address, and comes back from it", () =>
    visit(async (page, url) => {
      await open(page, url, "#/curves/huber", "Curves");
      const picture = () => page.$eval("figure canvas", (canvas) => (canvas).toDataURL());
      const before = await picture();
      const readout = await textOf(page, ".readout");
      await page.focus("input[type=range][data-key=delta]");
      for (let k = 0; k < 12; k++) await page.keyboard.press("ArrowLeft");
      await waitForText(page, "pre code", /delta: 0.4,/);
      expect(await picture()).not.toBe(before);
      expect(await textOf(page, ".readout")).not.toBe(readout);
      await page.waitForFunction(() => location.hash === "#/curves/huber?delta=0.4");
      await page.reload();
      await waitForText(page, "pre code", /delta: 0.4,/);
      // Where the figures are read, by the keyboard.
      await page.focus("[data-key=probe]");
      await page.keyboard.press("Home");
      await waitForText(page, ".readout", /input = −4: value 1\.52, gradient −0\.4/);
      await page.select("select[data-key=axis]", "target");
      await waitForText(page, "pre code", /wrt: \["target"\]/);
      await page.select("select[data-key=loss]", "crossEntropy");
      await waitForText(page, "h2", /crossEntropy/);
      expect(await page.evaluate(() => (document.activeElement as HTMLElement).dataset.key)).toBe("loss");
      await page.goBack();
      await waitForText(page, "h2", /huber/);
      expect(await page.$eval("section a", (link) => link.getAttribute("href"))).toBe("../variables/huber.html");
    }));

  it("copies the code, or shows it where the clipboard is refused", () =>
    visit(async (page, url) => {
      await open(page, url, "#/curves/mse", "Curves");
      await page.evaluate(() => {
        Object.defineProperty(navigator, "clipboard", { configurable: true, value: { writeText: (text: string) => Promise.resolve(document.body.setAttribute("data-copied", text)) } });
      });
      await page.click(".copy button");
      await waitForText(page, ".copy .told", /Copied/);
      expect(await page.$eval("body", (body) => body.dataset.copied)).toContain('import { mse } from "fused-loss";');
      await page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: { writeText: () => Promise.reject(new Error("refused")) } }));
      await page.click(".copy button");
      await waitForText(page, ".copy .told", /copy the selected text/);
      expect(await page.evaluate(() => (document.activeElement as HTMLTextAreaElement).value)).toContain('import { mse } from "fused-loss";');
    }));

  it("a story starts, pauses, goes on step by step, is chosen in, ends and starts again", () =>
    visit(async (page, url) => {
      const loaded: string[] = [];
      page.on("request", (request) => loaded.push(request.url()));
      await open(page, url, "#/stories", "Stories");
      expect(loaded.some((one) => one.includes("/data/"))).toBe(false);
      await page.click("article a");
      await waitForText(page, "h1", /A stand-in/);
      const [play, step, restart] = await page.$$(".buttons button");
      if (!play || !step || !restart) throw new Error("There are no buttons.");
      await page.select("select", "1 a second");
      await play.click();
      await waitForText(page, ".readout", /Step 1 of 12/);
      await waitForText(page, "table", /bytes read3/);
      await play.click();
      await waitForText(page, "[role=status]", /Paused/);
      const paused = Number(/Step (\d+)/.exec(await textOf(page, ".readout"))?.[1]);
      await step.click();
      await waitForText(page, ".readout", new RegExp(`Step ${paused + 1} of`));
      expect(await page.$$eval("figure canvas", (all) => all.length)).toBe(2 + 4 + 1);
      expect(await page.$eval(".pictures canvas", (canvas) => new Set((canvas).getContext("2d")?.getImageData(0, 0, 8, 8).data).size)).toBe(2);
      // By the keyboard, by its number, and by the mouse.
      await page.focus(".map");
      await page.keyboard.press("ArrowRight");
      await waitForText(page, "figure [role=status]", /Point \d+, of \d; its neighbours are of/);
      const first = await textOf(page, "figure [role=status]");
      await page.keyboard.press("ArrowUp");
      await page.waitForFunction((first) => document.querySelector("figure [role=status]")?.textContent !== first, {}, first);
      await page.click("#chosen-point", { count: 3 });
      await page.keyboard.type("17");
      await page.keyboard.press("Tab");
      await waitForText(page, "figure [role=status]", /^Point 17,/);
      // What is no number of a point is told by the field, and the story goes on.
      await page.click("#chosen-point", { count: 3 });
      await page.keyboard.press("Backspace");
      await page.keyboard.press("Tab");
      expect(await page.$eval("#chosen-point", (field) => (field as HTMLInputElement).validity.valueMissing)).toBe(true);
      expect(await page.$eval("[role=alert]", (alert) => (alert as HTMLElement).hidden)).toBe(true);
      const before = await textOf(page, "figure [role=status]");
      await page.click(".map", { offset: { x: 20, y: 200 } });
      await page.waitForFunction((before) => document.querySelector("figure [role=status]")?.textContent !== before, {}, before);
      await page.select("select", "as fast as it can");
      await play.click();
      await waitForText(page, "[role=status]", /The end\. Step 12 of 12/);
      expect(await play.evaluate((button) => button.textContent)).toBe("Start again");
      // A map can be looked at after the end.
      const atEnd = await textOf(page, "figure [role=status]");
      await page.click(".map", { offset: { x: 200, y: 60 } });
      await page.waitForFunction((before) => document.querySelector("figure [role=status]")?.textContent !== before, {}, atEnd);
      await page.select("select", "1 a second");
      await play.click();
      await waitForText(page, ".readout", /Step 3 of 12/);
      await restart.click();
      await waitForText(page, ".readout", /Step 1 of 12/);
      await open(page, url, "#/stories/broken", "A broken");
      await page.click(".buttons button");
      await waitForText(page, "[role=alert]", /it is broken/);
    }));

  it("measures this machine, stays live meanwhile, and copies what it measured", () =>
    visit(async (page, url) => {
      await open(page, url, "#/machine?loss=mse&time=300", "This machine");
      await page.click("button[type=submit]");
      await waitForText(page, ".told", /Measuring/);
      // The cells take some two seconds.
      const late = await page.evaluate(() => {
        const start = performance.now();
        return new Promise<number>((done) => setTimeout(() => done(performance.now() - start), 50));
      });
      expect(late).toBeLessThan(1000);
      await waitForText(page, ".summary", /SIMD build is .* × as fast as the scalar build.*All answers agree/);
      expect(await page.$$eval(".bars tbody", (all) => all.length)).toBe(3);
      expect(await page.$$eval(".bar", (all) => all.map((bar) => bar.getBoundingClientRect().width > 0))).toEqual(Array(9).fill(true));
      await page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: { writeText: () => Promise.reject(new Error("refused")) } }));
      for (const [k, pattern] of [/geometric means/, /"cells": \[/].entries()) {
        await (await page.$$(".copy button"))[k]?.click();
        await page.waitForFunction(() => document.activeElement?.matches("textarea"));
        const text = await page.evaluate(() => (document.activeElement as HTMLTextAreaElement).value);
        expect(text).toMatch(pattern);
        if (k === 1) expect(JSON.parse(text)).toMatchObject({ isolated: true, cells: Array(6).fill({ title: "mse", dtype: "float32" }) });
      }
      expect(await problemsOf(page)).toEqual([]);
    }));

  it("can be used without a mouse, and without seeing it, in 360 pixels", () =>
    visit(async (page, url) => {
      await page.setViewport({ width: 360, height: 740 });
      for (const [hash, heading] of Object.entries({ "#/curves": "Curves", "#/stories": "Stories", "#/stories/stand-in": "A stand-in", "#/machine": "This machine" })) {
        await open(page, url, hash, heading);
        if (hash === "#/stories/stand-in") {
          await page.click(".buttons button");
          await waitForText(page, "[role=status]", /The end/);
        }
        expect(await problemsOf(page), hash).toEqual([]);
      }
      await open(page, url, "#/curves", "Curves");
      for (const { name } of LOSSES) {
        await turnTo(page, name);
        expect(await problemsOf(page), name).toEqual([]);
      }
      await open(page, url, "", "Curves");
      await page.keyboard.press("Tab");
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the content");
      await page.keyboard.press("Enter");
      expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("MAIN");
      await page.evaluate(() => document.querySelector<HTMLElement>("nav a[href='#/machine']")?.focus());
      expect(await page.evaluate(() => getComputedStyle(document.activeElement as Element).outlineStyle)).toBe("solid");
      await page.keyboard.press("Enter");
      await waitForText(page, "h1", /This machine/);
      expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("H1");
      expect(await page.title()).toBe("This machine – fused-loss");
      expect(await page.$eval("nav [aria-current=page]", (link) => link.textContent)).toBe("This machine");
    }));
});

it("is as legible in the dark, and calm where that is asked for", () =>
  browse("chromium", site, {}, async (page, url) => {
    await page.emulateMediaFeatures([
      { name: "prefers-color-scheme", value: "dark" },
      { name: "prefers-reduced-motion", value: "reduce" },
    ]);
    for (const [hash, heading] of Object.entries({ "#/curves/crossEntropy?labelSmoothing=0.2": "Curves", "#/stories/stand-in": "A stand-in", "#/machine": "This machine" })) {
      await open(page, url, hash, heading);
      expect(await problemsOf(page), hash).toEqual([]);
      if (hash.startsWith("#/stories")) expect(await page.$eval("select", (select) => select.value)).toBe("1 a second");
    }
    // The check finds what it is there for.
    await page.evaluate(() => document.body.insertAdjacentHTML("beforeend", '<button></button><div style="width: 3000px; color: #444">dark</div><table><th>head</th></table>'));
    expect((await problemsOf(page)).map((problem) => problem.slice(0, problem.indexOf(":")))).toEqual(["no name", "no caption or scope", "scrolls aside", "contrast"]);
  }));
