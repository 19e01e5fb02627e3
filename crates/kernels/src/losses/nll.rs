//! Negative log-likelihood of class indices. PyTorch: `NLLLoss`.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{Rows, Tile};
use crate::isa::{Element, Isa};

/// ℓ = −w_y·x_y for log-probabilities x.
#[derive(Clone, Copy)]
pub struct Nll;

impl<T: Element> Rowwise<T> for Nll {
    const SLOTS: usize = 0;

    fn new(_: &[f64]) -> Self {
        Nll
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let mut values = tile.filled(0.0);
        let scales = row_scale(call, tile, scale);
        let target = |row: usize| {
            // SAFETY: the rows are the tile's, and a class that is not ignored is in range.
            unsafe {
                let class = call.classes.get(tile.first + row)?;
                Some((
                    call.shape.position(tile.first + row, class),
                    call.weight_of(class),
                ))
            }
        };
        for (row, value) in values.iter_mut().enumerate().take(tile.rows) {
            if let Some((at, weight)) = target(row) {
                // SAFETY: the position is in the input's shape.
                *value = -weight * unsafe { *call.input.add(at) }.to_f64();
            }
        }
        if !call.input_grad.is_null() {
            // SAFETY: the gradient has the input's shape, and positions are in it.
            unsafe {
                tile.clear(call.input_grad);
                for (row, scale) in scales.iter().enumerate().take(tile.rows) {
                    if let Some((at, weight)) = target(row) {
                        *call.input_grad.add(at) = T::from_f64(-weight * scale);
                    }
                }
            }
        }
        values
    }
}
