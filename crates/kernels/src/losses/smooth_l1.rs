//! Squared error below β, absolute error above it. PyTorch: `SmoothL1Loss`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

/// ℓ = d²/2β where |d| < β, |d| − β/2 elsewhere; d = x − y.
#[derive(Clone, Copy)]
pub struct SmoothL1 {
    beta: f64,
    /// Whether β is a power of two, so that the product by 1/β is the quotient.
    exact: bool,
}

impl Pointwise<2, 2> for SmoothL1 {
    const DEFAULT: usize = 1;
    const ARITHMETIC: bool = true;
    fn new(options: &[f64]) -> Self {
        let beta = options[0];
        let exact = (1e-18..1e18).contains(&beta) && beta.to_bits() << 12 == 0;
        SmoothL1 { beta, exact }
    }

    fn kind(&self) -> usize {
        usize::from(!self.exact)
    }

    #[inline(always)]
    fn of_kind<const KIND: usize>(self) -> Self {
        SmoothL1 {
            exact: KIND == 0,
            ..self
        }
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 2]) {
        let (beta, half) = (V::splat(self.beta), V::splat(0.5));
        let d = input - target;
        if !self.exact {
            let quadratic = d.abs().lt(beta);
            // Divided before it is squared, so that a large beta does not overflow; beta 0 is l1.
            let slope = V::select(quadratic, d / beta, d.signum());
            let value = V::select(quadratic, half * d * slope, d.abs() - half * beta);
            return (value, [slope, -slope]);
        }
        // The same bits: d/β is clamped to ±1, and β times that is d, or ±β, exactly.
        let one = V::splat(1.0);
        let slope = (d * V::splat(1.0 / self.beta)).min(one).max(-one);
        (slope * (d - half * beta * slope), [slope, -slope])
    }
}
