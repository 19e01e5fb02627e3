//! Hinge loss of distances. PyTorch: `HingeEmbeddingLoss`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;

/// ℓ = x where y = 1, max(0, margin − x) where y = −1; the gradient at the margin is 0.
#[derive(Clone, Copy)]
pub struct HingeEmbedding {
    margin: f64,
}

impl Pointwise<2, 1> for HingeEmbedding {
    const ARITHMETIC: bool = true;

    fn new(options: &[f64]) -> Self {
        HingeEmbedding { margin: options[0] }
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 1]) {
        let zero = V::splat(0.0);
        let gap = V::splat(self.margin) - input;
        // y is ±1 or NaN, and y as the slope where the hinge is open gives y in all three cases.
        let closed = target.lt(zero) & gap.le(zero);
        let value = V::select(target.lt(zero), gap.max(zero), input * target);
        (value, [V::select(closed, zero, target)])
    }
}
