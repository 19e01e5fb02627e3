//! Finds the key of each query among all keys of the batch. van den Oord et al., 2018.

use crate::driver::rowwise::Rowwise;
use crate::driver::whole::{Call, Whole};
use crate::forms::similarity::{self, Similarity};
use crate::isa::{Element, Isa};
use crate::losses::cross_entropy::CrossEntropy;
use core::ptr::null;

/// ℓ_i = −ln softmax_j(q_i·k_j/τ)_i.
#[derive(Clone, Copy)]
pub struct InfoNce {
    how: Similarity,
    cross_entropy: CrossEntropy,
}

impl<T: Element> Whole<T> for InfoNce {
    /// Options: temperature, normalize.
    fn new(options: &[f64]) -> Self {
        InfoNce {
            how: Similarity {
                normalize: options[1] != 0.0,
                scale: 1.0 / T::from_f64(options[0]).to_f64(),
            },
            cross_entropy: <CrossEntropy as Rowwise<T>>::new(&[0.0; 3]),
        }
    }

    fn scratch(&self, call: &Call<T>) -> u64 {
        similarity::bytes(call, <CrossEntropy as Rowwise<T>>::SLOTS)
    }

    unsafe fn run<I: Isa>(&self, call: &Call<T>) -> f64 {
        let divisor = call.divisor.unwrap_or(1.0);
        let slots = <CrossEntropy as Rowwise<T>>::SLOTS;
        // SAFETY: as the caller's.
        unsafe {
            similarity::run::<I, T>(self.how, call, slots, divisor, |batch, scale, sum| {
                batch.rows::<I>(&self.cross_entropy, [null(); 2], scale, sum);
            })
        }
    }
}
