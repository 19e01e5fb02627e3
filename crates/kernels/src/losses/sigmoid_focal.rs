//! Binary cross-entropy of logits that turns away from what is already right. torchvision:
//! `sigmoid_focal_loss`; Lin et al., 2017.

use crate::driver::pointwise::Pointwise;
use crate::forms::focal::Focus;
use crate::isa::{Element, Lanes};
use crate::losses::bce_with_logits::{Mixture, mixture};

/// ℓ = α_t·m^γ·(y·softplus(−x) + (1 − y)·softplus(x)), m = y·σ(−x) + (1 − y)·σ(x),
/// α_t = α·y + (1 − α)·(1 − y), or 1 for a negative α.
#[derive(Clone, Copy)]
pub struct SigmoidFocal {
    alpha: f64,
    gamma: f64,
}

impl Pointwise<2, 1> for SigmoidFocal {
    /// Options: alpha, gamma.
    fn new(options: &[f64]) -> Self {
        SigmoidFocal {
            alpha: options[0],
            gamma: options[1],
        }
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 1]) {
        let (zero, one) = (V::splat(0.0), V::splat(1.0));
        // Rounded before it is split into a whole part and a rest.
        let focus = Focus::new(V::Elem::from_f64(self.gamma).to_f64());
        let negative = one - target;
        let Mixture {
            value: entropy,
            slope,
            sigmoids: [sigmoid, complement],
            ..
        } = mixture(input, negative, target);
        let missed = target * complement + negative * sigmoid;
        let mut factor = focus.of(missed);
        if self.alpha >= 0.0 {
            let alpha = V::splat(self.alpha);
            factor = factor * (alpha * target + (one - alpha) * negative);
        }
        // The relative slope of the missed share; where it has none, the entropy may be infinite.
        let by_missed = (negative - target) * sigmoid * complement;
        let turn = V::splat(focus.gamma) * (by_missed / missed) * entropy;
        let turn = V::select(by_missed.eq(zero), zero, turn);
        (factor * entropy, [factor * (slope + turn)])
    }
}
