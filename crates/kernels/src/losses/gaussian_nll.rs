//! Negative log-likelihood of normal variables. PyTorch: `GaussianNLLLoss`; Nix and Weigend, 1994.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

/// ℓ = ½(ln v + (x − y)²/v), v = max(variance, ε); `full` adds ½ ln 2π. The clamp passes the
/// gradient straight through.
#[derive(Clone, Copy)]
pub struct GaussianNll {
    eps: f64,
    constant: f64,
}

impl Pointwise<3, 3> for GaussianNll {
    /// Derivatives by input, variance, and (not by default) target.
    const DEFAULT: usize = 2;

    fn new(options: &[f64]) -> Self {
        // ½ ln 2π.
        let constant = if options[1] != 0.0 {
            0.918_938_533_204_672_8
        } else {
            0.0
        };
        GaussianNll {
            eps: options[0],
            constant,
        }
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target, variance]: [V; 3]) -> (V, [V; 3]) {
        let half = V::splat(0.5);
        let v = variance.max(V::splat(self.eps));
        let d = input - target;
        let slope = d / v;
        let value = half * (v.ln() + d * slope) + V::splat(self.constant);
        (
            value,
            [slope, half * (V::splat(1.0) - d * slope) / v, -slope],
        )
    }
}
