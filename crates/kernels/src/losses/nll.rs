//! Negative log-likelihood of class indices. PyTorch: `NLLLoss`.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{Rows, TILE, Tile};
use crate::isa::{Element, Isa};

/// ℓ = −w_y·x_y for log-probabilities x.
#[derive(Clone, Copy)]
pub struct Nll;

impl<T: Element> Rowwise<T> for Nll {
    const SLOTS: usize = 0;

    fn new(_: &[f64]) -> Self {
        Nll
    }

    unsafe fn tile<I: Isa>(&self, call: &Call<T>, tile: &Tile<T>, scale: T) -> Rows<f64> {
        let mut values = [0.0; TILE];
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
            for (row, scale) in scales.iter().enumerate().take(tile.rows) {
                // SAFETY: the row is the tile's, and the position in the input's shape.
                unsafe {
                    call.clear_row(tile.first + row);
                    if let Some((at, weight)) = target(row) {
                        *call.input_grad.add(at) = T::from_f64(-weight * scale);
                    }
                }
            }
        }
        values
    }
}
