// What a user would write without this package: one loop in plain JavaScript for each loss, with the mean of the values
// and, where an array is given for it, the gradient. Arguments as in the loss's own call, then the number of classes
// (row losses), then where the gradients go. One function does both, as the test for `grad` costs nothing measurable.
import type { Floats } from "./rows.js";

/** The plain form of a loss (`loss`) or of a function (`value` and `vjp`). */
export interface Plain {
  /** Whether it takes an exp or log of every element. */
  readonly expOrLog: boolean;
  readonly loss?: (...args: never[]) => number;
  readonly value?: (...args: never[]) => void;
  readonly vjp?: (...args: never[]) => void;
}

function mse(input: Floats, target: Floats, grad?: Floats) {
  const n = input.length;
  const scale = 2 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const d = input[i]! - target[i]!;
    sum += d * d;
    if (grad) grad[i] = scale * d;
  }
  return sum / n;
}

function l1(input: Floats, target: Floats, grad?: Floats) {
  const n = input.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const d = input[i]! - target[i]!;
    sum += Math.abs(d);
    if (grad) grad[i] = d > 0 ? scale : d < 0 ? -scale : 0;
  }
  return sum / n;
}

function smoothL1(input: Floats, target: Floats, grad?: Floats) {
  const n = input.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const d = input[i]! - target[i]!;
    const a = Math.abs(d);
    sum += a < 1 ? 0.5 * d * d : a - 0.5;
    if (grad) grad[i] = (a < 1 ? d : d > 0 ? 1 : -1) * scale;
  }
  return sum / n;
}

function huber(input: Floats, target: Floats, grad?: Floats) {
  const n = input.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const d = input[i]! - target[i]!;
    const a = Math.abs(d);
    sum += a <= 1 ? 0.5 * d * d : a - 0.5;
    if (grad) grad[i] = Math.max(-1, Math.min(1, d)) * scale;
  }
  return sum / n;
}

function logCosh(input: Floats, target: Floats, grad?: Floats) {
  const n = input.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const d = input[i]! - target[i]!;
    const a = Math.abs(d);
    sum += a + Math.log1p(Math.exp(-2 * a)) - Math.LN2;
    if (grad) grad[i] = Math.tanh(d) * scale;
  }
  return sum / n;
}

function quantile(input: Floats, target: Floats, grad?: Floats) {
  const n = input.length;
  const scale = 1 / n;
  const q = 0.5;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const d = target[i]! - input[i]!;
    sum += d >= 0 ? q * d : (q - 1) * d;
    if (grad) grad[i] = d > 0 ? -q * scale : d < 0 ? (1 - q) * scale : 0;
  }
  return sum / n;
}

function hinge(input: Floats, target: Floats, grad?: Floats) {
  const n = input.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const z = 1 - input[i]! * target[i]!;
    if (z > 0) sum += z;
    if (grad) grad[i] = z > 0 ? -target[i]! * scale : 0;
  }
  return sum / n;
}

function squaredHinge(input: Floats, target: Floats, grad?: Floats) {
  const n = input.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const z = Math.max(0, 1 - input[i]! * target[i]!);
    sum += z * z;
    if (grad) grad[i] = -2 * target[i]! * z * scale;
  }
  return sum / n;
}

function bce(input: Floats, target: Floats, grad?: Floats) {
  const n = input.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const x = input[i]!;
    const y = target[i]!;
    sum -= y * Math.max(Math.log(x), -100) + (1 - y) * Math.max(Math.log1p(-x), -100);
    if (grad) grad[i] = ((x - y) * scale) / Math.max((1 - x) * x, 1e-12);
  }
  return sum / n;
}

function bceWithLogits(input: Floats, target: Floats, grad?: Floats) {
  const n = input.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const x = input[i]!;
    const y = target[i]!;
    const e = Math.exp(-Math.abs(x));
    sum += Math.max(x, 0) - x * y + Math.log1p(e);
    if (grad) grad[i] = ((x >= 0 ? 1 : e) / (1 + e) - y) * scale;
  }
  return sum / n;
}

function klDiv(input: Floats, target: Floats, grad?: Floats) {
  const n = input.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const y = target[i]!;
    if (y > 0) sum += y * (Math.log(y) - input[i]!);
    if (grad) grad[i] = -y * scale;
  }
  return sum / n;
}

function softMargin(input: Floats, target: Floats, grad?: Floats) {
  const n = input.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const y = target[i]!;
    const z = -y * input[i]!;
    const e = Math.exp(-Math.abs(z));
    sum += Math.max(z, 0) + Math.log1p(e);
    if (grad) grad[i] = -y * ((z >= 0 ? 1 : e) / (1 + e)) * scale;
  }
  return sum / n;
}

function hingeEmbedding(input: Floats, target: Floats, grad?: Floats) {
  const n = input.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const x = input[i]!;
    const similar = target[i]! > 0;
    sum += similar ? x : Math.max(0, 1 - x);
    if (grad) grad[i] = similar ? scale : x < 1 ? -scale : 0;
  }
  return sum / n;
}

function marginRanking(input1: Floats, input2: Floats, target: Floats, grad1?: Floats, grad2?: Floats) {
  const n = input1.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const y = target[i]!;
    const z = -y * (input1[i]! - input2[i]!);
    if (z > 0) sum += z;
    if (grad1 && grad2) {
      const g = z > 0 ? y * scale : 0;
      grad1[i] = -g;
      grad2[i] = g;
    }
  }
  return sum / n;
}

function poissonNll(input: Floats, target: Floats, grad?: Floats) {
  const n = input.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const rate = Math.exp(input[i]!);
    sum += rate - target[i]! * input[i]!;
    if (grad) grad[i] = (rate - target[i]!) * scale;
  }
  return sum / n;
}

function gaussianNll(input: Floats, target: Floats, variance: Floats, gradInput?: Floats, gradVariance?: Floats) {
  const n = input.length;
  const scale = 1 / n;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const v = Math.max(variance[i]!, 1e-6);
    const d = input[i]! - target[i]!;
    sum += 0.5 * (Math.log(v) + (d * d) / v);
    if (gradInput && gradVariance) {
      gradInput[i] = (d / v) * scale;
      gradVariance[i] = 0.5 * (1 / v - (d * d) / (v * v)) * scale;
    }
  }
  return sum / n;
}

const sigmoidOf = (x: number) => 1 / (1 + Math.exp(-x));

function sigmoid(x: Floats, out: Floats) {
  for (let i = 0; i < x.length; i++) out[i] = sigmoidOf(x[i]!);
}

function sigmoidVjp(x: Floats, gradOutput: Floats, out: Floats) {
  for (let i = 0; i < x.length; i++) {
    const s = sigmoidOf(x[i]!);
    out[i] = gradOutput[i]! * s * (1 - s);
  }
}

function logSigmoid(x: Floats, out: Floats) {
  for (let i = 0; i < x.length; i++) out[i] = Math.min(x[i]!, 0) - Math.log1p(Math.exp(-Math.abs(x[i]!)));
}

function logSigmoidVjp(x: Floats, gradOutput: Floats, out: Floats) {
  for (let i = 0; i < x.length; i++) out[i] = gradOutput[i]! * sigmoidOf(-x[i]!);
}

function softplus(x: Floats, out: Floats) {
  for (let i = 0; i < x.length; i++) out[i] = x[i]! > 20 ? x[i]! : Math.log1p(Math.exp(x[i]!));
}

function softplusVjp(x: Floats, gradOutput: Floats, out: Floats) {
  for (let i = 0; i < x.length; i++) out[i] = x[i]! > 20 ? gradOutput[i]! : gradOutput[i]! * sigmoidOf(x[i]!);
}

function nll(input: Floats, target: Int32Array, classes: number, grad?: Floats) {
  const rows = target.length;
  let sum = 0;
  if (grad) grad.fill(0);
  for (let r = 0; r < rows; r++) {
    const at = r * classes + target[r]!;
    sum -= input[at]!;
    if (grad) grad[at] = -1 / rows;
  }
  return sum / rows;
}

/** The largest of a row. */
function largest(x: Floats, start: number, classes: number) {
  let max = -Infinity;
  for (let c = 0; c < classes; c++) if (x[start + c]! > max) max = x[start + c]!;
  return max;
}

function crossEntropy(input: Floats, target: Int32Array, classes: number, grad?: Floats) {
  const rows = target.length;
  let total = 0;
  for (let r = 0; r < rows; r++) {
    const start = r * classes;
    const at = start + target[r]!;
    const max = largest(input, start, classes);
    let sum = 0;
    for (let c = 0; c < classes; c++) {
      const e = Math.exp(input[start + c]! - max);
      sum += e;
      if (grad) grad[start + c] = e;
    }
    total += Math.log(sum) + max - input[at]!;
    if (grad) {
      const scale = 1 / (sum * rows);
      for (let c = 0; c < classes; c++) grad[start + c]! *= scale;
      grad[at]! -= 1 / rows;
    }
  }
  return total / rows;
}

function linearCrossEntropy(input: Floats, weight: Floats, target: Int32Array, width: number, inputGrad?: Floats, weightGrad?: Floats) {
  const rows = target.length;
  const classes = weight.length / width;
  const row = new Float64Array(classes);
  let total = 0;
  weightGrad?.fill(0);
  for (let r = 0; r < rows; r++) {
    const start = r * width;
    const y = target[r]!;
    for (let c = 0; c < classes; c++) {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += input[start + k]! * weight[c * width + k]!;
      row[c] = sum;
    }
    const max = largest(row, 0, classes);
    const own = row[y]!;
    let sum = 0;
    for (let c = 0; c < classes; c++) {
      row[c] = Math.exp(row[c]! - max);
      sum += row[c]!;
    }
    total += Math.log(sum) + max - own;
    if (!inputGrad || !weightGrad) continue;
    inputGrad.fill(0, start, start + width);
    for (let c = 0; c < classes; c++) {
      const g = (row[c]! / sum - (c === y ? 1 : 0)) / rows;
      for (let k = 0; k < width; k++) {
        inputGrad[start + k]! += g * weight[c * width + k]!;
        weightGrad[c * width + k]! += g * input[start + k]!;
      }
    }
  }
  return total / rows;
}

function crossEntropySmoothed(input: Floats, target: Int32Array, classes: number, grad?: Floats) {
  const rows = target.length;
  const smoothing = 0.1;
  let total = 0;
  for (let r = 0; r < rows; r++) {
    const start = r * classes;
    const at = start + target[r]!;
    const max = largest(input, start, classes);
    let sum = 0;
    let sumInput = 0;
    for (let c = 0; c < classes; c++) {
      const e = Math.exp(input[start + c]! - max);
      sum += e;
      sumInput += input[start + c]!;
      if (grad) grad[start + c] = e;
    }
    total += Math.log(sum) + max - (1 - smoothing) * input[at]! - (smoothing / classes) * sumInput;
    if (grad) {
      const scale = 1 / (sum * rows);
      const share = smoothing / classes / rows;
      for (let c = 0; c < classes; c++) grad[start + c] = grad[start + c]! * scale - share;
      grad[at]! -= (1 - smoothing) / rows;
    }
  }
  return total / rows;
}

function crossEntropyOfProbabilities(input: Floats, target: Floats, classes: number, grad?: Floats) {
  const rows = input.length / classes;
  let total = 0;
  for (let r = 0; r < rows; r++) {
    const start = r * classes;
    const max = largest(input, start, classes);
    let sum = 0;
    let sumTarget = 0;
    let dot = 0;
    for (let c = 0; c < classes; c++) {
      const e = Math.exp(input[start + c]! - max);
      sum += e;
      sumTarget += target[start + c]!;
      dot += target[start + c]! * input[start + c]!;
      if (grad) grad[start + c] = e;
    }
    total += (Math.log(sum) + max) * sumTarget - dot;
    if (grad) {
      const scale = sumTarget / (sum * rows);
      const share = 1 / rows;
      for (let c = 0; c < classes; c++) grad[start + c] = grad[start + c]! * scale - target[start + c]! * share;
    }
  }
  return total / rows;
}

function softmax(x: Floats, classes: number, out: Floats) {
  for (let start = 0; start < x.length; start += classes) {
    const max = largest(x, start, classes);
    let sum = 0;
    for (let c = 0; c < classes; c++) {
      const e = Math.exp(x[start + c]! - max);
      sum += e;
      out[start + c] = e;
    }
    const scale = 1 / sum;
    for (let c = 0; c < classes; c++) out[start + c]! *= scale;
  }
}

function softmaxVjp(x: Floats, gradOutput: Floats, classes: number, out: Floats) {
  for (let start = 0; start < x.length; start += classes) {
    const max = largest(x, start, classes);
    let sum = 0;
    let dot = 0;
    for (let c = 0; c < classes; c++) {
      const e = Math.exp(x[start + c]! - max);
      sum += e;
      dot += e * gradOutput[start + c]!;
      out[start + c] = e;
    }
    const scale = 1 / sum;
    const mean = dot * scale;
    for (let c = 0; c < classes; c++) out[start + c]! *= (gradOutput[start + c]! - mean) * scale;
  }
}

/** ln Σ exp of a row. */
function logSumExpOf(x: Floats, start: number, classes: number) {
  const max = largest(x, start, classes);
  let sum = 0;
  for (let c = 0; c < classes; c++) sum += Math.exp(x[start + c]! - max);
  return Math.log(sum) + max;
}

function logSoftmax(x: Floats, classes: number, out: Floats) {
  for (let start = 0; start < x.length; start += classes) {
    const lse = logSumExpOf(x, start, classes);
    for (let c = 0; c < classes; c++) out[start + c] = x[start + c]! - lse;
  }
}

function logSoftmaxVjp(x: Floats, gradOutput: Floats, classes: number, out: Floats) {
  for (let start = 0; start < x.length; start += classes) {
    const max = largest(x, start, classes);
    let sum = 0;
    let sumGrad = 0;
    for (let c = 0; c < classes; c++) {
      const e = Math.exp(x[start + c]! - max);
      sum += e;
      sumGrad += gradOutput[start + c]!;
      out[start + c] = e;
    }
    const scale = sumGrad / sum;
    for (let c = 0; c < classes; c++) out[start + c] = gradOutput[start + c]! - out[start + c]! * scale;
  }
}

function logSumExp(x: Floats, classes: number, out: Floats) {
  for (let r = 0; r < out.length; r++) out[r] = logSumExpOf(x, r * classes, classes);
}

function logSumExpVjp(x: Floats, gradOutput: Floats, classes: number, out: Floats) {
  for (let r = 0; r < gradOutput.length; r++) {
    const start = r * classes;
    const max = largest(x, start, classes);
    let sum = 0;
    for (let c = 0; c < classes; c++) {
      const e = Math.exp(x[start + c]! - max);
      sum += e;
      out[start + c] = e;
    }
    const scale = gradOutput[r]! / sum;
    for (let c = 0; c < classes; c++) out[start + c]! *= scale;
  }
}

function dpo(chosen: Floats, rejected: Floats, refChosen: Floats, refRejected: Floats, gradChosen?: Floats, gradRejected?: Floats) {
  const n = chosen.length;
  const beta = 0.1;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const u = beta * (chosen[i]! - rejected[i]! - (refChosen[i]! - refRejected[i]!));
    sum += Math.max(-u, 0) + Math.log1p(Math.exp(-Math.abs(u)));
    if (!gradChosen || !gradRejected) continue;
    const slope = -beta / ((1 + Math.exp(u)) * n);
    gradChosen[i] = slope;
    gradRejected[i] = -slope;
  }
  return sum / n;
}

function multiMargin(input: Floats, target: Int32Array, classes: number, grad?: Floats) {
  const rows = target.length;
  const scale = 1 / (rows * classes);
  let sum = 0;
  for (let r = 0; r < rows; r++) {
    const start = r * classes;
    const at = start + target[r]!;
    const offset = 1 - input[at]!;
    let active = 0;
    for (let i = start; i < start + classes; i++) {
      const z = offset + input[i]!;
      const counts = z > 0 && i !== at;
      if (counts) {
        sum += z;
        active++;
      }
      if (grad) grad[i] = counts ? scale : 0;
    }
    if (grad) grad[at] = -active * scale;
  }
  return sum * scale;
}

function multiLabelMargin(input: Floats, target: Int32Array, classes: number, grad?: Floats) {
  const rows = input.length / classes;
  const scale = 1 / (rows * classes);
  const present = new Uint8Array(classes);
  let sum = 0;
  grad?.fill(0);
  for (let r = 0; r < rows; r++) {
    const start = r * classes;
    present.fill(0);
    let count = 0;
    while (count < classes && target[start + count] !== -1) present[target[start + count++]!] = 1;
    for (let k = 0; k < count; k++) {
      const at = start + target[start + k]!;
      const offset = 1 - input[at]!;
      let active = 0;
      for (let c = 0; c < classes; c++) {
        const z = offset + input[start + c]!;
        if (present[c] || z <= 0) continue;
        sum += z;
        active++;
        if (grad) grad[start + c]! += scale;
      }
      if (grad) grad[at]! -= active * scale;
    }
  }
  return sum * scale;
}

function multiLabelSoftMargin(input: Floats, target: Floats, _classes: number, grad?: Floats) {
  return bceWithLogits(input, target, grad);
}

function sparsemax(input: Floats, target: Int32Array, classes: number, grad?: Floats) {
  const rows = target.length;
  let sum = 0;
  for (let r = 0; r < rows; r++) {
    const start = r * classes;
    const sorted = input.slice(start, start + classes).sort();
    let total = 0;
    let tau = 0;
    for (let k = 1; k <= classes; k++) {
      const x = sorted[classes - k]!;
      total += x;
      if (1 + k * x > total) tau = (total - 1) / k;
    }
    const at = start + target[r]!;
    sum += 0.5 - input[at]!;
    for (let i = start; i < start + classes; i++) {
      const x = input[i]!;
      if (x > tau) sum += 0.5 * (x * x - tau * tau);
      if (grad) grad[i] = Math.max(0, x - tau) / rows;
    }
    if (grad) grad[at]! -= 1 / rows;
  }
  return sum / rows;
}

function rankingSoftmax(scores: Floats, labels: Floats, classes: number, grad?: Floats) {
  return crossEntropyOfProbabilities(scores, labels, classes, grad);
}

function sigmoidFocal(input: Floats, target: Floats, grad?: Floats) {
  const n = input.length;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const x = input[i]!;
    const y = target[i]!;
    const e = Math.exp(-Math.abs(x));
    const p = x >= 0 ? 1 / (1 + e) : e / (1 + e);
    const entropy = Math.max(x, 0) - x * y + Math.log1p(e);
    const missed = y * (1 - p) + (1 - y) * p;
    const balance = 0.25 * y + 0.75 * (1 - y);
    sum += balance * missed * missed * entropy;
    if (grad) grad[i] = (balance * (missed * missed * (p - y) + 2 * missed * (1 - 2 * y) * p * (1 - p) * entropy)) / n;
  }
  return sum / n;
}

function softmaxFocal(input: Floats, target: Int32Array, classes: number, grad?: Floats) {
  return ofTarget(input, target, classes, grad, (p, nll) => {
    const missed = 1 - p;
    return [missed * missed * nll, missed * missed + 2 * missed * p * nll];
  });
}

function poly(input: Floats, target: Int32Array, classes: number, grad?: Floats) {
  return ofTarget(input, target, classes, grad, (p, nll) => [nll + 2 * (1 - p), 1 + 2 * p]);
}

/** A function of the target's probability, with its derivative by −ln p. */
function ofTarget(input: Floats, target: Int32Array, classes: number, grad: Floats | undefined, f: (p: number, nll: number) => readonly [number, number]) {
  const rows = target.length;
  let total = 0;
  for (let r = 0; r < rows; r++) {
    const start = r * classes;
    let max = -Infinity;
    for (let i = start; i < start + classes; i++) max = Math.max(max, input[i]!);
    let sum = 0;
    for (let i = start; i < start + classes; i++) sum += Math.exp(input[i]! - max);
    const at = start + target[r]!;
    const nll = max + Math.log(sum) - input[at]!;
    const [value, slope] = f(Math.exp(-nll), nll);
    total += value;
    if (!grad) continue;
    for (let i = start; i < start + classes; i++) grad[i] = (slope * Math.exp(input[i]! - max)) / sum / rows;
    grad[at]! -= slope / rows;
  }
  return total / rows;
}

/** ln Σ exp of a row. */
function logSumExpAt(x: Floats, start: number, classes: number) {
  let max = -Infinity;
  for (let i = start; i < start + classes; i++) max = Math.max(max, x[i]!);
  let sum = 0;
  for (let i = start; i < start + classes; i++) sum += Math.exp(x[i]! - max);
  return max + Math.log(sum);
}

function distillationKl(student: Floats, teacher: Floats, classes: number, grad?: Floats) {
  const n = student.length;
  let total = 0;
  for (let start = 0; start < n; start += classes) {
    const byStudent = logSumExpAt(student, start, classes);
    const byTeacher = logSumExpAt(teacher, start, classes);
    for (let i = start; i < start + classes; i++) {
      const logP = student[i]! - byStudent;
      const logQ = teacher[i]! - byTeacher;
      const q = Math.exp(logQ);
      total += q * (logQ - logP);
      if (grad) grad[i] = (Math.exp(logP) - q) / n;
    }
  }
  return total / n;
}

function jensenShannon(logits1: Floats, logits2: Floats, classes: number, grad1?: Floats, grad2?: Floats) {
  const rows = logits1.length / classes;
  let total = 0;
  for (let start = 0; start < logits1.length; start += classes) {
    const first = logSumExpAt(logits1, start, classes);
    const second = logSumExpAt(logits2, start, classes);
    let [a, b] = [0, 0];
    for (let pass = 0; pass < (grad1 ? 2 : 1); pass++) {
      for (let i = start; i < start + classes; i++) {
        const logP = logits1[i]! - first;
        const logQ = logits2[i]! - second;
        const p = Math.exp(logP);
        const q = Math.exp(logQ);
        const logM = Math.log(0.5 * (p + q));
        if (pass === 0) {
          a += p * (logP - logM);
          b += q * (logQ - logM);
        } else if (grad1 && grad2) {
          grad1[i] = (0.5 * p * (logP - logM - a)) / rows;
          grad2[i] = (0.5 * q * (logQ - logM - b)) / rows;
        }
      }
    }
    total += 0.5 * (a + b);
  }
  return total / rows;
}

function tversky(input: Floats, target: Floats, width: number, grad?: Floats) {
  const rows = input.length / width;
  let total = 0;
  for (let start = 0; start < input.length; start += width) {
    let [hits, sumX, sumY] = [0, 0, 0];
    for (let i = start; i < start + width; i++) {
      hits += input[i]! * target[i]!;
      sumX += input[i]!;
      sumY += target[i]!;
    }
    // With α = β = ½, as dice has it: ½(Σ x + Σ y).
    const shared = hits + 1;
    const all = 0.5 * (sumX + sumY) + 1;
    total += 1 - shared / all;
    if (!grad) continue;
    for (let i = start; i < start + width; i++) grad[i] = ((0.5 * shared) / (all * all) - target[i]! / all) / rows;
  }
  return total / rows;
}

function dice(input: Floats, target: Floats, width: number, grad?: Floats) {
  const rows = input.length / width;
  let total = 0;
  for (let start = 0; start < input.length; start += width) {
    let [hits, sum] = [0, 0];
    for (let i = start; i < start + width; i++) {
      hits += input[i]! * target[i]!;
      sum += input[i]! + target[i]!;
    }
    const shared = 2 * hits + 1;
    const all = sum + 1;
    total += 1 - shared / all;
    if (!grad) continue;
    for (let i = start; i < start + width; i++) grad[i] = (shared / (all * all) - (2 * target[i]!) / all) / rows;
  }
  return total / rows;
}

function cosineEmbedding(input1: Floats, input2: Floats, target: Floats, width: number, grad1?: Floats, grad2?: Floats) {
  const rows = target.length;
  let total = 0;
  for (let r = 0; r < rows; r++) {
    const start = r * width;
    let [dot, square1, square2] = [0, 1e-12, 1e-12];
    for (let i = start; i < start + width; i++) {
      dot += input1[i]! * input2[i]!;
      square1 += input1[i]! * input1[i]!;
      square2 += input2[i]! * input2[i]!;
    }
    const by = Math.sqrt(square1 * square2);
    const cos = dot / by;
    const near = target[r]! > 0;
    total += near ? 1 - cos : Math.max(0, cos);
    if (!grad1 || !grad2) continue;
    const slope = (near ? -1 : cos > 0 ? 1 : 0) / rows;
    for (let i = start; i < start + width; i++) {
      grad1[i] = slope * (input2[i]! / by - (cos * input1[i]!) / square1);
      grad2[i] = slope * (input1[i]! / by - (cos * input2[i]!) / square2);
    }
  }
  return total / rows;
}

function tripletMargin(anchor: Floats, positive: Floats, negative: Floats, width: number, gradA?: Floats, gradP?: Floats, gradN?: Floats) {
  const rows = anchor.length / width;
  let total = 0;
  for (let start = 0; start < anchor.length; start += width) {
    let [near, far] = [0, 0];
    for (let i = start; i < start + width; i++) {
      const p = anchor[i]! - positive[i]! + 1e-6;
      const n = anchor[i]! - negative[i]! + 1e-6;
      near += p * p;
      far += n * n;
    }
    near = Math.sqrt(near);
    far = Math.sqrt(far);
    const z = near - far + 1;
    if (z > 0) total += z;
    if (!gradA || !gradP || !gradN) continue;
    for (let i = start; i < start + width; i++) {
      const p = z > 0 ? (anchor[i]! - positive[i]! + 1e-6) / near / rows : 0;
      const n = z > 0 ? (anchor[i]! - negative[i]! + 1e-6) / far / rows : 0;
      gradA[i] = p - n;
      gradP[i] = -p;
      gradN[i] = n;
    }
  }
  return total / rows;
}

function giou(boxes1: Floats, boxes2: Floats, _: number, grad1?: Floats, grad2?: Floats) {
  const rows = boxes1.length / 4;
  const eps = 1e-7;
  let total = 0;
  for (let i = 0; i < boxes1.length; i += 4) {
    const ax1 = boxes1[i]!;
    const ay1 = boxes1[i + 1]!;
    const ax2 = boxes1[i + 2]!;
    const ay2 = boxes1[i + 3]!;
    const bx1 = boxes2[i]!;
    const by1 = boxes2[i + 1]!;
    const bx2 = boxes2[i + 2]!;
    const by2 = boxes2[i + 3]!;
    const sx = Math.min(ax2, bx2) - Math.max(ax1, bx1);
    const sy = Math.min(ay2, by2) - Math.max(ay1, by1);
    const hx = Math.max(ax2, bx2) - Math.min(ax1, bx1);
    const hy = Math.max(ay2, by2) - Math.min(ay1, by1);
    const overlaps = sx > 0 && sy > 0;
    const shared = overlaps ? sx * sy : 0;
    const union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared;
    const hull = hx * hy;
    total += 1 - shared / (union + eps) + (hull - union) / (hull + eps);
    if (!grad1 || !grad2) continue;
    const byUnion = (shared / (union + eps) ** 2 - 1 / (hull + eps)) / rows;
    const byShared = overlaps ? -1 / (union + eps) / rows - byUnion : 0;
    const byHull = (union + eps) / (hull + eps) ** 2 / rows;
    const inX = byShared * sy;
    const inY = byShared * sx;
    const outX = byHull * hy;
    const outY = byHull * hx;
    const areaAX = byUnion * (ay2 - ay1);
    const areaAY = byUnion * (ax2 - ax1);
    const areaBX = byUnion * (by2 - by1);
    const areaBY = byUnion * (bx2 - bx1);
    grad1[i] = -areaAX - (ax1 > bx1 ? inX : outX);
    grad1[i + 1] = -areaAY - (ay1 > by1 ? inY : outY);
    grad1[i + 2] = areaAX + (ax2 < bx2 ? inX : outX);
    grad1[i + 3] = areaAY + (ay2 < by2 ? inY : outY);
    grad2[i] = -areaBX - (bx1 > ax1 ? inX : outX);
    grad2[i + 1] = -areaBY - (by1 > ay1 ? inY : outY);
    grad2[i + 2] = areaBX + (bx2 < ax2 ? inX : outX);
    grad2[i + 3] = areaBY + (by2 < ay2 ? inY : outY);
  }
  return total / rows;
}

function infoNce(query: Floats, key: Floats, width: number, gradQuery?: Floats, gradKey?: Floats) {
  const rows = query.length / width;
  const logits = new Float64Array(rows);
  let total = 0;
  gradQuery?.fill(0);
  gradKey?.fill(0);
  for (let i = 0; i < rows; i++) {
    let max = -Infinity;
    for (let j = 0; j < rows; j++) {
      let dot = 0;
      for (let k = 0; k < width; k++) dot += query[i * width + k]! * key[j * width + k]!;
      logits[j] = dot / 0.07;
      max = Math.max(max, logits[j]!);
    }
    let sum = 0;
    for (let j = 0; j < rows; j++) sum += Math.exp(logits[j]! - max);
    total += max + Math.log(sum) - logits[i]!;
    if (!gradQuery || !gradKey) continue;
    for (let j = 0; j < rows; j++) {
      const g = (Math.exp(logits[j]! - max) / sum - (i === j ? 1 : 0)) / 0.07 / rows;
      for (let k = 0; k < width; k++) {
        gradQuery[i * width + k]! += g * key[j * width + k]!;
        gradKey[j * width + k]! += g * query[i * width + k]!;
      }
    }
  }
  return total / rows;
}

/** By the title of the row that it belongs to. */
export const plain: Readonly<Record<string, Plain>> = {
  mse: { expOrLog: false, loss: mse },
  l1: { expOrLog: false, loss: l1 },
  smoothL1: { expOrLog: false, loss: smoothL1 },
  huber: { expOrLog: false, loss: huber },
  quantile: { expOrLog: false, loss: quantile },
  hinge: { expOrLog: false, loss: hinge },
  squaredHinge: { expOrLog: false, loss: squaredHinge },
  hingeEmbedding: { expOrLog: false, loss: hingeEmbedding },
  marginRanking: { expOrLog: false, loss: marginRanking },
  logCosh: { expOrLog: true, loss: logCosh },
  bce: { expOrLog: true, loss: bce },
  bceWithLogits: { expOrLog: true, loss: bceWithLogits },
  klDiv: { expOrLog: true, loss: klDiv },
  softMargin: { expOrLog: true, loss: softMargin },
  poissonNll: { expOrLog: true, loss: poissonNll },
  gaussianNll: { expOrLog: true, loss: gaussianNll },
  dpo: { expOrLog: true, loss: dpo },
  sigmoidFocal: { expOrLog: true, loss: sigmoidFocal },
  sigmoid: { expOrLog: true, value: sigmoid, vjp: sigmoidVjp },
  logSigmoid: { expOrLog: true, value: logSigmoid, vjp: logSigmoidVjp },
  softplus: { expOrLog: true, value: softplus, vjp: softplusVjp },
  nll: { expOrLog: false, loss: nll },
  crossEntropy: { expOrLog: true, loss: crossEntropy },
  linearCrossEntropy: { expOrLog: true, loss: linearCrossEntropy },
  "crossEntropy smoothing": { expOrLog: true, loss: crossEntropySmoothed },
  "crossEntropy probabilities": { expOrLog: true, loss: crossEntropyOfProbabilities },
  multiMargin: { expOrLog: false, loss: multiMargin },
  multiLabelMargin: { expOrLog: false, loss: multiLabelMargin },
  multiLabelSoftMargin: { expOrLog: true, loss: multiLabelSoftMargin },
  sparsemax: { expOrLog: false, loss: sparsemax },
  rankingSoftmax: { expOrLog: true, loss: rankingSoftmax },
  softmaxFocal: { expOrLog: true, loss: softmaxFocal },
  poly: { expOrLog: true, loss: poly },
  distillationKl: { expOrLog: true, loss: distillationKl },
  jensenShannon: { expOrLog: true, loss: jensenShannon },
  dice: { expOrLog: false, loss: dice },
  tversky: { expOrLog: false, loss: tversky },
  cosineEmbedding: { expOrLog: false, loss: cosineEmbedding },
  tripletMargin: { expOrLog: false, loss: tripletMargin },
  giou: { expOrLog: false, loss: giou },
  infoNce: { expOrLog: true, loss: infoNce },
  softmax: { expOrLog: true, value: softmax, vjp: softmaxVjp },
  logSoftmax: { expOrLog: true, value: logSoftmax, vjp: logSoftmaxVjp },
  logSumExp: { expOrLog: true, value: logSumExp, vjp: logSumExpVjp },
};
