//! Intersection over union of bounding boxes, with the distance of their centres. torchvision:
//! `distance_box_iou_loss`; Zheng et al., 2020.

use crate::driver::rowwise::{Call, Rowwise};
use crate::driver::tile::{Rows, Tile};
use crate::forms::boxes::{self, Slopes};
use crate::isa::{Element, Isa, Lanes};

/// ℓ = 1 − A∩/(A∪ + ε) + ‖c₁ − c₂‖²/(d² + ε), c the centres and d the diagonal of the hull.
#[derive(Clone, Copy)]
pub struct Diou {
    eps: f64,
}

impl<T: Element> Rowwise<T> for Diou {
    const SLOTS: usize = 0;

    /// Options: eps.
    fn new(options: &[f64]) -> Self {
        Diou {
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
        // SAFETY: as the caller's.
        unsafe {
            boxes::tile::<I, T>(call, tile, scale, |pair| {
                let (miss, shared, union) = boxes::miss(pair, eps);
                let (distance, offset, hull) = boxes::distance(pair, eps);
                (
                    miss + distance,
                    Slopes {
                        shared,
                        union,
                        hull,
                        offset,
                        side1: [I::F64::splat(0.0); 2],
                        side2: [I::F64::splat(0.0); 2],
                    },
                )
            })
        }
    }
}
