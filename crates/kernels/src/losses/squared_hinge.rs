//! Squared hinge loss of a binary classifier. Keras: `SquaredHinge`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

/// ℓ = max(0, 1 − x·y)², y = ±1.
#[derive(Clone, Copy)]
pub struct SquaredHinge;

impl Pointwise<2, 1> for SquaredHinge {
    const ARITHMETIC: bool = true;

    fn new(_: &[f64]) -> Self {
        SquaredHinge
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 1]) {
        let z = (V::splat(1.0) - input * target).max(V::splat(0.0));
        (z.square(), [-(z + z) * target])
    }
}
