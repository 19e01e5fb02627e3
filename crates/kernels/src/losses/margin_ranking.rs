//! Hinge loss of the order of two scores. PyTorch: `MarginRankingLoss`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;

/// ℓ = max(0, −y(x₁ − x₂) + margin); the gradient at the bound is 0.
#[derive(Clone, Copy)]
pub struct MarginRanking {
    margin: f64,
}

impl Pointwise<3, 2> for MarginRanking {
    const ARITHMETIC: bool = true;

    fn new(options: &[f64]) -> Self {
        MarginRanking { margin: options[0] }
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input1, input2, target]: [V; 3]) -> (V, [V; 2]) {
        let zero = V::splat(0.0);
        let z = V::splat(self.margin) - target * (input1 - input2);
        let closed = z.le(zero);
        let slope = V::select(closed, zero, target);
        (z.max(zero), [zero - slope, slope])
    }
}
