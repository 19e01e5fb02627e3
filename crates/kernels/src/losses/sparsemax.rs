//! The loss of sparsemax, the projection onto the probability simplex. Martins and Astudillo, 2016;
//! optax: `multiclass_sparsemax_loss`.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{RowMemory, Rows, Sweep, Tile, View};
use crate::isa::{Element, Isa, Lanes, Vector};

/// Scratch slots of a tile.
const INPUT: usize = 0;
const GRAD: usize = 1;

/// ℓ = −x_y + ½·Σ_S (x² − τ²) + ½, where p = max(0, x − τ) is the sparsemax of x and S its support.
#[derive(Clone, Copy)]
pub struct Sparsemax;

/// The thresholds τ of a tile's rows, less their maxima.
///
/// Michelot's algorithm: the threshold of all that may be in the support, without what falls below
/// it, until nothing does. Scores at 1 or more below the maximum are never in it.
unsafe fn thresholds<'t, I: Isa, T: Element>(
    tile: &'t Tile<T>,
    x: View<T>,
    max: &Rows<T>,
) -> Rows<'t, f64> {
    let zero = Vector::<I, T>::splat(0.0);
    let mut tau = tile.filled(-1.0);
    let mut support = tile.filled(f64::INFINITY);
    let mut memory = RowMemory::new();
    loop {
        let tile = tile.with(&mut memory);
        // SAFETY: as the caller's.
        let ([sums], [counts]) = unsafe {
            tile.sweep::<I, 1, 2, 0, 0, 1, 1>(
                Sweep {
                    elements: [x],
                    rows: [max, &tile.round(&tau)],
                    classes: [],
                    out: [],
                },
                move |[x], [max, tau], []| {
                    let z = x - max;
                    let active = z.gt(tau);
                    ([], [Vector::<I, T>::select(active, z, zero)], [active])
                },
            )
        };
        let mut shrunk = false;
        for row in 0..tile.rows {
            // A support only shrinks; where rounding would let it grow, it is found.
            if counts[row] < support[row] && counts[row] > 0.0 {
                shrunk = true;
                support[row] = counts[row];
                tau[row] = (sums[row] - 1.0) / counts[row];
            }
        }
        if !shrunk {
            return tau;
        }
    }
}

impl<T: Element> Rowwise<T> for Sparsemax {
    const SLOTS: usize = 2;

    fn new(_: &[f64]) -> Self {
        Sparsemax
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let zero = Vector::<I, T>::splat(0.0);
        let half = Vector::<I, T>::splat(0.5);
        // SAFETY: the call's pointers are valid for its shape, and its targets in range.
        unsafe {
            let x = tile.input(call.input, INPUT);
            let class = |row| call.classes.get(tile.first + row).unwrap_or(0);
            let max = tile.max::<I>(x);
            // The scores of the targets less the maxima, before the gradient may lie over them.
            let target = tile.each(|row| x.get(row, class(row)).to_f64() - max[row].to_f64());
            let tau = thresholds::<I, T>(tile, x, &max);
            let wanted = !call.input_grad.is_null();
            let grad = tile.output(call.input_grad, GRAD);
            let scales = row_scale(call, tile, scale);
            let ([sums], []) = tile.sweep::<I, 1, 3, 0, 1, 1, 0>(
                Sweep {
                    elements: [x],
                    rows: [&max, &tile.round(&tau), &tile.round(&scales)],
                    classes: [],
                    out: [grad],
                },
                move |[x], [max, tau, scale], []| {
                    let z = x - max;
                    // max(0, ·), in which NaN stays.
                    let p = (z - tau).max(zero);
                    // ½(z² − τ²) in the support, as ½·p·(z + τ).
                    let out = p.eq(zero);
                    let term = Vector::<I, T>::select(out, zero, half * p * (z + tau));
                    ([p * scale], [term], [])
                },
            );
            if wanted {
                for row in 0..tile.rows {
                    // p − 1, without rounding p.
                    let gap = (target[row] - tau[row]).max(0.0) - 1.0;
                    // f64::max drops a NaN.
                    let slope = if target[row].is_nan() {
                        f64::NAN
                    } else {
                        gap * scales[row]
                    };
                    grad.set(row, class(row), T::from_f64(slope));
                }
                tile.commit(grad, call.input_grad);
            }
            tile.each(|row| sums[row] + 0.5 - target[row])
        }
    }
}
