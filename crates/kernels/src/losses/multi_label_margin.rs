//! Hinges of the scores of a row's absent classes against those of its present ones. PyTorch:
//! `MultiLabelMarginLoss`; Multi-class multi-label hinge of Torch7.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{RowMemory, Rows, Sweep, TILE, Tile};
use crate::isa::{Element, Isa, Lanes, Vector};
use crate::losses::multi_margin::{OUT_OF_PLAY, copy, hinge};
use crate::losses::softmax::scale_rows;

/// Scratch slots of a tile.
const INPUT: usize = 0;
const OTHERS: usize = 1;
const GRAD: usize = 2;
const KEPT: usize = 3;

/// ℓ = (1/C)·Σ_{y present} Σ_{c absent} max(0, 1 − x_y + x_c). A row of targets is a list of classes
/// that ends at its first −1; one that is listed twice counts twice.
#[derive(Clone, Copy)]
pub struct MultiLabelMargin;

impl<T: Element> Rowwise<T> for MultiLabelMargin {
    const SLOTS: usize = 4;

    fn new(_: &[f64]) -> Self {
        MultiLabelMargin
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let classes = call.shape.classes;
        let (one, infinity) = (Vector::<I, T>::splat(1.0), T::from_f64(f64::INFINITY));
        let mut values = tile.filled::<f64>(0.0);
        // SAFETY: the call's pointers are valid for its shape, and its lists in range.
        unsafe {
            // The k-th class of a row's list.
            let listed = |row: usize, k: usize| {
                usize::try_from(*call.classes.index.add((tile.first + row) * classes + k)).ok()
            };
            let mut lengths = [0; TILE];
            for (row, length) in lengths.iter_mut().enumerate().take(tile.rows) {
                *length = (0..classes)
                    .find(|&k| listed(row, k).is_none())
                    .unwrap_or(classes);
            }
            let input = tile.input(call.input, INPUT);
            let x = tile.scratch(OTHERS);
            copy::<I, T>(tile, input, x);
            let mut target = tile.filled(f64::INFINITY);
            // Kept apart, as the gradient may be written over the input.
            let kept = tile.scratch(KEPT);
            for (row, &length) in lengths.iter().enumerate().take(tile.rows) {
                for k in 0..length {
                    let class = listed(row, k).unwrap_or(0);
                    kept.set(row, k, input.get(row, class));
                    x.set(row, class, T::from_f64(OUT_OF_PLAY));
                }
            }
            let wanted = !call.input_grad.is_null();
            let grad = if wanted {
                tile.output(call.input_grad, GRAD)
            } else {
                tile.scratch(GRAD)
            };
            // Slopes are whole numbers until the scale comes to them, and so exact.
            tile.sweep::<I, 0, 0, 0, 1, 0, 0>(
                Sweep {
                    elements: [],
                    rows: [],
                    classes: [],
                    out: [grad],
                },
                |[], [], []| ([Vector::<I, T>::splat(0.0)], [], []),
            );
            let most = lengths.iter().copied().max().unwrap_or(0);
            let mut memory = RowMemory::new();
            for k in 0..most {
                let tile = tile.with(&mut memory);
                for row in 0..tile.rows {
                    target[row] = if k < lengths[row] {
                        kept.get(row, k)
                    } else {
                        infinity
                    };
                }
                let ([sums, counts], []) = tile.sweep::<I, 2, 1, 0, 1, 2, 0>(
                    Sweep {
                        elements: [x, grad],
                        rows: [&target],
                        classes: [],
                        out: [grad],
                    },
                    move |[x, grad], [target], []| {
                        let (z, active) = hinge(x, target, one);
                        ([grad + active], [z, active], [])
                    },
                );
                for row in 0..tile.rows {
                    values[row] += sums[row];
                    if let Some(class) = listed(row, k).filter(|_| k < lengths[row]) {
                        let slope = grad.get(row, class).to_f64() - counts[row];
                        grad.set(row, class, T::from_f64(slope));
                    }
                }
            }
            if wanted {
                let scales = row_scale(call, tile, scale);
                let scales = tile.map(&scales, |scale| scale / classes as f64);
                scale_rows::<I, T>(tile, grad, &tile.round(&scales));
                tile.commit(grad, call.input_grad);
            }
        }
        tile.map(&values, |value| value / classes as f64)
    }
}
