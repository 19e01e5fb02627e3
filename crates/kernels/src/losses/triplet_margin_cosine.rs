//! The triplet margin loss of cosine distances. PyTorch: `TripletMarginWithDistanceLoss` with
//! 1 − `cosine_similarity`.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{Rows, Tile, View};
use crate::isa::{Element, Isa, Lanes};
use crate::losses::cosine_similarity::cosine;
use crate::losses::triplet_margin::combine;

/// Scratch slots of a tile.
const INPUTS: usize = 0;
const GRADS: usize = 3;

/// The least that a norm counts as.
const EPS: f64 = 1e-8;

/// ℓ = max(0, δ(a, p) − δ(a, n) + margin) with δ = 1 − cos; with `swap`, the lesser of δ(a, n) and
/// δ(p, n).
#[derive(Clone, Copy)]
pub struct TripletMarginCosine {
    margin: f64,
    swap: bool,
}

impl<T: Element> Rowwise<T> for TripletMarginCosine {
    const SLOTS: usize = 6;

    /// Options: margin, swap.
    fn new(options: &[f64]) -> Self {
        TripletMarginCosine {
            margin: T::from_f64(options[0]).to_f64(),
            swap: options[1] != 0.0,
        }
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let eps = I::F64::splat(EPS);
        // SAFETY: the call's pointers are valid for its shape.
        unsafe {
            let x = [call.input, call.other, call.third];
            let x: [View<T>; 3] = core::array::from_fn(|k| tile.input(x[k], INPUTS + k));
            let [aa, pp, nn, ap, an, pn] =
                tile.wide_sweep::<I, 3, 0, 0, 6>(x, [], [], |[a, p, n], []| {
                    ([], [a * a, p * p, n * n, a * p, a * n, p * n])
                });
            let pair = |dot: &Rows<f64>, square1: &Rows<f64>, square2: &Rows<f64>| {
                tile.each_row::<I, 3, 4>([dot, square1, square2], |sums| cosine(sums, eps))
            };
            let pairs = [
                pair(&ap, &aa, &pp),
                pair(&an, &aa, &nn),
                pair(&pn, &pp, &nn),
            ];
            let scales = row_scale(call, tile, scale);
            let mut value = tile.filled(0.0);
            // The gradient by each row as a combination of all three.
            let mut by: [[Rows<f64>; 3]; 3] =
                core::array::from_fn(|_| core::array::from_fn(|_| tile.filled(0.0)));
            for row in 0..tile.rows {
                let distances = core::array::from_fn(|k| 1.0 - pairs[k][0][row]);
                let (loss, slopes) = combine(self.margin, self.swap, distances);
                value[row] = loss;
                let mut sums = [[0.0; 3]; 3];
                for (k, [i, j]) in [[0, 1], [0, 2], [1, 2]].into_iter().enumerate() {
                    if slopes[k] == 0.0 {
                        continue;
                    }
                    let [_, cross, own1, own2] = &pairs[k];
                    let factor = -scales[row] * slopes[k];
                    sums[i][j] += factor * cross[row];
                    sums[j][i] += factor * cross[row];
                    sums[i][i] -= factor * own1[row];
                    sums[j][j] -= factor * own2[row];
                }
                for i in 0..3 {
                    for j in 0..3 {
                        by[i][j][row] = sums[i][j];
                    }
                }
            }
            let places = [call.input_grad, call.other_grad, call.third_grad];
            if places.iter().all(|to| to.is_null()) {
                return value;
            }
            let out: [View<T>; 3] = core::array::from_fn(|k| tile.output(places[k], GRADS + k));
            let [[aa, ap, an], [pa, pp, pn], [na, np, nn]] = &by;
            tile.wide_sweep::<I, 3, 9, 3, 0>(
                x,
                [aa, ap, an, pa, pp, pn, na, np, nn],
                out,
                |[a, p, n], [aa, ap, an, pa, pp, pn, na, np, nn]| {
                    let sum = |x: _, y: _, z: _| (a * x + p * y) + n * z;
                    ([sum(aa, ap, an), sum(pa, pp, pn), sum(na, np, nn)], [])
                },
            );
            for (view, to) in out.into_iter().zip(places) {
                tile.commit(view, to);
            }
            value
        }
    }
}
