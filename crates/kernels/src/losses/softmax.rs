//! Softmax over a dimension, and the exponentials that every loss with a softmax starts from.
//! PyTorch: `softmax`.

use crate::driver::rowwise::{Call, Rowwise};
use crate::driver::tile::{Rows, Sweep, Tile, View};
use crate::isa::{Element, Isa, Lanes, Vector};
use crate::math::Math;

/// Scratch slots of a tile.
const INPUT: usize = 0;
const OTHER: usize = 1;
const OUT: usize = 2;

/// e = exp(x − max) for x ≤ max, with its term of the sum, and where it is counted instead: where it is 1.
///
/// The exponentials that are 1 are counted apart: the maximum is one of them, so the sum of all
/// others, which is all that tells a confident row's loss from 0, loses nothing to it.
#[inline(always)]
pub fn exponential<V: Lanes>(x: V, max: V) -> (V, V, V::Mask) {
    apart((x - max).exp_nonpositive())
}

/// An exponential, its term of the sum, and whether it is counted instead.
#[inline(always)]
fn apart<V: Lanes>(e: V) -> (V, V, V::Mask) {
    let top = e.eq(V::splat(1.0));
    (e, V::select(top, V::splat(0.0), e), top)
}

/// Σ exp(x − max) − 1, from the sum and the count of [`exponential`].
pub fn rest<'t, I: Isa, T: Element>(
    tile: &'t Tile<T>,
    sums: &Rows<f64>,
    tops: &Rows<f64>,
) -> Rows<'t, f64> {
    let one = I::F64::splat(1.0);
    let [rest] = tile.each_row::<I, 2, 1>([sums, tops], |[sum, tops]| [sum + (tops - one)]);
    rest
}

/// q·(max − x), and 0 where q is 0: a class of no weight may be masked by −inf.
#[inline(always)]
pub fn gap<V: Lanes>(x: V, max: V, q: V) -> V {
    let zero = V::splat(0.0);
    V::select(q.eq(zero), zero, q * (max - x))
}

/// The exponential at which p is to be taken as 1 − rest/Σ, so that the gradient of a confident row
/// keeps its digits: 1. Where p is less than ½ it has none to lose, and 2 is equal to no exponential.
pub fn peak<'t, T: Element>(tile: &'t Tile<T>, rest: &Rows<f64>) -> Rows<'t, T> {
    tile.map(rest, |rest| T::from_f64(if rest < 1.0 { 1.0 } else { 2.0 }))
}

/// The exponentials of a tile, stored in `out`, and for each row their sum less 1. `max` is not less
/// than any logit of its row.
///
/// # Safety
/// The views must be of the tile.
pub unsafe fn exponentials<'t, I: Isa, T: Element>(
    tile: &'t Tile<T>,
    x: View<T>,
    max: &Rows<T>,
    out: View<T>,
) -> Rows<'t, f64> {
    // SAFETY: as the caller's.
    unsafe { sum::<I, T>(tile, x, max, out, exponential) }
}

/// As [`exponentials`], for any `max`.
///
/// # Safety
/// The views must be of the tile.
pub unsafe fn exponentials_beyond<'t, I: Isa, T: Element>(
    tile: &'t Tile<T>,
    x: View<T>,
    max: &Rows<T>,
    out: View<T>,
) -> Rows<'t, f64> {
    // SAFETY: as the caller's.
    unsafe { sum::<I, T>(tile, x, max, out, |x, max| apart((x - max).exp())) }
}

unsafe fn sum<'t, I: Isa, T: Element>(
    tile: &'t Tile<T>,
    x: View<T>,
    max: &Rows<T>,
    out: View<T>,
    exp: impl Fn(
        Vector<I, T>,
        Vector<I, T>,
    ) -> (Vector<I, T>, Vector<I, T>, <Vector<I, T> as Lanes>::Mask)
    + Copy,
) -> Rows<'t, f64> {
    // SAFETY: as the caller's.
    let ([sums], [tops]) = unsafe {
        tile.sweep::<I, 1, 1, 0, 1, 1, 1>(
            Sweep {
                elements: [x],
                rows: [max],
                classes: [],
                out: [out],
            },
            move |[x], [max], []| {
                let (e, term, top) = exp(x, max);
                ([e], [term], [top])
            },
        )
    };
    rest::<I, T>(tile, &sums, &tops)
}

/// Multiplies each row of a view by its factor.
///
/// # Safety
/// The view must be of the tile, and writable.
pub unsafe fn scale_rows<I: Isa, T: Element>(tile: &Tile<T>, x: View<T>, factor: &Rows<T>) {
    // SAFETY: as the caller's.
    unsafe {
        tile.sweep::<I, 1, 1, 0, 1, 0, 0>(
            Sweep {
                elements: [x],
                rows: [factor],
                classes: [],
                out: [x],
            },
            |[x], [factor], []| ([x * factor], [], []),
        );
    }
}

/// p = exp(x)/Σ exp(x); with `other`, the vector-Jacobian product p·(g − Σ p·g).
#[derive(Clone, Copy)]
pub struct Softmax;

impl<T: Element> Rowwise<T> for Softmax {
    const SLOTS: usize = 3;

    fn new(_: &[f64]) -> Self {
        Softmax
    }

    unsafe fn tile<'t, I: Isa>(&self, call: &Call<T>, tile: &'t Tile<T>, _: T) -> Rows<'t, f64> {
        // SAFETY: the call's pointers are valid for its shape.
        unsafe {
            let x = tile.input(call.input, INPUT);
            let out = tile.output(call.input_grad, OUT);
            let max = tile.max::<I>(x);
            if call.other.is_null() {
                let rest = exponentials::<I, T>(tile, x, &max, out);
                let factor = tile.map(&rest, |rest| T::from_f64(1.0 / (1.0 + rest)));
                scale_rows::<I, T>(tile, out, &factor);
            } else {
                let g = tile.input(call.other, OTHER);
                let ([sums, dots], [tops]) = tile.sweep::<I, 2, 1, 0, 1, 2, 1>(
                    Sweep {
                        elements: [x, g],
                        rows: [&max],
                        classes: [],
                        out: [out],
                    },
                    |[x, g], [max], []| {
                        let (e, term, top) = exponential(x, max);
                        ([e], [term, e * g], [top])
                    },
                );
                let rest = rest::<I, T>(tile, &sums, &tops);
                let one = I::F64::splat(1.0);
                let [k, mean] = tile.each_row::<I, 2, 2>([&rest, &dots], |[rest, dot]| {
                    [one / (one + rest), dot / (one + rest)]
                });
                tile.sweep::<I, 2, 2, 0, 1, 0, 0>(
                    Sweep {
                        elements: [out, g],
                        rows: [&tile.round(&k), &tile.round(&mean)],
                        classes: [],
                        out: [out],
                    },
                    |[e, g], [k, mean], []| ([e * k * (g - mean)], [], []),
                );
            }
            tile.commit(out, call.input_grad);
        }
        tile.filled(0.0)
    }
}
