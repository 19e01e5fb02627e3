//! The product of two matrices, C = A·B or C += A·B.
//!
//! Each element of C is a sum over k in increasing order, in fixed blocks: the products of
//! [`BLOCK`] consecutive k are added up from 0, one by one, in the element type, and each such sum
//! is then added to C. Tiles, panels and instruction sets do not show in it, and a product that is
//! split at a multiple of [`BLOCK`] in k, the parts added up in order, gives the same bits as the
//! whole.
//!
//! A and B are copied into panels, so that the innermost loop reads both from end to end whatever
//! their strides. Measured on Zen 4 with Node 20, of the peak of 128-bit multiplies and adds: this
//! 83 %; steps not unrolled 79 %, unrolled without an exit after each 65 %, as LLVM then mixes
//! them and registers spill; tiles of six rows 60 %; A read where it lies 59 to 77 %.

use crate::isa::{Element, Isa, Lanes, Vector};

/// Products that are summed before they are added to C.
pub const BLOCK: usize = 128;

/// Rows of a tile.
const ROWS: usize = 4;
/// The most columns of a tile: two vectors.
const COLUMNS: usize = 8;
/// Depth of the panels; a multiple of [`BLOCK`]. A tile's two panels fit the first-level cache.
const DEPTH: usize = 4 * BLOCK;
/// Rows of A in panels at once: these fit the second-level cache.
const TALL: usize = 64;
/// Columns of B in panels at once.
const WIDE: usize = 512;

/// A matrix that is read: element (row, column) lies at `row·rows + column·columns`.
#[derive(Clone, Copy)]
pub struct Matrix<T> {
    /// Its first element.
    pub data: *const T,
    /// Distance between rows.
    pub rows: usize,
    /// Distance between columns.
    pub columns: usize,
}

/// A product that is asked for.
#[derive(Clone, Copy)]
pub struct Product<T> {
    /// Rows of A and C, columns of A and rows of B, columns of B and C.
    pub size: [usize; 3],
    /// The left factor.
    pub a: Matrix<T>,
    /// The right factor.
    pub b: Matrix<T>,
    /// The result, whose columns lie side by side.
    pub c: *mut T,
    /// Distance between rows of C.
    pub c_rows: usize,
    /// Whether the product is added to what C holds.
    pub add: bool,
}

/// Elements of scratch memory for a product of this size.
pub fn scratch([m, k, n]: [usize; 3]) -> usize {
    k.min(DEPTH) * (m.min(TALL).next_multiple_of(ROWS) + n.min(WIDE).next_multiple_of(COLUMNS))
}

/// Computes a product.
///
/// # Safety
/// A and B must be valid for reading, C for writing (and, to add to it, reading) and apart from
/// them, and `panels` for [`scratch`] elements.
#[inline(never)]
pub unsafe fn multiply<I: Isa, T: Element>(product: &Product<T>, panels: *mut T) {
    let Product {
        size: [m, k, n],
        a,
        b,
        c,
        c_rows,
        ..
    } = *product;
    let columns = 2 * Vector::<I, T>::COUNT;
    if k == 0 && !product.add {
        for row in 0..m {
            // SAFETY: row < m.
            unsafe { core::slice::from_raw_parts_mut(c.add(row * c_rows), n) }
                .fill(T::from_f64(0.0));
        }
    }
    // SAFETY: every block lies in its matrix; scratch holds a block of panels of each factor.
    unsafe {
        for p in (0..k).step_by(DEPTH) {
            let depth = DEPTH.min(k - p);
            let add = product.add || p > 0;
            for j in (0..n).step_by(WIDE) {
                let wide = WIDE.min(n - j);
                let right = panels.add(depth * m.min(TALL).next_multiple_of(ROWS));
                let from = b.data.add(p * b.rows + j * b.columns);
                if columns == COLUMNS {
                    pack::<T, COLUMNS>(from, b.columns, b.rows, [wide, depth], right);
                } else if columns == 4 {
                    pack::<T, 4>(from, b.columns, b.rows, [wide, depth], right);
                } else {
                    pack::<T, 2>(from, b.columns, b.rows, [wide, depth], right);
                }
                for i in (0..m).step_by(TALL) {
                    let tall = TALL.min(m - i);
                    let from = a.data.add(i * a.rows + p * a.columns);
                    pack::<T, ROWS>(from, a.rows, a.columns, [tall, depth], panels);
                    let c = c.add(i * c_rows + j);
                    for jr in (0..wide).step_by(columns) {
                        for ir in (0..tall).step_by(ROWS) {
                            let (left, right) = (panels.add(ir * depth), right.add(jr * depth));
                            let c = c.add(ir * c_rows + jr);
                            let (rows, width) = (ROWS.min(tall - ir), columns.min(wide - jr));
                            if rows == ROWS && width == columns {
                                tile::<I, T>(left, right, depth, c, c_rows, add);
                            } else {
                                edge::<I, T>(left, right, depth, c, c_rows, add, [rows, width]);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Copies `lines` lines of `depth` elements into panels of L lines, element by element of all L;
/// lines that are missing from the last panel are 0.
#[inline(never)]
unsafe fn pack<T: Element, const L: usize>(
    from: *const T,
    line: usize,
    step: usize,
    [lines, depth]: [usize; 2],
    to: *mut T,
) {
    // SAFETY: the caller vouches for the lines; panels have room for a whole number of L.
    unsafe {
        for first in (0..lines).step_by(L) {
            let (from, to) = (from.add(first * line), to.add(first * depth));
            let count = L.min(lines - first);
            if count == L {
                for k in 0..depth {
                    for l in 0..L {
                        *to.add(k * L + l) = *from.add(l * line + k * step);
                    }
                }
            } else {
                for k in 0..depth {
                    for l in 0..L {
                        *to.add(k * L + l) = if l < count {
                            *from.add(l * line + k * step)
                        } else {
                            T::from_f64(0.0)
                        };
                    }
                }
            }
        }
    }
}

/// A tile of C: the sums of each block in registers, then added to C.
#[inline(never)]
unsafe fn tile<I: Isa, T: Element>(
    mut a: *const T,
    mut b: *const T,
    mut depth: usize,
    c: *mut T,
    c_rows: usize,
    mut add: bool,
) {
    let count = Vector::<I, T>::COUNT;
    let zero = Vector::<I, T>::splat(0.0);
    // SAFETY: panels hold depth elements of each line, C a whole tile.
    unsafe {
        while depth > 0 {
            let block = depth.min(BLOCK);
            // Written out, as an array would lie on the stack.
            let (mut c00, mut c01) = (zero, zero);
            let (mut c10, mut c11) = (zero, zero);
            let (mut c20, mut c21) = (zero, zero);
            let (mut c30, mut c31) = (zero, zero);
            let mut step = |a: *const T, b: *const T| {
                let (b0, b1) = (Vector::<I, T>::load(b), Vector::<I, T>::load(b.add(count)));
                let x = Vector::<I, T>::splat((*a).to_f64());
                (c00, c01) = (c00 + x * b0, c01 + x * b1);
                let x = Vector::<I, T>::splat((*a.add(1)).to_f64());
                (c10, c11) = (c10 + x * b0, c11 + x * b1);
                let x = Vector::<I, T>::splat((*a.add(2)).to_f64());
                (c20, c21) = (c20 + x * b0, c21 + x * b1);
                let x = Vector::<I, T>::splat((*a.add(3)).to_f64());
                (c30, c31) = (c30 + x * b0, c31 + x * b1);
            };
            let mut left = block;
            // The exits keep the steps apart: see above.
            loop {
                step(a, b);
                if left == 1 {
                    break;
                }
                step(a.add(ROWS), b.add(2 * count));
                if left == 2 {
                    break;
                }
                step(a.add(2 * ROWS), b.add(4 * count));
                if left == 3 {
                    break;
                }
                step(a.add(3 * ROWS), b.add(6 * count));
                if left == 4 {
                    break;
                }
                left -= 4;
                (a, b) = (a.add(4 * ROWS), b.add(8 * count));
            }
            (a, b) = (a.add(left * ROWS), b.add(left * 2 * count));
            let put = |row: usize, left: Vector<I, T>, right: Vector<I, T>| {
                let (c0, c1) = (c.add(row * c_rows), c.add(row * c_rows + count));
                if add {
                    (Vector::<I, T>::load(c0) + left).store(c0);
                    (Vector::<I, T>::load(c1) + right).store(c1);
                } else {
                    left.store(c0);
                    right.store(c1);
                }
            };
            put(0, c00, c01);
            put(1, c10, c11);
            put(2, c20, c21);
            put(3, c30, c31);
            add = true;
            depth -= block;
        }
    }
}

/// A tile that C holds only a part of.
#[inline(never)]
unsafe fn edge<I: Isa, T: Element>(
    a: *const T,
    b: *const T,
    depth: usize,
    c: *mut T,
    c_rows: usize,
    add: bool,
    [rows, width]: [usize; 2],
) {
    let mut whole = [T::from_f64(0.0); ROWS * COLUMNS];
    // SAFETY: rows × width elements of C, and as many of the whole tile.
    unsafe {
        if add {
            for row in 0..rows {
                for column in 0..width {
                    whole[row * COLUMNS + column] = *c.add(row * c_rows + column);
                }
            }
        }
        tile::<I, T>(a, b, depth, whole.as_mut_ptr(), COLUMNS, add);
        for row in 0..rows {
            for column in 0..width {
                *c.add(row * c_rows + column) = whole[row * COLUMNS + column];
            }
        }
    }
}
