// Calls of any loss with random shapes, options and outputs, on numbers of every kind: NaN, infinities, subnormals, huge and tiny ones.
// They are for what must hold of any numbers: that nothing is read or written beside the operands, and that hosts agree.
import { type Build, type Floats, type Shaped, ableTo, givenTo, lossOf } from "./call.js";
import { lossCases } from "./cases.js";
import { integer, seeded } from "./draw.js";

const SPECIAL = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 5e-324, -1e-310, 1e-45, -1e-40, 1.1754944e-38, 3.4028235e38, -1e38, 1e300, -1e308, 88.7, -103.9, 1e-8, 16777217];

/** Makes so many calls of a build, and gives how many were taken: the rest are errors of the package. */
export function playWild(build: Build, calls: number): number {
  let taken = 0;
  for (let seed = 1; seed <= calls; seed++) {
    const random = seeded(seed);
    const pick = <T>(all: readonly T[]): T => all[integer(random, all.length)] as T;
    const one = pick(lossCases);
    // A last dimension of rows may have a meaning, such as the corners of a box.
    const shape = pick(one.shapes).map((size, k, all) => (size > 200 || (k > 0 && k === all.length - 1 && random() < 0.5) ? size : 1 + integer(random, 2 * size + 2)));
    const dtype = pick(["float32", "float64"] as const);
    const inputs = one.sample(random, shape, pick(one.options));
    const { args, options } = givenTo(inputs, dtype);
    const floats = Object.entries(args).filter((entry): entry is [string, Shaped<Floats>] => !(entry[1].data instanceof Int32Array));
    const share = pick([0, 0, 0.01, 0.3, 1]);
    for (const [, { data }] of floats) for (let i = 0; i < data.length; i++) if (random() < share) data[i] = pick(SPECIAL);
    const reduction = pick(one.reductions);
    const able = ableTo(one, inputs);
    const wrt = able.filter(() => random() < 0.7);
    // A gradient may go over what it is of.
    const over = floats.filter(([name]) => wrt.includes(name) && random() < 0.2).map(([name, { data }]) => [name, data]);
    const normalizer = random() < 0.2 && reduction !== "sum" && reduction !== "none" ? { normalizer: 1 + 9 * random() } : {};
    const loss = lossOf(one, build);
    try {
      const common = { ...options, ...normalizer, reduction };
      loss(...Object.values(args), common);
      loss.valueAndGrad(...Object.values(args), { ...common, wrt, gradOutput: reduction === "none" ? undefined : pick([1, -2.5, 1e-30, NaN]), out: { grads: Object.fromEntries(over) as object } });
      taken++;
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      if (!String(code).startsWith("ERR_") || code === "ERR_ENGINE") throw error;
    }
  }
  return taken;
}
