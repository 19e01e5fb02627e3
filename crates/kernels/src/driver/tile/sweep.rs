//! Sweeps: the loops over the elements of a tile.

use super::staging::copy;
use super::{LONG, Rows, TILE, TILE_ELEMENTS, Tile, View};
use crate::isa::{Element, Isa, Lanes, SUM_LANES, Vector};
use crate::reduce::{BLOCK, combine};
use core::array::from_fn;
use core::mem::MaybeUninit;
use core::ops::Range;
use core::ptr::{copy_nonoverlapping, null, null_mut};

/// What a sweep of a tile reads and writes.
pub struct Sweep<'a, T, const E: usize, const R: usize, const K: usize, const O: usize> {
    /// Operands with a value for every row and class.
    pub elements: [View<T>; E],
    /// Operands with a value for every row.
    pub rows: [&'a Rows<'a, T>; R],
    /// Operands with a value for every class; null stands for ones.
    pub classes: [*const T; K],
    /// Results with a value for every row and class; may be operands too, or [`View::nowhere`].
    pub out: [View<T>; O],
}

/// What a sweep gives for a vector of elements: results, terms of float64 sums, and what is to be counted.
pub type Swept<V, const O: usize, const S: usize, const A: usize> =
    ([V; O], [V; S], [<V as Lanes>::Mask; A]);

impl<T: Element> Tile<'_, T> {
    /// Evaluates `f` on every element, writes its results, and gives for each row the sums of its terms
    /// over the classes, and the counts.
    ///
    /// # Safety
    /// Views and row operands must be of this tile, and class operands valid for reading every class.
    pub unsafe fn sweep<
        I: Isa,
        const E: usize,
        const R: usize,
        const K: usize,
        const O: usize,
        const S: usize,
        const A: usize,
    >(
        &self,
        sweep: Sweep<T, E, R, K, O>,
        f: impl Fn(
            [Vector<I, T>; E],
            [Vector<I, T>; R],
            [Vector<I, T>; K],
        ) -> Swept<Vector<I, T>, O, S, A>
        + Copy,
    ) -> ([Rows<'_, f64>; S], [Rows<'_, f64>; A]) {
        const { assert!(E <= MOST && R <= MOST && K <= MOST && O <= MOST && S + A <= MOST) };
        let mut sums: [_; S] = from_fn(|_| self.filled(0.0));
        let mut counts: [_; A] = from_fn(|_| self.filled(0.0));
        let mut totals = [null_mut(); MOST];
        for (total, rows) in totals.iter_mut().zip(sums.iter_mut().chain(&mut counts)) {
            *total = rows.as_mut_ptr();
        }
        // SAFETY: views are of this tile, and the arrays have the lengths that `evaluate` is told.
        unsafe {
            self.drive(
                &sweep.elements,
                &sweep.rows,
                &sweep.classes,
                &sweep.out,
                &totals[..S + A],
                &|groups| evaluate::<I, T, E, R, K, O, S, A>(groups, f),
            );
        }
        (sums, counts)
    }

    /// A sweep in float64, whatever the element type: elements are widened, and results rounded as they are
    /// stored. Products of float32 are exact so.
    ///
    /// # Safety
    /// As [`Tile::sweep`].
    pub unsafe fn wide_sweep<
        I: Isa,
        const E: usize,
        const R: usize,
        const O: usize,
        const S: usize,
    >(
        &self,
        elements: [View<T>; E],
        rows: [&Rows<f64>; R],
        out: [View<T>; O],
        f: impl Fn([I::F64; E], [I::F64; R]) -> ([I::F64; O], [I::F64; S]) + Copy,
    ) -> [Rows<'_, f64>; S] {
        const { assert!(E <= MOST && O <= MOST && S <= MOST) };
        let mut sums: [_; S] = from_fn(|_| self.filled(0.0));
        let totals: [*mut f64; S] = sums.each_mut().map(|rows| rows.as_mut_ptr());
        let rows = rows.map(|rows| rows.as_ptr());
        // SAFETY: views and row operands are of this tile.
        unsafe {
            self.drive(&elements, &[], &[], &out, &totals, &|groups| {
                evaluate_wide::<I, T, E, R, O, S>(groups, rows, f)
            });
        }
        sums
    }

    /// A sweep for results alone: in float64 for rows that `wide` is not 0 for, else in the element type. What
    /// is swept across is all in float64, as its rows share vectors.
    ///
    /// # Safety
    /// As [`Tile::sweep`].
    pub unsafe fn sweep_either<I: Isa, const E: usize, const R: usize, const O: usize>(
        &self,
        elements: [View<T>; E],
        rows: [&Rows<f64>; R],
        out: [View<T>; O],
        wide: &Rows<f64>,
        f: impl Fn([Vector<I, T>; E], [Vector<I, T>; R]) -> [Vector<I, T>; O] + Copy,
        f_wide: impl Fn([I::F64; E], [I::F64; R]) -> [I::F64; O] + Copy,
    ) {
        const { assert!(E <= MOST && R <= MOST && O <= MOST) };
        let rounded = rows.map(|rows| self.round(rows));
        let rounded: [&Rows<T>; R] = from_fn(|k| &rounded[k]);
        let rows = rows.map(|rows| rows.as_ptr());
        let body = |groups: &Groups<T>, wide: bool| {
            // SAFETY: views and row operands are of this tile.
            unsafe {
                if wide {
                    evaluate_wide::<I, T, E, R, O, 0>(groups, rows, |x, rows| {
                        (f_wide(x, rows), [])
                    });
                } else {
                    evaluate::<I, T, E, R, 0, O, 0, 0>(groups, |x, rows, []| (f(x, rows), [], []));
                }
            }
        };
        // SAFETY: as above.
        unsafe {
            self.drive(&elements, &rounded, &[], &out, &[], &|groups| {
                if size_of::<T>() == size_of::<f64>() || !groups.along {
                    return body(groups, size_of::<T>() < size_of::<f64>());
                }
                let wide = |row: usize| wide[groups.first + row] != 0.0;
                let mut start = 0;
                while start < groups.outer {
                    let same = |&row: &usize| wide(row) == wide(start);
                    let end = start + (start..groups.outer).take_while(same).count();
                    body(&groups.part(start..end), wide(start));
                    start = end;
                }
            });
        }
    }

    /// The loop over rows of a sweep, compiled once a dtype: it gives `body` groups of eight elements.
    #[inline(never)]
    unsafe fn drive(
        &self,
        elements: &[View<T>],
        rows: &[&Rows<T>],
        classes: &[*const T],
        out: &[View<T>],
        totals: &[*mut f64],
        body: &dyn Fn(&Groups<T>),
    ) {
        let (n, along) = (self.shape.classes, self.shape.along());
        let mut groups = Groups {
            outer: self.rows.div_ceil(SUM_LANES),
            outer_step: SUM_LANES,
            inner: n,
            step: self.columns(),
            along,
            first: 0,
            elements: [null(); MOST],
            rows: [null(); MOST],
            classes: [null(); MOST],
            out: [null_mut(); MOST],
            sums: [null_mut(); MOST],
        };
        for (to, view) in groups.elements.iter_mut().zip(elements) {
            *to = view.data;
        }
        for (to, row) in groups.rows.iter_mut().zip(rows) {
            *to = row.as_ptr();
        }
        groups.classes[..classes.len()].copy_from_slice(classes);
        for (to, view) in groups.out.iter_mut().zip(out) {
            *to = view.data;
        }
        groups.sums[..totals.len()].copy_from_slice(totals);
        if !along {
            return body(&groups);
        }
        // Eight lanes for each row, whose sum is its total.
        let mut lanes = [MaybeUninit::<[[f64; SUM_LANES]; TILE]>::uninit(); MOST];
        let lanes = &mut lanes[..totals.len()];
        for (to, lanes) in groups.sums.iter_mut().zip(lanes.iter_mut()) {
            *to = lanes.as_mut_ptr().cast();
            // SAFETY: a tile has at most TILE rows.
            unsafe { to.write_bytes(0, self.rows * SUM_LANES) };
        }
        // And eight times each row's values.
        let mut spread = [MaybeUninit::<[[T; SUM_LANES]; TILE]>::uninit(); MOST];
        for ((to, spread), values) in groups.rows.iter_mut().zip(&mut spread).zip(rows) {
            let spread: *mut [T; SUM_LANES] = spread.as_mut_ptr().cast();
            for (row, &value) in values.iter().enumerate().take(self.rows) {
                // SAFETY: as above.
                unsafe { *spread.add(row) = [value; SUM_LANES] };
            }
            *to = spread.cast();
        }
        (groups.outer, groups.outer_step, groups.step) = (self.rows, n, SUM_LANES);
        // In blocks, which the first-level cache holds while they are gone through again.
        let mut left = n;
        // SAFETY: blocks and tail lie in the rows.
        unsafe {
            loop {
                let block = left.min(BLOCK);
                groups.inner = block / SUM_LANES;
                body(&groups);
                left -= groups.inner * SUM_LANES;
                if left == 0 {
                    break;
                }
                groups.advance(groups.inner * SUM_LANES);
                if left < SUM_LANES {
                    groups.tail(left, totals.len(), body);
                    break;
                }
            }
            for (&total, lanes) in totals.iter().zip(lanes.iter()) {
                let lanes: *const [f64; SUM_LANES] = lanes.as_ptr().cast();
                for row in 0..self.rows {
                    *total.add(row) = combine(*lanes.add(row));
                }
            }
        }
    }
}

/// The most operands, results or sums of a sweep.
const MOST: usize = 12;

/// Vectors that a sweep goes through side by side.
const PAIR: usize = 2;

/// What the loop of a sweep runs over: `outer` times `inner` groups of eight elements.
struct Groups<T> {
    outer: usize,
    inner: usize,
    /// Whether a group is of classes of one row, or of rows of one class.
    along: bool,
    /// The row of the first group.
    first: usize,
    /// Distance between the outer groups of elements and results, and between their inner ones.
    outer_step: usize,
    step: usize,
    elements: [*const T; MOST],
    /// Eight values for each outer group.
    rows: [*const T; MOST],
    /// One value for each class.
    classes: [*const T; MOST],
    out: [*mut T; MOST],
    /// Eight lanes for each outer group: of the sums, then of the counts.
    sums: [*mut f64; MOST],
}

impl<T: Element> Groups<T> {
    /// Moves on by so many classes of a row.
    unsafe fn advance(&mut self, classes: usize) {
        let operands = self.elements.iter_mut().chain(&mut self.classes);
        for p in operands.filter(|p| !p.is_null()) {
            // SAFETY: the caller has as many classes left.
            *p = unsafe { p.add(classes) };
        }
        for p in self.out.iter_mut().filter(|p| !p.is_null()) {
            // SAFETY: as above.
            *p = unsafe { p.add(classes) };
        }
    }

    /// Some of the rows of what is swept along.
    unsafe fn part(&self, rows: Range<usize>) -> Self {
        let mut part = Groups {
            outer: rows.len(),
            first: self.first + rows.start,
            ..*self
        };
        let (start, lanes) = (rows.start * self.outer_step, rows.start * SUM_LANES);
        // SAFETY: the rows lie in every array that there is.
        unsafe {
            for p in part.elements.iter_mut().filter(|p| !p.is_null()) {
                *p = p.add(start);
            }
            for p in part.rows.iter_mut().filter(|p| !p.is_null()) {
                *p = p.add(lanes);
            }
            for p in part.out.iter_mut().filter(|p| !p.is_null()) {
                *p = p.add(start);
            }
            for p in part.sums.iter_mut().filter(|p| !p.is_null()) {
                *p = p.add(lanes);
            }
        }
        part
    }

    /// Evaluates the last classes of each row, fewer than eight, in copies that are padded.
    #[inline(never)]
    unsafe fn tail(&self, rest: usize, sums: usize, body: &dyn Fn(&Groups<T>)) {
        /// Rows of a tile with a tail, of more than LONG classes each.
        const MANY: usize = TILE_ELEMENTS / LONG / 2;
        assert!(self.outer <= MANY, "a tile of more rows than have a tail");
        let ones = [T::from_f64(1.0); SUM_LANES];
        let mut elements = [MaybeUninit::<[[T; SUM_LANES]; MANY]>::uninit(); MOST];
        let mut out = [MaybeUninit::<[[T; SUM_LANES]; MANY]>::uninit(); MOST];
        let mut lanes = [MaybeUninit::<[[f64; SUM_LANES]; MANY]>::uninit(); MOST];
        let mut classes = [ones; MOST];
        let mut groups = Groups {
            outer_step: SUM_LANES,
            inner: 1,
            ..*self
        };
        // SAFETY: `rest` classes of every row, of which there are at most MANY, are left in every array that there is.
        unsafe {
            for (p, padded) in groups.elements.iter_mut().zip(&mut elements) {
                if p.is_null() {
                    continue;
                }
                let to: *mut [T; SUM_LANES] = padded.as_mut_ptr().cast();
                for row in 0..self.outer {
                    to.add(row).write(ones);
                    copy(p.add(row * self.outer_step), to.add(row).cast(), rest);
                }
                *p = to.cast();
            }
            for (p, padded) in groups.classes.iter_mut().zip(&mut classes) {
                if !p.is_null() {
                    copy(*p, padded.as_mut_ptr(), rest);
                    *p = padded.as_ptr();
                }
            }
            for (p, padded) in groups.out.iter_mut().zip(&mut out) {
                if !p.is_null() {
                    *p = padded.as_mut_ptr().cast();
                }
            }
            for (to, lanes) in groups.sums.iter_mut().zip(&mut lanes).take(sums) {
                *to = lanes.as_mut_ptr().cast();
                to.write_bytes(0, self.outer * SUM_LANES);
            }
            body(&groups);
            for (&p, &padded) in self.out.iter().zip(&groups.out) {
                if !p.is_null() {
                    for row in 0..self.outer {
                        let from = padded.add(row * SUM_LANES);
                        copy(from, p.add(row * self.outer_step), rest);
                    }
                }
            }
            for (&to, &lanes) in self.sums.iter().zip(&groups.sums).take(sums) {
                for row in 0..self.outer {
                    for lane in 0..rest {
                        let at = row * SUM_LANES + lane;
                        *to.add(at) += *lanes.add(at);
                    }
                }
            }
        }
    }
}

/// Evaluates `f` on groups of eight elements, writes its results and adds its terms to the sums.
#[inline(never)]
unsafe fn evaluate<
    I: Isa,
    T: Element,
    const E: usize,
    const R: usize,
    const K: usize,
    const O: usize,
    const S: usize,
    const A: usize,
>(
    groups: &Groups<T>,
    f: impl Fn([Vector<I, T>; E], [Vector<I, T>; R], [Vector<I, T>; K]) -> Swept<Vector<I, T>, O, S, A>,
) {
    let count = Vector::<I, T>::COUNT;
    let along = groups.along;
    let (zero, all) = (
        Vector::<I, T>::splat(0.0),
        Vector::<I, T>::from_bits(u64::MAX),
    );
    let class_values: [*const T; K] = from_fn(|k| groups.classes[k]);
    let elements: [*const T; E] = from_fn(|k| groups.elements[k]);
    let out: [*mut T; O] = from_fn(|k| groups.out[k]);
    // Two vectors of each group at a time: one would wait for its sums, more would be as many copies of
    // the loss's text. In one loop, as the compiler would repeat the text of a short one inside another.
    for row in (0..groups.outer * SUM_LANES).step_by(PAIR * count) {
        let lane = row % SUM_LANES;
        let first = row / SUM_LANES * groups.outer_step + lane;
        // SAFETY: the groups lie in what the pointers are of.
        unsafe {
            let rows: [[Vector<I, T>; R]; PAIR] =
                from_fn(|i| from_fn(|k| Vector::<I, T>::load(groups.rows[k].add(row + i * count))));
            let mut sums: [<Vector<I, T> as Lanes>::Sum; S] = from_fn(|k| {
                let mut lanes = [0.0; SUM_LANES];
                copy_nonoverlapping(groups.sums[k].add(row), lanes.as_mut_ptr(), PAIR * count);
                lanes.into()
            });
            let mut counts = [[zero; PAIR]; A];
            for inner in 0..groups.inner {
                let at = first + inner * groups.step;
                for i in 0..PAIR {
                    let (result, terms, counted) = f(
                        elements.map(|p| Vector::<I, T>::load(p.add(at + i * count))),
                        rows[i],
                        class_values.map(|p| {
                            if p.is_null() {
                                Vector::<I, T>::splat(1.0)
                            } else if along {
                                Vector::<I, T>::load(p.add(lane + inner * SUM_LANES + i * count))
                            } else {
                                Vector::<I, T>::splat((*p.add(inner)).to_f64())
                            }
                        }),
                    );
                    for (result, p) in result.into_iter().zip(out) {
                        if !p.is_null() {
                            result.store(p.add(at + i * count));
                        }
                    }
                    for (sum, term) in sums.iter_mut().zip(terms) {
                        term.accumulate(sum, i);
                    }
                    for (count, counted) in counts.iter_mut().zip(counted) {
                        // As an integer −1 or 0, which is the mask itself: no more than a subtraction.
                        let minus_one = Vector::<I, T>::select(counted, all, zero);
                        count[i] = count[i].bits_sub(minus_one);
                    }
                }
            }
            for (k, sum) in sums.into_iter().enumerate() {
                let lanes: [f64; SUM_LANES] = sum.into();
                copy_nonoverlapping(lanes.as_ptr(), groups.sums[k].add(row), PAIR * count);
            }
            for (k, counts) in counts.into_iter().enumerate() {
                for (i, counted) in counts.into_iter().enumerate() {
                    let mut lanes = [T::from_f64(0.0); SUM_LANES];
                    counted.store(lanes.as_mut_ptr());
                    for (lane, counted) in lanes.iter().enumerate().take(count) {
                        *groups.sums[S + k].add(row + i * count + lane) += counted.count();
                    }
                }
            }
        }
    }
}

/// [`evaluate`] in float64.
#[inline(never)]
unsafe fn evaluate_wide<
    I: Isa,
    T: Element,
    const E: usize,
    const R: usize,
    const O: usize,
    const S: usize,
>(
    groups: &Groups<T>,
    rows: [*const f64; R],
    f: impl Fn([I::F64; E], [I::F64; R]) -> ([I::F64; O], [I::F64; S]),
) {
    let count = I::F64::COUNT;
    let elements: [*const T; E] = from_fn(|k| groups.elements[k]);
    let out: [*mut T; O] = from_fn(|k| groups.out[k]);
    let places: [*mut f64; S] = from_fn(|k| groups.sums[k]);
    // Two vectors of each group at a time, as in `evaluate`.
    for row in (0..groups.outer * SUM_LANES).step_by(PAIR * count) {
        let first = row / SUM_LANES * groups.outer_step + row % SUM_LANES;
        // SAFETY: the groups lie in what the pointers are of.
        unsafe {
            let values: [[I::F64; R]; PAIR] = from_fn(|i| {
                rows.map(|p| {
                    if groups.along {
                        I::F64::splat(*p.add(groups.first + row / SUM_LANES))
                    } else {
                        I::F64::load(p.add(row + i * count))
                    }
                })
            });
            let mut sums: [[I::F64; PAIR]; S] =
                places.map(|p| from_fn(|i| I::F64::load(p.add(row + i * count))));
            for inner in 0..groups.inner {
                let at = first + inner * groups.step;
                for i in 0..PAIR {
                    let at = at + i * count;
                    let (result, terms) = f(elements.map(|p| T::widen::<I>(p.add(at))), values[i]);
                    for (result, p) in result.into_iter().zip(out) {
                        if !p.is_null() {
                            T::narrow::<I>(result, p.add(at));
                        }
                    }
                    for (sum, term) in sums.iter_mut().zip(terms) {
                        sum[i] = sum[i] + term;
                    }
                }
            }
            for (sum, p) in sums.into_iter().zip(places) {
                for (i, sum) in sum.into_iter().enumerate() {
                    sum.store(p.add(row + i * count));
                }
            }
        }
    }
}
