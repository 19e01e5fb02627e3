//! Pinball loss, whose minimiser is a quantile. Koenker and Bassett, 1978.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;

/// ℓ = q·d where d = y − x ≥ 0, (q − 1)·d where d < 0; the gradient at a tie is 0.
#[derive(Clone, Copy)]
pub struct Quantile {
    q: f64,
}

impl Pointwise<2, 2> for Quantile {
    const DEFAULT: usize = 1;
    const ARITHMETIC: bool = true;

    fn new(options: &[f64]) -> Self {
        Quantile { q: options[0] }
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 2]) {
        let (zero, one, q) = (V::splat(0.0), V::splat(1.0), V::splat(self.q));
        let d = target - input;
        let above = V::select(d.ge(zero), q, q - one);
        // d itself where it is 0 or NaN.
        let slope = V::select(d.abs().gt(zero), above, d.abs());
        (above * d, [-slope, slope])
    }
}
