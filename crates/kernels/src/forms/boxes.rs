//! What the losses of bounding boxes share: overlap, hull and the way back to eight coordinates.

use crate::driver::rowwise::{Call, row_scale};
use crate::driver::tile::{Rows, Tile};
use crate::isa::{Element, Isa, Lanes};

/// Coordinates of a box.
pub const COORDINATES: usize = 4;

/// A pair of boxes; what has two elements belongs to x and y.
pub struct Boxes<V> {
    /// Area of what they share.
    pub shared: V,
    /// Area of both.
    pub union: V,
    /// Sides of the smallest box around both.
    pub hull: [V; 2],
    /// The first centre less the second.
    pub offset: [V; 2],
    /// Sides of the first box.
    pub side1: [V; 2],
    /// Sides of the second box.
    pub side2: [V; 2],
}

/// Derivatives by what [`Boxes`] holds, as if each were on its own.
pub struct Slopes<V> {
    /// By `shared`.
    pub shared: V,
    /// By `union`.
    pub union: V,
    /// By `hull`.
    pub hull: [V; 2],
    /// By `offset`.
    pub offset: [V; 2],
    /// By `side1`.
    pub side1: [V; 2],
    /// By `side2`.
    pub side2: [V; 2],
}

/// 1 − IoU with its derivatives by the shared area and by the union. ε keeps boxes without area from
/// dividing by 0.
#[inline(always)]
pub fn miss<V: Lanes>(boxes: &Boxes<V>, eps: V) -> (V, V, V) {
    let whole = boxes.union + eps;
    let iou = boxes.shared / whole;
    let one = V::splat(1.0);
    // Areas of float32 sides are exact in float64, and so is what two that are nearly equal differ by.
    let miss = (boxes.union - boxes.shared + eps) / whole;
    (miss, -(one / whole), iou / whole)
}

/// The penalty of distant centres, ‖offset‖²/(‖hull‖² + ε), with its derivatives by the two.
#[inline(always)]
pub fn distance<V: Lanes>(boxes: &Boxes<V>, eps: V) -> (V, [V; 2], [V; 2]) {
    let square = |[x, y]: [V; 2]| x * x + y * y;
    let two = V::splat(2.0);
    let diagonal = square(boxes.hull) + eps;
    let ratio = square(boxes.offset) / diagonal;
    (
        ratio,
        boxes.offset.map(|offset| two * offset / diagonal),
        boxes.hull.map(|side| -(two * ratio * side / diagonal)),
    )
}

/// The greater or lesser of two coordinates, with the first one's share of its gradient: ties are
/// shared, as in PyTorch.
#[inline(always)]
fn extreme<V: Lanes>(a: V, b: V, greatest: bool) -> (V, V) {
    let (zero, half, one) = (V::splat(0.0), V::splat(0.5), V::splat(1.0));
    let first = if greatest { a.gt(b) } else { a.lt(b) };
    let share = V::select(a.eq(b), half, V::select(first, one, zero));
    (V::select(first, a, b), share)
}

/// One axis of a pair: the ends of both boxes, and what of the gradients is theirs.
struct Axis<V> {
    ends: [V; 4],
    shared: V,
    hull: V,
    shares: [V; 4],
}

impl<V: Lanes> Axis<V> {
    #[inline(always)]
    fn new([low1, high1, low2, high2]: [V; 4]) -> Self {
        let (low, low_share) = extreme(low1, low2, true);
        let (high, high_share) = extreme(high1, high2, false);
        let (start, start_share) = extreme(low1, low2, false);
        let (end, end_share) = extreme(high1, high2, true);
        Axis {
            ends: [low1, high1, low2, high2],
            shared: high - low,
            hull: end - start,
            shares: [low_share, high_share, start_share, end_share],
        }
    }

    #[inline(always)]
    fn side1(&self) -> V {
        self.ends[1] - self.ends[0]
    }

    #[inline(always)]
    fn side2(&self) -> V {
        self.ends[3] - self.ends[2]
    }

    #[inline(always)]
    fn offset(&self) -> V {
        let [low1, high1, low2, high2] = self.ends;
        // Differences first: the centres of distant boxes would round away what parts them.
        V::splat(0.5) * ((low1 - low2) + (high1 - high2))
    }

    /// The derivatives by the four ends.
    #[inline(always)]
    fn gradient(&self, shared: V, hull: V, offset: V, side1: V, side2: V) -> [V; 4] {
        let one = V::splat(1.0);
        let [low, high, start, end] = self.shares;
        let half = V::splat(0.5) * offset;
        [
            half - side1 - shared * low - hull * start,
            half + side1 + shared * high + hull * end,
            -half - side2 - shared * (one - low) - hull * (one - start),
            side2 - half + shared * (one - high) + hull * (one - end),
        ]
    }
}

/// Writes the gradients of a tile's pairs and gives their values; `f` has the value of a pair and its
/// derivatives. In float64 throughout: areas are differences of products.
///
/// # Safety
/// The call's pointers must be valid for its shape, whose class dimension holds the coordinates
/// (x₁, y₁, x₂, y₂).
pub unsafe fn tile<'t, I: Isa, T: Element>(
    call: &Call<T>,
    tile: &'t Tile<T>,
    scale: T,
    f: impl Fn(&Boxes<I::F64>) -> (I::F64, Slopes<I::F64>),
) -> Rows<'t, f64> {
    // SAFETY: the position is one of the tile's rows.
    let at = |data: *const T, row: usize| unsafe { data.add((tile.first + row) * COORDINATES) };
    let coordinates: [_; 2 * COORDINATES] = core::array::from_fn(|k| {
        let data = if k < COORDINATES {
            call.input
        } else {
            call.other
        };
        // SAFETY: as above.
        tile.each(|row| unsafe { *at(data, row).add(k % COORDINATES) }.to_f64())
    });
    let scales = row_scale(call, tile, scale);
    let [a, b, c, d, e, g, h, i] = &coordinates;
    let zero = I::F64::splat(0.0);
    let [value, gradients @ ..] = tile.each_row::<I, 9, 9>(
        [a, b, c, d, e, g, h, i, &scales],
        |[ax1, ay1, ax2, ay2, bx1, by1, bx2, by2, scale]| {
            let x = Axis::new([ax1, ax2, bx1, bx2]);
            let y = Axis::new([ay1, ay2, by1, by2]);
            let apart = x.shared.le(zero) | y.shared.le(zero);
            let shared = I::F64::select(apart, zero, x.shared * y.shared);
            let boxes = Boxes {
                shared,
                union: (x.side1() * y.side1() + x.side2() * y.side2()) - shared,
                hull: [x.hull, y.hull],
                offset: [x.offset(), y.offset()],
                side1: [x.side1(), y.side1()],
                side2: [x.side2(), y.side2()],
            };
            let (value, slopes) = f(&boxes);
            // The union is the two areas less what they share.
            let by_shared = I::F64::select(apart, zero, slopes.shared - slopes.union);
            let along = |axis: &Axis<I::F64>, other: &Axis<I::F64>, k: usize| {
                axis.gradient(
                    by_shared * other.shared,
                    slopes.hull[k],
                    slopes.offset[k],
                    slopes.side1[k] + slopes.union * other.side1(),
                    slopes.side2[k] + slopes.union * other.side2(),
                )
                .map(|slope| slope * scale)
            };
            let ([gx1, gx2, hx1, hx2], [gy1, gy2, hy1, hy2]) = (along(&x, &y, 0), along(&y, &x, 1));
            [value, gx1, gy1, gx2, gy2, hx1, hy1, hx2, hy2]
        },
    );
    for (out, gradients) in [
        (call.input_grad, &gradients[..COORDINATES]),
        (call.other_grad, &gradients[COORDINATES..]),
    ] {
        if out.is_null() {
            continue;
        }
        for row in 0..tile.rows {
            for (k, gradient) in gradients.iter().enumerate() {
                // SAFETY: as above.
                unsafe { *at(out, row).cast_mut().add(k) = T::from_f64(gradient[row]) };
            }
        }
    }
    value
}
