//! Finds the samples of the same label among all others of the batch. Khosla et al., 2020, L_out.

use crate::driver::whole::{Call, Whole};
use crate::forms::similarity::Contrast;
use crate::isa::{Element, Isa};
use core::ptr::null;

/// ℓ_i = −Σ_{p∈P(i)} ln softmax_{a≠i}(x_i·x_a/τ)_p/|P(i)|, P(i) the others of its label; 0 without any.
#[derive(Clone, Copy)]
pub struct SupCon(Contrast);

impl<T: Element> Whole<T> for SupCon {
    /// Options: temperature, normalize.
    fn new(options: &[f64]) -> Self {
        SupCon(Contrast::new::<T>(
            1.0 / T::from_f64(options[0]).to_f64(),
            options[1] != 0.0,
        ))
    }

    fn scratch(&self, call: &Call<T>) -> u64 {
        Contrast::bytes(call, true)
    }

    unsafe fn run<I: Isa>(&self, call: &Call<T>) -> f64 {
        let Self(contrast) = self;
        // SAFETY: as the caller's; there is a label for every sample.
        unsafe {
            contrast.run::<I, T>(call, true, |batch, scale, sum| {
                let n = batch.samples;
                let labels = call.indices(0, n);
                for (i, &label) in labels.iter().enumerate() {
                    // Shares of the positives; the sample itself is masked.
                    let others = labels.iter().filter(|&&other| other == label).count() - 1;
                    let share = T::from_f64(1.0 / others as f64);
                    let targets = &mut batch.spare[i * n..][..n];
                    for (target, &other) in targets.iter_mut().zip(labels) {
                        *target = if other == label {
                            share
                        } else {
                            T::from_f64(0.0)
                        };
                    }
                    targets[i] = T::from_f64(0.0);
                    batch.similarities[i * n + i] =
                        T::from_f64(if n > 1 { f64::NEG_INFINITY } else { 0.0 });
                }
                let targets = [batch.spare.as_ptr(), null()];
                batch.rows::<I>(&contrast.cross_entropy, targets, scale, sum);
            })
        }
    }
}
