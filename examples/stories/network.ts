// Dense layers and Adam on plain arrays: as little as the stories need. There is only plain arithmetic and a square root, so
// that a story has the same figures on every machine.

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;
/** The slope below 0: without one, the mean absolute error kills units for good. */
const LEAK = 0.1;

/** Numbers to be learned, the gradient by them, and what Adam (Kingma & Ba 2015) remembers of it. */
export class Parameter {
  readonly gradient: Float32Array<ArrayBuffer>;
  readonly #mean: Float32Array;
  readonly #square: Float32Array;
  /** β₁ and β₂ to the power of the steps done. */
  #powers: readonly [number, number] = [1, 1];

  /** `of` may be a tensor, whose `data` is not always the same view. */
  constructor(readonly of: { readonly data: Float32Array }) {
    const { length } = of.data;
    this.gradient = new Float32Array(length);
    this.#mean = new Float32Array(length);
    this.#square = new Float32Array(length);
  }

  step(rate: number): void {
    const { data } = this.of;
    const { gradient } = this;
    const [mean, square] = [this.#mean, this.#square];
    const [power1, power2] = (this.#powers = [this.#powers[0] * BETA1, this.#powers[1] * BETA2]);
    const corrected = (rate * Math.sqrt(1 - power2)) / (1 - power1);
    for (let i = 0; i < data.length; i++) {
      const g = gradient[i]!;
      const m = (mean[i] = BETA1 * mean[i]! + (1 - BETA1) * g);
      const s = (square[i] = BETA2 * square[i]! + (1 - BETA2) * g * g);
      data[i]! -= (corrected * m) / (Math.sqrt(s) + EPSILON);
    }
  }
}

/**
 * Adds A·B to C, of `inner` columns of A and rows of B. `across` and `down` tell how far an element of A is from the next of its
 * row and of its column, so that A may be the transpose of what is stored; `inner` and what C's rows are come from B and C.
 */
function multiplyAdd(c: Float32Array, a: Float32Array, across: number, down: number, b: Float32Array, columns: number): void {
  const inner = b.length / columns;
  const whole = inner - (inner % 4);
  for (let row = 0, to = 0; to < c.length; row++, to += columns) {
    let at = row * down;
    // Four at once, as an element of C is then loaded and stored a quarter as often.
    for (let k = 0; k < whole; k += 4, at += 4 * across) {
      const [a0, a1, a2, a3] = [a[at]!, a[at + across]!, a[at + 2 * across]!, a[at + 3 * across]!];
      if (a0 === 0 && a1 === 0 && a2 === 0 && a3 === 0) continue; // as many pixels and most words are
      for (let j = 0, b0 = k * columns, b1 = b0 + columns, b2 = b1 + columns, b3 = b2 + columns; j < columns; j++) {
        c[to + j]! += a0 * b[b0 + j]! + a1 * b[b1 + j]! + (a2 * b[b2 + j]! + a3 * b[b3 + j]!);
      }
    }
    for (let k = whole; k < inner; k++, at += across) {
      for (let j = 0; j < columns; j++) c[to + j]! += a[at]! * b[k * columns + j]!;
    }
  }
}

/** y = x·W + b, of rows of x; W has a row for each input. */
class Layer {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(
    readonly inputs: number,
    readonly outputs: number,
    random: () => number,
  ) {
    const limit = Math.sqrt(6 / inputs); // He's uniform initialisation
    this.weight = new Parameter({ data: Float32Array.from({ length: inputs * outputs }, () => (2 * random() - 1) * limit) });
    this.bias = new Parameter({ data: new Float32Array(outputs) });
  }

  forward(x: Float32Array): Float32Array<ArrayBuffer> {
    const { inputs, outputs } = this;
    const y = new Float32Array((x.length / inputs) * outputs);
    for (let to = 0; to < y.length; to += outputs) y.set(this.bias.of.data, to);
    multiplyAdd(y, x, 1, inputs, this.weight.of.data, outputs);
    return y;
  }

  /** Takes the gradient by y for those by the parameters. */
  backward(x: Float32Array, gradY: Float32Array): void {
    const { inputs, outputs } = this;
    const bias = this.bias.gradient.fill(0);
    for (let i = 0; i < gradY.length; i++) bias[i % outputs]! += gradY[i]!;
    multiplyAdd(this.weight.gradient.fill(0), x, inputs, 1, gradY, outputs);
  }

  /** The gradient by x. */
  gradient(gradY: Float32Array): Float32Array<ArrayBuffer> {
    const { inputs, outputs } = this;
    const weight = this.weight.of.data;
    const transposed = new Float32Array(weight.length);
    for (let i = 0, w = 0; i < inputs; i++) for (let o = 0; o < outputs; o++) transposed[o * inputs + i] = weight[w++]!;
    const gradX = new Float32Array((gradY.length / outputs) * inputs);
    multiplyAdd(gradX, gradY, 1, outputs, transposed, inputs);
    return gradX;
  }
}

/** Dense layers with leaky rectifiers between them. */
export class Network {
  readonly #layers: readonly Layer[];
  /** What each layer was given last. */
  #inputs: Float32Array[] = [];

  /** `widths`: how many numbers go into each layer, and how many come out of the last. */
  constructor(widths: readonly number[], random: () => number) {
    this.#layers = widths.slice(1).map((outputs, k) => new Layer(widths[k]!, outputs, random));
  }

  /** The outputs for rows of inputs. */
  forward(rows: Float32Array): Float32Array<ArrayBuffer> {
    this.#inputs = [];
    return this.#layers.reduce<Float32Array<ArrayBuffer>>((x, layer, k) => {
      this.#inputs.push(x);
      const y = layer.forward(x);
      return k < this.#layers.length - 1 ? y.map((v) => (v > 0 ? v : LEAK * v)) : y;
    }, rows as Float32Array<ArrayBuffer>);
  }

  /** Takes the gradient by what `forward` gave last; gives that by its rows where they are asked for. */
  backward(gradient: Float32Array, wantsRows = false): Float32Array {
    return this.#layers.reduceRight<Float32Array>((gradY, layer, k) => {
      const x = this.#inputs[k]!;
      layer.backward(x, gradY);
      if (k === 0) return wantsRows ? layer.gradient(gradY) : gradY;
      return layer.gradient(gradY).map((g, i) => (x[i]! > 0 ? g : LEAK * g));
    }, gradient);
  }

  /** A step of Adam, against the gradients. */
  step(rate: number): void {
    for (const { weight, bias } of this.#layers) {
      weight.step(rate);
      bias.step(rate);
    }
  }
}

