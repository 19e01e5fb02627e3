//! Softmax cross-entropy of logits. PyTorch: `CrossEntropyLoss`; z-loss: PaLM, 2022; soft-capping:
//! Gemma 2, 2024.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{Rows, Sweep, Tile, View};
use crate::forms::target_class::{commit, settle, targets};
use crate::isa::{Element, Isa, Lanes, Vector};
use crate::losses::softmax::{exponential, exponentials, gap, peak, rest, scale_rows};
use crate::math::Math;

/// ℓ = −Σ_c w_c·t_c·ln softmax(x)_c + z·(ln Σ exp x)², with t one-hot or given, smoothed to
/// (1 − ε)·t + ε/C, and x first capped to s·tanh(x/s).
#[derive(Clone, Copy)]
pub struct CrossEntropy {
    smoothing: f64,
    z_loss: f64,
    /// 0 for none.
    softcap: f64,
}

/// Scratch slots of a tile.
const LOGITS: usize = 0;
const TARGET: usize = 1;
const GRAD: usize = 2;
const TARGET_GRAD: usize = 3;
const COPY: usize = 4;
const CAP_SLOPE: usize = 5;
const WEIGHT_TERMS: usize = 6;

impl CrossEntropy {
    /// Caps the logits into scratch memory, with the slope of the cap.
    unsafe fn cap<I: Isa, T: Element>(&self, tile: &Tile<T>, x: View<T>) -> (View<T>, View<T>) {
        let (z, slope) = (tile.scratch(COPY), tile.scratch(CAP_SLOPE));
        let cap = Vector::<I, T>::splat(self.softcap);
        let four = Vector::<I, T>::splat(4.0);
        // SAFETY: the views are of this tile.
        unsafe {
            tile.sweep::<I, 1, 0, 0, 2, 0, 0>(
                Sweep {
                    elements: [x],
                    rows: [],
                    classes: [],
                    out: [z, slope],
                },
                |[x], [], []| {
                    let u = x / cap;
                    // 1 − tanh²u = 4σ(2u)σ(−2u) keeps its digits where tanh is near 1.
                    let (_, near, far) = (u + u).logistic();
                    ([cap * u.tanh(), four * near * far], [], [])
                },
            );
        }
        (z, slope)
    }
}

/// Whether a row's target is the index of a class or a distribution.
enum Kind {
    Index,
    Distribution,
}

impl<T: Element> Rowwise<T> for CrossEntropy {
    const SLOTS: usize = 7;

    /// Options: labelSmoothing, zLoss, softcap (0 for none).
    fn new(options: &[f64]) -> Self {
        let rounded = |x: f64| T::from_f64(x).to_f64();
        CrossEntropy {
            smoothing: rounded(options[0]),
            z_loss: rounded(options[1]),
            softcap: rounded(options[2]),
        }
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let kind = if call.other.is_null() {
            Kind::Index
        } else {
            Kind::Distribution
        };
        // SAFETY: the call's pointers are valid for its shape.
        unsafe {
            let input = tile.input(call.input, LOGITS);
            let (x, cap_slope) = if self.softcap > 0.0 {
                let (z, slope) = self.cap::<I, T>(tile, input);
                (z, Some(slope))
            } else {
                (input, None)
            };
            let grad = (!call.input_grad.is_null()).then(|| tile.output(call.input_grad, GRAD));
            let scales = row_scale(call, tile, scale);
            let (values, ignored) = match kind {
                Kind::Index => self.by_index::<I, T>(call, tile, x, grad, &scales),
                Kind::Distribution => (
                    self.by_distribution::<I, T>(call, tile, x, grad, &scales),
                    false,
                ),
            };
            if let Some(grad) = grad {
                if let Some(slope) = cap_slope {
                    tile.sweep::<I, 2, 0, 0, 1, 0, 0>(
                        Sweep {
                            elements: [grad, slope],
                            rows: [],
                            classes: [],
                            out: [grad],
                        },
                        |[grad, slope], [], []| ([grad * slope], [], []),
                    );
                }
                commit(call, tile, grad, ignored);
            }
            values
        }
    }
}

impl CrossEntropy {
    /// The values, and whether a row is ignored.
    unsafe fn by_index<'t, I: Isa, T: Element>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        x: View<T>,
        grad: Option<View<T>>,
        scales: &Rows<f64>,
    ) -> (Rows<'t, f64>, bool) {
        let classes = call.shape.classes;
        let (eps, z) = (self.smoothing, self.z_loss);
        let share = if eps > 0.0 { eps / classes as f64 } else { 0.0 };
        let total = if eps > 0.0 {
            call.total_weight::<I>()
        } else {
            0.0
        };

        // Gathered first: the exponentials may be written over the logits.
        // SAFETY: x and grad are views of this tile.
        let [chosen, weight] = unsafe { targets(call, tile, x) };
        // SAFETY: as above.
        let (max, rest, gaps) = unsafe {
            let max = tile.max::<I>(x);
            let out = grad.unwrap_or(View::nowhere());
            let (rest, gaps) = if eps > 0.0 {
                let (rest, gaps) = smoothed::<I, T>(tile, x, &max, call.weight, out);
                (rest, Some(gaps))
            } else {
                (exponentials::<I, T>(tile, x, &max, out), None)
            };
            (max, rest, gaps)
        };
        let max = tile.widen(&max);
        // Without smoothing nothing depends on them.
        let gaps = gaps.as_ref().unwrap_or(&rest);
        // The targets' exponentials, for their gradients.
        let target_exp = tile.each(|row| {
            // SAFETY: the row is the tile's, and a class that is not ignored is in range.
            unsafe {
                let class = call.classes.get(tile.first + row);
                let e = class.zip(grad).map(|(class, e)| e.get(row, class));
                e.map_or(0.0, T::to_f64)
            }
        });

        let one = I::F64::splat(1.0);
        let (keep, share_, total_) = (
            I::F64::splat(1.0 - eps),
            I::F64::splat(share),
            I::F64::splat(total),
        );
        let (z, two_z) = (I::F64::splat(z), I::F64::splat(2.0 * z));
        let plain = self.smoothing == 0.0 && self.z_loss == 0.0;
        let [mut value, k, b, at] = tile.each_row::<I, 7, 4>(
            [&max, &rest, gaps, &chosen, &target_exp, &weight, scales],
            |[max, rest, gaps, chosen, e, w, scale]| {
                // Σ exp(x − max) = 1 + rest: the loss of a confident row keeps its digits.
                let (ln, sum) = (rest.ln_1p_nonnegative(), one + rest);
                let nll = (max - chosen) + ln;
                if plain && grad.is_none() {
                    return [w * nll, w, w, w];
                }
                // Σ over the other classes, without the target's own exponential.
                let others = rest + (one - e);
                if plain {
                    let k = scale * w / sum;
                    return [w * nll, k, w, -(k * others)];
                }
                let (lse, p) = (max + ln, e / sum);
                // With all of the target spread, its own logit may be −inf and has no weight.
                let own = if eps < 1.0 {
                    keep * nll
                } else {
                    I::F64::splat(0.0)
                };
                let value = w * (own + z * lse.square()) + share_ * (gaps + total_ * ln);
                let pull = two_z * w * lse;
                let k = scale * (keep * w + share_ * total_ + pull) / sum;
                let at = scale * (share_ * (p * total_ - w) + pull * p - keep * w * others / sum);
                [value, k, scale * share_, at]
            },
        );
        if let Some(grad) = grad {
            let k = tile.round(&k);
            // SAFETY: grad is a view of this tile, and the weight has every class.
            unsafe {
                if eps > 0.0 {
                    tile.sweep::<I, 1, 2, 1, 1, 0, 0>(
                        Sweep {
                            elements: [grad],
                            rows: [&k, &tile.round(&b)],
                            classes: [call.weight],
                            out: [grad],
                        },
                        |[e], [k, b], [w]| ([e * k - w * b], [], []),
                    );
                } else {
                    scale_rows::<I, T>(tile, grad, &k);
                }
            }
        }
        // SAFETY: as above.
        let ignored = unsafe { settle(call, tile, grad, &at, &mut value) };
        (value, ignored)
    }

    unsafe fn by_distribution<'t, I: Isa, T: Element>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        x: View<T>,
        grad: Option<View<T>>,
        scales: &Rows<f64>,
    ) -> Rows<'t, f64> {
        let more = !call.other_grad.is_null() || !call.weight_grad.is_null();
        let keep = Vector::<I, T>::splat(1.0 - self.smoothing);
        let share = Vector::<I, T>::splat(self.smoothing / call.shape.classes as f64);
        let mix = move |t| keep * t + share;
        // SAFETY: the call's pointers are valid for its shape; views are of this tile.
        unsafe {
            let target = tile.input(call.other, TARGET);
            let max = tile.max::<I>(x);
            // Needed after the exponentials may have been written over the logits.
            let x = if more && grad.is_some() && self.softcap == 0.0 {
                let copy = tile.scratch(COPY);
                tile.sweep::<I, 1, 0, 0, 1, 0, 0>(
                    Sweep {
                        elements: [x],
                        rows: [],
                        classes: [],
                        out: [copy],
                    },
                    |[x], [], []| ([x], [], []),
                );
                copy
            } else {
                x
            };
            let ([sums, gaps, mass], [tops]) = tile.sweep::<I, 2, 1, 1, 1, 3, 1>(
                Sweep {
                    elements: [x, target],
                    rows: [&max],
                    classes: [call.weight],
                    out: [grad.unwrap_or(View::nowhere())],
                },
                move |[x, t], [max], [w]| {
                    let (e, rest, top) = exponential(x, max);
                    let q = w * mix(t);
                    ([e], [rest, gap(x, max, q), q], [top])
                },
            );
            let rest = rest::<I, T>(tile, &sums, &tops);
            let (one64, z) = (I::F64::splat(1.0), I::F64::splat(self.z_loss));
            let two_z = I::F64::splat(2.0 * self.z_loss);
            let (with_z, weighted) = (self.z_loss > 0.0, !call.weight.is_null());
            let [value, k, top, offset] = tile.each_row::<I, 5, 4>(
                [&tile.widen(&max), &rest, &gaps, &mass, scales],
                |[max, rest, gaps, mass, scale]| {
                    let (ln, sum) = (rest.ln_1p_nonnegative(), one64 + rest);
                    let value = gaps + mass * ln;
                    if !with_z {
                        return [value, scale * mass / sum, scale * mass * rest / sum, ln];
                    }
                    // The weight of a row is that of its target, and 1 without class weights.
                    let (w, lse) = (if weighted { mass } else { one64 }, max + ln);
                    let (square, pull) = (z * lse.square(), two_z * w * lse);
                    [
                        value + w * square,
                        scale * (mass + pull) / sum,
                        scale * (mass * rest - pull) / sum,
                        if weighted { ln + square } else { ln },
                    ]
                },
            );
            if let Some(grad) = grad {
                tile.sweep::<I, 2, 5, 1, 1, 0, 0>(
                    Sweep {
                        elements: [grad, target],
                        rows: [
                            &tile.round(&k),
                            &tile.round(&top),
                            &tile.round(&mass),
                            &tile.round(scales),
                            &peak(tile, &rest),
                        ],
                        classes: [call.weight],
                        out: [grad],
                    },
                    move |[e, t], [k, top, mass, scale, peak], [w]| {
                        let q = w * mix(t);
                        let at_top = (mass - q) * scale - top;
                        (
                            [Vector::<I, T>::select(
                                e.eq(peak),
                                at_top,
                                e * k - q * scale,
                            )],
                            [],
                            [],
                        )
                    },
                );
            }
            if more {
                self.target_gradients::<I, T>(
                    call,
                    tile,
                    x,
                    target,
                    &max,
                    &tile.round(&offset),
                    scales,
                );
            }
            value
        }
    }

    /// The derivatives by the targets and by the class weights: −ln softmax(x), with its factors.
    #[expect(clippy::too_many_arguments, reason = "one step of the function above")]
    unsafe fn target_gradients<I: Isa, T: Element>(
        &self,
        call: &Call<T>,
        tile: &Tile<T>,
        x: View<T>,
        target: View<T>,
        max: &Rows<T>,
        offset: &Rows<T>,
        scales: &Rows<f64>,
    ) {
        let keep = Vector::<I, T>::splat(1.0 - self.smoothing);
        let share = Vector::<I, T>::splat(self.smoothing / call.shape.classes as f64);
        let zero = Vector::<I, T>::splat(0.0);
        // SAFETY: the call's pointers are valid for its shape; views are of this tile.
        unsafe {
            if !call.weight_grad.is_null() {
                let terms = tile.scratch(WEIGHT_TERMS);
                tile.sweep::<I, 2, 2, 0, 1, 0, 0>(
                    Sweep {
                        elements: [x, target],
                        rows: [max, offset],
                        classes: [],
                        out: [terms],
                    },
                    |[x, t], [max, offset], []| {
                        let t = keep * t + share;
                        let term = t * (offset - (x - max));
                        ([Vector::<I, T>::select(t.eq(zero), zero, term)], [], [])
                    },
                );
                for (row, scale) in scales.iter().enumerate().take(tile.rows) {
                    let outer = if call.grad_outputs.is_null() {
                        1.0
                    } else {
                        *scale
                    };
                    for class in 0..call.shape.classes {
                        let term = terms.get(row, class).to_f64() * outer;
                        (*call.class_sums.add(class)).push(term);
                    }
                }
            }
            if !call.other_grad.is_null() {
                let out = tile.output(call.other_grad, TARGET_GRAD);
                let factor = tile.map(scales, |scale| T::from_f64(scale * (1.0 - self.smoothing)));
                tile.sweep::<I, 1, 3, 1, 1, 0, 0>(
                    Sweep {
                        elements: [x],
                        rows: [max, offset, &factor],
                        classes: [call.weight],
                        out: [out],
                    },
                    |[x], [max, offset, factor], [w]| ([w * (offset - (x - max)) * factor], [], []),
                );
                tile.commit(out, call.other_grad);
            }
        }
    }
}

/// The exponentials as [`exponentials`], with Σ w·(max − x) of each row beside them.
unsafe fn smoothed<'t, I: Isa, T: Element>(
    tile: &'t Tile<T>,
    x: View<T>,
    max: &Rows<T>,
    weight: *const T,
    out: View<T>,
) -> (Rows<'t, f64>, Rows<'t, f64>) {
    // SAFETY: as the caller's.
    let ([sums, gaps], [tops]) = unsafe {
        tile.sweep::<I, 1, 1, 1, 1, 2, 1>(
            Sweep {
                elements: [x],
                rows: [max],
                classes: [weight],
                out: [out],
            },
            |[x], [max], [w]| {
                let (e, rest, top) = exponential(x, max);
                ([e], [rest, gap(x, max, w)], [top])
            },
        )
    };
    (rest::<I, T>(tile, &sums, &tops), gaps)
}
