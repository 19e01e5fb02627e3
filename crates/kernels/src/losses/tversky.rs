//! Overlap of predicted and true regions, with a weight for each kind of error. Salehi et al., 2017.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{Rows, Sweep, Tile};
use crate::isa::{Element, Isa, Lanes, Vector};

/// Scratch slots of a tile.
const INPUT: usize = 0;
const TARGET: usize = 1;
const GRAD: usize = 2;

/// ℓ = 1 − (TP + s)/(TP + α·FP + β·FN + s), TP = Σ x·y, FP = Σ x·(1 − y), FN = Σ (1 − x)·y.
#[derive(Clone, Copy)]
pub struct Tversky {
    alpha: f64,
    beta: f64,
    smooth: f64,
}

impl Tversky {
    /// With weights of false positives and false negatives, and what is added to both terms.
    pub fn with<T: Element>([alpha, beta, smooth]: [f64; 3]) -> Self {
        let rounded = |x: f64| T::from_f64(x).to_f64();
        Tversky {
            alpha: rounded(alpha),
            beta: rounded(beta),
            smooth: rounded(smooth),
        }
    }
}

impl<T: Element> Rowwise<T> for Tversky {
    const SLOTS: usize = 3;

    /// Options: alpha, beta, smooth.
    fn new(options: &[f64]) -> Self {
        Tversky::with::<T>([options[0], options[1], options[2]])
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let [alpha, beta, smooth] = [self.alpha, self.beta, self.smooth].map(I::F64::splat);
        let one = Vector::<I, T>::splat(1.0);
        // SAFETY: the call's pointers are valid for its shape.
        unsafe {
            let (x, y) = (
                tile.input(call.input, INPUT),
                tile.input(call.other, TARGET),
            );
            let ([hits, alarms, misses], []) = tile.sweep::<I, 2, 0, 0, 0, 3, 0>(
                Sweep {
                    elements: [x, y],
                    rows: [],
                    classes: [],
                    out: [],
                },
                move |[x, y], [], []| ([], [x * y, x * (one - y), (one - x) * y], []),
            );
            let scales = row_scale(call, tile, scale);
            let [value, by_target, offset] = tile.each_row::<I, 4, 3>(
                [&hits, &alarms, &misses, &scales],
                |[hits, alarms, misses, scale]| {
                    let errors = alpha * alarms + beta * misses;
                    let (shared, all) = (hits + smooth, hits + errors + smooth);
                    // 1 − shared/all; by x: −(y·all − shared·(y·(1 − α − β) + α))/all².
                    let ratio = shared / all;
                    let rest = I::F64::splat(1.0) - alpha - beta;
                    [
                        errors / all,
                        scale * (ratio * rest - I::F64::splat(1.0)) / all,
                        scale * ratio * alpha / all,
                    ]
                },
            );
            if !call.input_grad.is_null() {
                let grad = tile.output(call.input_grad, GRAD);
                tile.sweep::<I, 1, 2, 0, 1, 0, 0>(
                    Sweep {
                        elements: [y],
                        rows: [&tile.round(&by_target), &tile.round(&offset)],
                        classes: [],
                        out: [grad],
                    },
                    |[y], [by_target, offset], []| ([y * by_target + offset], [], []),
                );
                tile.commit(grad, call.input_grad);
            }
            value
        }
    }
}
