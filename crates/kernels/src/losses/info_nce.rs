//! Finds the key of each query among all keys of the batch. van den Oord et al., 2018.

use crate::driver::whole::{Call, Whole};
use crate::forms::similarity::Contrast;
use crate::isa::{Element, Isa};
use core::ptr::null;

/// ℓ_i = −ln softmax_j(q_i·k_j/τ)_i.
#[derive(Clone, Copy)]
pub struct InfoNce(Contrast);

impl<T: Element> Whole<T> for InfoNce {
    /// Options: temperature, normalize.
    fn new(options: &[f64]) -> Self {
        InfoNce(Contrast::new::<T>(
            1.0 / T::from_f64(options[0]).to_f64(),
            options[1] != 0.0,
        ))
    }

    fn scratch(&self, call: &Call<T>) -> u64 {
        Contrast::bytes(call, false)
    }

    unsafe fn run<I: Isa>(&self, call: &Call<T>) -> f64 {
        let Self(contrast) = self;
        // SAFETY: as the caller's.
        unsafe {
            contrast.run::<I, T>(call, false, |batch, scale, sum| {
                batch.rows::<I>(&contrast.cross_entropy, [null(); 2], scale, sum);
            })
        }
    }
}
