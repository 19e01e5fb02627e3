//! Cross-entropy with a linear term, the first of its expansion in 1 − p. optax:
//! `poly_loss_cross_entropy`; Leng et al., 2022.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{Rows, Sweep, Tile};
use crate::forms::target_class;
use crate::isa::{Element, Isa, Lanes, Vector};
use crate::losses::softmax::{exponential, gap, peak, rest};
use crate::math::Math;

/// ℓ = Σ_c t_c·(ε·(1 − p_c) − ln p_c), p = softmax(x), t one-hot or given.
#[derive(Clone, Copy)]
pub struct Poly {
    epsilon: f64,
}

/// Scratch slots of a tile.
const LOGITS: usize = 0;
const TARGET: usize = 1;
const GRAD: usize = 2;

impl<T: Element> Rowwise<T> for Poly {
    const SLOTS: usize = 3;

    /// Options: epsilon.
    fn new(options: &[f64]) -> Self {
        Poly {
            epsilon: T::from_f64(options[0]).to_f64(),
        }
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let (one, eps) = (I::F64::splat(1.0), I::F64::splat(self.epsilon));
        // SAFETY: as the caller's.
        unsafe {
            if call.other.is_null() {
                target_class::by_probability::<I, T>(call, tile, scale, |[nll, p, missed]| {
                    [nll + eps * missed, one + eps * p]
                })
            } else {
                self.by_distribution::<I, T>(call, tile, scale)
            }
        }
    }
}

impl Poly {
    unsafe fn by_distribution<'t, I: Isa, T: Element>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let one = Vector::<I, T>::splat(1.0);
        // SAFETY: the call's pointers are valid for its shape.
        unsafe {
            let x = tile.input(call.input, LOGITS);
            let target = tile.input(call.other, TARGET);
            let wanted = !call.input_grad.is_null();
            let grad = tile.output(call.input_grad, GRAD);
            let max = tile.max::<I>(x);
            // With e = exp(x − max): 1 − p = (rest + (1 − e))/Σ, in which nothing cancels.
            let ([sums, gaps, missed, mass], [tops]) = tile.sweep::<I, 2, 1, 0, 1, 4, 1>(
                Sweep {
                    elements: [x, target],
                    rows: [&max],
                    classes: [],
                    out: [grad],
                },
                |[x, t], [max], []| {
                    let (e, term, top) = exponential(x, max);
                    ([e], [term, gap(x, max, t), t * (one - e), t], [top])
                },
            );
            let rest = rest::<I, T>(tile, &sums, &tops);
            let scales = row_scale(call, tile, scale);
            let (one, eps) = (I::F64::splat(1.0), I::F64::splat(self.epsilon));
            let [value, k, k_target, top, top_target] = tile.each_row::<I, 5, 5>(
                [&rest, &gaps, &missed, &mass, &scales],
                |[rest, gaps, missed, mass, scale]| {
                    let sum = one + rest;
                    let linear = eps * (missed + rest * mass) / sum;
                    // ε·Σ t·p + Σ t, the slope of the row along its probabilities.
                    let pull = mass + (eps * mass - linear);
                    let off = rest / sum;
                    [
                        gaps + mass * rest.ln_1p_nonnegative() + linear,
                        scale * pull / sum,
                        scale * eps / sum,
                        scale * (linear + off * (mass - linear)),
                        scale * (one + eps - off * eps),
                    ]
                },
            );
            if wanted {
                tile.sweep::<I, 2, 7, 0, 1, 0, 0>(
                    Sweep {
                        elements: [grad, target],
                        rows: [
                            &tile.round(&k),
                            &tile.round(&k_target),
                            &tile.round(&top),
                            &tile.round(&top_target),
                            &tile.round(&mass),
                            &tile.round(&scales),
                            &peak(tile, &rest),
                        ],
                        classes: [],
                        out: [grad],
                    },
                    |[e, t], [k, k_target, top, top_target, mass, scale, peak], []| {
                        // p = 1 − rest/Σ where e is 1.
                        let at_top = (mass - t) * top_target - top;
                        let elsewhere = e * (k - t * k_target) - t * scale;
                        (
                            [Vector::<I, T>::select(e.eq(peak), at_top, elsewhere)],
                            [],
                            [],
                        )
                    },
                );
                tile.commit(grad, call.input_grad);
            }
            value
        }
    }
}
