//! Sets each positive pair against the negatives of its sample. optax: `ntxent`; Chen et al., 2020.

use crate::driver::rowwise::{self, Rowwise, row_scale};
use crate::driver::tile::{Rows, Sweep, Tile};
use crate::driver::whole::{Call, Whole};
use crate::forms::similarity::{self, Needs, Similarity};
use crate::isa::{Element, Isa, Lanes, Vector};
use crate::losses::softmax::exponentials;
use crate::math::Math;
use core::ptr::null;

/// ℓ_i = Σ_{p∈P(i)} −ln(e^{s_ip}/(e^{s_ip} + Σ_{n∈N(i)} e^{s_in})), s = cos(x_i, x_j)/τ, P(i) the others of
/// its label and N(i) those of other labels.
#[derive(Clone, Copy)]
pub struct NtXent {
    how: Similarity,
}

/// Its labels lie aside.
const NEEDS: Needs = Needs {
    slots: 2,
    spare: false,
};

/// The loss of a row of similarities, in which a sample's own is −∞; the class weights are labels.
#[derive(Clone, Copy)]
struct Pairs;

impl<T: Element> Rowwise<T> for Pairs {
    const SLOTS: usize = NEEDS.slots;

    fn new(_: &[f64]) -> Self {
        Pairs
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &rowwise::Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let (zero, none) = (
            Vector::<I, T>::splat(0.0),
            Vector::<I, T>::splat(f64::NEG_INFINITY),
        );
        let scales = row_scale(call, tile, scale);
        // SAFETY: the call's pointers are valid for its shape; there is a label for every sample.
        unsafe {
            let x = tile.input(call.input, 0);
            let negatives = tile.scratch(1);
            let label = tile.each(|row| *call.weight.add(tile.first + row));
            tile.sweep::<I, 1, 1, 1, 1, 0, 0>(
                Sweep {
                    elements: [x],
                    rows: [&label],
                    classes: [call.weight],
                    out: [negatives],
                },
                |[x], [mine], [other]| ([Vector::<I, T>::select(other.eq(mine), none, x)], [], []),
            );
            // Without negatives, all are 0 below any maximum.
            let max = tile.max::<I>(negatives);
            let max = tile.map(&max, |max| {
                let none = max.to_f64() == f64::NEG_INFINITY;
                if none { T::from_f64(0.0) } else { max }
            });
            let rest = exponentials::<I, T>(tile, negatives, &max, negatives);
            let one = I::F64::splat(1.0);
            let [log] = tile.each_row::<I, 2, 1>([&tile.widen(&max), &rest], |[max, rest]| {
                [max + rest.ln_1p()]
            });
            let ([value, pull], []) = tile.sweep::<I, 1, 3, 1, 1, 2, 0>(
                Sweep {
                    elements: [x],
                    rows: [&label, &tile.round(&log), &tile.round(&scales)],
                    classes: [call.weight],
                    out: [x],
                },
                |[x], [mine, log, scale], [other]| {
                    let own = !(other.eq(mine)) | x.eq(none) | log.eq(none);
                    // softplus(u) and σ(u).
                    let u = log - x;
                    let (ln, near, far) = u.logistic();
                    let up = u.ge(zero);
                    let term = Vector::<I, T>::select(own, zero, u.max(zero) + ln);
                    let pull = Vector::<I, T>::select(up, near, far);
                    let pull = Vector::<I, T>::select(own, zero, pull);
                    ([zero - pull * scale], [term, pull], [])
                },
            );
            if !call.input_grad.is_null() {
                let [k] =
                    tile.each_row::<I, 3, 1>([&pull, &rest, &scales], |[pull, rest, scale]| {
                        let sum = one + rest;
                        let none = sum.le(I::F64::splat(0.0));
                        [I::F64::select(none, I::F64::splat(0.0), scale * pull / sum)]
                    });
                tile.sweep::<I, 2, 2, 1, 1, 0, 0>(
                    Sweep {
                        elements: [x, negatives],
                        rows: [&label, &tile.round(&k)],
                        classes: [call.weight],
                        out: [x],
                    },
                    |[x, e], [mine, k], [other]| {
                        ([Vector::<I, T>::select(other.eq(mine), x, e * k)], [], [])
                    },
                );
                tile.commit(x, call.input_grad);
            }
            value
        }
    }
}

impl<T: Element> Whole<T> for NtXent {
    /// Options: temperature.
    fn new(options: &[f64]) -> Self {
        NtXent {
            how: Similarity {
                normalize: true,
                scale: 1.0 / T::from_f64(options[0]).to_f64(),
            },
        }
    }

    fn scratch(&self, call: &Call<T>) -> u64 {
        similarity::bytes(call, NEEDS)
    }

    unsafe fn run<I: Isa>(&self, call: &Call<T>) -> f64 {
        let n = call.sizes[0];
        // SAFETY: there is a label for every sample.
        let labels = unsafe { call.indices(0, n) };
        let same = |label: &i32| labels.iter().filter(|&other| other == label).count();
        let pairs: usize = labels.iter().map(same).sum::<usize>() - n;
        let divisor = call.divisor.unwrap_or(pairs as f64);
        // SAFETY: as the caller's.
        unsafe {
            similarity::run::<I, T>(self.how, call, NEEDS, divisor, |batch, scale, sum| {
                for (i, &label) in labels.iter().enumerate() {
                    batch.similarities[i * n + i] = T::from_f64(f64::NEG_INFINITY);
                    batch.aside[i] = T::from_f64(f64::from(label));
                }
                let labels = [null(), batch.aside.as_ptr()];
                batch.rows::<I>(&Pairs, labels, scale, sum);
            })
        }
    }
}
