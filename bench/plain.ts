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
  softmax: { expOrLog: true, value: softmax, vjp: softmaxVjp },
  logSoftmax: { expOrLog: true, value: logSoftmax, vjp: logSoftmaxVjp },
  logSumExp: { expOrLog: true, value: logSumExp, vjp: logSumExpVjp },
};
