//! Direct preference optimisation. Rafailov et al., 2023; label smoothing: Mitchell, 2023.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::losses::bce_with_logits::{Mixture, mixture};

/// ℓ = −(1 − ε)·ln σ(βΔ) − ε·ln σ(−βΔ), Δ = (π_c − π_r) − (ρ_c − ρ_r), for log-probabilities π of the
/// policy and ρ of the reference of the chosen and the rejected answer.
#[derive(Clone, Copy)]
pub struct Dpo {
    beta: f64,
    smoothing: f64,
}

impl Pointwise<4, 2> for Dpo {
    /// Options: beta, labelSmoothing.
    fn new(options: &[f64]) -> Self {
        Dpo {
            beta: options[0],
            smoothing: options[1],
        }
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [chosen, rejected, ref_chosen, ref_rejected]: [V; 4]) -> (V, [V; 2]) {
        let (beta, flip) = (V::splat(self.beta), V::splat(self.smoothing));
        let keep = V::splat(1.0) - flip;
        let margin = beta * ((chosen - rejected) - (ref_chosen - ref_rejected));
        let Mixture { value, slope, .. } = mixture(margin, flip, keep);
        (value, [beta * slope, -(beta * slope)])
    }
}
