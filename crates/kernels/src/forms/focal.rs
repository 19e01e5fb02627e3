//! The focal factor: a power of the probability that a prediction missed.

use crate::isa::Lanes;
use crate::math::Math;

/// Powers up to this are products of their whole part, which keeps digits that exp(γ·ln a) loses.
const SHORT: f64 = 16.0;

/// The exponent γ ≥ 0 of a focal factor.
#[derive(Clone, Copy)]
pub struct Focus {
    /// The exponent.
    pub gamma: f64,
    whole: u32,
    rest: f64,
}

impl Focus {
    /// With an exponent ≥ 0.
    pub fn new(gamma: f64) -> Self {
        let whole = if gamma <= SHORT { gamma.trunc() } else { 0.0 };
        Focus {
            gamma,
            whole: whole as u32,
            rest: gamma - whole,
        }
    }

    /// a^γ for a ≥ 0; 0⁰ is 1.
    #[inline(always)]
    pub fn of<V: Lanes>(self, a: V) -> V {
        let mut power = V::splat(1.0);
        for _ in 0..self.whole {
            power = power * a;
        }
        if self.rest > 0.0 {
            power = power * (V::splat(self.rest) * a.ln()).exp();
        }
        power
    }
}
