//! Cosine of the angle between two rows. PyTorch: `CosineSimilarity`.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{Rows, Tile, View};
use crate::isa::{Element, Isa, Lanes};

/// Scratch slots of a tile.
const X1: usize = 0;
const X2: usize = 1;
const GRAD1: usize = 2;
const GRAD2: usize = 3;

/// x₁·x₂/(max(‖x₁‖, ε)·max(‖x₂‖, ε)).
#[derive(Clone, Copy)]
pub struct CosineSimilarity {
    eps: f64,
}

/// The two rows of a tile, what their gradients are written through, and how to end.
pub struct Pair<T> {
    /// The rows.
    pub x: [View<T>; 2],
    grads: [View<T>; 2],
}

impl<T: Element> Pair<T> {
    /// The two operands of a call.
    ///
    /// # Safety
    /// The call's pointers must be valid for its shape.
    pub unsafe fn new(call: &Call<T>, tile: &Tile<T>) -> Self {
        // SAFETY: as the caller's.
        let x = unsafe { [tile.input(call.input, X1), tile.input(call.other, X2)] };
        let grads = [
            tile.output(call.input_grad, GRAD1),
            tile.output(call.other_grad, GRAD2),
        ];
        Pair { x, grads }
    }

    /// Writes both gradients: (k·x₂ − c₁·x₁, k·x₁ − c₂·x₂) of each row.
    ///
    /// # Safety
    /// As [`Pair::new`].
    pub unsafe fn write<I: Isa>(
        self,
        call: &Call<T>,
        tile: &Tile<T>,
        [k, c1, c2, wide]: [&Rows<f64>; 4],
    ) {
        if call.input_grad.is_null() && call.other_grad.is_null() {
            return;
        }
        // SAFETY: as the caller's.
        unsafe {
            tile.sweep_either::<I, 2, 3, 2>(
                self.x,
                [k, c1, c2],
                self.grads,
                wide,
                gradients,
                gradients,
            );
            let [grad1, grad2] = self.grads;
            tile.commit(grad1, call.input_grad);
            tile.commit(grad2, call.other_grad);
        }
    }
}

#[inline(always)]
fn gradients<V: Lanes>([x1, x2]: [V; 2], [k, c1, c2]: [V; 3]) -> [V; 2] {
    [k * x2 - c1 * x1, k * x1 - c2 * x2]
}

/// 1 for rows whose gradients are to be computed in float64, else 0, from the sums of [`products`] and k: nearly
/// parallel ones, as their terms cancel, and those so long or short that the factors might leave float32's range.
#[inline(always)]
pub fn wide<V: Lanes>([dot, square1, square2]: [V; 3], k: V) -> V {
    let (zero, one) = (V::splat(0.0), V::splat(1.0));
    let far = |x: V, low: f64, high: f64| x.lt(V::splat(low)) | x.gt(V::splat(high));
    let k2 = k * k;
    let wide = (dot * dot).gt(V::splat(15.0 / 16.0) * (square1 * square2))
        | far(square1, 1e-12, 1e12)
        | far(square2, 1e-12, 1e12)
        | (far(k2, 1e-36, 1e36) & k2.gt(zero));
    V::select(wide, one, zero)
}

/// Σ x₁·x₂, Σ x₁² and Σ x₂² of each row.
///
/// # Safety
/// The views must be of the tile.
pub unsafe fn products<'t, I: Isa, T: Element>(
    tile: &'t Tile<T>,
    x: [View<T>; 2],
) -> [Rows<'t, f64>; 3] {
    // SAFETY: as the caller's.
    unsafe {
        tile.wide_sweep::<I, 2, 0, 0, 3>(x, [], [], |[x1, x2], []| {
            ([], [x1 * x2, x1 * x1, x2 * x2])
        })
    }
}

/// The cosine, and its derivatives' factors: (cos, k, c₁, c₂), by x₁ being k·x₂ − c₁·x₁.
#[inline(always)]
pub fn cosine<V: Lanes>([dot, square1, square2]: [V; 3], eps: V) -> [V; 4] {
    let zero = V::splat(0.0);
    let (norm1, norm2) = (square1.sqrt(), square2.sqrt());
    let (n1, n2) = (norm1.max(eps), norm2.max(eps));
    let k = V::splat(1.0) / (n1 * n2);
    let cos = dot / (n1 * n2);
    // As PyTorch: the clamp is not differentiated through, and a norm of 0 has no direction.
    let by = |n: V, norm: V| V::select(norm.eq(zero), zero, cos / (n * norm));
    [cos, k, by(n1, norm1), by(n2, norm2)]
}

impl<T: Element> Rowwise<T> for CosineSimilarity {
    const SLOTS: usize = 4;

    /// Options: eps.
    fn new(options: &[f64]) -> Self {
        CosineSimilarity { eps: options[0] }
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let eps = I::F64::splat(self.eps);
        // SAFETY: the call's pointers are valid for its shape.
        unsafe {
            let pair = Pair::new(call, tile);
            let [dot, square1, square2] = products::<I, T>(tile, pair.x);
            let scales = row_scale(call, tile, scale);
            let [cos, k, c1, c2, wide] = tile.each_row::<I, 4, 5>(
                [&dot, &square1, &square2, &scales],
                |[dot, square1, square2, scale]| {
                    let [cos, k, c1, c2] = cosine([dot, square1, square2], eps);
                    let k = k * scale;
                    let wide = wide([dot, square1, square2], k);
                    [cos, k, c1 * scale, c2 * scale, wide]
                },
            );
            pair.write::<I>(call, tile, [&k, &c1, &c2, &wide]);
            cos
        }
    }
}
