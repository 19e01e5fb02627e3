//! Pulls rows of target 1 together and pushes those of −1 apart. PyTorch: `CosineEmbeddingLoss`.

use crate::driver::rowwise::{Call, Rowwise, row_scale};
use crate::driver::tile::{Rows, Tile};
use crate::isa::{Element, Isa, Lanes};
use crate::losses::cosine_similarity::{Pair, products, wide};

/// Added to each squared norm.
const EPS: f64 = 1e-12;

/// ℓ = 1 − cos for a target of 1, max(0, cos − margin) for −1.
#[derive(Clone, Copy)]
pub struct CosineEmbedding {
    margin: f64,
}

impl<T: Element> Rowwise<T> for CosineEmbedding {
    const SLOTS: usize = 4;

    /// Options: margin.
    fn new(options: &[f64]) -> Self {
        CosineEmbedding {
            margin: T::from_f64(options[0]).to_f64(),
        }
    }

    unsafe fn tile<'t, I: Isa>(
        &self,
        call: &Call<T>,
        tile: &'t Tile<T>,
        scale: T,
    ) -> Rows<'t, f64> {
        let (zero, one) = (I::F64::splat(0.0), I::F64::splat(1.0));
        let (eps, margin) = (I::F64::splat(EPS), I::F64::splat(self.margin));
        // SAFETY: the call's pointers are valid for its shape, and there is a target for every row.
        unsafe {
            let pair = Pair::new(call, tile);
            let [dot, square1, square2] = products::<I, T>(tile, pair.x);
            let scales = row_scale(call, tile, scale);
            let target = tile.each(|row| (*call.third.add(tile.first + row)).to_f64());
            let [value, k, c1, c2, wide] = tile.each_row::<I, 5, 5>(
                [&dot, &square1, &square2, &target, &scales],
                |[dot, square1, square2, target, scale]| {
                    let sums = [dot, square1, square2];
                    let (square1, square2) = (square1 + eps, square2 + eps);
                    let norms = (square1 * square2).sqrt();
                    let cos = dot / norms;
                    let near = target.gt(zero);
                    let above = cos - margin;
                    let idle = above.le(zero);
                    // The sum makes 0 of −0; see `select` for why it is not by `idle`.
                    let apart = above.max(zero) + zero;
                    let value = I::F64::select(near, one - cos, apart);
                    let slope = I::F64::select(near, -one, I::F64::select(idle, zero, one));
                    // A target that is NaN makes both NaN.
                    let nan = target * zero;
                    let by_cos = scale * (slope + nan);
                    let k = by_cos / norms;
                    [
                        value + nan,
                        k,
                        by_cos * cos / square1,
                        by_cos * cos / square2,
                        wide(sums, k),
                    ]
                },
            );
            pair.write::<I>(call, tile, [&k, &c1, &c2, &wide]);
            value
        }
    }
}
