//! Tells for every pair of the batch whether it is one. Zhai et al., 2023.

use crate::driver::rowwise::{self, Rowwise, row_scale};
use crate::driver::tile::{Rows, Sweep, Tile};
use crate::driver::whole::{Call, Whole};
use crate::forms::similarity::{self, Needs, Similarity};
use crate::isa::{Element, Isa, Lanes, Vector};
use crate::losses::bce_with_logits::mixture;
use core::ptr::null;

/// ℓ_i = softplus(−z_ii) + Σ_{j≠i} softplus(z_ij), z = s·x·y + b.
#[derive(Clone, Copy)]
pub struct SigLip {
    how: Similarity,
    rows: Decisions,
}

const NEEDS: Needs = Needs {
    slots: 2,
    spare: false,
};

/// The loss of a row of similarities.
#[derive(Clone, Copy)]
struct Decisions {
    bias: f64,
}

impl<T: Element> Rowwise<T> for Decisions {
    const SLOTS: usize = NEEDS.slots;

    fn new(options: &[f64]) -> Self {
        Decisions { bias: options[0] }
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &rowwise::Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let (zero, one) = (Vector::<I, T>::splat(0.0), Vector::<I, T>::splat(1.0));
        let bias = Vector::<I, T>::splat(self.bias);
        let scales = row_scale(call, tile, scale);
        // SAFETY: the call's pointers are valid for its shape.
        unsafe {
            let x = tile.input(call.input, 0);
            // Each sample's own pair is apart, and nothing here: softplus(−∞) is 0.
            let own = tile.each(|row| {
                let own = x.get(row, tile.first + row).to_f64() + self.bias;
                x.set(row, tile.first + row, T::from_f64(f64::NEG_INFINITY));
                own
            });
            let ([sums], []) = tile.sweep::<I, 1, 1, 0, 1, 1, 0>(
                Sweep {
                    elements: [x],
                    rows: [&tile.round(&scales)],
                    classes: [],
                    out: [x],
                },
                |[x], [scale], []| {
                    let each = mixture(x + bias, one, zero);
                    ([each.slope * scale], [each.value], [])
                },
            );
            let [value, at] =
                tile.each_row::<I, 3, 2>([&sums, &own, &scales], |[sum, own, scale]| {
                    let pair = mixture(own, I::F64::splat(0.0), I::F64::splat(1.0));
                    [sum + pair.value, pair.slope * scale]
                });
            for (row, &at) in at.iter().enumerate().take(tile.rows) {
                x.set(row, tile.first + row, T::from_f64(at));
            }
            tile.commit(x, call.input.cast_mut());
            value
        }
    }
}

impl<T: Element> Whole<T> for SigLip {
    /// Options: logitScale, logitBias, normalize.
    fn new(options: &[f64]) -> Self {
        SigLip {
            how: Similarity {
                normalize: options[2] != 0.0,
                scale: T::from_f64(options[0]).to_f64(),
            },
            rows: <Decisions as Rowwise<T>>::new(&[T::from_f64(options[1]).to_f64()]),
        }
    }

    fn scratch(&self, call: &Call<T>) -> u64 {
        similarity::bytes(call, NEEDS)
    }

    unsafe fn run<I: Isa>(&self, call: &Call<T>) -> f64 {
        let divisor = call.divisor.unwrap_or(call.sizes[0] as f64);
        // SAFETY: as the caller's.
        unsafe {
            similarity::run::<I, T>(self.how, call, NEEDS, divisor, |batch, scale, sum| {
                batch.rows::<I>(&self.rows, [null(); 2], scale, sum);
            })
        }
    }
}
