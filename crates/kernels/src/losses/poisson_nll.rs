//! Negative log-likelihood of counts. PyTorch: `PoissonNLLLoss`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

/// ℓ = exp(x) − y·x for a logarithmic input, x − y·ln(x + ε) otherwise; `full` adds Stirling's
/// y·ln y − y + ½ ln 2πy where y > 1.
#[derive(Clone, Copy)]
pub struct PoissonNll {
    log_input: bool,
    full: bool,
    eps: f64,
}

impl Pointwise<2, 1> for PoissonNll {
    fn new(options: &[f64]) -> Self {
        PoissonNll {
            log_input: options[0] != 0.0,
            full: options[1] != 0.0,
            eps: options[2],
        }
    }

    fn kind(&self) -> usize {
        usize::from(!self.log_input || self.full)
    }

    #[inline(always)]
    fn of_kind<const KIND: usize>(self) -> Self {
        match KIND {
            0 => PoissonNll {
                log_input: true,
                full: false,
                ..self
            },
            _ => self,
        }
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 1]) {
        let (one, half) = (V::splat(1.0), V::splat(0.5));
        let (mut value, slope) = if self.log_input {
            let rate = input.exp();
            (rate - target * input, rate - target)
        } else {
            let rate = input + V::splat(self.eps);
            (input - target * rate.ln(), one - target / rate)
        };
        if self.full {
            let tau = V::splat(core::f64::consts::TAU);
            let stirling = target * target.ln() - target + half * (tau * target).ln();
            value = value + V::select(target.gt(one), stirling, V::splat(0.0));
        }
        (value, [slope])
    }
}
