//! Generalised Jensen-Shannon divergence of two distributions, given as logits. Lin, 1991; Agarwal et
//! al., 2024.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{Rows, Sweep, Tile};
use crate::forms::softmax_pair::{self, SoftmaxPair, compare};
use crate::isa::{Element, Isa, Lanes, Vector};
use crate::losses::softmax::peak;
use crate::math::Math;

/// ℓ = β·KL(p ‖ m) + (1 − β)·KL(q ‖ m), m = β·p + (1 − β)·q, with p and q the softmaxes of the logits.
#[derive(Clone, Copy)]
pub struct JensenShannon {
    beta: f64,
}

/// β·ln p/m and (1 − β)·ln q/m from d = ln q − ln p; 0 where m is one of the two.
///
/// Of the two mixtures the one that has e^−|d| in it: ln q/m = −ln(1 + β·(e^−d − 1)) for d > 0. Equal
/// probabilities give 0. Each of the two keeps its digits where it is nearly 0; the loss is their sum,
/// weighted by p and q, in which they nearly cancel.
#[inline(always)]
fn terms<V: Lanes>(d: V, beta: V, rest: V) -> [V; 2] {
    let zero = V::splat(0.0);
    let up = d.gt(zero);
    let share = V::select(up, beta, rest);
    let near = -(share * (-d.abs()).exp_m1()).ln_1p();
    let far = near - d.abs();
    let pure = beta.eq(zero) | rest.eq(zero);
    [
        beta * V::select(up, far, near),
        rest * V::select(up, near, far),
    ]
    .map(|term| V::select(pure, zero, term))
}

impl<T: Element> Rowwise<T> for JensenShannon {
    const SLOTS: usize = softmax_pair::SLOTS;

    /// Options: beta.
    fn new(options: &[f64]) -> Self {
        JensenShannon {
            beta: T::from_f64(options[0]).to_f64(),
        }
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let zero = Vector::<I, T>::splat(0.0);
        let (beta, rest) = (
            Vector::<I, T>::splat(self.beta),
            Vector::<I, T>::splat(1.0 - self.beta),
        );
        let one = Vector::<I, T>::splat(1.0);
        // p, q and their terms, which are 0 where there is no probability.
        let terms = move |elements, rows| {
            let [p, q, gap] = compare(elements, rows, one);
            let [by_p, by_q] = terms(gap, beta, rest);
            [
                p,
                q,
                Vector::<I, T>::select(p.eq(zero), zero, by_p),
                Vector::<I, T>::select(q.eq(zero), zero, by_q),
            ]
        };
        // SAFETY: as the caller's.
        unsafe {
            let pair = SoftmaxPair::new::<I>(call, tile, 1.0);
            let [max_x, max_y, inverse_x, inverse_y, ratio] = pair.rows();
            // Σ p·ln p/m over the classes, and ln p/m at the one that has nearly all of p, apart: so
            // that (1 − p) times it, of a confident row, keeps its digits. The same of q.
            let peaks = [peak(tile, &pair.rests[0]), peak(tile, &pair.rests[1])];
            let ([others_p, top_p, others_q, top_q], []) = tile.sweep::<I, 4, 7, 0, 0, 4, 0>(
                Sweep {
                    elements: pair.elements,
                    rows: [
                        max_x, max_y, inverse_x, inverse_y, ratio, &peaks[0], &peaks[1],
                    ],
                    classes: [],
                    out: [],
                },
                move |elements, [a, b, c, d, e, peak_x, peak_y], []| {
                    let [_, _, ex, ey] = elements;
                    let [p, q, by_p, by_q] = terms(elements, [a, b, c, d, e]);
                    let apart = |top, p, by_p| {
                        [
                            Vector::<I, T>::select(top, zero, p * by_p),
                            Vector::<I, T>::select(top, by_p, zero),
                        ]
                    };
                    let [others_p, top_p] = apart(ex.eq(peak_x), p, by_p);
                    let [others_q, top_q] = apart(ey.eq(peak_y), q, by_q);
                    ([], [others_p, top_p, others_q, top_q], [])
                },
            );
            let scales = row_scale(call, tile, scale);
            let one64 = I::F64::splat(1.0);
            let total = |rest: &Rows<f64>, others: &Rows<f64>, top: &Rows<f64>| {
                tile.each_row::<I, 4, 2>(
                    [rest, others, top, &scales],
                    |[rest, others, top, scale]| {
                        let p = one64 / (one64 + rest);
                        [others + p * top, p * (top * (rest * p) - others) * scale]
                    },
                )
            };
            let [first, at_x] = total(&pair.rests[0], &others_p, &top_p);
            let [second, at_y] = total(&pair.rests[1], &others_q, &top_q);
            if let Some(out) = pair.wanted(call) {
                tile.sweep::<I, 4, 12, 0, 2, 0, 0>(
                    Sweep {
                        elements: pair.elements,
                        rows: [
                            max_x,
                            max_y,
                            inverse_x,
                            inverse_y,
                            ratio,
                            &tile.round(&first),
                            &tile.round(&second),
                            &tile.round(&scales),
                            &peaks[0],
                            &peaks[1],
                            &tile.round(&at_x),
                            &tile.round(&at_y),
                        ],
                        classes: [],
                        out,
                    },
                    move |elements, rows, []| {
                        let [a, b, c, d, e, first, second, scale, rows @ ..] = rows;
                        let [peak_x, peak_y, at_x, at_y] = rows;
                        let [_, _, ex, ey] = elements;
                        let [p, q, by_p, by_q] = terms(elements, [a, b, c, d, e]);
                        let by_x = p * (by_p - first) * scale;
                        let by_y = q * (by_q - second) * scale;
                        (
                            [
                                Vector::<I, T>::select(ex.eq(peak_x), at_x, by_x),
                                Vector::<I, T>::select(ey.eq(peak_y), at_y, by_y),
                            ],
                            [],
                            [],
                        )
                    },
                );
                pair.commit(call, tile);
            }
            tile.each(|row| first[row] + second[row])
        }
    }
}
