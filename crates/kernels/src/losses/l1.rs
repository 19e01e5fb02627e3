//! Absolute error, |x − y|. PyTorch: `L1Loss`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

/// ℓ = |x − y|; the gradient at a tie is 0.
#[derive(Clone, Copy)]
pub struct L1;

impl Pointwise<2, 2> for L1 {
    const DEFAULT: usize = 1;
    const ARITHMETIC: bool = true;

    fn new(_: &[f64]) -> Self {
        L1
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 2]) {
        let d = input - target;
        let slope = d.signum();
        (d.abs(), [slope, -slope])
    }
}
