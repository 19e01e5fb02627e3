//! Intersection over union of bounding boxes, with the distance of their centres and their aspect
//! ratios. torchvision: `complete_box_iou_loss`; Zheng et al., 2020.

use crate::driver::rowwise::{Call, Rowwise};
use crate::driver::tile::{Rows, Tile};
use crate::forms::boxes::{self, Slopes};
use crate::isa::{Element, Isa, Lanes};
use crate::math::atan;

/// ℓ = ℓ_DIoU + α·v, v = 4/π²·(arctan w₂/h₂ − arctan w₁/h₁)², α = v/(1 − IoU + v + ε), which is a
/// constant to the gradient.
#[derive(Clone, Copy)]
pub struct Ciou {
    eps: f64,
}

/// arctan(w₂/h₂) − arctan(w₁/h₁) as one arctangent, in which a height may be 0.
#[inline(always)]
fn turn<V: Lanes<Elem = f64>>([w1, h1]: [V; 2], [w2, h2]: [V; 2]) -> V {
    let zero = V::splat(0.0);
    // Heights of unlike signs turn the plane.
    let sign = V::splat(1.0).copysign(h1 * h2);
    // And no cosine of −0, which would turn the quotient's sign.
    let (sine, cosine) = (
        sign * (w2 * h1 - w1 * h2),
        sign * (h1 * h2 + w1 * w2) + zero,
    );
    let angle = atan(sine / cosine);
    let beyond = V::splat(core::f64::consts::PI).copysign(sine);
    let angle = V::select(cosine.lt(zero), angle + beyond, angle);
    // A point has no side to compare.
    V::select(sine.eq(zero) & cosine.eq(zero), zero, angle)
}

/// Derivatives of arctan(w/h) by w and h; 0 of a point.
#[inline(always)]
fn turn_slopes<V: Lanes>([w, h]: [V; 2]) -> [V; 2] {
    let zero = V::splat(0.0);
    let square = w * w + h * h;
    let point = square.eq(zero);
    [h, -w].map(|side| V::select(point, zero, side / square))
}

impl<T: Element> Rowwise<T> for Ciou {
    const SLOTS: usize = 0;

    /// Options: eps.
    fn new(options: &[f64]) -> Self {
        Ciou {
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
        let factor =
            I::F64::splat(4.0 * core::f64::consts::FRAC_1_PI * core::f64::consts::FRAC_1_PI);
        let two = I::F64::splat(2.0);
        // SAFETY: as the caller's.
        unsafe {
            boxes::tile::<I, T>(call, tile, scale, |pair| {
                let (miss, shared, union) = boxes::miss(pair, eps);
                let (distance, offset, hull) = boxes::distance(pair, eps);
                let turn = turn(pair.side1, pair.side2);
                let v = factor * turn * turn;
                let alpha = v / (miss + v + eps);
                let by_turn = alpha * two * factor * turn;
                (
                    miss + distance + alpha * v,
                    Slopes {
                        shared,
                        union,
                        hull,
                        offset,
                        side1: turn_slopes(pair.side1).map(|slope| -(by_turn * slope)),
                        side2: turn_slopes(pair.side2).map(|slope| by_turn * slope),
                    },
                )
            })
        }
    }
}
