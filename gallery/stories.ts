// The pages of stories: a list of them, and one told live.
import { stories as all } from "../examples/stories/index.js";
import type { Frame, LineChart, Pictures, Story } from "../examples/stories/story.js";
import { h, newId, table } from "./dom.js";
import { Map2D } from "./map.js";
import { LinePlot, joined } from "./plot.js";
import type { Page } from "./route.js";
import type { FromStory, ToStory } from "./storyWorker.js";
import { startWorker } from "./worker.js";

/** Frames a second. */
const SPEEDS: Readonly<Record<string, number>> = { "1 a second": 1, "4 a second": 4, "15 a second": 15, "as fast as it can": Infinity };
/** How often a reader of the screen is told how far a story is. */
const TELL_EVERY_MS = 5000;

export const stories: Page = ([name]) => {
  const story = all.find((one) => one.name === name);
  return story ? { title: story.title, ...tell(story) } : { title: "Stories", content: list() };
};

const list = () =>
  h(
    "div",
    {},
    h("h1", {}, "Stories"),
    h("p", { class: "lead" }, "Small trainings that show what a loss is for. Each runs here, in your browser, from the first step to the last."),
    ...all.map((story) => h("article", { class: "card" }, h("h2", {}, h("a", { href: `#/stories/${story.name}` }, story.title)), h("p", {}, story.about[0]), uses(story))),
    all.length === 0 ? h("p", {}, "There are none in this copy.") : undefined,
  );

const uses = ({ uses: names }: Story) => h("p", { class: "help" }, "With ", ...names.flatMap((name, k) => [...(k > 0 ? [", "] : []), h("code", {}, name)]), ".");

/** Pictures, each on a canvas of its own. */
class Gallery {
  readonly element = h("figure", {});
  #canvases: readonly (readonly HTMLCanvasElement[])[] = [];
  #shape = "";

  show({ title, width, height, rows }: Pictures) {
    const shape = JSON.stringify([title, width, height, rows.map(({ caption, images }) => [caption, images.length])]);
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#canvases = rows.map(({ caption, images }) => images.map((_, k) => h("canvas", { width, height, role: "img", "aria-label": `${caption}, picture ${k + 1}` })));
      const shown = rows.flatMap(({ caption }, k) => [h("p", { class: "help" }, caption), h("div", { class: "pictures" }, ...(this.#canvases[k] ?? []))]);
      this.element.replaceChildren(h("figcaption", {}, title), ...shown);
    }
    rows.forEach(({ images }, row) => {
      images.forEach((image, k) => {
        const bytes = new ImageData(width, height);
        image.forEach((ink, i) => bytes.data.set([255 * (1 - ink), 255 * (1 - ink), 255 * (1 - ink), 255], 4 * i));
        this.#canvases[row]?.[k]?.getContext("2d")?.putImageData(bytes, 0, 0);
      });
    });
  }
}

function tell(story: Story) {
  // For readers who do not see the table.
  const status = h("p", { role: "status", class: "hidden" });
  const alert = h("p", { role: "alert", class: "alert", hidden: true });
  const progress = h("progress", { max: 1, value: 0, "aria-label": "How far the story is" });
  const steps = h("p", { class: "readout" }, "Not started.");
  const plots = h("div", { class: "plots" });
  const figures = h("section", { hidden: true }, h("h2", {}, "Figures"));
  const more = h("div", { class: "plots" });
  let charts: readonly (readonly [key: string, plot: LinePlot])[] = [];
  let pictures: Gallery | undefined;
  let map: Map2D | undefined;
  let worker: Worker | undefined;
  let playing = false;
  let ended = false;
  let told = -Infinity;
  let frame: Frame | undefined;

  const send = (message: ToStory) => worker?.postMessage(message);

  const draw = (selects: boolean) => {
    if (!frame) return;
    const { step, steps: total, charts: lines, pictures: images, map: points, table: rows } = frame;
    progress.max = total;
    progress.value = step;
    steps.textContent = `Step ${step} of ${total}`;
    const keyOf = ({ title, x, y, percent }: LineChart) => JSON.stringify([title, x, y, percent]);
    if (lines.map(keyOf).join() !== charts.map(([key]) => key).join()) {
      for (const [, plot] of charts) plot.remove();
      charts = lines.map((chart) => [keyOf(chart), new LinePlot(chart)]);
      plots.replaceChildren(...charts.map(([, plot]) => plot.element));
    }
    lines.forEach((chart, k) => {
      const { x, lines: over } = joined(chart.lines);
      charts[k]?.[1].show(x, over);
    });
    if (images) {
      if (!pictures) more.append((pictures = new Gallery()).element);
      pictures.show(images);
    }
    if (points) {
      if (!map) more.append((map = new Map2D((point) => send({ type: "select", point }))).element);
      map.show(points, selects);
    }
    figures.hidden = false;
    const signed = rows.rows.map((row) => row.map((text) => text.replace(/^-(?=\d)/, "−")));
    figures.replaceChildren(h("h2", {}, "Figures"), table(`Figures at step ${step}`, rows.columns, signed));
    if (!playing || performance.now() - told > TELL_EVERY_MS) say(playing || ended ? "" : "Paused. ");
  };
  const say = (what = "") => {
    told = performance.now();
    const { columns = [], rows: all = [] } = frame?.table ?? {};
    const rows = all.map(([name = "", ...cells]) => `${name}: ${cells.map((cell, k) => `${columns[k + 1] ?? ""} ${cell}`).join(", ")}`).join("; ");
    status.textContent = `${what}${frame ? `Step ${frame.step} of ${frame.steps}: ${rows}.` : ""}`;
  };

  const play = h("button", { type: "button", class: "first" }, "Start");
  const next = h("button", { type: "button", disabled: true, onclick: () => send({ type: "step" }) }, "One frame");
  const restart = h("button", { type: "button", disabled: true, onclick: () => begin() }, "Restart");
  const speedId = newId();
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const names = Object.keys(SPEEDS);
  const speed = h("select", { id: speedId }, ...names.map((name, k) => h("option", { value: name, selected: calm ? k === 0 : k === names.length - 1 }, name)));
  const seedId = newId();
  const seed = h("input", { id: seedId, type: "number", min: 0, max: 4294967295, step: 1, required: true, value: 1 });
  const speedNow = () => SPEEDS[speed.value] ?? Infinity;
  speed.addEventListener("change", () => send({ type: "speed", speed: speedNow() }));

  const setPlaying = (is: boolean) => {
    playing = is;
    play.textContent = is ? "Pause" : ended ? "Start again" : worker ? "Resume" : "Start";
    // A button that is disabled loses the focus.
    if (ended && document.activeElement === next) play.focus();
    next.disabled = is || ended || !worker;
    restart.disabled = !worker || ended;
  };
  const stop = () => {
    worker?.terminate();
    worker = undefined;
    setPlaying(false);
  };
  const fail = (message: string) => {
    alert.textContent = `The story cannot go on: ${message}`;
    alert.hidden = false;
    stop();
  };
  /** Takes away what an earlier telling has shown. */
  const clear = () => {
    for (const [, plot] of charts) plot.remove();
    map?.remove();
    pictures?.element.remove();
    [charts, map, pictures, frame] = [[], undefined, undefined, undefined];
  };
  const begin = () => {
    if (!seed.reportValidity()) return;
    worker?.terminate();
    clear();
    ended = false;
    alert.hidden = true;
    const hear = (data: FromStory) => {
      if (mine !== worker) return;
      if (data.type === "error") return fail(data.message);
      if (data.type === "end") {
        ended = true;
        setPlaying(false);
        return say("The end. ");
      }
      frame = data.frame;
      requestAnimationFrame(() => {
        if (mine !== worker) return;
        draw(data.selects);
        send({ type: "drawn" });
      });
    };
    const mine = (worker = startWorker("storyWorker.js", hear, fail));
    send({ type: "speed", speed: speedNow() });
    send({ type: "start", name: story.name, seed: seed.valueAsNumber, data: new URL("data/", document.baseURI).href });
    setPlaying(true);
  };
  play.addEventListener("click", () => {
    if (!worker || ended) return begin();
    setPlaying(!playing);
    send({ type: "play", play: playing });
    say(playing ? "Goes on. " : "Paused. ");
  });

  const content = h(
    "div",
    {},
    h("p", {}, h("a", { href: "#/stories" }, "All stories")),
    h("h1", {}, story.title),
    ...story.about.map((text) => h("p", {}, text)),
    uses(story),
    h(
      "div",
      { class: "stack" },
      h(
        "section",
        { "aria-label": "Playing" },
        h("div", { class: "buttons" }, play, next, restart),
        h("div", { class: "knobs" }, h("div", { class: "control" }, h("label", { for: speedId }, "Frames"), speed), h("div", { class: "control" }, h("label", { for: seedId }, "Seed, from the next start"), seed)),
        steps,
        progress,
        status,
        alert,
      ),
      figures,
      plots,
      more,
    ),
  );
  const leave = () => {
    worker?.terminate();
    clear();
  };
  return { content, leave };
}
