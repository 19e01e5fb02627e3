// The losses of similarities beyond what all losses are asked: labels, shapes, symmetries.
import { clip, infoNce, ntXent, sigLip, supCon, tensor } from "fused-loss";
import { describe, expect, it } from "vitest";
import { dtypeFault, expectFault, rangeFault, shapeFault, thrown, typeFault } from "./boundary/faults.js";
import { expectClose, expectSameBits } from "./support/compare.js";
import { normal, seeded } from "./support/draw.js";

const random = seeded(2);
const batch = (rows: number, width = 5) => ({ data: Float64Array.from({ length: rows * width }, () => normal(random, 0.5)), shape: [rows, width] });

describe.each([["ntXent", ntXent as typeof supCon], ["supCon", supCon]] as const)("labels of %s", (name, loss) => {
  const embeddings = batch(6);
  const labels = Int32Array.of(-4, 7, 7, -4, 0, 7);

  it("count by equality alone, in every type", () => {
    const want = loss(embeddings, labels, { reduction: "none" });
    const others = [Int32Array.of(1, 0, 0, 1, 2, 0), Uint32Array.of(4e9, 3, 3, 4e9, 5, 3), BigInt64Array.of(2n ** 40n, -1n, -1n, 2n ** 40n, 0n, -1n), tensor(Uint8Array.of(9, 1, 1, 9, 0, 1), [6])];
    for (const other of others) expectSameBits(name, loss(embeddings, other, { reduction: "none" }), want);
  });

  it("are as many as the samples", () => {
    expectFault(thrown(() => loss(embeddings, Int32Array.of(1))), name, shapeFault("labels", "of shape [6], one for each sample", "shape [1]"));
    expectFault(thrown(() => loss(embeddings, Float64Array.of(1) as never)), name, typeFault("labels", "Int32Array"));
  });
});

describe("pairs", () => {
  it("are the same for clip the other way round, and for all in another order", () => {
    const [x, y] = [batch(7), batch(7)];
    const order = [3, 1, 6, 0, 2, 5, 4];
    const moved = ({ data, shape }: typeof x) => ({ data: Float64Array.from(order.flatMap((row) => Array.from(data.subarray(row * 5, (row + 1) * 5)))), shape });
    expectClose("clip", clip(y, x, { reduction: "none" }), clip(x, y, { reduction: "none" }), "float64", { relative: 1e-13 });
    for (const loss of [clip, infoNce, sigLip]) {
      const values = loss(x, y, { reduction: "none" });
      expectClose("moved", loss(moved(x), moved(y), { reduction: "none" }), order.map((row) => values[row] as number), "float64", { relative: 1e-13, absolute: 1e-13 });
    }
  });

  it("do not depend on norms where those are divided by", () => {
    const [x, y] = [batch(4), batch(4)];
    const longer = { ...x, data: x.data.map((value) => value * 8) };
    for (const loss of [clip, infoNce, sigLip]) expect(loss(longer, y, { normalize: true })).toBe(loss(x, y, { normalize: true }));
    const { grads } = infoNce.valueAndGrad(longer, y, { normalize: true });
    const { grads: plain } = infoNce.valueAndGrad(x, y, { normalize: true });
    expectSameBits("gradient", grads.query.map((g) => g * 8), plain.query);
  });

  it("keep gradients that span more than float32 does in its normal numbers", () => {
    const wide = { data: Float32Array.from({ length: 64 * 16 }, () => normal(random)), shape: [64, 16] };
    const other = { data: Float32Array.from({ length: 64 * 16 }, () => normal(random)), shape: [64, 16] };
    const exact = { data: Float64Array.from(wide.data), shape: [64, 16] };
    const { grads } = infoNce.valueAndGrad(wide, other, { temperature: 0.1 });
    const { grads: want } = infoNce.valueAndGrad(exact, { data: Float64Array.from(other.data), shape: [64, 16] }, { temperature: 0.1 });
    const most = want.key.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    expectClose("gradient", grads.key, want.key, "float32", { relative: 1e-4, absolute: most * 1e-5 });
  });

  it.each([
    ["bare arrays", () => infoNce(new Float64Array(4), new Float64Array(4)), shapeFault("query", "{ data, shape } or a tensor")],
    ["three dimensions", () => clip({ data: new Float64Array(8), shape: [2, 2, 2] }, batch(2)), shapeFault("image", "of shape (N, D)", "shape [2, 2, 2]")],
    ["samples without elements", () => sigLip({ data: new Float64Array(0), shape: [2, 0] }, batch(2)), shapeFault("input1", "D ≥ 1", "shape [2, 0]")],
    ["another number of samples", () => infoNce(batch(2), batch(3)), shapeFault("key", "of shape [2, 5], as query has", "shape [3, 5]")],
    ["another dtype", () => clip(batch(2), { data: new Float32Array(10), shape: [2, 5] } as never), dtypeFault("text", "float64 as image is", "float32")],
    ["a temperature of 0", () => infoNce(batch(2), batch(2), { temperature: 0 }), rangeFault("temperature", "a finite number > 0", "0")],
    ["a scale below 0", () => sigLip(batch(2), batch(2), { logitScale: -1 }), rangeFault("logitScale", "a finite number > 0", "-1")],
    ["a flag that is a number", () => clip(batch(2), batch(2), { normalize: 1 as never }), typeFault("normalize")],
  ])("refuse %s", (_, call, fault) => {
    const error = thrown(call);
    expectFault(error, String((error as Error).message).split(":")[0] ?? "", fault);
  });
});
