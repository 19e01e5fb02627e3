//! Squared error below β, absolute error above it. PyTorch: `SmoothL1Loss`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

/// ℓ = d²/2β where |d| < β, |d| − β/2 elsewhere; d = x − y.
#[derive(Clone, Copy)]
pub struct SmoothL1 {
    beta: f64,
}

impl Pointwise<2, 2> for SmoothL1 {
    const DEFAULT: usize = 1;
    const ARITHMETIC: bool = true;

    fn new(options: &[f64]) -> Self {
        SmoothL1 { beta: options[0] }
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 2]) {
        let (beta, half) = (V::splat(self.beta), V::splat(0.5));
        let d = input - target;
        let quadratic = d.abs().lt(beta);
        // Divided before it is squared, so that a large beta does not overflow; beta 0 is l1.
        let slope = V::select(quadratic, d / beta, d.signum());
        let value = V::select(quadratic, half * d * slope, d.abs() - half * beta);
        (value, [slope, -slope])
    }
}
