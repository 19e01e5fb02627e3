//! Cosine of the angle between two rows. PyTorch: `CosineSimilarity`.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{Rows, Sweep, Tile, View};
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
        [k, c1, c2]: [&Rows<f64>; 3],
    ) {
        if call.input_grad.is_null() && call.other_grad.is_null() {
            return;
        }
        // SAFETY: as the caller's.
        unsafe {
            tile.sweep::<I, 2, 3, 0, 2, 0, 0>(
                Sweep {
                    elements: self.x,
                    rows: [&tile.round(k), &tile.round(c1), &tile.round(c2)],
                    classes: [],
                    out: self.grads,
                },
                |[x1, x2], [k, c1, c2], []| ([k * x2 - c1 * x1, k * x1 - c2 * x2], [], []),
            );
            let [grad1, grad2] = self.grads;
            tile.commit(grad1, call.input_grad);
            tile.commit(grad2, call.other_grad);
        }
    }
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
    unsafe { tile.wide_sums::<I, 2, 3>(x, |[x1, x2]| [x1 * x2, x1 * x1, x2 * x2]) }
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
            let [cos, k, c1, c2] = tile.each_row::<I, 4, 4>(
                [&dot, &square1, &square2, &scales],
                |[dot, square1, square2, scale]| {
                    let [cos, k, c1, c2] = cosine([dot, square1, square2], eps);
                    [cos, k * scale, c1 * scale, c2 * scale]
                },
            );
            pair.write::<I>(call, tile, [&k, &c1, &c2]);
            cos
        }
    }
}
