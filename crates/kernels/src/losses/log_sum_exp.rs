//! Logarithm of the softmax's normaliser over a dimension. PyTorch: `logsumexp`.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{Rows, Tile, View};
use crate::isa::{Element, Isa, Lanes};
use crate::losses::softmax::{exponentials_beyond, scale_rows};
use crate::math::Math;

/// Scratch slots of a tile.
const INPUT: usize = 0;
const OUT: usize = 1;

/// ln Σ exp(x) of each row; its gradient is p times the row's incoming gradient.
#[derive(Clone, Copy)]
pub struct LogSumExp;

impl<T: Element> Rowwise<T> for LogSumExp {
    const SLOTS: usize = 2;

    fn new(_: &[f64]) -> Self {
        LogSumExp
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        // SAFETY: the call's pointers are valid for its shape.
        unsafe {
            let x = tile.input(call.input, INPUT);
            let out = (!call.input_grad.is_null()).then(|| tile.output(call.input_grad, OUT));
            // x − max would be NaN at an infinite maximum. With a finite one in its place the
            // exponentials tell themselves: inf, all 0, or NaN.
            let shift = |max: T| match max.to_f64() {
                f64::INFINITY => T::from_f64(f32::MAX.into()),
                f64::NEG_INFINITY => T::from_f64(0.0),
                _ => max,
            };
            let max = tile.map(&tile.max::<I>(x), shift);
            let rest = exponentials_beyond::<I, T>(tile, x, &max, out.unwrap_or(View::nowhere()));
            let scales = row_scale(call, tile, scale);
            let one = I::F64::splat(1.0);
            let [value, k] = tile
                .each_row::<I, 3, 2>([&tile.widen(&max), &rest, &scales], |[max, rest, scale]| {
                    [max + rest.ln_1p(), scale / (one + rest)]
                });
            if let Some(out) = out {
                scale_rows::<I, T>(tile, out, &tile.round(&k));
                tile.commit(out, call.input_grad);
            }
            value
        }
    }
}
