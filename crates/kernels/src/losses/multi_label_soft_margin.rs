//! Binary cross-entropy of a row's logits, averaged over its classes. PyTorch:
//! `MultiLabelSoftMarginLoss`.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{Rows, Sweep, Tile};
use crate::isa::{Element, Isa, Lanes, Vector};
use crate::losses::bce_with_logits::eval;

/// Scratch slots of a tile.
const INPUT: usize = 0;
const TARGET: usize = 1;
const GRAD: usize = 2;

/// ℓ = (1/C)·Σ_c w_c·((1 − y)·softplus(x) + y·softplus(−x)).
#[derive(Clone, Copy)]
pub struct MultiLabelSoftMargin;

impl<T: Element> Rowwise<T> for MultiLabelSoftMargin {
    const SLOTS: usize = 3;

    fn new(_: &[f64]) -> Self {
        MultiLabelSoftMargin
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let classes = call.shape.classes as f64;
        // SAFETY: the call's pointers are valid for its shape.
        unsafe {
            let (x, y) = (
                tile.input(call.input, INPUT),
                tile.input(call.other, TARGET),
            );
            let grad = tile.output(call.input_grad, GRAD);
            let scales = tile.map(&row_scale(call, tile, scale), |scale| scale / classes);
            let ([sums], []) = tile.sweep::<I, 2, 1, 1, 1, 1, 0>(
                Sweep {
                    elements: [x, y],
                    rows: [&tile.round(&scales)],
                    classes: [call.weight],
                    out: [grad],
                },
                |[x, y], [scale], [w]| {
                    let (value, [by_input, _]) = eval(x, y, Vector::<I, T>::splat(1.0));
                    ([w * by_input * scale], [w * value], [])
                },
            );
            tile.commit(grad, call.input_grad);
            tile.map(&sums, |sum| sum / classes)
        }
    }
}
