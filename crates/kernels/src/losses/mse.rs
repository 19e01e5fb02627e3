//! Squared error, (x − y)². PyTorch: `MSELoss`.

use crate::driver::pointwise::Pointwise;
use crate::isa::Lanes;
use crate::math::Math;

#[derive(Clone, Copy)]
/// ℓ = (x − y)².
pub struct Mse;

impl Pointwise<2, 2> for Mse {
    const DEFAULT: usize = 1;
    const ARITHMETIC: bool = true;

    fn new(_: &[f64]) -> Self {
        Mse
    }

    #[inline(always)]
    fn eval<V: Lanes>(self, [input, target]: [V; 2]) -> (V, [V; 2]) {
        let d = input - target;
        let slope = d + d;
        (d.square(), [slope, -slope])
    }
}
