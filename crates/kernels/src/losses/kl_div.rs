//! Kullback-Leibler divergence from log-probabilities. PyTorch: `KLDivLoss`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

/// ℓ = y·(ln y − x) for probabilities y, exp(y)·(y − x) for log-probabilities; 0 where the
/// probability is 0.
#[derive(Clone, Copy)]
pub struct KlDiv {
    log_target: bool,
}

impl Pointwise<2, 2> for KlDiv {
    const DEFAULT: usize = 1;
    fn new(options: &[f64]) -> Self {
        KlDiv {
            log_target: options[0] != 0.0,
        }
    }

    fn kind(&self) -> usize {
        usize::from(self.log_target)
    }

    #[inline(always)]
    fn of_kind<const KIND: usize>(self) -> Self {
        KlDiv {
            log_target: KIND == 1,
        }
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 2]) {
        let (zero, one) = (V::splat(0.0), V::splat(1.0));
        let (p, ln_p) = if self.log_target {
            (target.exp(), target)
        } else {
            // Of a target of 0 the logarithm does not count.
            (target, target.ln_nonzero())
        };
        let none = p.eq(zero);
        let gap = ln_p - input;
        let value = V::select(none, zero, p * gap);
        let by_target = if self.log_target {
            V::select(none, zero, p * (gap + one))
        } else {
            // The derivative by a target of 0 is NaN, as in PyTorch.
            V::select(none, V::splat(f64::NAN), gap + one)
        };
        (value, [zero - p, by_target])
    }
}
