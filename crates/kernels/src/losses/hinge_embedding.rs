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
        let far = target.lt(zero);
        // y is ±1 or NaN, and y as the slope where the hinge is open gives y in all three cases.
        let open = V::select(far, V::splat(self.margin), zero) + input * target;
        // Nothing is below NaN: where y = 1, no value is too small. A mask of two conditions would cost more.
        let floor = V::select(far, zero, V::splat(f64::NAN));
        let slope = V::select(open.le(floor), zero, target);
        (open.max(floor), [slope])
    }
}
