//! Logarithm of the hyperbolic cosine of the error. Optax: `log_cosh`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

/// ℓ = ln cosh(x − y).
#[derive(Clone, Copy)]
pub struct LogCosh;

impl Pointwise<2, 2> for LogCosh {
    const DEFAULT: usize = 1;

    fn new(_: &[f64]) -> Self {
        LogCosh
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 2]) {
        let (one, half) = (V::splat(1.0), V::splat(0.5));
        let d = input - target;
        let u = (-d.abs()).exp_m1();
        let e = one + u;
        // With e = exp(−|d|) and u = e − 1: cosh d = 1 + u²/2e, which keeps the digits of a small
        // error, and cosh d = (1 + e²)·exp|d|/2, which does not overflow.
        let small = d.abs().lt(one);
        let ln = V::select(small, half * u.square() / e, e.square()).ln_1p();
        let value = V::select(
            small,
            ln,
            ln + (d.abs() - V::splat(core::f64::consts::LN_2)),
        );
        // tanh|d| = (1 − e²)/(1 + e²) = −u(u + 2)/(1 + e²).
        let slope = (-u * (u + V::splat(2.0)) / (one + e.square())).copysign(d);
        (value, [slope, -slope])
    }
}
