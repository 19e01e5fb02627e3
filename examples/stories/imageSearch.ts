// A network lays digits out in a plane so that digits of one class lie together: the map serves to search for like images.
import { randomNumbers } from "../random.ts";
import { CLASSES, imageAt, imagesAt, labelsAt, PIXELS, readDigits, SIDE } from "./digits.ts";
import { Network } from "./network.ts";
import type { Frame, PointMap, Story } from "./story.ts";
import { frames, Growing, percent } from "./telling.ts";

const STEPS = 3_000;
const EVERY = 25;
/** Triplets in a batch. */
const BATCH = 48;
const RATE = 0.003;
/** Numbers of an embedding. */
const WIDTH = 2;
/** The digits on the map. */
const MAPPED = 400;
const SHOWN = 8;

export const imageSearch: Story = {
  name: "imageSearch",
  title: "Reverse image search with the triplet loss",
  about: [
    "A network makes two numbers of a digit, its place on the map. It learns by triplets: an anchor, a positive of the same class, which is to come nearer, and a negative of another class, which is to be farther away by a margin. " +
      "The digits on the map are not among those it learns from. Choose one, and see who its neighbours are as the map unfolds.",
    "Recall@k is the share of digits with one of their class among their k nearest. It is compared with that of the 196 pixels themselves, which need a hundred times the memory and work for a search. " +
      "At the end more of the five nearest are of the right class by the two learned numbers than by the pixels. The very nearest one is right about as often by either, and at least one of five more often by the pixels: two numbers cannot keep apart all that 196 do.",
  ],
  uses: ["tripletMargin"],
  data: ["digits.bin"],
  tell([bytes], { tripletMargin, zeros }, seed) {
    const { train, test } = readDigits(bytes!);
    const random = randomNumbers(seed);
    const below = (count: number) => Math.floor(random() * count);
    const ofClass = Array.from({ length: CLASSES }, (_, digit) => Array.from(train.labels.keys()).filter((place) => train.labels[place] === digit));
    const any = (digit: number) => ofClass[digit]![below(ofClass[digit]!.length)]!;

    const mapped = test.images.slice(0, MAPPED * PIXELS);
    const labels = test.labels.slice(0, MAPPED);
    const network = new Network([PIXELS, 64, 32, WIDTH], randomNumbers(seed));
    const [anchor, positive, negative] = [zeros([BATCH, WIDTH]), zeros([BATCH, WIDTH]), zeros([BATCH, WIDTH])];
    const parts = [anchor, positive, negative];

    const byPixels = nearest(mapped, PIXELS, SHOWN);
    const [pixels1, pixels5, pixelsShare] = found(byPixels, labels);
    let first: readonly Int32Array[] | undefined;
    let chosen = 0;
    /** The last frame, but for what depends on the choice. */
    let last: (Pick<Frame, "step" | "steps" | "charts" | "table"> & { readonly points: PointMap["points"]; readonly neighbours: readonly Int32Array[] }) | undefined;
    /** The last frame with the chosen digit. */
    const shown = (): Frame => {
      const { points, neighbours, ...frame } = last!;
      const images = (places: Int32Array) => Array.from(places, (place) => imageAt(mapped, place));
      return {
        ...frame,
        map: { title: "The map", points, chosen, neighbours: Array.from(neighbours[chosen]!) },
        pictures: {
          title: "The chosen digit and its nearest, the nearest first",
          width: SIDE,
          height: SIDE,
          rows: [
            { caption: "chosen", images: images(Int32Array.of(chosen)) },
            { caption: "on the map", images: images(neighbours[chosen]!) },
            { caption: "before step 1", images: images(first![chosen]!) },
            { caption: "by pixels", images: images(byPixels[chosen]!) },
          ],
        },
      };
    };
    const recalls = new Growing(["the map", "pixels"], { title: "Recall@1 on the map", y: "share of digits", percent: true });
    const shares = new Growing(["the map", "pixels"], { title: "Neighbours of the same class, of five", y: "share of neighbours", percent: true });

    const telling = frames({
      steps: STEPS,
      every: EVERY,
      learn(step) {
        const triplets = Array.from({ length: BATCH }, () => {
          const digit = below(CLASSES);
          return [any(digit), any(digit), any((digit + 1 + below(CLASSES - 1)) % CLASSES)] as const;
        });
        const places = [0, 1, 2].flatMap((part) => triplets.map((triplet) => triplet[part]!));
        const embeddings = network.forward(imagesAt(train.images, places)); // anchors, positives, negatives
        parts.forEach((tensor, k) => tensor.data.set(embeddings.subarray(k * tensor.size, (k + 1) * tensor.size)));
        tripletMargin.valueAndGrad(anchor, positive, negative, { out: { grads: { anchor, positive, negative } } });
        parts.forEach((tensor, k) => embeddings.set(tensor.data, k * tensor.size)); // the gradients
        network.backward(embeddings);
        network.step(RATE * (1 - step / STEPS)); // ever smaller steps, so that the map comes to rest
      },
      look(step) {
        const embeddings = network.forward(mapped);
        const neighbours = nearest(embeddings, WIDTH, SHOWN);
        first ??= neighbours;
        const [recall1, recall5, share] = found(neighbours, labels);
        last = {
          step,
          steps: STEPS,
          charts: [recalls.with(step, [recall1, pixels1]), shares.with(step, [share, pixelsShare])],
          points: Array.from(labels, (label, k) => ({ x: embeddings[WIDTH * k]!, y: embeddings[WIDTH * k + 1]!, group: String(label) })),
          neighbours,
          table: {
            columns: ["search by", "recall@1", "recall@5", "right of five", "numbers an image"],
            rows: [
              ["the map", ...[recall1, recall5, share].map(percent), String(WIDTH)],
              ["pixels", ...[pixels1, pixels5, pixelsShare].map(percent), String(PIXELS)],
            ],
          },
        };
        return shown();
      },
      end: () => parts.forEach((tensor) => tensor.dispose()),
    });
    return Object.assign(telling, {
      select(point: number) {
        if (!(Number.isInteger(point) && point >= 0 && point < MAPPED)) throw new RangeError(`There is no point ${point}: the map has ${MAPPED}.`);
        if (!last) throw new Error("The first frame comes before a choice.");
        chosen = point;
        return shown();
      },
    });
  },
};

/** For each row of `width` numbers the places of the `count` others nearest to it, the nearest first. */
function nearest(rows: Float32Array, width: number, count: number): Int32Array<ArrayBuffer>[] {
  const all = rows.length / width;
  return Array.from({ length: all }, (_, i) => {
    const places = new Int32Array(count).fill(-1);
    const distances = new Float64Array(count).fill(Infinity);
    for (let j = 0; j < all; j++) {
      if (j === i) continue;
      let distance = 0;
      for (let c = 0; c < width; c++) distance += (rows[i * width + c]! - rows[j * width + c]!) * (rows[i * width + c]! - rows[j * width + c]!);
      let at = count;
      while (at > 0 && distance < distances[at - 1]!) at--;
      if (at === count) continue;
      places.copyWithin(at + 1, at, count - 1);
      distances.copyWithin(at + 1, at, count - 1);
      places[at] = j;
      distances[at] = distance;
    }
    return places;
  });
}

/** Recall@1, recall@5, and the share of the five nearest that are of the same class. */
function found(neighbours: readonly Int32Array<ArrayBuffer>[], labels: Int32Array): [number, number, number] {
  let [first, any, all] = [0, 0, 0];
  neighbours.forEach((places, k) => {
    const same = labelsAt(labels, places.subarray(0, 5)).map((label) => (label === labels[k] ? 1 : 0));
    const right = same.reduce((sum, one) => sum + one, 0);
    first += same[0]!;
    any += right > 0 ? 1 : 0;
    all += right;
  });
  const { length } = neighbours;
  return [first / length, any / length, all / (5 * length)];
}
