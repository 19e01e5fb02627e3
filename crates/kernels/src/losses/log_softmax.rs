//! Logarithm of the softmax over a dimension. PyTorch: `log_softmax`.

use crate::driver::rowwise::{Call, Rowwise};
use crate::driver::tile::{Rows, Sweep, Tile, View};
use crate::isa::{Element, Isa, Lanes};
use crate::losses::softmax::{exponential, exponentials, rest};
use crate::math::Math;

/// Scratch slots of a tile.
const INPUT: usize = 0;
const OTHER: usize = 1;
const OUT: usize = 2;

/// ln p = x − ln Σ exp(x); with `other`, the vector-Jacobian product g − p·Σ g.
#[derive(Clone, Copy)]
pub struct LogSoftmax;

impl<T: Element> Rowwise<T> for LogSoftmax {
    const SLOTS: usize = 3;

    fn new(_: &[f64]) -> Self {
        LogSoftmax
    }

    unsafe fn tile<'t, I: Isa>(&self, call: &Call<T>, tile: &'t Tile<T>, _: T) -> Rows<'t, f64> {
        // SAFETY: the call's pointers are valid for its shape.
        unsafe {
            let x = tile.input(call.input, INPUT);
            let out = tile.output(call.input_grad, OUT);
            let max = tile.max::<I>(x);
            if call.other.is_null() {
                let rest = exponentials::<I, T>(tile, x, &max, View::nowhere());
                let [ln] = tile.each_row::<I, 1, 1>([&rest], |[rest]| [rest.ln_1p_nonnegative()]);
                tile.sweep::<I, 1, 2, 0, 1, 0, 0>(
                    Sweep {
                        elements: [x],
                        rows: [&max, &tile.round(&ln)],
                        classes: [],
                        out: [out],
                    },
                    |[x], [max, ln], []| ([(x - max) - ln], [], []),
                );
            } else {
                let g = tile.input(call.other, OTHER);
                let ([sums, totals], [tops]) = tile.sweep::<I, 2, 1, 0, 1, 2, 1>(
                    Sweep {
                        elements: [x, g],
                        rows: [&max],
                        classes: [],
                        out: [out],
                    },
                    |[x, g], [max], []| {
                        let (e, term, top) = exponential(x, max);
                        ([e], [term, g], [top])
                    },
                );
                let rest = rest::<I, T>(tile, &sums, &tops);
                let one = I::F64::splat(1.0);
                let [k] = tile
                    .each_row::<I, 2, 1>([&rest, &totals], |[rest, total]| [total / (one + rest)]);
                tile.sweep::<I, 2, 1, 0, 1, 0, 0>(
                    Sweep {
                        elements: [out, g],
                        rows: [&tile.round(&k)],
                        classes: [],
                        out: [out],
                    },
                    |[e, g], [k], []| ([g - e * k], [], []),
                );
            }
            tile.commit(out, call.input_grad);
        }
        tile.filled(0.0)
    }
}
