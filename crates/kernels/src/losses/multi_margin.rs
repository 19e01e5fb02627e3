//! Hinges of the other classes' scores against the target's. PyTorch: `MultiMarginLoss`.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{Rows, Sweep, Tile, View};
use crate::isa::{Element, Isa, Lanes, Vector};

/// Scratch slots of a tile.
const INPUT: usize = 0;
const OTHERS: usize = 1;
const GRAD: usize = 2;

/// A score that takes part in no hinge.
pub const OUT_OF_PLAY: f64 = f64::NEG_INFINITY;

/// Copies the scores of a tile, so that some of them can be taken out of play.
///
/// # Safety
/// The views must be of the tile.
pub unsafe fn copy<I: Isa, T: Element>(tile: &Tile<T>, x: View<T>, to: View<T>) {
    // SAFETY: as the caller's.
    unsafe {
        tile.sweep::<I, 1, 0, 0, 1, 0, 0>(
            Sweep {
                elements: [x],
                rows: [],
                classes: [],
                out: [to],
            },
            |[x], [], []| ([x], [], []),
        );
    }
}

/// max(0, x − y + margin) and whether it is above 0, as 1 or 0. Infinite scores of the wrong sign
/// (a mask, a target that wins by any margin) take part in nothing; NaN stays.
#[inline(always)]
pub fn hinge<V: Lanes>(x: V, target: V, margin: V) -> (V, V) {
    let zero = V::splat(0.0);
    let z = (x - target) + margin;
    let idle = z.le(zero) | x.eq(V::splat(OUT_OF_PLAY)) | target.eq(V::splat(f64::INFINITY));
    (
        V::select(idle, zero, z),
        V::select(idle, zero, V::splat(1.0)),
    )
}

/// ℓ = (w_y/C)·Σ_{c≠y} max(0, margin − x_y + x_c)^p, with p 1 or 2.
#[derive(Clone, Copy)]
pub struct MultiMargin {
    squared: bool,
    margin: f64,
}

impl<T: Element> Rowwise<T> for MultiMargin {
    const SLOTS: usize = 3;

    /// Options: p, margin.
    fn new(options: &[f64]) -> Self {
        MultiMargin {
            squared: options[0] == 2.0,
            margin: options[1],
        }
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let classes = call.shape.classes as f64;
        let squared = self.squared;
        // SAFETY: the call's pointers are valid for its shape, and its targets in range.
        unsafe {
            let input = tile.input(call.input, INPUT);
            let x = tile.scratch(OTHERS);
            copy::<I, T>(tile, input, x);
            let class = |row| call.classes.get(tile.first + row).unwrap_or(0);
            let target = tile.each(|row| x.get(row, class(row)));
            let weight = tile.each(|row| call.weight_of(class(row)) / classes);
            for row in 0..tile.rows {
                x.set(row, class(row), T::from_f64(OUT_OF_PLAY));
            }
            let grad = tile.output(call.input_grad, GRAD);
            let scales = row_scale(call, tile, scale);
            let slope = tile.each(|row| scales[row] * weight[row]);
            let margin = Vector::<I, T>::splat(self.margin);
            let ([sums, slopes], []) = tile.sweep::<I, 1, 2, 0, 1, 2, 0>(
                Sweep {
                    elements: [x],
                    rows: [&target, &tile.round(&slope)],
                    classes: [],
                    out: [grad],
                },
                move |[x], [target, slope], []| {
                    let (z, one) = hinge(x, target, margin);
                    let (term, by_z) = if squared { (z * z, z + z) } else { (z, one) };
                    ([by_z * slope], [term, by_z], [])
                },
            );
            if !call.input_grad.is_null() {
                for row in 0..tile.rows {
                    grad.set(row, class(row), T::from_f64(-slopes[row] * slope[row]));
                }
                tile.commit(grad, call.input_grad);
            }
            tile.each(|row| weight[row] * sums[row])
        }
    }
}
