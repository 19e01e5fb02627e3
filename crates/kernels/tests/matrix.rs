//! The product of matrices against its definition, bit for bit, and against float64.

#[macro_use]
mod common;

use common::{Guarded, Random, Real, assert_close, assert_same, rounded, widened};
use core::ops::Add;
use fused_loss_kernels::isa::Isa;
use fused_loss_kernels::matrix::{BLOCK, Matrix, Product, multiply, scratch};

per_token!(
    defined_sums,
    near_float64,
    added_in_parts,
    strided_results,
    without_depth,
    stray_values_stay,
);

/// Sizes around tiles, panels and blocks: rows, depth, columns.
const SIZES: [[usize; 3]; 16] = [
    [1, 1, 1],
    [3, 5, 7],
    [4, 4, 8],
    [5, 9, 17],
    [4, BLOCK, 8],
    [6, BLOCK - 1, 9],
    [7, BLOCK + 1, 15],
    [2, 2 * BLOCK + 3, 3],
    [3, 4 * BLOCK, 5],
    [3, 4 * BLOCK + 1, 5],
    [63, 6, 10],
    [64, 2, 4],
    [65, 3, 2],
    [130, 2, 513],
    [2, 600, 512],
    [9, 3, 1030],
];

/// A factor that is stored row by row or column by column.
struct Stored<T> {
    cells: Guarded<T>,
    rows: usize,
    columns: usize,
}

impl<T: Real> Stored<T> {
    /// The elements, given row by row; `gap` more than the line between lines.
    fn new(x: &[T], [rows, columns]: [usize; 2], across: bool, gap: usize) -> Self {
        let (lines, line) = if across {
            (columns, rows)
        } else {
            (rows, columns)
        };
        let mut cells = vec![T::SENTINEL; lines * (line + gap)];
        for row in 0..rows {
            for column in 0..columns {
                let (i, j) = if across { (column, row) } else { (row, column) };
                cells[i * (line + gap) + j] = x[row * columns + column];
            }
        }
        Stored {
            cells: Guarded::holding(&cells),
            rows: if across { 1 } else { line + gap },
            columns: if across { line + gap } else { 1 },
        }
    }

    fn matrix(&mut self) -> Matrix<T> {
        Matrix {
            data: self.cells.ptr(),
            rows: self.rows,
            columns: self.columns,
        }
    }
}

fn drawn<T: Real>(random: &mut Random, n: usize) -> Vec<T> {
    let x: Vec<f64> = (0..n).map(|_| random.between(-1.0, 1.0)).collect();
    rounded(&x)
}

/// C as matrix.rs defines it.
fn defined<T: Real + Add<Output = T>>(
    [m, k, n]: [usize; 3],
    a: &[T],
    b: &[T],
    mut c: Option<Vec<T>>,
) -> Vec<T> {
    let zero = T::from_f64(0.0);
    let mut out = c.take();
    for first in (0..k).step_by(BLOCK) {
        let sums: Vec<T> = (0..m * n)
            .map(|i| {
                let (row, column) = (i / n, i % n);
                (first..k.min(first + BLOCK))
                    .fold(zero, |sum, p| sum + a[row * k + p] * b[p * n + column])
            })
            .collect();
        out = Some(match out {
            None => sums,
            Some(c) => c.iter().zip(sums).map(|(&c, sum)| c + sum).collect(),
        });
    }
    out.unwrap_or_else(|| vec![zero; m * n])
}

/// The product under a token, with everything around what it may touch guarded.
fn product<I: Isa, T: Real>(
    size: [usize; 3],
    a: &mut Stored<T>,
    b: &mut Stored<T>,
    c: &[T],
    add: bool,
) -> Vec<T> {
    let mut out = Guarded::holding(c);
    let mut panels = Guarded::blank(scratch(size));
    let product = Product {
        size,
        a: a.matrix(),
        b: b.matrix(),
        c: out.ptr(),
        c_rows: size[2],
        add,
    };
    // SAFETY: the arrays have these sizes.
    unsafe { multiply::<I, T>(&product, panels.ptr()) };
    panels.checked(|| format!("panels of {size:?}"));
    out.checked(|| format!("{size:?}"))
}

fn each<T: Real>(check: impl Fn([usize; 3], &[T], &[T], &[T])) {
    for size in SIZES {
        let [m, k, n] = size;
        let mut random = Random((m * k + n) as u64);
        let (a, b) = (drawn(&mut random, m * k), drawn(&mut random, k * n));
        check(size, &a, &b, &drawn(&mut random, m * n));
    }
}

fn defined_sums<I: Isa>() {
    fn of<I: Isa, T: Real + Add<Output = T>>() {
        each::<T>(|size, a, b, c| {
            let [m, k, n] = size;
            for layout in 0..4 {
                for gap in [0, 3] {
                    let mut left = Stored::new(a, [m, k], layout % 2 == 1, gap);
                    let mut right = Stored::new(b, [k, n], layout / 2 == 1, gap);
                    let what = || format!("{} {size:?}, layout {layout}, gap {gap}", T::NAME);
                    let blank = vec![T::SENTINEL; m * n];
                    let got = product::<I, T>(size, &mut left, &mut right, &blank, false);
                    assert_same(&got, &defined(size, a, b, None), what);
                    let got = product::<I, T>(size, &mut left, &mut right, c, true);
                    assert_same(&got, &defined(size, a, b, Some(c.to_vec())), what);
                }
            }
        });
    }
    of::<I, f32>();
    of::<I, f64>();
}

fn near_float64<I: Isa>() {
    fn of<I: Isa, T: Real>(bound: f64) {
        each::<T>(|size, a, b, c| {
            let [m, k, n] = size;
            let mut left = Stored::new(a, [m, k], false, 0);
            let mut right = Stored::new(b, [k, n], false, 0);
            let got = product::<I, T>(size, &mut left, &mut right, c, true);
            let (a, b, c) = (widened(a), widened(b), widened(c));
            for (i, &got) in got.iter().enumerate() {
                let (row, column) = (i / n, i % n);
                let terms = (0..k).map(|p| a[row * k + p] * b[p * n + column]);
                let want = c[i] + terms.clone().sum::<f64>();
                let sizes = c[i].abs() + terms.map(f64::abs).sum::<f64>();
                assert_close(got, want, sizes, bound, || {
                    format!("{} {size:?}[{i}]", T::NAME)
                });
            }
        });
    }
    // Roundings of random sign: far fewer than one for each term.
    of::<I, f32>(4.0);
    of::<I, f64>(8.0);
}

/// Chunks of the depth at multiples of the block give the same bits as the whole.
fn added_in_parts<I: Isa>() {
    fn of<I: Isa, T: Real>() {
        let (m, k, n) = (5, 6 * BLOCK + 17, 11);
        let mut random = Random(7);
        let (a, b): (Vec<T>, Vec<T>) = (drawn(&mut random, m * k), drawn(&mut random, k * n));
        let mut left = Stored::new(&a, [m, k], false, 0);
        let mut right = Stored::new(&b, [k, n], false, 0);
        let blank = vec![T::SENTINEL; m * n];
        let want = product::<I, T>([m, k, n], &mut left, &mut right, &blank, false);
        for chunk in [BLOCK, 2 * BLOCK, 5 * BLOCK] {
            let mut c = blank.clone();
            for first in (0..k).step_by(chunk) {
                let depth = chunk.min(k - first);
                let part = |x: &[T], [rows, columns]: [usize; 2], down: bool| -> Vec<T> {
                    (0..rows * columns)
                        .filter(|i| {
                            (first..first + depth).contains(&if down {
                                i / columns
                            } else {
                                i % columns
                            })
                        })
                        .map(|i| x[i])
                        .collect()
                };
                let mut left = Stored::new(&part(&a, [m, k], false), [m, depth], false, 0);
                let mut right = Stored::new(&part(&b, [k, n], true), [depth, n], false, 0);
                c = product::<I, T>([m, depth, n], &mut left, &mut right, &c, first > 0);
            }
            assert_same(&c, &want, || format!("{} in chunks of {chunk}", T::NAME));
        }
    }
    of::<I, f32>();
    of::<I, f64>();
}

/// Rows of C may lie apart, and what is between them is left alone.
fn strided_results<I: Isa>() {
    fn of<I: Isa, T: Real>() {
        let size = [6, 10, 9];
        let mut random = Random(3);
        let (a, b): (Vec<T>, Vec<T>) = (drawn(&mut random, 60), drawn(&mut random, 90));
        let mut left = Stored::new(&a, [6, 10], false, 0);
        let mut right = Stored::new(&b, [10, 9], true, 0);
        let want = product::<I, T>(size, &mut left, &mut right, &[T::SENTINEL; 54], false);
        let mut out = Guarded::<T>::blank(6 * 13);
        let mut panels = Guarded::blank(scratch(size));
        let product = Product {
            size,
            a: left.matrix(),
            b: right.matrix(),
            c: out.ptr(),
            c_rows: 13,
            add: false,
        };
        // SAFETY: the arrays have these sizes.
        unsafe { multiply::<I, T>(&product, panels.ptr()) };
        let got = out.checked(|| "strided".into());
        for (row, cells) in got.chunks(13).enumerate() {
            assert_same(&cells[..9], &want[row * 9..row * 9 + 9], || {
                format!("{} row {row}", T::NAME)
            });
            assert!(
                cells[9..].iter().all(|x| x.bits() == T::SENTINEL.bits()),
                "between rows"
            );
        }
    }
    of::<I, f32>();
    of::<I, f64>();
}

fn without_depth<I: Isa>() {
    let none = || Stored::<f32>::new(&[], [0, 0], false, 0);
    let (mut a, mut b) = (none(), none());
    assert_eq!(
        product::<I, f32>([2, 0, 3], &mut a, &mut b, &[7.0; 6], false),
        [0.0; 6]
    );
    assert_eq!(
        product::<I, f32>([2, 0, 3], &mut a, &mut b, &[7.0; 6], true),
        [7.0; 6]
    );
    assert_eq!(product::<I, f32>([0, 3, 0], &mut a, &mut b, &[], false), []);
}

/// NaN and infinities reach their own rows and columns only, whatever the padding.
fn stray_values_stay<I: Isa>() {
    fn of<I: Isa, T: Real>() {
        let size = [5, 3, 9];
        let mut random = Random(11);
        let (mut a, mut b): (Vec<T>, Vec<T>) = (drawn(&mut random, 15), drawn(&mut random, 27));
        a[4 * 3 + 1] = T::from_f64(f64::NAN);
        b[9 + 8] = T::from_f64(f64::INFINITY);
        let mut left = Stored::new(&a, [5, 3], false, 0);
        let mut right = Stored::new(&b, [3, 9], false, 0);
        let got = product::<I, T>(size, &mut left, &mut right, &[T::SENTINEL; 45], false);
        for (i, x) in got.iter().enumerate() {
            let (row, column) = (i / 9, i % 9);
            let x = x.to_f64();
            assert_eq!(x.is_nan(), row == 4, "{row}, {column}: {x}");
            assert_eq!(x.is_finite(), row < 4 && column < 8, "{row}, {column}: {x}");
        }
    }
    of::<I, f32>();
    of::<I, f64>();
}
