//! Logistic loss of ±1 targets. PyTorch: `SoftMarginLoss`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

/// ℓ = ln(1 + exp(−y·x)).
#[derive(Clone, Copy)]
pub struct SoftMargin;

impl Pointwise<2, 1> for SoftMargin {
    fn new(_: &[f64]) -> Self {
        SoftMargin
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 1]) {
        let zero = V::splat(0.0);
        let z = -(input * target);
        let (ln, near, far) = z.logistic();
        (
            z.max(zero) + ln,
            [-target * V::select(z.ge(zero), near, far)],
        )
    }
}
