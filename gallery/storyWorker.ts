// Tells a story in a worker, so that the page stays live: a frame at a time, no faster than told and than the page draws.
import * as library from "fused-loss";
import { stories } from "../examples/stories/index.js";
import type { Frame, Telling } from "../examples/stories/story.js";
import { messageOf } from "./worker.js";

export type ToStory =
  | { readonly type: "start"; readonly name: string; readonly seed: number; /** Where the data are. */ readonly data: string }
  | { readonly type: "play"; readonly play: boolean }
  /** One frame, while paused. */
  | { readonly type: "step" }
  /** Frames a second, at most. */
  | { readonly type: "speed"; readonly speed: number }
  | { readonly type: "select"; readonly point: number }
  /** The page has drawn the last frame. */
  | { readonly type: "drawn" };

export type FromStory =
  | { readonly type: "frame"; readonly frame: Frame; /** Whether points of its map can be chosen. */ readonly selects: boolean }
  | { readonly type: "end" }
  | { readonly type: "error"; readonly message: string };

const post = (message: FromStory) => postMessage(message);

let telling: Telling | undefined;
let playing = true;
/** One frame is due, though paused. */
let stepping = false;
let speed = Infinity;
let drawn = true;
let last = -Infinity;
let timer: ReturnType<typeof setTimeout> | undefined;

const fail = (error: unknown) => post({ type: "error", message: messageOf(error) });
const attempt = (action: () => void) => {
  try {
    action();
  } catch (error) {
    telling = undefined;
    fail(error);
  }
};

function show(frame: Frame) {
  drawn = false;
  post({ type: "frame", frame, selects: telling?.select !== undefined });
}

function next() {
  if (!telling) return;
  stepping = false;
  const { done, value } = telling.next();
  last = performance.now();
  if (done) {
    post({ type: "end" });
    playing = false;
  } else show(value);
}

/** Sets when the next frame is due, if one is. */
function plan() {
  clearTimeout(timer);
  if ((playing || stepping) && drawn) timer = setTimeout(() => attempt(next), stepping ? 0 : Math.max(0, last + 1000 / speed - performance.now()));
}

async function start({ name, seed, data }: ToStory & { type: "start" }) {
  const story = stories.find((one) => one.name === name);
  if (!story) throw new Error(`There is no story ${name}.`);
  const files = await Promise.all(
    story.data.map(async (file) => {
      const response = await fetch(new URL(file, data));
      if (!response.ok) throw new Error(`${file}: ${response.status} ${response.statusText}`);
      return new Uint8Array(await response.arrayBuffer());
    }),
  );
  telling = story.tell(files, library, seed);
  plan();
}

addEventListener("message", ({ data: message }: MessageEvent<ToStory>) => {
  switch (message.type) {
    case "start":
      start(message).catch(fail);
      break;
    case "play":
      playing = message.play;
      plan();
      break;
    case "step":
      stepping = !playing;
      plan();
      break;
    case "speed":
      speed = message.speed;
      plan();
      break;
    case "select":
      attempt(() => {
        if (telling?.select) show(telling.select(message.point));
      });
      break;
    case "drawn":
      drawn = true;
      plan();
      break;
  }
});
