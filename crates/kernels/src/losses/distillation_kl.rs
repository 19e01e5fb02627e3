//! Kullback-Leibler divergence of a student from a teacher, both given as logits. Hinton et al., 2015.

use crate::driver::rowwise::{Call, Rowwise};
use crate::driver::tile::{Rows, Sweep, Tile, View};
use crate::forms::softmax_pair::{self, SoftmaxPair, compare};
use crate::isa::{Element, Isa, Lanes, Vector};
use crate::losses::softmax::peak;

/// ℓ = τ²·q·(ln q − ln p), a value for each class, with p = softmax(student/τ) and
/// q = softmax(teacher/τ); 0 where q is 0.
#[derive(Clone, Copy)]
pub struct DistillationKl {
    temperature: f64,
}

/// Scratch slots of a tile, after those of the pair.
const OUTER: usize = softmax_pair::SLOTS;
const VALUES: usize = softmax_pair::SLOTS + 1;

/// The incoming gradient of each value; ones where all have that of the reduced value.
unsafe fn outer<T: Element>(call: &Call<T>, tile: &Tile<T>) -> View<T> {
    if call.third.is_null() {
        tile.ones(OUTER)
    } else {
        // SAFETY: as the caller's.
        unsafe { tile.input(call.third, OUTER) }
    }
}

impl<T: Element> Rowwise<T> for DistillationKl {
    const SLOTS: usize = softmax_pair::SLOTS + 2;

    /// Options: temperature.
    fn new(options: &[f64]) -> Self {
        DistillationKl {
            temperature: T::from_f64(options[0]).to_f64(),
        }
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let zero = Vector::<I, T>::splat(0.0);
        let tau = Vector::<I, T>::splat(self.temperature);
        let squared = Vector::<I, T>::splat(self.temperature * self.temperature);
        let factor = Vector::<I, T>::splat(self.temperature * scale.to_f64());
        // p, q and ln q − ln p, which is 0 where q is.
        let compare = move |elements, rows| {
            let [p, q, gap] = compare(elements, rows, tau);
            [p, q, Vector::<I, T>::select(q.eq(zero), zero, gap)]
        };
        // SAFETY: as the caller's.
        unsafe {
            let pair = SoftmaxPair::new::<I>(call, tile, self.temperature);
            let [x, y, ex, ey] = pair.elements;
            let [max_x, max_y, inverse_x, inverse_y, ratio] = pair.rows();
            let outer = outer(call, tile);
            let entries = tile.output(call.entry_values, VALUES);
            let first = tile.each(|row| outer.get(row, 0));
            // Σ q·g as the first g and what the others differ by: exact where they do not.
            let ([value, drift, more], []) = tile.sweep::<I, 5, 6, 0, 1, 3, 0>(
                Sweep {
                    elements: [x, y, ex, ey, outer],
                    rows: [max_x, max_y, inverse_x, inverse_y, ratio, &first],
                    classes: [],
                    out: [entries],
                },
                move |[x, y, ex, ey, outer], [a, b, c, d, e, first], []| {
                    let [_, q, gap] = compare([x, y, ex, ey], [a, b, c, d, e]);
                    let term = q * gap;
                    let entry = squared * term;
                    ([entry], [entry, outer * term, (outer - first) * q], [])
                },
            );
            tile.commit(entries, call.entry_values);
            if let Some(out) = pair.wanted(call) {
                // Where both exponentials are 1: p·mass − g·q = (mass − g) + g·(1 − q) − mass·(1 − p).
                let one = I::F64::splat(1.0);
                let [mass, off_p, off_q] = tile.each_row::<I, 4, 3>(
                    [&pair.rests[0], &pair.rests[1], &tile.widen(&first), &more],
                    |[p, q, first, more]| {
                        let mass = first + more;
                        [mass, mass * (p / (one + p)), q / (one + q)]
                    },
                );
                let greater = tile.each(|row| pair.rests[0][row].max(pair.rests[1][row]));
                tile.sweep::<I, 5, 10, 0, 2, 0, 0>(
                    Sweep {
                        elements: [x, y, ex, ey, outer],
                        rows: [
                            max_x,
                            max_y,
                            inverse_x,
                            inverse_y,
                            ratio,
                            &tile.round(&drift),
                            &tile.round(&mass),
                            &tile.round(&off_p),
                            &tile.round(&off_q),
                            &peak(tile, &greater),
                        ],
                        classes: [],
                        out,
                    },
                    move |[x, y, ex, ey, outer], rows, []| {
                        let [a, b, c, d, e, drift, mass, off_p, off_q, peak] = rows;
                        let [p, q, gap] = compare([x, y, ex, ey], [a, b, c, d, e]);
                        let at_top = (mass - outer) + outer * off_q - off_p;
                        let top = ex.eq(peak) & ey.eq(peak);
                        let by_x = Vector::<I, T>::select(top, at_top, p * mass - outer * q);
                        let by_y = q * ((outer * gap - drift) + (outer - mass));
                        ([by_x * factor, by_y * factor], [], [])
                    },
                );
                pair.commit(call, tile);
            }
            value
        }
    }
}
