//! Hinge loss of a binary classifier. Optax: `hinge_loss`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;

/// ℓ = max(0, 1 − x·y), y = ±1; the gradient at the margin is 0.
#[derive(Clone, Copy)]
pub struct Hinge;

impl Pointwise<2, 1> for Hinge {
    const ARITHMETIC: bool = true;

    fn new(_: &[f64]) -> Self {
        Hinge
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 1]) {
        let zero = V::splat(0.0);
        let z = V::splat(1.0) - input * target;
        (z.max(zero), [V::select(z.le(zero), zero, -target)])
    }
}
