//! Binary cross-entropy of probabilities. PyTorch: `BCELoss`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

/// Inputs are probabilities, as the facade has checked.
///
/// ℓ = −y·ln x − (1 − y)·ln(1 − x), each logarithm at least −100, as PyTorch.
#[derive(Clone, Copy)]
pub struct Bce;

impl Pointwise<2, 2> for Bce {
    const DEFAULT: usize = 1;

    fn new(_: &[f64]) -> Self {
        Bce
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 2]) {
        let (one, floor) = (V::splat(1.0), V::splat(-100.0));
        let (ln, ln_1m) = input.ln_probability();
        let value = (target - one) * ln_1m.max(floor) - target * ln.max(floor);
        let variance = ((one - input) * input).max(V::splat(1e-12));
        // PyTorch clamps in the value and not in the target's gradient.
        (value, [(input - target) / variance, ln_1m - ln])
    }
}
