//! Losses of class indices: what is read before a tile's gradient may lie over its logits, what is
//! written after, and those that are a function of the target's probability.

use crate::driver::rowwise::{Call, row_scale};
use crate::driver::tile::{Rows, Tile, View};
use crate::isa::{Element, Isa, Lanes};
use crate::losses::softmax::{exponentials, scale_rows};
use crate::math::Math;

/// Scratch slots of a tile of [`by_probability`].
pub const SLOTS: usize = 2;

/// The target's logit and weight in each row of a tile; 0 in ignored ones.
///
/// # Safety
/// The call's targets must be checked, and `x` be a view of the tile.
pub unsafe fn targets<'t, T: Element>(
    call: &Call<T>,
    tile: &'t Tile<T>,
    x: View<T>,
) -> [Rows<'t, f64>; 2] {
    let (mut chosen, mut weight) = (tile.filled(0.0), tile.filled(0.0));
    for row in 0..tile.rows {
        // SAFETY: the rows are the tile's, and a class that is not ignored is in range.
        unsafe {
            if let Some(class) = call.classes.get(tile.first + row) {
                chosen[row] = x.get(row, class).to_f64();
                weight[row] = call.weight_of(class);
            }
        }
    }
    [chosen, weight]
}

/// Puts each target's gradient in its place, makes the value of ignored rows 0, and tells whether there
/// is one.
///
/// # Safety
/// As [`targets`]; a gradient that is wanted must be a writable view of the tile.
pub unsafe fn settle<T: Element>(
    call: &Call<T>,
    tile: &Tile<T>,
    grad: Option<View<T>>,
    at: &Rows<f64>,
    value: &mut Rows<f64>,
) -> bool {
    let mut ignored = false;
    for row in 0..tile.rows {
        // SAFETY: as above.
        unsafe {
            match (call.classes.get(tile.first + row), grad) {
                (Some(class), Some(grad)) => grad.set(row, class, T::from_f64(at[row])),
                (None, _) => {
                    value[row] = 0.0;
                    ignored = true;
                }
                _ => {}
            }
        }
    }
    ignored
}

/// Commits the gradient of a tile: in ignored rows, if there are any, it is exactly 0, whatever their
/// logits.
///
/// # Safety
/// As [`settle`].
pub unsafe fn commit<T: Element>(call: &Call<T>, tile: &Tile<T>, grad: View<T>, ignored: bool) {
    // SAFETY: as the caller's.
    unsafe {
        tile.commit(grad, call.input_grad);
        if !ignored {
            return;
        }
        for row in tile.first..tile.first + tile.rows {
            if call.classes.get(row).is_none() {
                call.clear_row(row);
            }
        }
    }
}

/// Writes the gradients of a loss of the target's probability and gives its values. `f` takes
/// (−ln p, p, 1 − p) and gives the value and its derivative by −ln p.
///
/// With m = 1 − p, the derivative by another class's logit is that by −ln p times its probability, and
/// by the target's own −m times it.
///
/// # Safety
/// The call's pointers must be valid for its shape, and its targets checked.
pub unsafe fn by_probability<'t, I: Isa, T: Element>(
    call: &Call<T>,
    tile: &'t Tile<T>,
    scale: T,
    f: impl Fn([I::F64; 3]) -> [I::F64; 2],
) -> Rows<'t, f64> {
    // SAFETY: as the caller's.
    unsafe {
        let x = tile.input(call.input, 0);
        let grad = (!call.input_grad.is_null()).then(|| tile.output(call.input_grad, 1));
        let [chosen, weight] = targets(call, tile, x);
        let max = tile.max::<I>(x);
        let rest = exponentials::<I, T>(tile, x, &max, grad.unwrap_or(View::nowhere()));
        let one = I::F64::splat(1.0);
        let scales = row_scale(call, tile, scale);
        let [mut value, k, at] = tile.each_row::<I, 5, 3>(
            [&tile.widen(&max), &rest, &chosen, &weight, &scales],
            |[max, rest, chosen, weight, scale]| {
                // Σ exp(x − max) = 1 + rest: a confident row keeps its digits.
                let sum = one + rest;
                // Of an ignored row anything: its value and gradient are set to 0 below.
                let e = (chosen - max).exp_nonpositive();
                let others = I::F64::select(chosen.eq(max), rest, rest + (one - e));
                let (p, missed) = (e / sum, others / sum);
                let [value, slope] = f([(max - chosen) + rest.ln_1p_nonnegative(), p, missed]);
                let k = weight * scale * slope;
                [weight * value, k / sum, -(k * missed)]
            },
        );
        if let Some(grad) = grad {
            scale_rows::<I, T>(tile, grad, &tile.round(&k));
        }
        let ignored = settle(call, tile, grad, &at, &mut value);
        if let Some(grad) = grad {
            commit(call, tile, grad, ignored);
        }
        value
    }
}
