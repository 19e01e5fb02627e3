//! Connectionist temporal classification. PyTorch: `CTCLoss`; Graves et al., 2006.

use crate::driver::whole::{Arena, Call, Whole};
use crate::isa::{Element, Isa, Lanes, SUM_LANES, Vector};
use crate::math::Math;
use crate::reduce::{Sum, combine};
use core::f64::consts::LN_2;
use core::ptr::copy_nonoverlapping;
use core::slice::from_raw_parts_mut;

/// −ln of the probability of all alignments of the labels with the frames.
///
/// The states of a sample are a blank before each label and after the last, and the labels. State k of
/// the labels follows itself, blank k and, where the labels differ, label k − 1; blank k follows itself
/// and label k − 1. Forward and backward variables are products in float64, scaled by powers of two at
/// every frame, which loses no bit. Where a sample's alignments lie so far below others that cannot end
/// that they might have been lost, it is done again with logarithms.
#[derive(Clone, Copy)]
pub struct Ctc {
    blank: usize,
    zero_infinity: bool,
    /// Whether the gradient is that by the logits of a log-softmax, softmax less posterior.
    by_logits: bool,
    /// Whether each sample's value is divided by the number of its labels.
    by_labels: bool,
    /// Distance between the labels of two samples; 0 where one follows the other's last.
    stride: usize,
}

/// Arrays of indices of a call.
const LABELS: usize = 0;
const INPUT_LENGTHS: usize = 1;
const TARGET_LENGTHS: usize = 2;

/// States are gone through in groups of this many, whatever the width of a vector.
const GROUP: usize = SUM_LANES;
/// Zeros before and after the states of a frame.
const MARGIN: usize = GROUP;

/// ln of an emission below which products may lose what matters, and so may variables below the other.
const LEAST_LOG: f64 = -320.0;
const LEAST: f64 = 1e-160;
/// All alignments may lie so many powers of two below the greatest variables of a frame: what is lost
/// is far below them again.
const DEPTH: i32 = 900;

/// How probabilities are held, added and multiplied.
trait Space: Copy {
    /// Of what is impossible, and of what is certain.
    const ZERO: f64;
    const ONE: f64;
    /// Whether something may be lost, and is looked for.
    const LOSSY: bool;
    /// From its logarithm.
    fn of<V: Lanes<Elem = f64>>(log: V) -> V;
    /// Sum of three.
    fn join<V: Lanes<Elem = f64>>(a: V, b: V, c: V) -> V;
    /// Product.
    fn times<V: Lanes<Elem = f64>>(a: V, b: V) -> V;
    /// The power of two to multiply the next frame by, after one with this greatest variable.
    fn shift(greatest: f64) -> i32;
    /// That power.
    fn power(shift: i32) -> f64;
    /// What [`Space::posterior`] takes: of a total that has been multiplied by 2^−shift more than the
    /// product of its variables.
    fn norm(total: f64, shift: i32) -> f64;
    /// Probability of a state, given its variables.
    fn posterior<V: Lanes<Elem = f64>>(alpha: V, beta: V, norm: V) -> V;
}

/// Numbers, multiplied by powers of two that keep the greatest of a frame near 1.
#[derive(Clone, Copy)]
struct Linear;

/// 2^n for −1022 ≤ n ≤ 1023.
fn power(n: i32) -> f64 {
    f64::from_bits(((1023 + n) as u64) << 52)
}

/// ⌊log₂ x⌋ of a normal number; anything less is taken for the smallest.
fn exponent(x: f64) -> i32 {
    ((x.to_bits() >> 52) as i32).max(1) - 1023
}

impl Space for Linear {
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;
    const LOSSY: bool = true;
    #[inline(always)]
    fn of<V: Lanes<Elem = f64>>(log: V) -> V {
        log.exp()
    }
    #[inline(always)]
    fn join<V: Lanes<Elem = f64>>(a: V, b: V, c: V) -> V {
        (a + b) + c
    }
    #[inline(always)]
    fn times<V: Lanes<Elem = f64>>(a: V, b: V) -> V {
        a * b
    }
    fn shift(greatest: f64) -> i32 {
        -exponent(greatest)
    }
    fn power(shift: i32) -> f64 {
        power(shift)
    }
    fn norm(total: f64, shift: i32) -> f64 {
        let half = shift / 2;
        power(half) * power(shift - half) / total
    }
    #[inline(always)]
    fn posterior<V: Lanes<Elem = f64>>(alpha: V, beta: V, norm: V) -> V {
        alpha * beta * norm
    }
}

/// Logarithms, which lose nothing.
#[derive(Clone, Copy)]
struct Logarithmic;

impl Space for Logarithmic {
    const ZERO: f64 = f64::NEG_INFINITY;
    const ONE: f64 = 0.0;
    const LOSSY: bool = false;
    #[inline(always)]
    fn of<V: Lanes<Elem = f64>>(log: V) -> V {
        log
    }
    #[inline(always)]
    fn join<V: Lanes<Elem = f64>>(a: V, b: V, c: V) -> V {
        let most = a.max(b).max(c);
        let sum = ((a - most).exp() + (b - most).exp()) + (c - most).exp();
        V::select(most.eq(V::splat(Self::ZERO)), most, most + sum.ln())
    }
    #[inline(always)]
    fn times<V: Lanes<Elem = f64>>(a: V, b: V) -> V {
        a + b
    }
    fn shift(_: f64) -> i32 {
        0
    }
    fn power(_: i32) -> f64 {
        0.0
    }
    fn norm(total: f64, _: i32) -> f64 {
        total
    }
    #[inline(always)]
    fn posterior<V: Lanes<Elem = f64>>(alpha: V, beta: V, norm: V) -> V {
        (alpha + beta - norm).exp()
    }
}

/// The greatest lane.
fn greatest<V: Lanes<Elem = f64>>(x: V) -> f64 {
    let mut lanes = [0.0; SUM_LANES];
    // SAFETY: a vector has at most eight lanes.
    unsafe { x.store(lanes.as_mut_ptr()) };
    let lanes = &lanes[..V::COUNT];
    lanes
        .iter()
        .fold(lanes[0], |a, &b| if b > a { b } else { a })
}

/// A function of one number.
fn one<V: Lanes<Elem = f64>>(f: impl Fn(V) -> V, x: f64) -> f64 {
    greatest(f(V::splat(x)))
}

/// Scratch memory for a sample. What is of states has a row a frame.
struct Memory {
    /// Length of a row: of states, rounded up to groups, with its margins.
    width: usize,
    /// ln of the probability of each label less the frame's greatest, and as the space has it.
    logs: *mut f64,
    emissions: *mut f64,
    /// The same of the blank, and the frame's greatest; one a frame.
    blank_logs: *mut f64,
    blank_emissions: *mut f64,
    greatest: *mut f64,
    /// Forward variables, and what they have been multiplied by; then posteriors of the labels, and
    /// one a frame of the blank.
    label_alphas: *mut f64,
    blank_alphas: *mut f64,
    exponents: *mut i32,
    blank_posteriors: *mut f64,
    /// One row: 1 where a label may follow the one before it without a blank between.
    skips: *mut f64,
    /// One row each: backward variables, and their products with the emissions of their frame.
    betas: [*mut f64; 4],
    /// Posteriors of all classes of a frame; 0 between frames.
    classes: *mut f64,
}

impl Memory {
    const ROWS: u64 = 4;
    const COLUMNS: u64 = 4;

    fn width(labels: usize) -> u64 {
        (labels as u64 + 1).next_multiple_of(GROUP as u64) + 2 * MARGIN as u64
    }

    fn bytes(frames: usize, labels: usize, classes: usize) -> u64 {
        let (frames, width) = (frames as u64, Self::width(labels));
        let doubles = Arena::bytes::<f64>;
        [
            Self::ROWS.saturating_mul(doubles(frames.saturating_mul(width))),
            Self::COLUMNS.saturating_mul(doubles(frames)),
            Arena::bytes::<i32>(frames),
            5 * doubles(width),
            doubles(classes as u64),
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }

    unsafe fn new(scratch: *mut u8, frames: usize, labels: usize, classes: usize) -> Self {
        let mut arena = Arena::new(scratch);
        let width = Self::width(labels) as usize;
        // SAFETY: scratch memory has what `bytes` asks for.
        unsafe {
            let memory = Memory {
                width,
                logs: arena.take(frames * width),
                emissions: arena.take(frames * width),
                label_alphas: arena.take(frames * width),
                blank_alphas: arena.take(frames * width),
                blank_logs: arena.take(frames),
                blank_emissions: arena.take(frames),
                greatest: arena.take(frames),
                blank_posteriors: arena.take(frames),
                exponents: arena.take(frames),
                skips: arena.take(width),
                betas: core::array::from_fn(|_| arena.take(width)),
                classes: arena.take(classes),
            };
            from_raw_parts_mut(memory.classes, classes).fill(0.0);
            memory
        }
    }

    /// The states of a frame.
    unsafe fn row(&self, of: *mut f64, frame: usize) -> *mut f64 {
        // SAFETY: the caller's frame is below the number of frames.
        unsafe { of.add(frame * self.width + MARGIN) }
    }
}

/// The total of a sample's alignments, in the space of the variables.
#[derive(Clone, Copy)]
struct Total {
    value: f64,
    /// The power of two that it has been multiplied by.
    exponent: i32,
    /// Whether something may have been lost.
    doubtful: bool,
}

/// One sample.
struct Sample<'a> {
    memory: &'a Memory,
    frames: usize,
    labels: &'a [i32],
}

impl Sample<'_> {
    /// Whether there are frames enough: one a label, and one for a blank between equal ones.
    fn fits(&self) -> bool {
        let repeats = self
            .labels
            .windows(2)
            .filter(|pair| pair[0] == pair[1])
            .count();
        self.labels.len() + repeats <= self.frames
    }

    /// Groups of states of a frame that hold all that can be reached and can reach the end.
    fn window(&self, frame: usize) -> (usize, usize) {
        let left = self.frames - 1 - frame;
        let low = self.labels.len().saturating_sub(left + 1);
        let high = frame.min(self.labels.len()) + 1;
        (low / GROUP * GROUP, high.next_multiple_of(GROUP))
    }

    /// Puts zeros on both sides of a window, as far as the frames next to it look.
    unsafe fn close<S: Space>(row: *mut f64, (low, high): (usize, usize)) {
        // SAFETY: rows have margins.
        unsafe {
            from_raw_parts_mut(row.add(low).sub(GROUP), GROUP).fill(S::ZERO);
            from_raw_parts_mut(row.add(high), GROUP).fill(S::ZERO);
        }
    }

    /// Reads the logarithms of what the frames emit; false if one is NaN or +∞.
    unsafe fn read<T: Element>(&self, at: impl Fn(usize) -> *const T, blank: usize) -> bool {
        let Memory { width, skips, .. } = *self.memory;
        let count = self.labels.len();
        // SAFETY: labels are classes, and rows have states for all of them.
        unsafe {
            let skips = from_raw_parts_mut(skips, width);
            skips.fill(0.0);
            for k in 1..count {
                skips[MARGIN + k] = f64::from(u8::from(self.labels[k] != self.labels[k - 1]));
            }
            for frame in 0..self.frames {
                let (from, row) = (at(frame), self.memory.row(self.memory.logs, frame));
                let row = from_raw_parts_mut(row, width - 2 * MARGIN);
                let blank_log = (*from.add(blank)).to_f64();
                let (mut greatest, mut sum) = (blank_log, blank_log);
                for (log, &label) in row.iter_mut().zip(self.labels) {
                    *log = (*from.add(label as usize)).to_f64();
                    sum += *log;
                    greatest = if *log > greatest { *log } else { greatest };
                }
                if sum.is_nan() || greatest == f64::INFINITY {
                    return false;
                }
                if greatest == f64::NEG_INFINITY {
                    greatest = 0.0;
                }
                row[..count].iter_mut().for_each(|log| *log -= greatest);
                row[count..].fill(f64::NEG_INFINITY);
                *self.memory.blank_logs.add(frame) = blank_log - greatest;
                *self.memory.greatest.add(frame) = greatest;
            }
        }
        true
    }

    /// The emissions, from their logarithms; whether one is so small that products may be lost.
    unsafe fn emit<I: Isa, S: Space>(&self) -> bool {
        let (zero, one_) = (I::F64::splat(0.0), I::F64::splat(1.0));
        let (least, none) = (I::F64::splat(LEAST_LOG), I::F64::splat(f64::NEG_INFINITY));
        let memory = self.memory;
        let mut doubts = zero;
        let mut doubt = |log: I::F64| {
            let small = I::F64::select(log.lt(least), one_, zero);
            doubts = doubts.max(I::F64::select(log.eq(none), zero, small));
        };
        for frame in 0..self.frames {
            let (low, high) = self.window(frame);
            // SAFETY: the window lies in the row.
            unsafe {
                let (from, to) = (
                    memory.row(memory.logs, frame),
                    memory.row(memory.emissions, frame),
                );
                for k in (low..high).step_by(I::F64::COUNT) {
                    let log = I::F64::load(from.add(k));
                    S::of(log).store(to.add(k));
                    doubt(log);
                }
                let log = *memory.blank_logs.add(frame);
                *memory.blank_emissions.add(frame) = one(S::of::<I::F64>, log);
                doubt(I::F64::splat(log));
            }
        }
        S::LOSSY && greatest(doubts) > 0.0
    }

    /// The forward variables, and the total.
    unsafe fn forward<I: Isa, S: Space>(&self) -> Total {
        let zero = I::F64::splat(S::ZERO);
        let (out, one) = (I::F64::splat(0.0), I::F64::splat(1.0));
        let memory = self.memory;
        let (count, last) = (self.labels.len(), self.frames - 1);
        // SAFETY: windows move by less than a margin from frame to frame, and lie in the rows.
        unsafe {
            let mut doubtful = self.emit::<I, S>();
            let mut least = one;
            let (mut exponent, mut shift) = (0, 0);
            for frame in 0..self.frames {
                let window = self.window(frame);
                let labels = memory.row(memory.label_alphas, frame);
                let blanks = memory.row(memory.blank_alphas, frame);
                let emissions = memory.row(memory.emissions, frame);
                let blank_emission = *memory.blank_emissions.add(frame);
                let mut most = out;
                if frame == 0 {
                    from_raw_parts_mut(labels, window.1).fill(S::ZERO);
                    from_raw_parts_mut(blanks, window.1).fill(S::ZERO);
                    *labels = *emissions;
                    *blanks = blank_emission;
                    most = I::F64::splat(*labels).max(I::F64::splat(*blanks));
                } else {
                    let before_labels = memory.row(memory.label_alphas, frame - 1);
                    let before_blanks = memory.row(memory.blank_alphas, frame - 1);
                    exponent += shift;
                    let scale = I::F64::splat(S::power(shift));
                    let blank_emission = S::times(I::F64::splat(blank_emission), scale);
                    for k in (window.0..window.1).step_by(I::F64::COUNT) {
                        let label = I::F64::load(before_labels.add(k));
                        let blank = I::F64::load(before_blanks.add(k));
                        let previous = I::F64::load(before_labels.add(k).sub(1));
                        let skip = I::F64::load(memory.skips.add(MARGIN + k));
                        let skipped = I::F64::select(skip.eq(one), previous, zero);
                        let emission = S::times(I::F64::load(emissions.add(k)), scale);
                        let label = S::times(S::join(label, blank, skipped), emission);
                        let blank = S::times(S::join(blank, previous, zero), blank_emission);
                        label.store(labels.add(k));
                        blank.store(blanks.add(k));
                        most = most.max(label).max(blank);
                        for x in [label, blank] {
                            least = least.min(I::F64::select(x.eq(zero), one, x));
                        }
                    }
                }
                Self::close::<S>(labels, window);
                Self::close::<S>(blanks, window);
                *memory.exponents.add(frame) = exponent;
                shift = S::shift(greatest(most));
            }
            doubtful |= S::LOSSY && -greatest(-least) < LEAST;
            let label = memory.row(memory.label_alphas, last).add(count).sub(1);
            let blank = memory.row(memory.blank_alphas, last).add(count);
            Total {
                value: greatest(S::join(I::F64::splat(*label), I::F64::splat(*blank), zero)),
                exponent,
                doubtful,
            }
        }
    }

    /// The backward variables, frame by frame from the last, and with `keep` the posteriors, in place of
    /// the forward ones. False where too much may have been lost.
    unsafe fn backward<I: Isa, S: Space>(&self, total: Total, keep: bool) -> bool {
        let zero = I::F64::splat(S::ZERO);
        let (out, one) = (I::F64::splat(0.0), I::F64::splat(1.0));
        let memory = self.memory;
        let count = self.labels.len();
        // SAFETY: as in `forward`.
        unsafe {
            let [labels, blanks, label_products, blank_products] =
                memory.betas.map(|row| row.add(MARGIN));
            let (mut exponent_, mut shift) = (0, 0);
            for frame in (0..self.frames).rev() {
                let window = self.window(frame);
                let mut most = out;
                if frame + 1 == self.frames {
                    from_raw_parts_mut(labels.sub(MARGIN), memory.width).fill(S::ZERO);
                    from_raw_parts_mut(blanks.sub(MARGIN), memory.width).fill(S::ZERO);
                    *blanks.add(count) = S::ONE;
                    // In the margin where there are no labels, which no window reaches.
                    *labels.add(count).sub(1) = if count > 0 { S::ONE } else { S::ZERO };
                    most = one;
                } else {
                    exponent_ += shift;
                    let scale = I::F64::splat(S::power(shift));
                    for k in (window.0..window.1).step_by(I::F64::COUNT) {
                        let label = I::F64::load(label_products.add(k));
                        let blank = I::F64::load(blank_products.add(k));
                        let next_label = I::F64::load(label_products.add(k + 1));
                        let next_blank = I::F64::load(blank_products.add(k + 1));
                        let skip = I::F64::load(memory.skips.add(MARGIN + k + 1));
                        let skipped = I::F64::select(skip.eq(one), next_label, zero);
                        let of_label = S::times(S::join(label, next_blank, skipped), scale);
                        let of_blank = S::times(S::join(blank, label, zero), scale);
                        of_label.store(labels.add(k));
                        of_blank.store(blanks.add(k));
                        most = most.max(of_label).max(of_blank);
                    }
                }
                let behind = total.exponent - *memory.exponents.add(frame) - exponent_;
                if S::LOSSY && behind - exponent(total.value) > DEPTH {
                    return false;
                }
                let emissions = memory.row(memory.emissions, frame);
                let blank_emission = I::F64::splat(*memory.blank_emissions.add(frame));
                let label_alphas = memory.row(memory.label_alphas, frame);
                let blank_alphas = memory.row(memory.blank_alphas, frame);
                let norm = I::F64::splat(S::norm(total.value, behind));
                let mut sum = <I::F64 as Lanes>::Sum::from([0.0; SUM_LANES]);
                for group in (window.0..window.1).step_by(GROUP) {
                    for slot in 0..GROUP / I::F64::COUNT {
                        let k = group + slot * I::F64::COUNT;
                        let label = I::F64::load(labels.add(k));
                        let blank = I::F64::load(blanks.add(k));
                        if keep {
                            let alpha = I::F64::load(label_alphas.add(k));
                            S::posterior(alpha, label, norm).store(label_alphas.add(k));
                            let alpha = I::F64::load(blank_alphas.add(k));
                            S::posterior(alpha, blank, norm).accumulate(&mut sum, slot);
                        }
                        // What the frame before needs of this one.
                        let emission = I::F64::load(emissions.add(k));
                        S::times(label, emission).store(label_products.add(k));
                        S::times(blank, blank_emission).store(blank_products.add(k));
                    }
                }
                *memory.blank_posteriors.add(frame) = combine(sum.into());
                Self::close::<S>(label_products, window);
                Self::close::<S>(blank_products, window);
                shift = S::shift(greatest(most));
            }
        }
        true
    }

    /// −ln of the probability, and with `keep` the posteriors.
    unsafe fn solve<I: Isa>(&self, keep: bool) -> f64 {
        // SAFETY: as the caller's.
        unsafe {
            let mut log_total = 0.0;
            for frame in 0..self.frames {
                log_total += *self.memory.greatest.add(frame);
            }
            let linear = self.forward::<I, Linear>();
            let possible = linear.value > 0.0;
            // The value alone is to be the same as with posteriors, so what is in doubt is looked into.
            let deep =
                !possible || !(keep || linear.doubtful) || self.backward::<I, Linear>(linear, keep);
            let trusted = if linear.doubtful {
                possible && deep
            } else {
                true
            };
            let mut total =
                one(<I::F64 as Math>::ln, linear.value) - f64::from(linear.exponent) * LN_2;
            if !trusted || (keep && !deep) {
                let logarithmic = self.forward::<I, Logarithmic>();
                if keep {
                    self.backward::<I, Logarithmic>(logarithmic, keep);
                }
                if !trusted {
                    total = logarithmic.value;
                }
            }
            0.0 - (log_total + total)
        }
    }
}

impl Ctc {
    /// Writes a sample's gradient from its posteriors.
    unsafe fn write<I: Isa, T: Element>(
        &self,
        sample: &Sample,
        classes: usize,
        scale: f64,
        at: impl Fn(usize) -> (*const T, *mut T),
    ) {
        let memory = sample.memory;
        // SAFETY: rows have as many classes; labels are among them.
        unsafe {
            let posteriors = from_raw_parts_mut(memory.classes, classes);
            for frame in 0..sample.frames {
                let (input, grad) = at(frame);
                // Labels out of the window have no posterior.
                let (low, high) = sample.window(frame);
                let (low, high) = (low.min(sample.labels.len()), high.min(sample.labels.len()));
                let labels = &sample.labels[low..high];
                let row = memory.row(memory.label_alphas, frame).add(low);
                for (k, &label) in labels.iter().enumerate() {
                    posteriors[label as usize] += *row.add(k);
                }
                posteriors[self.blank] += *memory.blank_posteriors.add(frame);
                // By the logits of a log-softmax the probabilities join.
                let shift = *memory.greatest.add(frame);
                let logs = memory.row(memory.logs, frame).add(low);
                if self.by_logits {
                    exponentials::<I, T>(input, grad, classes, T::from_f64(scale));
                    for k in (0..labels.len()).step_by(I::F64::COUNT) {
                        let log = I::F64::load(logs.add(k)) + I::F64::splat(shift);
                        log.exp().store(logs.add(k));
                    }
                } else {
                    from_raw_parts_mut(grad, classes).fill(T::from_f64(0.0));
                    from_raw_parts_mut(logs, labels.len()).fill(0.0);
                }
                let own = if self.by_logits {
                    one(<I::F64 as Math>::exp, *memory.blank_logs.add(frame) + shift)
                } else {
                    0.0
                };
                // In float64, as the two may be nearly equal.
                for (k, &label) in labels.iter().enumerate() {
                    let class = label as usize;
                    *grad.add(class) = T::from_f64((*logs.add(k) - posteriors[class]) * scale);
                }
                *grad.add(self.blank) = T::from_f64((own - posteriors[self.blank]) * scale);
                labels
                    .iter()
                    .for_each(|&label| posteriors[label as usize] = 0.0);
                posteriors[self.blank] = 0.0;
            }
        }
    }
}

/// exp(x)·scale of each element.
unsafe fn exponentials<I: Isa, T: Element>(x: *const T, out: *mut T, n: usize, scale: T) {
    let count = Vector::<I, T>::COUNT;
    let scale = Vector::<I, T>::splat(scale.to_f64());
    let whole = n - n % count;
    // SAFETY: both have n elements, and the padded copies eight.
    unsafe {
        for i in (0..whole).step_by(count) {
            (Vector::<I, T>::load(x.add(i)).exp() * scale).store(out.add(i));
        }
        let mut rest = [T::from_f64(0.0); SUM_LANES];
        copy_nonoverlapping(x.add(whole), rest.as_mut_ptr(), n - whole);
        (Vector::<I, T>::load(rest.as_ptr()).exp() * scale).store(rest.as_mut_ptr());
        copy_nonoverlapping(rest.as_ptr(), out.add(whole), n - whole);
    }
}

impl<T: Element> Whole<T> for Ctc {
    /// Options: blank, zeroInfinity, whether the gradient is by logits, whether values are divided by
    /// the number of labels, and the distance between the labels of two samples.
    fn new(options: &[f64]) -> Self {
        Ctc {
            blank: options[0] as usize,
            zero_infinity: options[1] != 0.0,
            by_logits: options[2] != 0.0,
            by_labels: options[3] != 0.0,
            stride: options[4] as usize,
        }
    }

    /// Sizes: frames, samples, classes, and the most labels of a sample.
    fn scratch(&self, call: &Call<T>) -> u64 {
        let [frames, _, classes, most] = call.sizes;
        Memory::bytes(frames, most, classes)
    }

    unsafe fn run<I: Isa>(&self, call: &Call<T>) -> f64 {
        let [frames, samples, classes, most] = call.sizes;
        let divisor = call.divisor.unwrap_or(samples as f64);
        let scale = T::from_f64(call.grad_output / divisor);
        let keep = call.wants_gradient();
        let mut sum = Sum::default();
        // SAFETY: the call's pointers are valid for its sizes, lengths and labels checked.
        unsafe {
            let memory = Memory::new(call.scratch, frames, most, classes);
            let length = |of: usize, sample: usize| *call.index[of].add(sample) as usize;
            let mut start = 0;
            for n in 0..samples {
                let count = length(TARGET_LENGTHS, n);
                let first = if self.stride > 0 {
                    n * self.stride
                } else {
                    start
                };
                start += count;
                let labels = &call.indices(LABELS, first + count)[first..];
                let sample = Sample {
                    memory: &memory,
                    frames: length(INPUT_LENGTHS, n),
                    labels,
                };
                let position = |frame: usize| (frame * samples + n) * classes;
                let input = |frame: usize| call.args[0].add(position(frame));
                let mut value = if !sample.fits() {
                    f64::INFINITY
                } else if sample.frames == 0 {
                    0.0
                } else if sample.read(input, self.blank) {
                    sample.solve::<I>(keep)
                } else {
                    f64::NAN
                };
                let regular = value.is_finite();
                if value == f64::INFINITY && self.zero_infinity {
                    value = 0.0;
                }
                let by = if self.by_labels {
                    count.max(1) as f64
                } else {
                    1.0
                };
                if keep {
                    let grad = |frame: usize| call.grads[0].add(position(frame));
                    let mut left = 0;
                    if regular {
                        let scale = call.scale_of(n, scale) / by;
                        self.write::<I, T>(&sample, classes, scale, |frame| {
                            (input(frame), grad(frame))
                        });
                        left = sample.frames;
                    }
                    for frame in left..frames {
                        // NaN where there is no gradient, 0 where there is nothing to differentiate.
                        let fill = if value.is_finite() || frame >= sample.frames {
                            0.0
                        } else {
                            f64::NAN
                        };
                        from_raw_parts_mut(grad(frame), classes).fill(T::from_f64(fill));
                    }
                }
                call.put(n, value / by, &mut sum);
            }
        }
        sum.total() / divisor
    }
}
