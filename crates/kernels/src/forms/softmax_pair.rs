//! Two rows of logits, compared as distributions.

use crate::driver::rowwise::Call;
use crate::driver::tile::{Rows, Sweep, Tile, View};
use crate::isa::{Element, Isa, Lanes, Vector};
use crate::losses::softmax::{exponential, rest};
use crate::math::Math;

/// Scratch slots of a tile, of which [`SoftmaxPair`] takes so many.
pub const SLOTS: usize = 6;

/// Two classes of the same place: p, q and ln q − ln p.
///
/// `elements` and `rows` are those of [`SoftmaxPair`]. Logits less their maxima are small where the
/// probabilities are not, so that log-probabilities that are nearly equal keep their difference.
#[inline(always)]
pub fn compare<V: Lanes>(elements: [V; 4], rows: [V; 5], temperature: V) -> [V; 3] {
    let ([x, y, ex, ey], [max_x, max_y, inverse_x, inverse_y, ratio]) = (elements, rows);
    let gap = ((y - max_y) - (x - max_x)) / temperature + ratio;
    [ex * inverse_x, ey * inverse_y, gap]
}

/// p = softmax(x/τ) and q = softmax(y/τ) of a tile's rows, and where their gradients go.
pub struct SoftmaxPair<'t, T> {
    /// x, y, and in scratch memory exp((x − max)/τ) and the same of y.
    pub elements: [View<T>; 4],
    /// The sums of these exponentials, less 1.
    pub rests: [Rows<'t, f64>; 2],
    rows: [Rows<'t, T>; 5],
    grads: [View<T>; 2],
}

impl<'t, T: Element> SoftmaxPair<'t, T> {
    /// Of the call's first two arrays.
    ///
    /// # Safety
    /// The call's pointers must be valid for its shape.
    pub unsafe fn new<I: Isa>(call: &Call<T>, tile: &'t Tile<T>, temperature: f64) -> Self {
        let tau = Vector::<I, T>::splat(temperature);
        // SAFETY: as the caller's.
        unsafe {
            let (x, y) = (tile.input(call.input, 0), tile.input(call.other, 1));
            let exponentials = [tile.scratch(2), tile.scratch(3)];
            let (max_x, max_y) = (tile.max::<I>(x), tile.max::<I>(y));
            let zero = Vector::<I, T>::splat(0.0);
            let ([sums_x, sums_y], [tops_x, tops_y]) = tile.sweep::<I, 2, 2, 0, 2, 2, 2>(
                Sweep {
                    elements: [x, y],
                    rows: [&max_x, &max_y],
                    classes: [],
                    out: exponentials,
                },
                |[x, y], [max_x, max_y], []| {
                    let (ex, term_x, top_x) = exponential((x - max_x) / tau, zero);
                    let (ey, term_y, top_y) = exponential((y - max_y) / tau, zero);
                    ([ex, ey], [term_x, term_y], [top_x, top_y])
                },
            );
            let rests = [
                rest::<I, T>(tile, &sums_x, &tops_x),
                rest::<I, T>(tile, &sums_y, &tops_y),
            ];
            let one = I::F64::splat(1.0);
            let [inverse_x, inverse_y, ratio] =
                tile.each_row::<I, 2, 3>([&rests[0], &rests[1]], |[rest_x, rest_y]| {
                    [
                        one / (one + rest_x),
                        one / (one + rest_y),
                        rest_x.ln_1p_nonnegative() - rest_y.ln_1p_nonnegative(),
                    ]
                });
            SoftmaxPair {
                elements: [x, y, exponentials[0], exponentials[1]],
                rests,
                rows: [
                    max_x,
                    max_y,
                    tile.round(&inverse_x),
                    tile.round(&inverse_y),
                    tile.round(&ratio),
                ],
                grads: [
                    tile.output(call.input_grad, 4),
                    tile.output(call.other_grad, 5),
                ],
            }
        }
    }

    /// What [`compare`] needs of the rows.
    pub fn rows(&self) -> [&Rows<'t, T>; 5] {
        self.rows.each_ref()
    }

    /// Where the gradients go, if any is wanted.
    pub fn wanted(&self, call: &Call<T>) -> Option<[View<T>; 2]> {
        (!call.input_grad.is_null() || !call.other_grad.is_null()).then_some(self.grads)
    }

    /// Ends with the gradients in their places.
    ///
    /// # Safety
    /// As [`SoftmaxPair::new`].
    pub unsafe fn commit(self, call: &Call<T>, tile: &Tile<T>) {
        for (view, to) in self
            .grads
            .into_iter()
            .zip([call.input_grad, call.other_grad])
        {
            // SAFETY: as the caller's.
            unsafe { tile.commit(view, to) };
        }
    }
}
