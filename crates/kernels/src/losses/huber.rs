//! Squared error to δ, then linear. PyTorch: `HuberLoss`; Huber, 1964.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;

/// ℓ = d²/2 where |d| ≤ δ, δ(|d| − δ/2) elsewhere; d = x − y.
#[derive(Clone, Copy)]
pub struct Huber {
    delta: f64,
}

impl Pointwise<2, 2> for Huber {
    const DEFAULT: usize = 1;
    const ARITHMETIC: bool = true;

    fn new(options: &[f64]) -> Self {
        Huber { delta: options[0] }
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 2]) {
        let (delta, half) = (V::splat(self.delta), V::splat(0.5));
        let d = input - target;
        // With c = d clamped to ±δ, both branches are c(d − c/2), and c is the slope. NaN stays.
        let slope = d.min(delta).max(-delta);
        (slope * (d - half * slope), [slope, -slope])
    }
}
