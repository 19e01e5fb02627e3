//! Pulls a row towards one and pushes it away from another. PyTorch: `TripletMarginLoss`.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{Rows, Sweep, Tile, View};
use crate::isa::{Element, Isa, Lanes, Vector};
use crate::losses::pairwise_distance::Norm;

/// Scratch slots of a tile.
const INPUTS: usize = 0;
const GRADS: usize = 3;
const SIZES: usize = 6;

/// ℓ = max(0, δ(a, p) − δ(a, n) + margin); with `swap`, the lesser of δ(a, n) and δ(p, n).
#[derive(Clone, Copy)]
pub struct TripletMargin {
    margin: f64,
    norm: Norm,
    eps: f64,
    swap: bool,
}

/// The value of a row and the derivatives by its three distances (a, p), (a, n) and (p, n), of which
/// the last counts only with a swap.
pub fn combine(margin: f64, swap: bool, [ap, an, pn]: [f64; 3]) -> (f64, [f64; 3]) {
    let far = if !swap || an <= pn || an.is_nan() {
        an
    } else {
        pn
    };
    let value = (ap - far) + margin;
    if value <= 0.0 {
        return (0.0, [0.0; 3]);
    }
    // As PyTorch, a tie of the two takes one half each.
    let share = match an.partial_cmp(&pn) {
        _ if !swap => 1.0,
        Some(core::cmp::Ordering::Less) => 1.0,
        Some(core::cmp::Ordering::Greater) => 0.0,
        _ => 0.5,
    };
    // 0 − …, so that what takes no part is 0 and not −0.
    (value, [1.0, 0.0 - share, 0.0 - (1.0 - share)])
}

/// The derivatives by the three elements, of those by the differences of (a, p), (a, n) and (p, n).
#[inline(always)]
fn by_element<V: Lanes>([near, far, swapped]: [V; 3]) -> [V; 3] {
    [near + far, swapped - near, -far - swapped]
}

/// The derivatives by the three elements where those by the differences are the differences times factors.
#[inline(always)]
fn linear<V: Lanes, const SWAP: bool>([a, p, n]: [V; 3], by: [V; 3], eps: V) -> [V; 3] {
    let slope = |d: V, k: usize| (d + eps) * by[k];
    let swapped = if SWAP { slope(p - n, 2) } else { V::splat(0.0) };
    by_element([slope(a - p, 0), slope(a - n, 1), swapped])
}

impl<T: Element> Rowwise<T> for TripletMargin {
    const SLOTS: usize = 7;

    /// Options: margin, p (0 for the sum of squares), eps, swap.
    fn new(options: &[f64]) -> Self {
        let rounded = |x: f64| T::from_f64(x).to_f64();
        TripletMargin {
            margin: rounded(options[0]),
            norm: if options[1] == 0.0 {
                Norm::Squares
            } else {
                Norm::of(rounded(options[1]))
            },
            eps: options[2],
            swap: options[3] != 0.0,
        }
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let TripletMargin {
            margin,
            norm,
            eps,
            swap,
        } = *self;
        // SAFETY: the call's pointers are valid for its shape.
        unsafe {
            let x = [call.input, call.other, call.third];
            let [a, p, n] = core::array::from_fn(|k| tile.input(x[k], INPUTS + k));
            let sizes = tile.scratch(SIZES);
            let [[ap, by_ap], [an, by_an]] =
                norm.two_distances::<I, T>(tile, [a, p, n], eps, sizes);
            let [pn, by_pn] = if swap {
                norm.distances::<I, T>(tile, [p, n], eps, sizes)
            } else {
                [tile.filled(0.0), tile.filled(0.0)]
            };
            let scales = row_scale(call, tile, scale);
            let mut value = tile.filled(0.0);
            let mut factors: [_; 3] = core::array::from_fn(|_| tile.filled(0.0));
            for row in 0..tile.rows {
                let (loss, slopes) = combine(margin, swap, [ap[row], an[row], pn[row]]);
                value[row] = loss;
                let by = [by_ap[row], by_an[row], by_pn[row]];
                for k in 0..3 {
                    factors[k][row] = scales[row] * slopes[k] * by[k];
                }
            }
            let places = [call.input_grad, call.other_grad, call.third_grad];
            if places.iter().all(|to| to.is_null()) {
                return value;
            }
            let out: [View<T>; 3] = core::array::from_fn(|k| tile.output(places[k], GRADS + k));
            let eps = T::from_f64(eps).to_f64();
            let (narrow_eps, wide_eps) = (Vector::<I, T>::splat(eps), I::F64::splat(eps));
            let [by_ap, by_an, by_pn] = &factors;
            let rows = [by_ap, by_an, by_pn];
            let wide = |distance, factor| Norm::wide::<I, T>(tile, distance, factor, eps);
            // Apart, so that the common ones have a loop without a choice in it.
            if norm.is_linear() {
                let most = |a: &Rows<f64>, b: &Rows<f64>| {
                    let [most] = tile.each_row::<I, 2, 1>([a, b], |[a, b]| [a.max(b)]);
                    most
                };
                let both = most(&wide(&ap, by_ap), &wide(&an, by_an));
                if swap {
                    tile.sweep_either::<I, 3, 3, 3>(
                        [a, p, n],
                        rows,
                        out,
                        &most(&both, &wide(&pn, by_pn)),
                        move |x, by| linear::<_, true>(x, by, narrow_eps),
                        move |x, by| linear::<_, true>(x, by, wide_eps),
                    );
                } else {
                    tile.sweep_either::<I, 3, 3, 3>(
                        [a, p, n],
                        rows,
                        out,
                        &both,
                        move |x, by| linear::<_, false>(x, by, narrow_eps),
                        move |x, by| linear::<_, false>(x, by, wide_eps),
                    );
                }
            } else {
                tile.sweep::<I, 3, 6, 0, 3, 0, 0>(
                    Sweep {
                        elements: [a, p, n],
                        rows: [
                            &tile.round(&ap),
                            &tile.round(&an),
                            &tile.round(&pn),
                            &tile.round(by_ap),
                            &tile.round(by_an),
                            &tile.round(by_pn),
                        ],
                        classes: [],
                        out,
                    },
                    move |[a, p, n], [ap, an, pn, by_ap, by_an, by_pn], []| {
                        let zero = Vector::<I, T>::splat(0.0);
                        let swapped = if swap {
                            norm.slope((p - n) + narrow_eps, pn, by_pn)
                        } else {
                            zero
                        };
                        let near = norm.slope((a - p) + narrow_eps, ap, by_ap);
                        let far = norm.slope((a - n) + narrow_eps, an, by_an);
                        (by_element([near, far, swapped]), [], [])
                    },
                );
            }
            for (view, to) in out.into_iter().zip(places) {
                tile.commit(view, to);
            }
            value
        }
    }
}
