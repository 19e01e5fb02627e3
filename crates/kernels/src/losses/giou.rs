//! Generalised intersection over union of bounding boxes. torchvision: `generalized_box_iou_loss`;
//! Rezatofighi et al., 2019.

use crate::driver::rowwise::{Call, Rowwise};
use crate::driver::tile::{Rows, Tile};
use crate::forms::boxes::{self, Slopes};
use crate::isa::{Element, Isa, Lanes};

/// ℓ = 1 − A∩/(A∪ + ε) + (A − A∪)/(A + ε), A the area of the hull.
#[derive(Clone, Copy)]
pub struct Giou {
    eps: f64,
}

impl<T: Element> Rowwise<T> for Giou {
    const SLOTS: usize = 0;

    /// Options: eps.
    fn new(options: &[f64]) -> Self {
        Giou {
            eps: T::from_f64(options[0]).to_f64(),
        }
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let eps = I::F64::splat(self.eps);
        let zero = I::F64::splat(0.0);
        // SAFETY: as the caller's.
        unsafe {
            boxes::tile::<I, T>(call, tile, scale, |pair| {
                let (miss, by_shared, by_union) = boxes::miss(pair, eps);
                let [width, height] = pair.hull;
                let whole = width * height + eps;
                let waste = (width * height - pair.union) / whole;
                let by_area = (I::F64::splat(1.0) - waste) / whole;
                (
                    miss + waste,
                    Slopes {
                        shared: by_shared,
                        union: by_union - I::F64::splat(1.0) / whole,
                        hull: [by_area * height, by_area * width],
                        offset: [zero; 2],
                        side1: [zero; 2],
                        side2: [zero; 2],
                    },
                )
            })
        }
    }
}
