//! Norm of the difference of two rows. PyTorch: `PairwiseDistance`.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{Rows, Sweep, Tile, View};
use crate::isa::{Element, Isa, Lanes, Vector};
use crate::math::Math;

/// Scratch slots of a tile.
const X1: usize = 0;
const X2: usize = 1;
const GRAD1: usize = 2;
const GRAD2: usize = 3;
const SIZES: usize = 4;

/// A distance of two rows, of d = x₁ − x₂ + ε.
#[derive(Clone, Copy, PartialEq)]
pub enum Norm {
    /// Σ |d|.
    One,
    /// √Σ d².
    Two,
    /// Σ d², which is no norm.
    Squares,
    /// max |d|.
    Infinity,
    /// (Σ |d|^p)^(1/p).
    Other(f64),
}

impl Norm {
    /// The norm of an exponent ≥ 1.
    pub fn of(p: f64) -> Self {
        match p {
            1.0 => Norm::One,
            2.0 => Norm::Two,
            f64::INFINITY => Norm::Infinity,
            _ => Norm::Other(p),
        }
    }

    /// The distances of a tile's rows, and the factors of their derivatives: with a distance and
    /// its factor, [`Norm::slope`] gives the derivative by an element. `sizes` is scratch memory.
    ///
    /// # Safety
    /// The views must be of the tile.
    pub unsafe fn distances<'t, I: Isa, T: Element>(
        self,
        tile: &'t Tile<T>,
        x: [View<T>; 2],
        eps: f64,
        sizes: View<T>,
    ) -> [Rows<'t, f64>; 2] {
        // SAFETY: as the caller's.
        unsafe {
            match self {
                Norm::One | Norm::Two | Norm::Squares => {
                    let [sum] = self.sums::<I, T, 2, 1>(tile, x, eps, |[x1, x2]| [x1 - x2]);
                    self.of_sum::<I, T>(tile, sum)
                }
                Norm::Infinity | Norm::Other(_) => self.by_largest::<I, T>(tile, x, eps, sizes),
            }
        }
    }

    /// [`Norm::distances`] of a first row to two others.
    ///
    /// # Safety
    /// As [`Norm::distances`].
    pub unsafe fn two_distances<'t, I: Isa, T: Element>(
        self,
        tile: &'t Tile<T>,
        x: [View<T>; 3],
        eps: f64,
        sizes: View<T>,
    ) -> [[Rows<'t, f64>; 2]; 2] {
        let [a, p, n] = x;
        // SAFETY: as the caller's.
        unsafe {
            match self {
                // In one sweep, which widens the first row but once.
                Norm::One | Norm::Two | Norm::Squares => self
                    .sums::<I, T, 3, 2>(tile, x, eps, |[a, p, n]| [a - p, a - n])
                    .map(|sum| self.of_sum::<I, T>(tile, sum)),
                Norm::Infinity | Norm::Other(_) => {
                    [[a, p], [a, n]].map(|x| self.by_largest::<I, T>(tile, x, eps, sizes))
                }
            }
        }
    }

    /// Σ |d| or Σ d² of each row's differences, in float64: squares of float32 would overflow or vanish long
    /// before their root does.
    unsafe fn sums<'t, I: Isa, T: Element, const E: usize, const S: usize>(
        self,
        tile: &'t Tile<T>,
        x: [View<T>; E],
        eps: f64,
        differences: impl Fn([I::F64; E]) -> [I::F64; S] + Copy,
    ) -> [Rows<'t, f64>; S] {
        let eps = I::F64::splat(T::from_f64(eps).to_f64());
        let differences = move |x| differences(x).map(|d| d + eps);
        // SAFETY: as the caller's.
        unsafe {
            if self == Norm::One {
                tile.wide_sweep::<I, E, 0, 0, S>(x, [], [], move |x, []| {
                    ([], differences(x).map(|d| d.abs()))
                })
            } else {
                tile.wide_sweep::<I, E, 0, 0, S>(x, [], [], move |x, []| {
                    ([], differences(x).map(|d| d.square()))
                })
            }
        }
    }

    /// The distance of a sum, and its factor.
    fn of_sum<'t, I: Isa, T: Element>(
        self,
        tile: &'t Tile<T>,
        sum: Rows<'t, f64>,
    ) -> [Rows<'t, f64>; 2] {
        match self {
            Norm::Two => tile.each_row::<I, 1, 2>([&sum], |[square]| {
                let (zero, one) = (I::F64::splat(0.0), I::F64::splat(1.0));
                let distance = square.sqrt();
                let none = distance.eq(zero);
                [distance, I::F64::select(none, zero, one / distance)]
            }),
            Norm::Squares => [sum, tile.filled(2.0)],
            _ => [sum, tile.filled(1.0)],
        }
    }

    /// The distances that start from the largest difference.
    unsafe fn by_largest<'t, I: Isa, T: Element>(
        self,
        tile: &'t Tile<T>,
        x: [View<T>; 2],
        eps: f64,
        sizes: View<T>,
    ) -> [Rows<'t, f64>; 2] {
        let eps = Vector::<I, T>::splat(eps);
        let zero = Vector::<I, T>::splat(0.0);
        let inverse = |distance: f64| if distance == 0.0 { 0.0 } else { 1.0 / distance };
        // SAFETY: as the caller's.
        unsafe {
            // NaN, which the maximum passes over, shows in the sum.
            let ([nan], []) = tile.sweep::<I, 2, 0, 0, 1, 1, 0>(
                Sweep {
                    elements: x,
                    rows: [],
                    classes: [],
                    out: [sizes],
                },
                |[x1, x2], [], []| {
                    let size = ((x1 - x2) + eps).abs();
                    let nan = Vector::<I, T>::select(size.eq(size), zero, size);
                    ([size], [nan], [])
                },
            );
            let max = tile.max::<I>(sizes);
            let one = Vector::<I, T>::splat(1.0);
            let ([powers], [counts]) = tile.sweep::<I, 1, 1, 0, 0, 1, 1>(
                Sweep {
                    elements: [sizes],
                    rows: [&max],
                    classes: [],
                    out: [],
                },
                |[size], [max], []| {
                    let power = match self {
                        // Relative to the largest, so that nothing overflows.
                        Norm::Other(p) => {
                            let none = size.eq(zero);
                            let power = (Vector::<I, T>::splat(p) * (size / max).ln()).exp();
                            // Of the largest it is 1, even if that is infinite.
                            let power = Vector::<I, T>::select(size.eq(max), one, power);
                            Vector::<I, T>::select(none, zero, power)
                        }
                        _ => zero,
                    };
                    ([], [power], [size.eq(max)])
                },
            );
            let mut distance = tile.widen(&max);
            let mut factor = tile.map(&counts, inverse);
            if let Norm::Other(p) = self {
                let inverse = I::F64::splat(1.0 / p);
                [distance] = tile.each_row::<I, 2, 1>([&distance, &powers], |[max, powers]| {
                    let zero = I::F64::splat(0.0);
                    let root = (inverse * powers.ln()).exp();
                    [I::F64::select(max.eq(zero), zero, max * root)]
                });
                factor = tile.filled(1.0);
            }
            for row in 0..tile.rows {
                if distance[row] == 0.0 {
                    factor[row] = 0.0;
                }
                distance[row] += nan[row];
            }
            [distance, factor]
        }
    }

    /// Whether the derivative is d times the factor, whatever the distance.
    pub fn is_linear(self) -> bool {
        matches!(self, Norm::Two | Norm::Squares)
    }

    /// 1 for rows whose derivatives are to be computed in float64, else 0: where the factor might leave float32's range,
    /// where differences might overflow, and where they are so small that rounding before ε is added shows.
    pub fn wide<'t, I: Isa, T: Element>(
        tile: &'t Tile<T>,
        distance: &Rows<f64>,
        factor: &Rows<f64>,
        eps: f64,
    ) -> Rows<'t, f64> {
        let [low, high, near, far] = [1e-30, 1e30, 1e3 * eps, 1e37].map(I::F64::splat);
        let (zero, one) = (I::F64::splat(0.0), I::F64::splat(1.0));
        let [wide] = tile.each_row::<I, 2, 1>([distance, factor], |[distance, factor]| {
            let size = factor.abs();
            let extreme = (size.gt(zero) & size.lt(low)) | size.gt(high);
            let wide = extreme | distance.lt(near) | distance.gt(far);
            [I::F64::select(wide, one, zero)]
        });
        wide
    }

    /// The derivative by d, times the factor: of an element, its row's distance and its factor.
    #[inline(always)]
    pub fn slope<V: Lanes>(self, d: V, distance: V, factor: V) -> V {
        let zero = V::splat(0.0);
        match self {
            Norm::One => d.signum() * factor,
            Norm::Two | Norm::Squares => d * factor,
            Norm::Infinity => V::select(d.abs().eq(distance), d.signum() * factor, zero),
            Norm::Other(p) => {
                let power = (V::splat(p - 1.0) * (d.abs() / distance).ln()).exp();
                V::select(d.eq(zero), zero, d.signum() * power * factor)
            }
        }
    }
}

/// The derivatives by both elements of a norm that is linear in that sense.
#[inline(always)]
fn linear<V: Lanes>([x1, x2]: [V; 2], factor: V, eps: V) -> [V; 2] {
    let slope = ((x1 - x2) + eps) * factor;
    [slope, -slope]
}

/// ‖x₁ − x₂ + ε‖_p.
#[derive(Clone, Copy)]
pub struct PairwiseDistance {
    norm: Norm,
    eps: f64,
}

impl<T: Element> Rowwise<T> for PairwiseDistance {
    const SLOTS: usize = 5;

    /// Options: p, eps.
    fn new(options: &[f64]) -> Self {
        PairwiseDistance {
            norm: Norm::of(T::from_f64(options[0]).to_f64()),
            eps: options[1],
        }
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let norm = self.norm;
        // SAFETY: the call's pointers are valid for its shape.
        unsafe {
            let x = [tile.input(call.input, X1), tile.input(call.other, X2)];
            let sizes = tile.scratch(SIZES);
            let [distance, factor] = norm.distances::<I, T>(tile, x, self.eps, sizes);
            if call.input_grad.is_null() && call.other_grad.is_null() {
                return distance;
            }
            let grads = [
                tile.output(call.input_grad, GRAD1),
                tile.output(call.other_grad, GRAD2),
            ];
            let scales = row_scale(call, tile, scale);
            let factor = tile.each(|row| factor[row] * scales[row]);
            let eps = T::from_f64(self.eps).to_f64();
            if norm.is_linear() {
                let wide = Norm::wide::<I, T>(tile, &distance, &factor, eps);
                let (narrow_eps, wide_eps) = (Vector::<I, T>::splat(eps), I::F64::splat(eps));
                tile.sweep_either::<I, 2, 1, 2>(
                    x,
                    [&factor],
                    grads,
                    &wide,
                    move |x, [factor]| linear(x, factor, narrow_eps),
                    move |x, [factor]| linear(x, factor, wide_eps),
                );
            } else {
                let eps = Vector::<I, T>::splat(eps);
                tile.sweep::<I, 2, 2, 0, 2, 0, 0>(
                    Sweep {
                        elements: x,
                        rows: [&tile.round(&distance), &tile.round(&factor)],
                        classes: [],
                        out: grads,
                    },
                    move |[x1, x2], [distance, factor], []| {
                        let slope = norm.slope((x1 - x2) + eps, distance, factor);
                        ([slope, -slope], [], [])
                    },
                );
            }
            tile.commit(grads[0], call.input_grad);
            tile.commit(grads[1], call.other_grad);
            distance
        }
    }
}
